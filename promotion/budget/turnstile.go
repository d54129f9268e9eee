package budget

import (
	"context"
	"slices"
	"sync"

	"github.com/verbatim-dev/verbatim/promotion"
)

// turnstile lets so many in at once. Those who wait go in turn: what cannot wait first, then one of each repository, each
// repository's in the order in which they came. A burst of one delays the next call of another by one call.
type turnstile struct {
	mutex   sync.Mutex
	free    int
	urgent  lines
	patient lines
}

// lines are the waiting of each repository, and the order in which repositories are served.
type lines struct {
	order   []int64
	waiting map[int64][]*ticket
}

type ticket struct {
	called chan struct{}
	given  bool
	err    error // it was sent away
}

func newTurnstile(places int) *turnstile {
	return &turnstile{free: places, urgent: lines{waiting: map[int64][]*ticket{}}, patient: lines{waiting: map[int64][]*ticket{}}}
}

// enter waits for a place until the context ends.
func (t *turnstile) enter(ctx context.Context, turn promotion.Turn) error {
	t.mutex.Lock()
	if t.free > 0 {
		t.free--
		t.mutex.Unlock()
		return nil
	}
	mine := t.line(turn).add(turn.Repository)
	t.mutex.Unlock()
	err := t.await(ctx, turn, mine)
	if err != nil && mine.given {
		t.leave() // the place came too late, and is another's
	}
	return err
}

// join gets in line, whether or not there is a place.
func (t *turnstile) join(turn promotion.Turn) *ticket {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.line(turn).add(turn.Repository)
}

// await waits until the ticket is called, and leaves the line when the context ends before.
func (t *turnstile) await(ctx context.Context, turn promotion.Turn, mine *ticket) error {
	select {
	case <-mine.called:
		return mine.err
	case <-ctx.Done():
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !mine.given && mine.err == nil {
		t.line(turn).remove(turn.Repository, mine)
	}
	return ctx.Err()
}

// call calls whose turn it is, and reports whether anybody waited.
func (t *turnstile) call() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.callNext()
}

// dismiss sends everybody away who waits.
func (t *turnstile) dismiss(err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, of := range []*lines{&t.urgent, &t.patient} {
		for called := of.next(); called != nil; called = of.next() {
			called.err = err
			close(called.called)
		}
	}
}

// leave gives the place to whose turn it is.
func (t *turnstile) leave() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.callNext() {
		t.free++
	}
}

func (t *turnstile) callNext() bool {
	called := t.urgent.next()
	if called == nil {
		called = t.patient.next()
	}
	if called == nil {
		return false
	}
	called.given = true
	close(called.called)
	return true
}

// waits reports how many wait.
func (t *turnstile) waits() (count int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, of := range []lines{t.urgent, t.patient} {
		for _, line := range of.waiting {
			count += len(line)
		}
	}
	return count
}

func (t *turnstile) line(turn promotion.Turn) *lines {
	if turn.Urgent {
		return &t.urgent
	}
	return &t.patient
}

func (l *lines) add(repository int64) *ticket {
	mine := &ticket{called: make(chan struct{})}
	if len(l.waiting[repository]) == 0 {
		l.order = append(l.order, repository)
	}
	l.waiting[repository] = append(l.waiting[repository], mine)
	return mine
}

func (l *lines) next() *ticket {
	if len(l.order) == 0 {
		return nil
	}
	repository := l.order[0]
	line := l.waiting[repository]
	l.order = l.order[1:]
	if l.waiting[repository] = line[1:]; len(line) > 1 {
		l.order = append(l.order, repository)
	} else {
		delete(l.waiting, repository)
	}
	return line[0]
}

func (l *lines) remove(repository int64, mine *ticket) {
	line := slices.DeleteFunc(l.waiting[repository], func(other *ticket) bool { return other == mine })
	if l.waiting[repository] = line; len(line) == 0 {
		delete(l.waiting, repository)
		l.order = slices.DeleteFunc(l.order, func(other int64) bool { return other == repository })
	}
}
