package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

var errNotGitHub = errors.New("something that is not GitHub's API answered 404")

// failure is what became of a call that did not succeed.
type failure struct {
	err         error // of the domain's kinds
	transient   bool  // GitHub's or the network's fault: the same call may succeed in a moment
	credentials bool  // GitHub does not take the token
	uninstalled bool  // the app is not installed there any more
}

// told returns the error as the domain knows it: what GitHub's or the network's fault may be gone in a while.
func (f *failure) told() error {
	if f.transient {
		return &promotion.DownError{Err: f.err}
	}
	return f.err
}

// answerError is an answer of GitHub that says no.
type answerError struct {
	operation string
	status    int
	message   string // GitHub's own
	hint      string // what to do about it
}

// Error gives what was done, what GitHub said and what to do about it. It has no address in it.
func (e *answerError) Error() string {
	text := fmt.Sprintf("%s: GitHub answered %d", e.operation, e.status)
	if e.message != "" {
		text += " (" + e.message + ")"
	}
	if e.hint != "" {
		text += ": " + e.hint
	}
	return text
}

// Is makes a 404 the domain's ErrNotFound, unless something else gave it another meaning by wrapping it.
func (e *answerError) Is(target error) bool {
	return target == promotion.ErrNotFound && e.status == http.StatusNotFound
}

// statusOf gives the status that GitHub answered, 0 when the error is not an answer.
func statusOf(err error) int {
	var answer *answerError
	if errors.As(err, &answer) {
		return answer.status
	}
	return 0
}

// messageOf gives what GitHub said.
func messageOf(err error) string {
	var answer *answerError
	if errors.As(err, &answer) {
		return answer.message
	}
	return ""
}

// notFound turns an error into ErrNotFound.
func notFound(operation, why string) error {
	return fmt.Errorf("%s: %s: %w", operation, why, promotion.ErrNotFound)
}

// refusal is an answer of GitHub with which a call failed.
type refusal struct {
	status  int
	header  http.Header
	message string
	github  bool // the body is GitHub's own error document, not that of something on the way
}

// readRefusal takes what counts out of an answer.
// (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api)
func readRefusal(status int, header http.Header, body io.Reader) refusal {
	var document struct {
		Message *string `json:"message"`
		Errors  []struct {
			Message string `json:"message"`
			Field   string `json:"field"`
			Code    string `json:"code"`
		} `json:"errors"`
	}
	read := refusal{status: status, header: header}
	text, err := io.ReadAll(io.LimitReader(body, maximumErrorBody))
	if err != nil {
		return read
	}
	err = json.Unmarshal(text, &document)
	var typed *json.UnmarshalTypeError // "errors" may hold plain strings
	if (err != nil && !errors.As(err, &typed)) || document.Message == nil {
		return read
	}
	read.github = true
	read.message = *document.Message
	for _, detail := range document.Errors {
		read.message += strings.TrimRight("; "+detail.Field+" "+detail.Code+" "+detail.Message, " ")
	}
	read.message = oneLine(read.message, 300)
	return read
}

// judge translates whatever made a call fail. It is the only place that knows go-github's errors and GitHub's statuses.
func (f *Forge) judge(ctx context.Context, r request, response *github.Response, err error) *failure {
	if ctx.Err() != nil { // the caller has given up: nothing that came back means anything
		return &failure{err: fmt.Errorf("%s: %w", r.operation, ctx.Err())}
	}
	var token *tokenError
	if errors.As(err, &token) {
		return f.judgeToken(r, token)
	}
	var unreadable *unreadableError
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	var accepted *github.AcceptedError
	var delayed *promotion.DelayedError
	switch {
	case errors.As(err, &delayed): // it was not made: it is not its turn
		return &failure{err: &promotion.DelayedError{Err: fmt.Errorf("%s: %w", r.operation, delayed.Err), After: delayed.After, Untried: delayed.Untried}}
	case errors.As(err, &primary):
		return &failure{err: f.delayed(r.operation, "rate limit", primary.Response.Header, primary.Rate.Reset.Time)}
	case errors.As(err, &secondary):
		var until time.Time
		if secondary.RetryAfter != nil {
			until = f.now().Add(*secondary.RetryAfter)
		}
		return &failure{err: f.delayed(r.operation, "secondary rate limit", secondary.Response.Header, until)}
	case errors.As(err, &accepted):
		return &failure{transient: true, err: fmt.Errorf("%s: GitHub is still preparing the answer", r.operation)}
	case errors.As(err, &unreadable):
		return &failure{err: fmt.Errorf("%s: %w", r.operation, unreadable)}
	case errors.Is(err, errRedirected):
		return &failure{err: fmt.Errorf("%s: %w", r.operation, errRedirected)}
	case errors.Is(err, errMoved):
		return &failure{err: notFound(r.operation, errMoved.Error())}
	case errors.Is(err, errTooLarge), errors.Is(err, errOtherHost):
		return &failure{err: &promotion.PermanentError{Err: fmt.Errorf("%s: %w", r.operation, bare(err))}}
	case response != nil && response.Response != nil && response.StatusCode >= http.StatusMultipleChoices:
		return f.judgeRefusal(r, readRefusal(response.StatusCode, response.Header, response.Body))
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return &failure{transient: true, err: fmt.Errorf("%s: GitHub did not answer within %s", r.operation, f.timeout)}
	default:
		return &failure{transient: true, err: fmt.Errorf("%s: %w", r.operation, bare(err))}
	}
}

// judgeRefusal translates a status other than success.
func (f *Forge) judgeRefusal(r request, refused refusal) *failure {
	answer := &answerError{operation: r.operation, status: refused.status, message: refused.message}
	permanent := &failure{err: &promotion.PermanentError{Err: answer}}
	status := refused.status
	switch {
	case status == http.StatusUnauthorized:
		return &failure{credentials: true, err: refusedCredentials(answer)}
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && limitsRate(refused):
		return &failure{err: f.delayed(r.operation, "rate limit", refused.header, time.Time{})}
	case status == http.StatusForbidden && (lacksPermission(refused) || r.method == http.MethodGet):
		return &failure{err: forbidden(r, refused, answer)}
	case status == http.StatusForbidden: // such as a locked conversation, which nobody has to mend
		return permanent
	case status == http.StatusNotFound && refused.github:
		return &failure{err: answer}
	case status == http.StatusNotFound:
		return &failure{err: fmt.Errorf("%s: %w", r.operation, errNotGitHub)}
	case status >= http.StatusInternalServerError && refused.header.Get("Retry-After") != "":
		return &failure{err: &promotion.DelayedError{Err: answer, After: f.wait(refused.header, time.Time{})}}
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		return &failure{transient: true, err: answer}
	case status == http.StatusConflict, status == http.StatusLocked, status < http.StatusBadRequest:
		return &failure{err: answer}
	default:
		return permanent
	}
}

// judgeToken translates GitHub's refusal to hand out an installation's token. A 404 there says nothing about the thing
// that was asked for, so it is not ErrNotFound.
func (f *Forge) judgeToken(r request, token *tokenError) *failure {
	r.operation += ": get the installation's token"
	judged := f.judgeRefusal(r, token.refusal)
	judged.credentials = false
	switch {
	case token.refusal.status == http.StatusForbidden: // the installation is suspended, or the organisation keeps us out
		answer := &answerError{operation: r.operation, status: token.refusal.status, message: token.refusal.message}
		return &failure{err: &promotion.PausedError{
			Fault: promotion.FaultGitHubCredentials, What: "installation", Err: answer,
			Mend: "an owner of the organisation has to let the app in again: look at the installation's settings page on GitHub",
		}}
	case token.refusal.status == http.StatusNotFound && strings.Contains(token.refusal.message, "Integration not found"):
		return &failure{err: refusedCredentials(&answerError{operation: r.operation, status: token.refusal.status, message: token.refusal.message})}
	case token.refusal.status != http.StatusNotFound:
		return judged
	}
	return &failure{uninstalled: true, err: &promotion.PermanentError{Err: fmt.Errorf(
		"%s: GitHub answered 404: the app is not installed there (any more), or GITHUB_APP_INTEGRATION_ID names another app", r.operation)}}
}

// limitsRate reports whether a 403 says "too fast" rather than "not allowed".
// (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit)
func limitsRate(refused refusal) bool {
	return refused.header.Get("Retry-After") != "" || refused.header.Get("X-RateLimit-Remaining") == "0" ||
		strings.Contains(strings.ToLower(refused.message), "rate limit")
}

// delayed makes the error for a limit that was hit.
func (f *Forge) delayed(operation, limit string, header http.Header, until time.Time) error {
	wait := f.wait(header, until)
	return &promotion.DelayedError{
		Err:   fmt.Errorf("%s: GitHub's %s was hit; trying again in %s", operation, limit, wait.Round(time.Second)),
		After: wait,
	}
}

// wait gives how long GitHub wants us to wait: Retry-After, else until the given time, else until the limit's reset if
// nothing remains, else a minute. It is between a second and two hours, whatever the answer says.
func (f *Forge) wait(header http.Header, until time.Time) time.Duration {
	wait := time.Minute
	if seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if !until.IsZero() {
		wait = until.Sub(f.now())
	} else if reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil && header.Get("X-RateLimit-Remaining") == "0" {
		wait = time.Unix(reset, 0).Sub(f.now())
	}
	return min(max(wait, time.Second), 2*time.Hour)
}

// bare takes the address off an error of the HTTP client, and the line off that of a header which cannot be read: it may
// be an address too.
func bare(err error) error {
	var unreadable textproto.ProtocolError
	if errors.As(err, &unreadable) {
		return errors.New("the answer's header cannot be read")
	}
	for {
		var located *url.Error
		if !errors.As(err, &located) {
			return err
		}
		err = located.Err
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
