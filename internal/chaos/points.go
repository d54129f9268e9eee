package chaos

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

type moment int

const (
	atBefore moment = iota // the request has come, and nothing has happened yet
	atAfter                // it had its effect, and is not answered yet
)

// point is something that is armed for the next requests of a name.
type point struct {
	label string // the whole name, or how it begins
	times int    // how many requests it is for; 0: one
	when  moment
	act   func(*http.Request) // nil: nothing

	delay     time.Duration
	lost      bool // the request has no effect
	reset     bool // the connection breaks off instead of an answer
	truncated bool // the connection breaks off within the answer
	status    int  // answered instead, with header and message
	header    http.Header
	message   string
}

func (p *point) happen(when moment, r *http.Request) {
	if when == atBefore && p.delay > 0 {
		timer := time.NewTimer(p.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if p.act != nil && p.when == when {
		p.act(r)
	}
}

// points are what is armed.
type points struct {
	mutex sync.Mutex
	armed []*point
	hits  int
}

func (p *points) arm(point *point) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	point.times = max(point.times, 1)
	p.armed = append(p.armed, point)
}

// disarm reports whether the point was still armed.
func (p *points) disarm(point *point) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for i, armed := range p.armed {
		if armed == point {
			p.armed = append(p.armed[:i:i], p.armed[i+1:]...)
			return true
		}
	}
	return false
}

func (p *points) clear() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.armed = nil
}

func (p *points) take(label string) *point {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for i, armed := range p.armed {
		if !strings.HasPrefix(label, armed.label) {
			continue
		}
		p.hits++
		if armed.times--; armed.times == 0 {
			p.armed = append(p.armed[:i:i], p.armed[i+1:]...)
		}
		return armed
	}
	return nil
}
