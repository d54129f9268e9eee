package githubtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// bodyLimit is more than any request to GitHub may have.
const bodyLimit = 25 << 20

// ServeHTTP answers a request to the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().Format(http.TimeFormat)) // the clock that its other times are from
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "request body: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	path := s.byName(pathOf(r))
	if strings.HasPrefix(path, downloadPrefix) {
		s.serveDownload(w, path)
		return
	}
	route, parameters := find(r.Method, segmentsOf(path))
	c := &call{server: s, request: r, query: r.URL.Query(), body: body, route: route, parameters: parameters}
	fault := s.takeFault(r.Method, path, route)
	if fault == nil {
		s.write(w, c, path, s.perform(c), nil)
		return
	}
	s.serveFaulty(w, c, path, fault)
}

// pathOf gives the escaped path without the prefix that GitHub Enterprise Server has.
func pathOf(r *http.Request) string {
	path := r.URL.EscapedPath()
	if rest, found := strings.CutPrefix(path, "/api/v3"); found && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if len(path) > 1 && !strings.Contains(path, "/contents/") {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// byName turns "/repositories/{id}", which Link headers and redirects use, into "/repos/{owner}/{repo}".
func (s *Server) byName(path string) string {
	rest, found := strings.CutPrefix(path, "/repositories/")
	if !found {
		return path
	}
	number, rest, deeper := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return path
	}
	name := ""
	s.look(func() {
		if repository := s.repositoryByID(id); repository != nil {
			name = repository.fullName()
		}
	})
	switch {
	case name == "":
		return path
	case deeper:
		return "/repos/" + name + "/" + rest
	}
	return "/repos/" + name
}

// perform answers the call from the state of the world.
func (s *Server) perform(c *call) answer {
	var said answer
	s.changeLater(func() {
		said = s.admit(c)
		if said.status == 0 {
			said = c.route.answer(c)
		}
	})
	return said
}

// admit checks everything that comes before the endpoint: token, rate limit, repository, permission. An answer with
// status 0 lets the call through.
func (s *Server) admit(c *call) answer {
	who, refusal := s.identify(c.request.Header.Get("Authorization"))
	c.identity = who
	if refusal != nil {
		return *refusal
	}
	if limited := s.overLimit(c); limited != nil {
		return *limited
	}
	if c.route == nil && strings.HasPrefix(c.request.URL.Path, "/repositories/") {
		return notFound() // a repository that was deleted
	}
	if c.route == nil {
		s.unknown = append(s.unknown, c.request.Method+" "+c.request.URL.Path)
		return notFound()
	}
	if c.route.access.app {
		return s.admitApp(c)
	}
	if c.route.onRepository() {
		if moved := s.locate(c); moved.status != 0 {
			return moved
		}
	}
	return c.permit()
}

func (s *Server) admitApp(c *call) answer {
	switch c.identity.kind {
	case AppToken:
		if c.route.onRepository() {
			return s.locate(c)
		}
		return answer{}
	case NoToken:
		return refuse(http.StatusUnauthorized, "Requires authentication")
	default:
		return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
}

// locate finds the repository, or answers with the redirect that a renamed one has (301, for changes 307: "Follow
// redirects" in GitHub's best practices).
func (s *Server) locate(c *call) answer {
	name := strings.ToLower(c.parameters["owner"] + "/" + c.parameters["repo"])
	if r := s.repositories[name]; r != nil {
		c.repository = r
		return answer{}
	}
	r := s.redirects[name]
	if r == nil {
		return notFound()
	}
	status, message := http.StatusMovedPermanently, "Moved Permanently"
	if c.request.Method != http.MethodGet && c.request.Method != http.MethodHead {
		status, message = http.StatusTemporaryRedirect, "Temporary Redirect"
	}
	rest := strings.Join(segmentsOf(pathOf(c.request))[3:], "/")
	target := strings.TrimSuffix(fmt.Sprintf("%s/repositories/%d/%s", s.base, r.id, rest), "/")
	if c.request.URL.RawQuery != "" {
		target += "?" + c.request.URL.RawQuery
	}
	return answer{
		status: status, header: http.Header{"Location": {target}},
		body: object{"message": message, "url": target, "documentation_url": documentation},
	}
}

// permit checks the installation's reach and permissions.
func (c *call) permit() answer {
	access := c.route.access
	if access.anyone {
		return answer{}
	}
	public := access.public && c.repository != nil && !c.repository.private
	switch c.identity.kind {
	case NoToken:
		if public {
			return answer{}
		}
		if access.public || c.repository != nil {
			return notFound()
		}
		return refuse(http.StatusUnauthorized, "Requires authentication")
	case AppToken:
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	if c.repository != nil && !c.identity.token.reaches(c.repository) {
		switch {
		case c.repository.private:
			return notFound()
		case public:
			return answer{}
		}
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	if public {
		return answer{}
	}
	for _, candidate := range access.oneOf {
		if c.identity.token.allows(candidate) {
			return answer{}
		}
	}
	return refuse(http.StatusForbidden, "Resource not accessible by integration")
}

// write sends the answer with the headers that every answer of GitHub's has, and logs the request before the client can
// know of it.
func (s *Server) write(w http.ResponseWriter, c *call, path string, said answer, fault *Fault) {
	content := encode(said.body)
	header := w.Header()
	for name, values := range said.header {
		header[name] = values
	}
	header.Set("Server", "github.com")
	header.Set("X-GitHub-Media-Type", "github.v3; format=json")
	header.Set("X-GitHub-Api-Version-Selected", "2022-11-28")
	header.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
	if said.contentType != "" {
		header.Set("Content-Type", said.contentType)
	} else if content != nil {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if c.route != nil && len(c.route.access.oneOf) > 0 {
		header.Set("X-Accepted-GitHub-Permissions", accepted(c.route.access.oneOf))
	}
	if fault == nil {
		s.hold(c, path, said, content)
	}
	fresh := s.conditional(header, c, &said, content)
	s.settle(header, c, path, said.status, fresh, fault != nil)
	if fresh || content == nil {
		w.WriteHeader(said.status)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(said.status)
	if fault != nil && fault.Truncate {
		_, _ = w.Write(content[:len(content)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(content) // the client may have gone; nobody to tell
}

func accepted(permissions []permission) string {
	texts := make([]string, 0, len(permissions))
	for _, permission := range permissions {
		texts = append(texts, permission.name+"="+permission.level)
	}
	return strings.Join(texts, "; ")
}

// conditional sets the ETag and turns the answer into 304 when the client has it. The tag depends on the token, so that it
// changes with each hourly one.
func (s *Server) conditional(header http.Header, c *call, said *answer, content []byte) bool {
	if c.request.Method != http.MethodGet || said.status != http.StatusOK {
		return false
	}
	tag := fmt.Sprintf("W/%q", sha256Hex(append([]byte(c.request.Header.Get("Authorization")), content...)))
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	if c.request.Header.Get("If-None-Match") != tag {
		return false
	}
	header.Del("Content-Type")
	said.status = http.StatusNotModified
	return true
}

// rateWindow counts the requests of one caller in the current hour.
type rateWindow struct {
	used  int
	reset time.Time
}

func (s *Server) limitOf(who identity) (*rateWindow, int) {
	key, limit := who.kind, s.options.RateLimit
	switch {
	case who.token != nil:
		key = fmt.Sprintf("installation %d", who.token.installation.id)
	case who.kind != AppToken:
		limit = min(limit, 60) // unauthenticated
	}
	window := s.limits[key]
	now := s.options.AuthenticationClock()
	if window == nil || !now.Before(window.reset) {
		window = &rateWindow{reset: now.Add(time.Hour).Truncate(time.Second)}
		s.limits[key] = window
	}
	return window, limit
}

// overLimit refuses when the hour's requests are used up.
func (s *Server) overLimit(c *call) *answer {
	window, limit := s.limitOf(c.identity)
	if window.used < limit || c.free() {
		return nil
	}
	message := "API rate limit exceeded for 127.0.0.1."
	if c.identity.token != nil {
		message = fmt.Sprintf("API rate limit exceeded for installation ID %d.", c.identity.token.installation.id)
	}
	refusal := refuse(http.StatusForbidden, message)
	return &refusal
}

// free reports whether the call does not count: "Get rate limit status" does not.
func (c *call) free() bool { return c.route != nil && c.route.pattern == "/rate_limit" }

// settle counts the request, unless it was answered 304, sets the headers that say so, and logs it.
func (s *Server) settle(header http.Header, c *call, path string, status int, fresh, faulty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	window, limit := s.limitOf(c.identity)
	if !fresh && !c.free() && window.used < limit {
		window.used++
	}
	set := func(name, value string) {
		if header.Get(name) == "" { // a fault may have said something else
			header.Set(name, value)
		}
	}
	set("X-RateLimit-Limit", strconv.Itoa(limit))
	set("X-RateLimit-Remaining", strconv.Itoa(limit-window.used))
	set("X-RateLimit-Used", strconv.Itoa(window.used))
	set("X-RateLimit-Reset", strconv.FormatInt(window.reset.Unix(), 10))
	set("X-RateLimit-Resource", "core")
	set("X-GitHub-Request-Id", fmt.Sprintf("%04X:%06X:%08X", 0xC0FE, len(s.requests), window.reset.Unix()))
	s.log(c, path, status, faulty)
}

// abort ends the connection without an answer.
func abort(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) || connection == nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, isTCP := connection.(interface{ SetLinger(int) error }); isTCP {
		_ = tcp.SetLinger(0) // reset rather than finish
	}
	_ = connection.Close()
}
