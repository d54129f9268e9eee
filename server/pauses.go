package server

import (
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// pauses are the queues whose first row pauses. What is behind it waits with it: what a later delivery tells may be understood
// only with what an earlier one told.
type pauses struct {
	mutex  sync.Mutex
	queues map[string]time.Time // until when
}

// begin has the row's queue pause, and returns until when: all of its rows are due at that moment, and taken in their order.
func (p *pauses) begin(work promotion.Work, now time.Time) time.Time {
	until := now.Add(promotion.PauseAfter(now.Sub(work.Created)))
	if work.Queue == "" {
		return until
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.queues == nil {
		p.queues = map[string]time.Time{}
	}
	p.queues[work.Queue] = until
	return until
}

// behind returns until when the row waits because one before it pauses; zero when it need not.
func (p *pauses) behind(work promotion.Work, now time.Time) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	until, pauses := p.queues[work.Queue]
	if !pauses || !now.Before(until) {
		delete(p.queues, work.Queue)
		return time.Time{}
	}
	return until
}
