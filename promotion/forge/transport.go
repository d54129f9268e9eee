package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// DefaultMaximumBody is how large an answer may be. The largest that people without any rights can cause is a page of a
// hundred pull requests whose descriptions are as long as GitHub lets them be: 26 MB.
const DefaultMaximumBody = 32 << 20

// maximumErrorBody is how much of an answer that says no is read.
const maximumErrorBody = 64 << 10

var (
	errTooLarge  = errors.New("GitHub's answer is too large")
	errOtherHost = errors.New("GitHub's API pointed at another host: not followed")
	errMoved     = errors.New("it has moved to another name")

	errRedirected = errors.New("GitHub redirects to an address that is none")
)

// Observe is told of each request, tokens included: its host, its route without ids, its outcome (the status, or
// "timeout", "canceled", "error", or "refused" for one that was not made) and how long it took to be answered.
type Observe func(host, route, outcome string, duration time.Duration)

// tokenRoute is the route of the request for an installation's token.
// (https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app)
const tokenRoute = "app/installations/{installation}/access_tokens"

// tokenError is GitHub's refusal of an installation's token.
type tokenError struct{ refusal refusal }

func (e *tokenError) Error() string {
	return fmt.Sprintf("get the installation's token: GitHub answered %d", e.refusal.status)
}

// passage is what the guard is told about a request.
type passage struct {
	who      identity
	route    string
	exact    bool     // redirects are not followed
	redirect *url.URL // not nil: where GitHub's 302 leads to is kept here, and not followed
}

type passageKey struct{}

type redirectKey struct{}

// withRedirect gives a context in which calls keep where GitHub's 302 leads to, instead of going there. What a renamed
// repository redirects to (301) is followed all the same.
func withRedirect(ctx context.Context, location *url.URL) context.Context {
	return context.WithValue(ctx, redirectKey{}, location)
}

func withPassage(ctx context.Context, through passage) context.Context {
	return context.WithValue(ctx, passageKey{}, through)
}

// guard is the transport below authentication. It sends requests to one host, or to the GraphQL API's very address, only (credentials are added to redirected
// requests as well), bounds the answers, and reports what was done.
type guard struct {
	next    http.RoundTripper
	host    string
	graph   url.URL // the one address that may lie on another host
	maximum int64
	observe Observe
}

// RoundTrip makes a request. It turns a refused token into an error of its own: the layer above leaves such an answer open.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := g.refuse(request); err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	route := routeOf(request)
	began := time.Now()
	response, err := g.next.RoundTrip(request)
	if g.observe != nil {
		g.observe(g.host, route, outcome(response, err), time.Since(began))
	}
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: g.maximum}
	if route == tokenRoute && response.StatusCode/100 != 2 {
		defer func() { _ = response.Body.Close() }()
		return nil, &tokenError{refusal: readRefusal(response.StatusCode, response.Header, response.Body)}
	}
	if through, _ := request.Context().Value(passageKey{}).(passage); through.redirect != nil && response.StatusCode == http.StatusFound {
		_ = response.Body.Close() // net/http would put an address that it cannot read into its error
		if location, err := response.Location(); err == nil {
			*through.redirect = *location
		}
		return nil, errRedirected
	}
	return response, nil
}

// refuse gives the reason why a request is not made. One that has a Response follows a redirect.
func (g *guard) refuse(request *http.Request) error {
	through, _ := request.Context().Value(passageKey{}).(passage)
	switch {
	case !strings.EqualFold(request.URL.Host, g.host) && *request.URL != g.graph:
		return errOtherHost
	case through.exact && request.Response != nil:
		return errMoved
	default:
		return nil
	}
}

func routeOf(request *http.Request) string {
	if strings.HasSuffix(request.URL.Path, "/access_tokens") {
		return tokenRoute
	}
	if through, known := request.Context().Value(passageKey{}).(passage); known {
		return through.route
	}
	return "other"
}

// Identity names whom a request is made as: "installation 42", or "app" for the app itself, which has a limit of its own.
func Identity(request *http.Request) string {
	through, _ := request.Context().Value(passageKey{}).(passage)
	if through.who == theApp || routeOf(request) == tokenRoute {
		return "app"
	}
	return "installation " + number(through.who.installation)
}

func outcome(response *http.Response, err error) string {
	switch {
	case err == nil:
		return strconv.Itoa(response.StatusCode)
	case errors.As(err, new(*promotion.DelayedError)):
		return "refused" // by ourselves: it was not made
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "timeout"
	default:
		return "error"
	}
}

// boundedBody fails when more than the allowed bytes are read.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read reads, and fails with errTooLarge past the limit.
func (b *boundedBody) Read(buffer []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(buffer)) > b.left+1 {
		buffer = buffer[:b.left+1]
	}
	read, err := b.ReadCloser.Read(buffer)
	b.left -= int64(read)
	if b.left < 0 {
		return 0, errTooLarge
	}
	return read, err
}
