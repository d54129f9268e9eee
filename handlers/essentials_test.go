package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/promotion"
)

var someTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// heard takes what handlers make of deliveries.
type heard struct{ events []any }

func (h *heard) hear(event any) (promotion.Changes, error) {
	h.events = append(h.events, event)
	return promotion.Changes{}, nil
}

func (h *heard) RunChanged(_ context.Context, event promotion.RunEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) JobChanged(_ context.Context, event promotion.JobEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Commented(_ context.Context, event promotion.CommentEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Pressed(_ context.Context, event promotion.PressEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Pushed(_ context.Context, event promotion.PushEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Proposed(_ context.Context, event promotion.PullRequestEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Changed(_ context.Context, event promotion.PullRequestEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) RepositoryChanged(_ context.Context, repository promotion.Repository) (promotion.Changes, error) {
	return h.hear(repository)
}

func (h *heard) Rebased(_ context.Context, event promotion.PullRequestEvent) (promotion.Changes, error) {
	return h.hear(event)
}

func (h *heard) Reviewed(_ context.Context, event promotion.ReviewEvent) (promotion.Changes, error) {
	return h.hear(event)
}

// events gives what the event's handler makes of a body.
func events(t *testing.T, event string, body []byte) []any {
	t.Helper()
	ear := &heard{}
	for _, handler := range []githubapp.EventHandler{
		WorkflowRun{ear}, WorkflowJob{ear}, IssueComment{Door: ear}, CheckRun{Door: ear}, Push{Watch: ear, Clock: time.Now}, PullRequest{Watch: ear, Requests: ear, Clock: time.Now}, PullRequestReview{ear}, CommitComment{Door: ear}, Repository{ear},
	} {
		if handler.Handles()[0] != event {
			continue
		}
		ctx := WithReceived(WithOutcome(t.Context(), &Outcome{}), someTime)
		if err := handler.Handle(ctx, event, "guid", body); err != nil {
			t.Fatalf("%s: %v", event, err)
		}
	}
	return ear.events
}

// What handlers make of GitHub's own examples is the same, whether they get all of a body or what was kept of it.
func TestTheEssentialsAreAllThatHandlersRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event  string
		change func(map[string]any)
	}{
		{"workflow_run", func(body map[string]any) { body["action"] = "completed" }},
		{"workflow_run", func(body map[string]any) { body["action"], body["workflow"] = "requested", nil }},
		{"workflow_job", func(body map[string]any) { body["action"] = "completed" }},
		{"issue_comment", func(body map[string]any) { comment(body, "/promote production --reason \"a \\u00e9 \\u0000\"") }},
		{"commit_comment", func(body map[string]any) { comment(body, "/promote") }},
		{"check_run", func(body map[string]any) {
			body["action"], body["requested_action"] = "requested_action", map[string]any{"identifier": "promote:1"}
		}},
		{"push", func(body map[string]any) {
			body["ref"], body["after"], body["deleted"] = "refs/heads/main", strings.Repeat("a", 40), false
			body["commits"] = []any{map[string]any{"id": "x", "added": []any{"a"}, "modified": []any{".github/verbatim.yml"}, "removed": []any{}}}
		}},
		{"pull_request", func(body map[string]any) { body["action"] = "synchronize" }},
		{"pull_request", func(body map[string]any) {
			pull := body["pull_request"].(map[string]any)
			body["action"], pull["merged"], pull["merge_commit_sha"] = "closed", true, strings.Repeat("b", 40)
		}},
		{"repository", func(body map[string]any) {
			body["action"], body["changes"] = "renamed", map[string]any{"repository": map[string]any{"name": map[string]any{"from": "old"}}}
		}},
		{"pull_request_review", func(body map[string]any) {
			body["action"], body["review"].(map[string]any)["state"] = "submitted", "approved"
		}},
	}
	for _, test := range tests {
		example := test.event
		if example == "repository" { // there is none of its own: it has no more than all others have
			example = "push"
		}
		content, err := os.ReadFile(filepath.Join("..", "internal", "githubtest", "examples", example+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(content, &body); err != nil {
			t.Fatal(err)
		}
		test.change(body)
		whole, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := Essentials(whole)
		if err != nil {
			t.Fatalf("%s: %v", test.event, err)
		}
		want := events(t, test.event, whole)
		if len(want) == 0 {
			t.Errorf("%s: the example leads to nothing", test.event)
		}
		if diff := cmp.Diff(want, events(t, test.event, kept), cmp.AllowUnexported(promotion.Commit{}, promotion.Digest{})); diff != "" {
			t.Errorf("%s (-whole +kept):\n%s", test.event, diff)
		}
		if len(kept) > len(whole)/4 {
			t.Errorf("%s: %d of %d bytes were kept", test.event, len(kept), len(whole))
		}
	}
}

func comment(body map[string]any, text string) {
	of := body["comment"].(map[string]any)
	body["action"], of["body"], of["updated_at"] = "created", text, of["created_at"]
	body["sender"] = of["user"]
	if issue, found := body["issue"].(map[string]any); found {
		issue["pull_request"] = map[string]any{"url": "https://api.github.com/repos/o/r/pulls/1"}
	}
}

func TestWhatHasNoEssentials(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "a list": "[]", "half": `{"action":`, "two": `{}{}`, "deep": `{"a":` + strings.Repeat("[", 5<<20), "text": "payload=%7B%7D",
	} {
		if _, err := Essentials([]byte(body)); !errors.Is(err, ErrNoObject) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is kept is JSON, of what encoding/json takes for JSON, and keeping it again changes nothing.
func FuzzEssentials(f *testing.F) {
	for _, body := range readings {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"action":"completed","workflow_run":{"id":1,"head_repository":{"id":2}},"commits":[{"added":["a"]},7,null]}`))
	f.Add([]byte(`{"comment":[[{"id":1}]],"sender":"x","repository":{"owner":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		kept, err := Essentials(body)
		if (err == nil) != isObject(body) {
			t.Fatalf("%v, encoding/json says %v", err, err != nil)
		}
		if err != nil {
			return
		}
		if !json.Valid(kept) {
			t.Fatalf("kept %q", kept)
		}
		again, err := Essentials(kept)
		if err != nil || string(again) != string(kept) {
			t.Fatalf("kept %q, then %q: %v", kept, again, err)
		}
	})
}
