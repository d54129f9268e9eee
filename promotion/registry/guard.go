package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// guard is around every request to an OCI registry: plain HTTP goes to loopback only, each request has its own deadline,
// and no answer is read without end.
type guard struct {
	next    http.RoundTripper
	timeout time.Duration
	now     func() time.Time
	observe func(host, route, outcome string, took time.Duration)
}

var errPlainHTTP = errors.New("plain HTTP to a registry that is not on loopback: expected https")

// maximumAnswer is more than any manifest, token or list of errors.
const maximumAnswer = maximumManifest + 1<<20

// RoundTrip makes one request.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !isLoopback(request.URL.Hostname()) {
		return nil, errPlainHTTP
	}
	if request.Method == http.MethodPut {
		if err := promotion.HoldsLease(request.Context(), g.now()); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(request.Context(), g.timeout)
	began := time.Now()
	response, err := g.next.RoundTrip(request.WithContext(ctx))
	g.tell(request, response, err, time.Since(began))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &boundedBody{Reader: io.LimitReader(response.Body, maximumAnswer), body: response.Body, cancel: cancel}
	if response.StatusCode == http.StatusTooManyRequests {
		after := retryAfter(response.Header.Get("Retry-After"))
		_ = response.Body.Close() // the answer's text is not needed
		return nil, &busyError{after: after}
	}
	return response, nil
}

func (g *guard) tell(request *http.Request, response *http.Response, err error, took time.Duration) {
	if g.observe == nil {
		return
	}
	outcome := "error"
	if err == nil {
		outcome = strconv.Itoa(response.StatusCode)
	} else if errors.As(err, new(*promotion.DelayedError)) {
		outcome = "refused" // by ourselves: it was not made
	} else if errors.Is(err, context.DeadlineExceeded) {
		outcome = "timeout"
	}
	route := "other"
	for _, part := range []string{"manifests", "blobs", "referrers", "tags"} {
		if strings.Contains(request.URL.Path, "/"+part+"/") {
			route = part
		}
	}
	g.observe(request.URL.Host, request.Method+" "+route, outcome, took)
}

// worthRepeating reports whether a request that failed may be made again at once. One that ran into its deadline is not:
// a registry that is stuck would hold up everything for that long again.
func worthRepeating(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// retryAfter reads how long to wait, in seconds or as a date (RFC 9110, section 10.2.3); a minute when it is not said.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(max(time.Duration(seconds)*time.Second, time.Second), time.Hour)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), time.Second), time.Hour)
	}
	return time.Minute
}

type boundedBody struct {
	io.Reader
	body   io.Closer
	cancel context.CancelFunc
}

func (b *boundedBody) Close() error {
	defer b.cancel()
	return b.body.Close()
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
	}
}
