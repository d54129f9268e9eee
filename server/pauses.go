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
	queues map[string]pause
}

type pause struct {
	first int64 // the row that pauses
	until time.Time
}

// begin has the row's queue pause, and returns until when: all of its rows are due at that moment, and taken in their order.
func (p *pauses) begin(work promotion.Work, now time.Time) time.Time {
	until := now.Add(promotion.PauseAfter(now.Sub(work.Created))).Truncate(time.Microsecond) // as the ledger keeps it
	if work.Queue == "" {
		return until
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.queues == nil {
		p.queues = map[string]pause{}
	}
	p.queues[work.Queue] = pause{first: work.Work, until: until}
	return until
}

// behind returns until when the row waits because one before it pauses; zero when it need not. A row that was due before
// that moment waits also when the moment has come since: the one before it is due then, and comes first.
func (p *pauses) behind(work promotion.Work) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	paused, found := p.queues[work.Queue]
	switch {
	case !found, work.Work < paused.first:
		return time.Time{}
	case work.Work == paused.first, !work.Due.Before(paused.until):
		delete(p.queues, work.Queue)
		return time.Time{}
	}
	return paused.until
}
