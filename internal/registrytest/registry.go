// Package registrytest starts container registries for tests and the demo: go-containerregistry's, in this process and
// on loopback, with a log of requests and faults. It pushes the images that stories are about.
package registrytest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Server is a registry on loopback. What it pushes is not logged as requests and meets no fault.
type Server struct {
	pusher
	listener net.Listener
	http     *http.Server
	inner    http.Handler

	mutex    sync.Mutex
	requests []string
	fault    Fault
	after    Fault
}

// Fault answers a request instead of the registry, when it returns true.
type Fault func(w http.ResponseWriter, r *http.Request) bool

// InProcess starts a registry that keeps everything in memory.
func InProcess() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, inner: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	s.pusher = pusher{s.sendInside}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Close stops listening.
func (s *Server) Close() { _ = s.http.Close() }

// Host gives host:port, as it begins the names of the registry's repositories.
func (s *Server) Host() string { return s.listener.Addr().String() }

// Inject has the fault answer from now on. nil ends it.
func (s *Server) Inject(fault Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fault = fault
}

// InjectAfter has the fault answer after the registry has done what it was asked. nil ends it.
func (s *Server) InjectAfter(fault Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.after = fault
}

// Requests gives method and path of each request so far, greetings (GET /v2/) aside.
func (s *Server) Requests() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var requests []string
	for _, request := range s.requests {
		if request != "GET /v2/" {
			requests = append(requests, request)
		}
	}
	return requests
}

// ResetRequests empties the log.
func (s *Server) ResetRequests() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.requests = nil
}

// ServeHTTP logs the request, and answers it by the fault or the registry.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	fault, after := s.fault, s.after
	s.mutex.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if after != nil {
		done := &answer{header: http.Header{}}
		s.inner.ServeHTTP(done, r)
		if !after(w, r) {
			done.copyTo(w)
		}
		return
	}
	s.inner.ServeHTTP(w, r)
}

// Digest gives the digest that the tag of a repository names, as the registry itself answers it.
func (s *Server) Digest(repository, tag string) (string, error) {
	response := &answer{header: http.Header{}}
	request, err := http.NewRequest(http.MethodHead, "http://"+s.Host()+"/v2/"+repository+"/manifests/"+tag, nil)
	if err != nil {
		return "", err
	}
	s.inner.ServeHTTP(response, request)
	if response.status != 0 && response.status != http.StatusOK {
		return "", fmt.Errorf("read %s:%s: the registry answered %d", repository, tag, response.status)
	}
	return response.header.Get("Docker-Content-Digest"), nil
}

// answer takes what the registry answers without a connection, so that looking is not logged as a request.
type answer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(max(a.status, http.StatusOK))
	_, _ = io.WriteString(w, a.body.String()) // the client may be gone
}

func (a *answer) Write(content []byte) (int, error) { return a.body.Write(content) }

// sendInside makes a request without a connection, so that it is not logged and meets no fault.
func (s *Server) sendInside(method, path, contentType string, content []byte) error {
	request, err := http.NewRequest(method, "http://"+s.Host()+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response := &answer{header: http.Header{}}
	s.inner.ServeHTTP(response, request)
	if response.status >= 300 {
		return fmt.Errorf("%s %s: the registry answered %d: %s", method, path, response.status, response.body.String())
	}
	return nil
}
