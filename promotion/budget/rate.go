package budget

import (
	"context"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Reserver hands out moments at which something may be done, to every process that shares it.
type Reserver interface {
	// Reserve reserves so many moments, at least interval apart from each other and from all reserved before, and gives how
	// long it is until the first.
	Reserve(ctx context.Context, name string, interval time.Duration, count int) (wait time.Duration, err error)
}

const (
	// margin keeps a little below a limit, because calls that leave evenly do not arrive so.
	margin = 1.03
	// reservedAtOnce is how many moments are reserved in one go.
	reservedAtOnce = 5
	// longestQueue is how long a call waits for its moment; for longer, its work is put back.
	longestQueue = 20 * time.Second
)

// rate is something that may be done so often a second.
type rate struct {
	name     string
	interval time.Duration
	reserver Reserver
	turns    *turnstile

	mutex   sync.Mutex
	serving bool
}

// Pace waits for the moment at which the named thing may be done, which is done at most perSecond times a second by all
// processes together. Those who wait go in turn, as in Admit. It returns a *promotion.DelayedError when it would take too
// long, and the error of the Reserver.
func (b *Budget) Pace(ctx context.Context, name string, perSecond float64) error {
	b.mutex.Lock()
	of, found := b.rates[name]
	if !found {
		of = &rate{name: name, interval: time.Duration(float64(time.Second) / perSecond * margin), reserver: b.options.Reserver, turns: newTurnstile(0)}
		b.rates[name] = of
	}
	b.mutex.Unlock()
	turn := promotion.TurnOf(ctx)
	mine := of.turns.join(turn)
	of.serve()
	limited, cancel := context.WithTimeout(ctx, longestQueue)
	defer cancel()
	began := b.options.Clock()
	err := of.turns.await(limited, turn, mine)
	b.options.Waited(b.options.Clock().Sub(began))
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return delayed(shortWait, "%s: too many wait for their turn", name)
	}
	return err
}

// serve has somebody call those who wait.
func (r *rate) serve() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !r.serving {
		r.serving = true
		go r.run()
	}
}

// run calls those who wait, each at a moment of its own, until nobody waits.
func (r *rate) run() {
	for {
		r.mutex.Lock()
		waiting := r.turns.waits()
		if waiting == 0 {
			r.serving = false
			r.mutex.Unlock()
			return
		}
		r.mutex.Unlock()
		r.callSome(min(waiting, reservedAtOnce))
	}
}

func (r *rate) callSome(count int) {
	ctx, cancel := context.WithTimeout(context.Background(), longestQueue/2)
	defer cancel()
	wait, err := r.reserver.Reserve(ctx, r.name, r.interval, count)
	if err == nil && wait > longestQueue {
		err = delayed(wait, "%s: others have all moments of the next %s", r.name, wait.Round(time.Second))
	}
	if err != nil {
		r.turns.dismiss(err)
		return
	}
	reserved := time.Now()
	for i := range count {
		time.Sleep(time.Until(reserved.Add(wait + time.Duration(i)*r.interval)))
		if !r.turns.call() {
			return
		}
	}
}

// memory reserves for one process.
type memory struct {
	clock func() time.Time
	mutex sync.Mutex
	next  map[string]time.Time
}

// Reserve reserves moments.
func (m *memory) Reserve(_ context.Context, name string, interval time.Duration, count int) (time.Duration, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	now := m.clock()
	first := latest(m.next[name], now)
	m.next[name] = first.Add(time.Duration(count) * interval)
	return first.Sub(now), nil
}
