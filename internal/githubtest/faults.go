package githubtest

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault makes matching requests go wrong, or lets something happen around them. Inject brings it into force.
type Fault struct {
	// Method that must match; empty: every one.
	Method string
	// Path that must match: the pattern of an endpoint as GitHub's documentation writes it ("/repos/{owner}/{repo}/pulls"), or
	// a path in which "*" stands for anything within a segment ("/repos/acme/shop/issues/*/comments"). Empty: every path but
	// that which hands out installation tokens.
	Path string
	// Skip lets the first matching requests pass.
	Skip int
	// Times is how many requests it hits after that; 0: all of them until Remove.
	Times int

	// Delay is waited before anything else happens, or until the client has gone.
	Delay time.Duration
	// Before is called before the request has its effect, outside the lock: it may change the world "between two calls".
	Before func(*http.Request)
	// After is called when the request has had its effect, before the client gets the answer.
	After func(*http.Request, int)
	// Status, when set, is answered instead, with Body and Header. Without a body there is GitHub's usual JSON.
	Status int
	Body   string
	Header http.Header
	// AfterEffect lets the request have its effect all the same, so that only the answer is lost.
	AfterEffect bool
	// Reset breaks the connection off instead of answering.
	Reset bool
	// Truncate sends half of the body and breaks the connection off.
	Truncate bool

	server *Server
	seen   int
	hits   int
	gone   bool
}

// Inject brings a fault into force. Of several that match, the one that was injected first acts.
func (s *Server) Inject(fault Fault) *Fault {
	fault.server = s
	s.look(func() { s.faults = append(s.faults, &fault) })
	return &fault
}

// Remove ends a fault.
func (f *Fault) Remove() {
	f.server.look(func() {
		f.gone = true
		f.server.faults = slices.DeleteFunc(f.server.faults, func(other *Fault) bool { return other == f })
	})
}

// Hits gives how many requests it has hit.
func (f *Fault) Hits() int {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	return f.hits
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.look(func() { s.faults = nil })
}

// SecondaryLimit is what GitHub answers to those who are too quick, by "Rate limits for the REST API".
func SecondaryLimit(retryAfter time.Duration) Fault {
	const address = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	return Fault{
		Status: http.StatusForbidden,
		Header: http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}},
		Body: string(encode(object{
			"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", "documentation_url": address,
		})),
	}
}

// PrimaryLimit is what GitHub answers when the hour's requests are used up.
func PrimaryLimit(reset time.Time) Fault {
	return Fault{
		Status: http.StatusForbidden,
		Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}},
		Body: string(encode(object{
			"message": "API rate limit exceeded for installation.", "documentation_url": documentation, "status": "403",
		})),
	}
}

// On gives the fault for one method and path.
func (f Fault) On(method, path string) Fault {
	f.Method, f.Path = method, path
	return f
}

// Once gives the fault for one request only.
func (f Fault) Once() Fault {
	f.Times = 1
	return f
}

// takeFault finds the fault that hits this request.
func (s *Server) takeFault(method, path string, route *route) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.faults {
		if !fault.matches(method, path, route) {
			continue
		}
		fault.seen++
		if fault.seen <= fault.Skip {
			continue
		}
		fault.hits++
		if fault.Times > 0 && fault.hits >= fault.Times {
			s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(other *Fault) bool { return other == fault })
		}
		return fault
	}
	return nil
}

func (f *Fault) matches(method, requested string, route *route) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	if f.Path == "" {
		return !strings.HasSuffix(requested, "/access_tokens")
	}
	if route != nil && f.Path == strings.ReplaceAll(route.pattern, "...}", "}") {
		return true
	}
	matched, err := path.Match(f.Path, requested)
	return err == nil && matched
}

// serveFaulty answers a request that a fault hits.
func (s *Server) serveFaulty(w http.ResponseWriter, c *call, path string, fault *Fault) {
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.request.Context().Done():
			return
		}
	}
	if fault.Before != nil {
		fault.Before(c.request)
	}
	replaced := fault.Status != 0 || fault.Reset
	said := answer{}
	if !replaced || fault.AfterEffect {
		said = s.perform(c)
		if fault.After != nil {
			fault.After(c.request, said.status)
		}
	} else {
		s.look(func() { c.identity, _ = s.identify(c.request.Header.Get("Authorization")) })
	}
	if fault.Reset {
		s.look(func() { s.log(c, path, 0, true) })
		abort(w)
		return
	}
	if fault.Status != 0 {
		said = fault.answer()
	}
	s.write(w, c, path, said, fault)
}

func (f *Fault) answer() answer {
	said := refuse(f.Status, http.StatusText(f.Status))
	if f.Body != "" {
		said.body = []byte(f.Body)
	}
	said.header = maps.Clone(f.Header)
	return said
}
