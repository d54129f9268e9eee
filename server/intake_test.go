package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // to show that it is refused
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// a delivery as GitHub signs and sends it; each case changes one thing.
func (s *story) delivery(event string, body []byte) *http.Request {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, "http://"+s.Server.Addr()+"/api/github/hook", bytes.NewReader(body))
	s.must(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", event)
	request.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	request.Header.Set("X-Hub-Signature-256", githubtest.Sign(s.GitHub.WebhookSecret(), body))
	return request
}

func (s *story) post(request *http.Request) (int, string) {
	s.t.Helper()
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	s.must(err)
	return response.StatusCode, string(answer)
}

// comment gives the body of a real delivery that would promote.
func (s *story) comment() (body []byte, comment *githubtest.Comment) {
	s.t.Helper()
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	captured := s.GitHub.Capture(func() { comment = pull.Comment(s.Alice, "/promote production") })
	for _, delivery := range captured {
		if delivery.Event() == "issue_comment" {
			return delivery.Body(), comment
		}
	}
	s.t.Fatal("no delivery of the comment")
	return nil, nil
}

func TestWhatTheDoorRefuses(t *testing.T) {
	s := begin(t, scene.Options{})
	body, comment := s.comment()
	sum := hmac.New(sha1.New, []byte(s.GitHub.WebhookSecret()))
	sum.Write(body)
	legacy := "sha1=" + hex.EncodeToString(sum.Sum(nil))
	signed := func(event string, content []byte) *http.Request { return s.delivery(event, content) }
	changed := func(change func(*http.Request)) *http.Request {
		request := signed("issue_comment", body)
		change(request)
		return request
	}
	tests := map[string]struct {
		request *http.Request
		want    int
	}{
		"GET":             {changed(func(r *http.Request) { r.Method = http.MethodGet }), 405},
		"a form":          {changed(func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }), 415},
		"no type":         {changed(func(r *http.Request) { r.Header.Del("Content-Type") }), 415},
		"unsigned":        {changed(func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }), 401},
		"SHA-1 alone":     {changed(func(r *http.Request) { r.Header.Del("X-Hub-Signature-256"); r.Header.Set("X-Hub-Signature", legacy) }), 401},
		"signed by other": {changed(func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubtest.Sign("another secret", body)) }), 401},
		"signed by none":  {changed(func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubtest.Sign("", body)) }), 401},
		"half signature":  {changed(func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha256=abcd") }), 401},
		"no GUID":         {changed(func(r *http.Request) { r.Header.Del("X-GitHub-Delivery") }), 400},
		"no event":        {changed(func(r *http.Request) { r.Header.Del("X-GitHub-Event") }), 400},
		"a GUID of lines": {changed(func(r *http.Request) { r.Header.Set("X-GitHub-Delivery", "a b") }), 400},
		"another event":   {changed(func(r *http.Request) { r.Header.Set("X-GitHub-Event", "workflow_run") }), 400},
		"a push":          {changed(func(r *http.Request) { r.Header.Set("X-GitHub-Event", "push") }), 400},
		"truncated":       {signed("issue_comment", body[:len(body)/2]), 400},
		"empty":           {signed("issue_comment", nil), 400},
		"no object":       {signed("issue_comment", []byte(`["issue_comment"]`)), 400},
		"no JSON":         {signed("issue_comment", []byte("payload=%7B%7D")), 400},
		"a JSON bomb":     {signed("issue_comment", []byte(`{"comment":`+strings.Repeat("[", 1<<20)+`}`)), 400},
		"too large":       {signed("issue_comment", bytes.Repeat([]byte(" "), 30<<20)), 413},
		"an unknown one":  {signed("star", []byte(`{"action":"created"}`)), 202},
		"ping":            {signed("ping", []byte(`{"zen":"Keep it logically awesome."}`)), 202},
	}
	for name, test := range tests {
		if got, answer := s.post(test.request); got != test.want {
			t.Errorf("%s: got %d %s, want %d", name, got, answer, test.want)
		}
	}
	chunked := s.delivery("issue_comment", nil)
	chunked.Body, chunked.ContentLength = io.NopCloser(io.LimitReader(zeroes{}, 30<<20)), -1
	if response, err := http.DefaultClient.Do(chunked); err == nil {
		response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("30 MB without a length: got %d", response.StatusCode)
		}
	}
	s.settled()
	s.names("production", "")
	s.reacted(comment)
}

type zeroes struct{}

func (zeroes) Read(into []byte) (int, error) { return len(into), nil }

func TestADeliveryTakesEffectOnce(t *testing.T) {
	s := begin(t, scene.Options{})
	body, comment := s.comment()
	for i := range 5 {
		request := s.delivery("issue_comment", body)
		if i >= 2 { // the signature does not cover the GUID
			request.Header.Set("X-GitHub-Delivery", fmt.Sprintf("another-guid-%d", i))
		}
		if status, answer := s.post(request); status != http.StatusAccepted {
			t.Fatalf("delivery %d: %d %s", i, status, answer)
		}
	}
	s.must(s.Eventually(s.ctx, "the promotion", func() bool { return len(comment.Reactions(s.GitHub.AppBot())) == 2 }))
	s.settled()
	s.reacted(comment, "eyes", "rocket")
	replies, writes := 0, 0
	for _, call := range s.GitHub.Calls() {
		if call.Method == http.MethodPost && strings.HasSuffix(call.Route, "/issues/{issue_number}/comments") {
			replies++
		}
	}
	for _, request := range s.Registry.Requests() {
		if strings.HasPrefix(request, "PUT") {
			writes++
		}
	}
	if states := s.states(); replies != 1 || writes != 1 || len(states) != 1 {
		t.Errorf("%d replies, %d writes to the registry and promotions %v, expected one of each", replies, writes, states)
	}
}

func TestACommentThatWasEditedBeforeItArrivedIsIgnored(t *testing.T) {
	s := begin(t, scene.Options{})
	body, comment := s.comment()
	s.settled()
	var event map[string]any
	s.must(json.Unmarshal(body, &event))
	written, isComment := event["comment"].(map[string]any)
	if !isComment {
		t.Fatal("no comment in the delivery")
	}
	written["id"], written["updated_at"] = 4711, "2036-01-01T00:00:00Z"
	edited, err := json.Marshal(event)
	s.must(err)
	calls := s.calls(func() {
		if status, answer := s.post(s.delivery("issue_comment", edited)); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, answer)
		}
	})
	if len(calls) > 0 {
		t.Errorf("an edited comment led to %v", calls)
	}
	s.names("production", "")
	s.reacted(comment)
}

func TestBothSecretsAreTakenDuringARotation(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.PreviousWebhookSecret = config.NewSecret("the previous secret")
	}})
	body := []byte(`{"zen":"Design for failure."}`)
	for secret, want := range map[string]int{"the previous secret": 202, s.GitHub.WebhookSecret(): 202, "the one before": 401} {
		request := s.delivery("ping", body)
		request.Header.Set("X-Hub-Signature-256", githubtest.Sign(secret, body))
		if got, _ := s.post(request); got != want {
			t.Errorf("%s: got %d, want %d", secret, got, want)
		}
	}
}

func TestWithoutAnAppOnlyHealthAnswers(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.GitHub.App.IntegrationID, settings.GitHub.App.PrivateKey, settings.GitHub.App.WebhookSecret = 0, "", ""
	}})
	if status, answer := s.post(s.delivery("ping", []byte(`{}`))); status != http.StatusServiceUnavailable || !strings.Contains(answer, "GITHUB_APP_INTEGRATION_ID") {
		t.Errorf("hook: %d %s", status, answer)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/anything": 404} {
		request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+s.Server.Addr()+path, nil)
		s.must(err)
		if status, answer := s.post(request); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, answer, want)
		}
	}
}

func TestReady(t *testing.T) {
	s := begin(t, scene.Options{})
	for _, path := range []string{"/healthz", "/readyz"} {
		request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+s.Server.Addr()+path, nil)
		s.must(err)
		if status, answer := s.post(request); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}

// The door must answer every body with one of its answers, and never keep what is not signed.
func FuzzIntake(f *testing.F) {
	set, err := scene.Start(f.Context(), scene.Options{Version: "fuzz"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = set.Close() })
	for _, seed := range []string{`{}`, `{"action":"created","comment":{},"issue":{"number":1},"repository":{"id":1}}`, `[`, `{"workflow_run":{"head_sha":"x"},"repository":{"id":1}}`} {
		f.Add("issue_comment", []byte(seed), true)
		f.Add("workflow_run", []byte(seed), false)
	}
	answers := map[int]bool{202: true, 400: true, 401: true, 413: true}
	f.Fuzz(func(t *testing.T, event string, body []byte, signed bool) {
		header := http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {event}, "X-Github-Delivery": {fmt.Sprintf("%x", len(body))}}
		if strings.ContainsAny(event, "\r\n\x00") || len(event) > 200 {
			t.Skip() // no client can send such a header
		}
		if signed {
			header.Set("X-Hub-Signature-256", githubtest.Sign(set.GitHub.WebhookSecret(), body))
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+set.Server.Addr()+"/api/github/hook", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return // Go's client refuses some header values itself
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if !answers[response.StatusCode] || !signed && response.StatusCode == 202 {
			t.Fatalf("event %q, signed %t: answered %d", event, signed, response.StatusCode)
		}
	})
}
