package forge_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	postCommitComment  = "POST /repos/acme/shop/commits/" + shaA + "/comments"
	editCommitComment  = "PATCH /repos/acme/shop/comments/8"
	listCommitComments = "GET /repos/acme/shop/commits/" + shaA + "/comments?per_page=100"
	reactCommitComment = "POST /repos/acme/shop/comments/8/reactions"
)

func askCreateCommitComment(ctx context.Context, f *forge.Forge) error {
	made, err := promotion.ParseCommit(shaA)
	if err != nil {
		return err
	}
	id, err := f.CreateCommitComment(ctx, shop, made, "hello")
	if err != nil && id != 0 {
		return fmt.Errorf("comment %d together with %w", id, err)
	}
	return err
}

func TestCreateCommitComment(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(postCommitComment, object(http.StatusCreated, map[string]any{"id": 8}))
	id, err := github.forge().CreateCommitComment(t.Context(), shop, commit(t, shaA), marker+"\n"+strings.Repeat("é\n", 65_536))
	expectKind(t, err, "none")
	github.expect(postCommitComment)
	if id != 8 {
		t.Errorf("id %d", id)
	}
	var sent map[string]string
	github.sent(&sent)
	if body := sent["body"]; len(sent) != 1 || len(body) > 65_536 || !utf8.ValidString(body) || !strings.HasPrefix(body, marker) || !strings.HasSuffix(body, "(cut)\n") {
		t.Errorf("sent %d bytes", len(body))
	}
	oddities(t, postCommitComment, askCreateCommitComment, map[string]answer{
		"a list":              list(map[string]any{"id": 8}),
		"no id":               object(201, map[string]any{}),
		"null for an id":      object(201, map[string]any{"id": nil}),
		"a negative id":       object(201, map[string]any{"id": -8}),
		"a text for an id":    object(201, map[string]any{"id": "8"}),
		"a fraction of an id": object(201, map[string]any{"id": 8.5}),
	})
	refusals(t, postCommitComment, askCreateCommitComment, map[int]string{
		403: "permanent", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent", 500: "retryable", 502: "retryable",
	})
	t.Run("no commit", func(t *testing.T) {
		t.Parallel()
		_, err := newStub(t).forge().CreateCommitComment(t.Context(), shop, promotion.Commit{}, "hello")
		expectKind(t, err, "permanent")
	})
	t.Run("not repeated", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []answer{reset, brokenOff} {
			github := newStub(t)
			github.on(postCommitComment, answer)
			expectKind(t, askCreateCommitComment(t.Context(), github.forge()), "retryable")
			github.expect(postCommitComment)
		}
	})
}

func TestEditCommitComment(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		return f.EditCommitComment(ctx, shop, 8, marker+strings.Repeat("x", 70_000))
	}
	github := newStub(t)
	github.on(editCommitComment, ok(map[string]any{"id": 8}))
	expectKind(t, ask(t.Context(), github.forge()), "none")
	github.expect(editCommitComment)
	var sent map[string]string
	github.sent(&sent)
	if body := sent["body"]; len(sent) != 1 || len(body) > 65_536 || !strings.HasPrefix(body, marker) || !strings.HasSuffix(body, "(cut)\n") {
		t.Errorf("sent %d bytes", len(body))
	}
	refusals(t, editCommitComment, ask, map[int]string{
		403: "permanent", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent", 500: "retryable",
	})
}

func TestReactToCommitComment(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error { return f.ReactToCommitComment(ctx, shop, 8, "rocket") }
	for _, code := range []int{200, 201} {
		github := newStub(t)
		github.on(reactCommitComment, object(code, map[string]any{"id": 1}))
		expectKind(t, ask(t.Context(), github.forge()), "none")
		github.expect(reactCommitComment)
		var sent map[string]string
		github.sent(&sent)
		if len(sent) != 1 || sent["content"] != "rocket" {
			t.Errorf("sent %v", sent)
		}
	}
	refusals(t, reactCommitComment, ask, map[int]string{
		403: "permanent", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent", 500: "retryable",
	})
}

// TestFindCommitComment: GitHub does not say through which app a commit was commented on, so our bot's login tells.
func TestFindCommitComment(t *testing.T) {
	t.Parallel()
	var (
		person = map[string]any{"id": 3, "login": "mallory", "type": "User"}
		named  = map[string]any{"id": 4, "login": "verbatim[bot]", "type": "User"}
		bot    = map[string]any{"id": 90, "login": "verbatim[bot]", "type": "Bot"}
		other  = map[string]any{"id": 91, "login": "other[bot]", "type": "Bot"}
		alike  = map[string]any{"id": 92, "login": "verbatim", "type": "Bot"}
		ours   = map[string]any{"id": 99, "slug": "verbatim"}
		theirs = map[string]any{"id": 98, "slug": "other"}
		body   = marker + "\nPromoted."
	)
	comment := func(id int64, user any, body any) map[string]any {
		return map[string]any{"id": id, "user": user, "body": body}
	}
	for name, test := range map[string]struct {
		comments []any
		found    int64
		calls    []string
	}{
		"ours":                          {[]any{comment(10, bot, body)}, 10, []string{listCommitComments, readApp}},
		"none":                          {[]any{}, 0, []string{listCommitComments}},
		"ours, about something else":    {[]any{comment(10, bot, "<!-- verbatim:comment/4712/0 -->")}, 0, []string{listCommitComments}},
		"ours, without text":            {[]any{comment(10, bot, nil)}, 0, []string{listCommitComments}},
		"a person who fakes it":         {[]any{comment(10, person, body)}, 0, []string{listCommitComments}},
		"a person of our bot's name":    {[]any{comment(10, named, body)}, 0, []string{listCommitComments}},
		"another bot that quotes us":    {[]any{comment(10, other, body)}, 0, []string{listCommitComments, readApp}},
		"a bot with nearly our name":    {[]any{comment(10, alike, body)}, 0, []string{listCommitComments, readApp}},
		"nobody":                        {[]any{comment(10, nil, body)}, 0, []string{listCommitComments}},
		"without an id":                 {[]any{comment(0, bot, body)}, 0, []string{listCommitComments}},
		"null":                          {[]any{nil}, 0, []string{listCommitComments}},
		"the fakes first, then ours":    {[]any{comment(9, person, body), comment(10, other, body), comment(11, bot, body)}, 11, []string{listCommitComments, readApp}},
		"two of ours: the older":        {[]any{comment(12, bot, body), comment(11, bot, body)}, 11, []string{listCommitComments, readApp}},
		"an older fake, a newer of us":  {[]any{comment(12, bot, body), comment(11, other, body)}, 12, []string{listCommitComments, readApp}},
		"named as through our app":      {[]any{document(comment(10, bot, body), "performed_via_github_app", ours)}, 10, []string{listCommitComments}},
		"named as through another":      {[]any{document(comment(10, bot, body), "performed_via_github_app", theirs)}, 0, []string{listCommitComments}},
		"a person through our app":      {[]any{document(comment(10, person, body), "performed_via_github_app", ours)}, 0, []string{listCommitComments}},
		"the marker at the end of ours": {[]any{comment(10, bot, "Promoted.\n"+marker)}, 10, []string{listCommitComments, readApp}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listCommitComments, ok(test.comments))
			github.on(readApp, ok(ours))
			asking := github.forge()
			for range 2 {
				id, found, err := asking.FindCommitComment(t.Context(), shop, commit(t, shaA), marker, now)
				expectKind(t, err, "none")
				if id != test.found || found != (test.found != 0) {
					t.Errorf("found %d %t, expected %d", id, found, test.found)
				}
			}
			github.expect(append(test.calls, listCommitComments)...) // the second time the app is known
		})
	}
}

func TestFindCommitCommentPages(t *testing.T) {
	t.Parallel()
	const later = "GET /repos/acme/shop/commits/" + shaA + "/comments?page=%d&per_page=100"
	mine := list(map[string]any{"id": 10, "user": map[string]any{"login": "verbatim[bot]", "type": "Bot"}, "body": marker})
	github := newStub(t)
	github.on(listCommitComments, next(2, list()))
	github.on(fmt.Sprintf(later, 2), mine)
	github.on(readApp, ok(map[string]any{"id": 99, "slug": "verbatim"}))
	id, found, err := github.forge().FindCommitComment(t.Context(), shop, commit(t, shaA), marker, time.Time{})
	if err != nil || !found || id != 10 {
		t.Errorf("found %d %t, %v", id, found, err)
	}
	github.expect(listCommitComments, fmt.Sprintf(later, 2), readApp)

	endless := newStub(t)
	requests := pages(endless, listCommitComments, later, 30, list())
	_, found, err = endless.forge().FindCommitComment(t.Context(), shop, commit(t, shaA), marker, time.Time{})
	expectKind(t, err, "permanent")
	endless.expect(requests...)
	if found {
		t.Error("found")
	}
}

// TestFindCommitCommentUnclear: when we cannot tell who made a comment, we do not say that there is none.
func TestFindCommitCommentUnclear(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		id, found, err := f.FindCommitComment(ctx, shop, commit(t, shaA), marker, now)
		if err != nil && (found || id != 0) {
			return fmt.Errorf("comment %d together with %w", id, err)
		}
		return err
	}
	for name, answer := range map[string]answer{
		"broken": status(500, "Server Error"), "no slug": ok(map[string]any{"id": 99}), "null": ok(nil), "no id": ok(map[string]any{"slug": "verbatim"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listCommitComments, list(map[string]any{"id": 10, "user": map[string]any{"login": "verbatim[bot]", "type": "Bot"}, "body": marker}))
			github.on(readApp, answer)
			expectKind(t, ask(t.Context(), github.forge()), "retryable")
		})
	}
	oddities(t, listCommitComments, ask, map[string]answer{
		"an object":        ok(map[string]any{"id": 10}),
		"a text for an id": list(map[string]any{"id": "10", "body": marker}),
		"a user's name":    list(map[string]any{"id": 10, "body": marker, "user": "verbatim[bot]"}),
		"an array of text": list(map[string]any{"id": 10, "body": []any{marker}}),
	})
	refusals(t, listCommitComments, ask, map[int]string{403: "paused", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
	for _, empty := range []string{"", " \n"} {
		_, _, err := newStub(t).forge().FindCommitComment(t.Context(), shop, commit(t, shaA), empty, now)
		expectKind(t, err, "permanent")
	}
}
