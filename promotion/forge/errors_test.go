package forge_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	readRun     = "GET /repos/acme/shop/actions/runs/42"
	postComment = "POST /repos/acme/shop/issues/5/comments"
	postToken   = "POST /app/installations/7/access_tokens"
)

func run(change ...func(map[string]any)) map[string]any {
	run := map[string]any{
		"id": 42, "run_attempt": 2, "path": ".github/workflows/ci.yml", "event": "push", "head_sha": shaA, "head_branch": "main",
		"head_repository": map[string]any{"id": 1}, "repository": map[string]any{"id": 1},
		"status": "completed", "conclusion": "success", "html_url": "https://github.com/acme/shop/actions/runs/42",
		"created_at": "2026-03-01T10:00:00Z", "run_started_at": "2026-03-01T11:00:00Z", "updated_at": "2026-03-01T11:05:00Z",
		"actor":            map[string]any{"id": 3, "login": "alice", "type": "User"},
		"triggering_actor": map[string]any{"id": 4, "login": "bob", "type": "User"},
	}
	for _, apply := range change {
		apply(run)
	}
	return run
}

// TestReadFailures makes a read fail in every way that GitHub and the network have.
func TestReadFailures(t *testing.T) {
	t.Parallel()
	reached := strconv.FormatInt(now.Add(10*time.Minute).Unix(), 10)
	for name, test := range map[string]struct {
		answers []answer
		kind    string
		reads   int
		text    string // must be in the error
	}{
		"wrong credentials": {[]answer{status(401, "Bad credentials")}, "paused", 2, "GITHUB_APP_PRIVATE_KEY"},
		"revoked token":     {[]answer{status(401, "Bad credentials"), ok(run())}, "none", 2, ""},
		"permission missing": {
			[]answer{status(403, "Resource not accessible by integration")},
			"paused", 1,
			"probably lacks the permission actions: read",
		},
		"permission missing, named by GitHub": {[]answer{status(403, "Resource not accessible by integration",
			"X-Accepted-GitHub-Permissions", "actions=read; contents=read")}, "paused", 1, "actions=read; contents=read"},
		"forbidden otherwise": {[]answer{status(403, "Repository access blocked")}, "paused", 1, "Repository access blocked"},
		"secondary limit": {
			[]answer{status(403, "You have exceeded a secondary rate limit", "Retry-After", "37")},
			"delayed 37s", 1, "rate limit",
		},
		"secondary limit that names no time": {[]answer{status(403, "You have exceeded a secondary rate limit")}, "delayed 1m0s", 1, ""},
		"secondary limit with little wait":   {[]answer{status(403, "secondary rate limit", "Retry-After", "0")}, "delayed 1s", 1, ""},
		"secondary limit with much wait":     {[]answer{status(403, "secondary rate limit", "Retry-After", "99999999")}, "delayed 2h0m0s", 1, ""},
		"primary limit": {
			[]answer{status(403, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reached)},
			"delayed 10m0s", 1, "",
		},
		"429":                {[]answer{status(429, "Too many requests", "Retry-After", "5")}, "delayed 5s", 1, ""},
		"429 without a time": {[]answer{status(429, "Too many requests")}, "delayed 1m0s", 1, ""},
		"429 with a reset": {
			[]answer{status(429, "Too many requests", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reached)},
			"delayed 10m0s", 1, "",
		},
		"not found":             {[]answer{status(404, "Not Found")}, "not found", 1, "read run 42 of acme/shop"},
		"404 of something else": {[]answer{func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }}, "retryable", 1, "not GitHub's API"},
		"gone":                  {[]answer{status(410, "Gone")}, "permanent", 1, ""},
		"unprocessable":         {[]answer{status(422, "Validation Failed")}, "permanent", 1, "Validation Failed"},
		"unprocessable, with details": {
			[]answer{object(422, map[string]any{
				"message": "Validation Failed",
				"errors":  []any{map[string]any{"resource": "Run", "field": "sha", "code": "invalid", "message": "is odd"}},
			})},
			"permanent", 1,
			"(Validation Failed; sha invalid is odd)",
		},
		"unprocessable, with plain details": {[]answer{object(422, map[string]any{"errors": []any{"odd"}, "message": "Validation Failed"})}, "permanent", 1, "(Validation Failed"},
		"conflict":                          {[]answer{status(409, "Conflict")}, "retryable", 1, ""},
		"unavailable for law":               {[]answer{status(451, "Repository access blocked")}, "permanent", 1, ""},
		"502, then well":                    {[]answer{status(502, "Server Error"), ok(run())}, "none", 2, ""},
		"502 twice, then well":              {[]answer{status(502, "Server Error"), status(503, "Unavailable"), ok(run())}, "none", 3, ""},
		"500 for ever":                      {[]answer{status(500, "Server Error")}, "retryable", 3, "answered 500"},
		"503 that says when":                {[]answer{status(503, "Unavailable", "Retry-After", "20")}, "delayed 20s", 1, ""},
		"reset, then well":                  {[]answer{reset, ok(run())}, "none", 2, ""},
		"reset for ever":                    {[]answer{reset}, "retryable", 3, ""},
		"broken off, then well":             {[]answer{brokenOff, ok(run())}, "none", 2, ""},
		"broken off for ever":               {[]answer{brokenOff}, "retryable", 3, ""},
		"accepted":                          {[]answer{object(202, map[string]any{}), ok(run())}, "none", 2, ""},
		"truncated JSON":                    {[]answer{raw("application/json", `{"id": 42, "run_att`)}, "retryable", 1, "not complete JSON"},
		"empty answer":                      {[]answer{raw("application/json", "")}, "retryable", 1, "not complete JSON"},
		"null":                              {[]answer{raw("application/json", "null")}, "retryable", 1, "no usable"},
		"trailing data":                     {[]answer{raw("application/json", `{"id": 42}{"id": 43}`)}, "retryable", 1, "not complete JSON"},
		"wrong type":                        {[]answer{raw("application/json", `{"id": "42"}`)}, "retryable", 1, `string in "id"`},
		"a web page":                        {[]answer{raw("text/html; charset=utf-8", "<html>")}, "retryable", 1, "GITHUB_V3_API_URL"},
		"too large":                         {[]answer{raw("application/json", `{"id": 42, "name": "`+strings.Repeat("x", 4096)+`"}`)}, "permanent", 1, "too large"},
		"too large, and a 500":              {[]answer{status(500, strings.Repeat("x", 8192))}, "retryable", 3, "answered 500"},
		"control characters in text":        {[]answer{status(422, "no\x1b[31m\nway")}, "permanent", 1, "(no [31m way)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readRun, test.answers...)
			asking := github.forge(func(client *forge.ClientOptions, _ *forge.Options) { client.MaximumBody = 4096 })
			_, err := asking.Run(t.Context(), shop, 42)
			expectKind(t, err, test.kind)
			github.expect(slices.Repeat([]string{readRun}, test.reads)...)
			if test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("error %v, expected %q in it", err, test.text)
			}
		})
	}
}

// TestWriteFailures: a write is made once, whatever happens. Only a token that GitHub did not take is renewed: such a write
// was not made.
func TestWriteFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []answer
		kind    string
		writes  int
	}{
		"made":             {[]answer{object(201, map[string]any{"id": 8})}, "none", 1},
		"500":              {[]answer{status(500, "Server Error")}, "retryable", 1},
		"reset":            {[]answer{reset}, "retryable", 1},
		"secondary limit":  {[]answer{status(403, "secondary rate limit", "Retry-After", "60")}, "delayed 1m0s", 1},
		"locked":           {[]answer{status(403, "Unable to create comment because issue is locked.")}, "permanent", 1},
		"no such issue":    {[]answer{status(404, "Not Found")}, "not found", 1},
		"revoked token":    {[]answer{status(401, "Bad credentials"), object(201, map[string]any{"id": 8})}, "none", 2},
		"answer cut short": {[]answer{raw("application/json", `{"id`)}, "retryable", 1},
		"answer without":   {[]answer{ok(map[string]any{})}, "retryable", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(postComment, test.answers...)
			_, err := github.forge().CreateComment(t.Context(), shop, 5, "text")
			expectKind(t, err, test.kind)
			github.expect(slices.Repeat([]string{postComment}, test.writes)...)
		})
	}
}

// TestTokenFailures: what goes wrong on the way to a token is not what the caller asked for. A 404 there must never pass
// for "there is no such run, policy or membership".
func TestTokenFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   string
		tokens int
		text   string
	}{
		"wrong key":   {status(401, "A JSON web token could not be decoded"), "paused", 1, "GITHUB_APP_INTEGRATION_ID"},
		"suspended":   {status(403, "This installation has been suspended"), "paused", 1, "suspended"},
		"uninstalled": {status(404, "Not Found"), "permanent", 1, "not installed"},
		"rate limit":  {status(429, "slow down", "Retry-After", "9"), "delayed 9s", 1, ""},
		"500":         {status(500, "Server Error"), "retryable", 3, ""},
		"reset":       {reset, "retryable", 3, ""},
		"a web page":  {raw("text/html", "<html>"), "retryable", 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(postToken, test.answer)
			member, err := github.forge().TeamMember(t.Context(), shop, "release", alice)
			expectKind(t, err, test.kind)
			if member {
				t.Error("counted as a member")
			}
			github.expect()
			if github.tokens != test.tokens {
				t.Errorf("%d tokens asked for, expected %d", github.tokens, test.tokens)
			}
			if test.text != "" && !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, expected %q in it", err, test.text)
			}
		})
	}
}

// TestDeadline: every call has a deadline of its own, and the caller's ends everything.
func TestDeadline(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, github.slow)
	asking := github.forge(func(_ *forge.ClientOptions, options *forge.Options) { options.Timeout = 100 * time.Millisecond })
	_, err := asking.Run(t.Context(), shop, 42)
	expectKind(t, err, "retryable")
	if err == nil || !strings.Contains(err.Error(), "within 100ms") {
		t.Errorf("error %v", err)
	}

	patient := github.forge(func(_ *forge.ClientOptions, options *forge.Options) { options.Timeout = time.Hour })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = patient.Run(ctx, shop, 42)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, expected the caller's deadline", err)
	}
}

// TestGivingUp: between repeats, the caller's end is heeded.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, status(500, "Server Error"))
	ctx, cancel := context.WithCancel(t.Context())
	asking := github.forge(func(_ *forge.ClientOptions, options *forge.Options) {
		options.Sleep = func(ctx context.Context, wait time.Duration) error {
			if wait < 100*time.Millisecond || wait > 300*time.Millisecond {
				t.Errorf("the first wait is %s", wait)
			}
			cancel()
			return ctx.Err()
		}
	})
	_, err := asking.Run(ctx, shop, 42)
	expectKind(t, err, "retryable")
	github.expect(readRun)
}

// TestRateLimitIsRemembered: go-github makes no call while it knows that a limit holds; that is an error of ours as well.
func TestRateLimitIsRemembered(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"primary": status(403, "API rate limit exceeded", "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "0",
			"X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)),
		"secondary": func(writer http.ResponseWriter, request *http.Request) {
			writer.Header().Set("Retry-After", "3600")
			object(403, map[string]any{
				"message":           "You have exceeded a secondary rate limit",
				"documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
			})(writer, request)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readRun, first, ok(run()))
			asking := github.forge(func(_ *forge.ClientOptions, options *forge.Options) { options.Now = time.Now })
			for range 2 {
				_, err := asking.Run(t.Context(), shop, 42)
				if got := kind(err); !strings.HasPrefix(got, "delayed 59m") && !strings.HasPrefix(got, "delayed 1h") {
					t.Errorf("error is %s: %v", got, err)
				}
			}
			github.expect(readRun)
		})
	}
}

// TestOtherHost: our credentials go to GitHub's API only, even when it points elsewhere.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("another host was asked")
	}))
	defer elsewhere.Close()
	github := newStub(t)
	github.on(readRun, func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, elsewhere.URL+"/repos/acme/shop/actions/runs/42", http.StatusFound)
	})
	_, err := github.forge().Run(t.Context(), shop, 42)
	expectKind(t, err, "permanent")
	github.expect(readRun)
}

// TestRenamed: GitHub redirects to a renamed repository by its id.
// (https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects)
func TestRenamed(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, "/repositories/1/actions/runs/42", http.StatusMovedPermanently)
	})
	github.on("GET /repositories/1/actions/runs/42", ok(run()))
	_, err := github.forge().Run(t.Context(), shop, 42)
	expectKind(t, err, "none")
	github.expect(readRun, "GET /repositories/1/actions/runs/42")
}

// TestTokenIsKept: one token serves all calls of an installation, whoever makes them.
func TestTokenIsKept(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, ok(run()))
	asking := github.forge()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := asking.Run(t.Context(), shop, 42); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if github.tokens != 1 {
		t.Errorf("%d tokens asked for", github.tokens)
	}
}

// TestRevokedTokenIsRenewedOnce, however many calls find out about it at the same time.
func TestRevokedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, func(writer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") == "token secret-token-1" {
			status(401, "Bad credentials")(writer, request)
			return
		}
		ok(run())(writer, request)
	})
	asking := github.forge()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := asking.Run(t.Context(), shop, 42); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if github.tokens != 2 {
		t.Errorf("%d tokens asked for", github.tokens)
	}
}

// TestHostileNames: no name leads to another resource.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	asking := github.forge()
	for _, name := range []string{"", ".", "..", "../..", "a/../b", "a//b", "line\nbreak", "nul\x00"} {
		_, err := asking.TeamMember(t.Context(), shop, name, alice)
		expectKind(t, err, "permanent")
		stranger := alice
		stranger.Login = name
		_, err = asking.Role(t.Context(), shop, stranger)
		expectKind(t, err, "permanent")
		_, err = asking.TeamMember(t.Context(), shop, "release", stranger)
		expectKind(t, err, "permanent")
	}
	github.expect()
}
