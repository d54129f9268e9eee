package forge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	marker       = "<!-- verbatim:comment/4711/0 -->"
	listComments = "GET /repos/acme/shop/issues/5/comments?per_page=100&since=2026-03-01T12%3A00%3A00Z"
	readApp      = "GET /app"
)

func TestCreateComment(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(postComment, object(http.StatusCreated, map[string]any{"id": 8}))
	id, err := github.forge().CreateComment(t.Context(), shop, 5, "hello <b>")
	expectKind(t, err, "none")
	github.expect(postComment)
	if id != 8 {
		t.Errorf("id %d", id)
	}
	var sent map[string]string
	github.sent(&sent)
	if len(sent) != 1 || sent["body"] != "hello <b>" {
		t.Errorf("sent %v", sent)
	}
}

// TestLongComment: GitHub takes 65,536 characters.
func TestLongComment(t *testing.T) {
	t.Parallel()
	const edit = "PATCH /repos/acme/shop/issues/comments/8"
	github := newStub(t)
	github.on(edit, ok(map[string]any{"id": 8}))
	if err := github.forge().EditComment(t.Context(), shop, 8, marker+"\n"+strings.Repeat("é", 65_536)); err != nil {
		t.Fatal(err)
	}
	github.expect(edit)
	var sent map[string]string
	github.sent(&sent)
	body := sent["body"]
	if len(body) > 65_536 || !utf8.ValidString(body) || !strings.HasPrefix(body, marker) || !strings.HasSuffix(body, "(cut)\n") {
		t.Errorf("%d bytes: %.80q … %q", len(body), body, body[len(body)-20:])
	}
}

func TestEditDeletedComment(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on("PATCH /repos/acme/shop/issues/comments/8", status(404, "Not Found"))
	expectKind(t, github.forge().EditComment(t.Context(), shop, 8, "text"), "not found")
}

func TestFindComment(t *testing.T) {
	t.Parallel()
	var (
		person = map[string]any{"id": 3, "login": "mallory", "type": "User"}
		bot    = map[string]any{"id": 90, "login": "verbatim[bot]", "type": "Bot"}
		other  = map[string]any{"id": 91, "login": "other[bot]", "type": "Bot"}
		ours   = map[string]any{"id": 99, "slug": "verbatim"}
		theirs = map[string]any{"id": 98, "slug": "other"}
		body   = marker + "\nPromoted."
	)
	comment := func(id int64, user, app any, body string) map[string]any {
		return map[string]any{"id": id, "user": user, "performed_via_github_app": app, "body": body}
	}
	for name, test := range map[string]struct {
		comments []any
		found    int64
		calls    []string
	}{
		"ours":                        {[]any{comment(10, bot, ours, body)}, 10, []string{listComments}},
		"none":                        {[]any{}, 0, []string{listComments}},
		"ours, about something else":  {[]any{comment(10, bot, ours, "<!-- verbatim:comment/4712/0 -->")}, 0, []string{listComments}},
		"a person who fakes it":       {[]any{comment(10, person, nil, body)}, 0, []string{listComments}},
		"a person through our app":    {[]any{comment(10, person, ours, body)}, 0, []string{listComments}},
		"another bot that quotes us":  {[]any{comment(10, other, theirs, body)}, 0, []string{listComments}},
		"nobody":                      {[]any{comment(10, nil, nil, body)}, 0, []string{listComments}},
		"the fake first, then ours":   {[]any{comment(10, person, nil, body), comment(11, bot, ours, body)}, 11, []string{listComments}},
		"two of ours: the older":      {[]any{comment(12, bot, ours, body), comment(11, bot, ours, body)}, 11, []string{listComments}},
		"GitHub leaves the app out":   {[]any{comment(10, bot, nil, body)}, 10, []string{listComments, readApp}},
		"another bot without its app": {[]any{comment(10, other, nil, body)}, 0, []string{listComments, readApp}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listComments, ok(test.comments))
			github.on(readApp, ok(ours))
			asking := github.forge()
			for range 2 {
				id, found, err := asking.FindComment(t.Context(), shop, 5, marker, now)
				expectKind(t, err, "none")
				if id != test.found || found != (test.found != 0) {
					t.Errorf("found %d %t, expected %d", id, found, test.found)
				}
			}
			github.expect(append(test.calls, listComments)...) // the second time the app is known
		})
	}
}

func TestFindCommentOnALaterPage(t *testing.T) {
	t.Parallel()
	const first, second = "GET /repos/acme/shop/issues/5/comments?per_page=100", "GET /repos/acme/shop/issues/5/comments?page=2&per_page=100"
	github := newStub(t)
	github.on(first, next(2, ok([]any{})))
	github.on(second, ok([]any{map[string]any{"id": 10, "user": map[string]any{"type": "Bot"}, "body": marker, "performed_via_github_app": map[string]any{"id": 99}}}))
	id, found, err := github.forge().FindComment(t.Context(), shop, 5, marker, time.Time{})
	if err != nil || !found || id != 10 {
		t.Errorf("found %d %t, %v", id, found, err)
	}
	github.expect(first, second)
}

// TestFindCommentUnclear: when we cannot tell who made a comment, we do not say that there is none.
func TestFindCommentUnclear(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(listComments, ok([]any{map[string]any{"id": 10, "user": map[string]any{"type": "Bot"}, "body": marker, "performed_via_github_app": map[string]any{"id": 99}}}))
	github.on(readApp, status(500, "Server Error"))
	asking := github.forge(func(_ *forge.ClientOptions, options *forge.Options) { options.AppID = 0 })
	_, found, err := asking.FindComment(t.Context(), shop, 5, marker, now)
	expectKind(t, err, "retryable")
	if found {
		t.Error("found")
	}
	_, _, err = asking.FindComment(t.Context(), shop, 5, "", now)
	expectKind(t, err, "permanent")
}

func TestReact(t *testing.T) {
	t.Parallel()
	const react = "POST /repos/acme/shop/issues/comments/4711/reactions"
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"new":            {object(201, map[string]any{"id": 1}), "none"},
		"there already":  {object(200, map[string]any{"id": 1}), "none"},
		"comment gone":   {status(404, "Not Found"), "not found"},
		"not a reaction": {status(422, "Validation Failed"), "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(react, test.answer)
			expectKind(t, github.forge().React(t.Context(), shop, 4711, "rocket"), test.kind)
			github.expect(react)
			var sent map[string]string
			github.sent(&sent)
			if sent["content"] != "rocket" {
				t.Errorf("sent %v", sent)
			}
		})
	}
}
