package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// holdings are the rows that a worker holds under leases.
type holdings struct {
	mutex  sync.Mutex
	rows   map[int64]*holding // by row
	ending bool
	ended  chan struct{}
}

// holding is one row, and the context in which it is worked on: cancelled when its lease is lost, or ends before the ledger
// has said that it is extended. From that moment somebody else may have the row.
type holding struct {
	work   promotion.Work
	until  atomic.Int64 // when the lease ends, in microseconds
	end    *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// LeaseExtender makes leases last longer, and gives those that are lost.
type LeaseExtender interface {
	Extend(ctx context.Context, leases []promotion.Lease, until time.Time) (lost []promotion.Lease, err error)
}

func newHoldings() *holdings {
	return &holdings{rows: map[int64]*holding{}, ended: make(chan struct{})}
}

func (h *holdings) add(ctx context.Context, work promotion.Work, left time.Duration) *holding {
	held := &holding{work: work}
	held.ctx, held.cancel = context.WithCancelCause(ctx)
	held.until.Store(work.Until.UnixMicro())
	held.ctx = promotion.WithLeaseEnd(held.ctx, func() time.Time { return time.UnixMicro(held.until.Load()) })
	held.end = time.AfterFunc(left, func() { held.cancel(promotion.ErrLeaseLost) })
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.rows[work.Work] = held
	return held
}

func (h *holdings) remove(held *holding) {
	held.end.Stop()
	held.cancel(nil)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	// A row whose lease was lost may have been claimed again here.
	if h.rows[held.work.Work] == held {
		delete(h.rows, held.work.Work)
	}
	if h.ending && len(h.rows) == 0 {
		h.finish()
	}
}

// end has extend return once no row is held any more.
func (h *holdings) end() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.ending = true
	if len(h.rows) == 0 {
		h.finish()
	}
}

func (h *holdings) finish() {
	select {
	case <-h.ended:
	default:
		close(h.ended)
	}
}

// count returns how many rows are held.
func (h *holdings) count() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.rows)
}

// of counts the rows of a repository.
func (h *holdings) of(repository int64) (count int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, held := range h.rows {
		if held.work.Repository == repository {
			count++
		}
	}
	return count
}

// full gives the repositories of which at least so many rows are held.
func (h *holdings) full(most int) (repositories []int64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	counts := map[int64]int{}
	for _, held := range h.rows {
		if counts[held.work.Repository]++; counts[held.work.Repository] == most {
			repositories = append(repositories, held.work.Repository)
		}
	}
	return repositories
}

// extend extends all leases, three times in the life of one, until the holdings end. The work under a lease that is lost is
// cancelled.
func (h *holdings) extend(ctx context.Context, ledger LeaseExtender, clock func() time.Time, lease time.Duration) {
	ticker := time.NewTicker(lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.ended:
			return
		case <-ticker.C:
		}
		h.extendOnce(ctx, ledger, clock, lease)
	}
}

func (h *holdings) extendOnce(ctx context.Context, ledger LeaseExtender, clock func() time.Time, lease time.Duration) {
	h.mutex.Lock()
	var leases []promotion.Lease
	for _, held := range h.rows {
		leases = append(leases, held.work.Lease)
	}
	h.mutex.Unlock()
	if len(leases) == 0 {
		return
	}
	until := clock().Add(lease)
	limited, cancel := context.WithTimeout(ctx, lease/2)
	defer cancel()
	lost, err := ledger.Extend(limited, leases, until)
	gone := map[promotion.Lease]bool{}
	for _, one := range lost {
		gone[one] = true
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, one := range leases {
		held := h.rows[one.Work]
		switch {
		case held == nil || held.work.Lease != one:
		case err == nil && !gone[one]:
			held.until.Store(until.UnixMicro())
			held.end.Reset(until.Sub(clock()))
		case err == nil:
			held.cancel(promotion.ErrLeaseLost)
		}
	}
}
