package githubtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Request is a request that the stand-in got.
type Request struct {
	Method string
	// Route is the endpoint's pattern as GitHub's documentation writes it, empty for an unknown one.
	Route  string
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte
	// Status is what was answered; 0 when the connection was broken off.
	Status int
	// Token is the kind of token: NoToken, AppToken, InstallationToken or BadToken.
	Token string
	// Installation is the id of the installation that the token is for, or 0.
	Installation int64
	// Faulty says that a fault hit it.
	Faulty bool
	Time   time.Time
}

// Tokens reports whether the request asked for an installation token.
func (r Request) Tokens() bool { return strings.HasSuffix(r.Route, "/access_tokens") }

// String gives method and route: "GET /repos/{owner}/{repo}/pulls".
func (r Request) String() string {
	if r.Route == "" {
		return r.Method + " " + r.Path
	}
	return r.Method + " " + r.Route
}

// log notes a request. The lock is held.
func (s *Server) log(c *call, path string, status int, faulty bool) {
	entry := Request{
		Method: c.request.Method, Path: path, Query: c.query, Header: c.request.Header.Clone(), Body: c.body, Status: status,
		Token: c.identity.kind, Faulty: faulty, Time: s.options.Clock(),
	}
	if c.route != nil {
		entry.Route = strings.ReplaceAll(c.route.pattern, "...}", "}")
	}
	if c.identity.token != nil {
		entry.Installation = c.identity.token.installation.id
	}
	s.requests = append(s.requests, entry)
}

// Requests gives every request so far, those for tokens included, in the order in which they were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Calls gives every request so far but those for tokens.
func (s *Server) Calls() []Request {
	return slices.DeleteFunc(s.Requests(), Request.Tokens)
}

// CallsTo gives the requests to one endpoint: CallsTo("POST", "/repos/{owner}/{repo}/check-runs").
func (s *Server) CallsTo(method, route string) []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.Method != method || r.Route != route })
}

// CallCounts counts the calls by method and route, tokens aside.
func (s *Server) CallCounts() map[string]int {
	counts := map[string]int{}
	for _, call := range s.Calls() {
		counts[call.String()]++
	}
	return counts
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.look(func() { s.requests = nil })
}

// UnknownRoutes gives the requests that no endpoint of the stand-in answers. Tests assert that there are none.
func (s *Server) UnknownRoutes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}
