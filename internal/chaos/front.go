package chaos

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// front stands before a stand-in. It knows each request by a name, and lets what is armed for that name happen.
type front struct {
	name     string
	inner    http.Handler
	points   *points
	seen     func(r *http.Request, body []byte, status int) // every request that had its effect
	listener net.Listener
	http     *http.Server
}

func newFront(name string, inner http.Handler, points *points, seen func(*http.Request, []byte, int)) (*front, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{name: name, inner: inner, points: points, seen: seen, listener: listener}
	f.http = &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = f.http.Serve(listener) }() // ends with close
	return f, nil
}

func (f *front) host() string { return f.listener.Addr().String() }

func (f *front) close() { _ = f.http.Close() }

// ServeHTTP lets what is armed happen around what the stand-in does.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // half a request, by a process that is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	armed := f.points.take(f.label(r))
	if armed == nil {
		f.perform(r, body).copyTo(w, false)
		return
	}
	armed.happen(atBefore, r)
	if armed.lost {
		armed.refuse(w)
		return
	}
	done := f.perform(r, body)
	armed.happen(atAfter, r)
	if armed.status != 0 || armed.reset {
		armed.refuse(w)
		return
	}
	done.copyTo(w, armed.truncated)
}

func (f *front) perform(r *http.Request, body []byte) *answer {
	done := &answer{header: http.Header{}}
	f.inner.ServeHTTP(done, r)
	f.seen(r, body, done.code())
	return done
}

// label names a request by what it is for, or by method alone.
func (f *front) label(r *http.Request) string {
	path, what := r.URL.Path, r.Method
	for _, known := range []struct{ label, method, part string }{
		{"github comment", http.MethodPost, "/comments"},
		{"github comment edit", http.MethodPatch, "/comments/"},
		{"github reaction", http.MethodPost, "/reactions"},
		{"github check run", http.MethodPost, "/check-runs"},
		{"github check run edit", http.MethodPatch, "/check-runs/"},
		{"github run", http.MethodGet, "/actions/runs"},
		{"github jobs", http.MethodGet, "/jobs"},
		{"github redelivery", http.MethodPost, "/attempts"},
		{"github permission", http.MethodGet, "/permission"},
		{"registry production put", http.MethodPut, "/manifests/production"},
		{"registry production head", http.MethodHead, "/manifests/production"},
		{"registry manifest get", http.MethodGet, "/manifests/"},
	} {
		if strings.HasPrefix(known.label, f.name) && r.Method == known.method && strings.Contains(path, known.part) {
			what = strings.TrimPrefix(known.label, f.name+" ")
			if what != "comment" || !strings.HasSuffix(path, "/reactions") {
				break
			}
		}
	}
	return f.name + " " + what
}

// answer keeps what a stand-in answers until it is known what becomes of it.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(content []byte) (int, error) { return a.body.Write(content) }

func (a *answer) code() int { return max(a.status, http.StatusOK) }

// copyTo sends the answer, or (truncated) half of its body before the connection breaks off.
func (a *answer) copyTo(w http.ResponseWriter, truncated bool) {
	maps.Copy(w.Header(), a.header)
	content := a.body.Bytes()
	if truncated && len(content) > 1 {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.WriteHeader(a.code())
		_, _ = w.Write(content[:len(content)/2]) // the client may be gone
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.code())
	_, _ = w.Write(content) // likewise
}

func (p *point) refuse(w http.ResponseWriter) {
	if p.status == 0 {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), p.header)
	w.WriteHeader(p.status)
	_, _ = fmt.Fprintf(w, `{"message": %q}`, p.message) // the client may be gone
}
