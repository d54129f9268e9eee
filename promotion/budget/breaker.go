package budget

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	// failuresToOpen is how many calls in a row have to fail for a host to be left alone.
	failuresToOpen = 8
	firstPause     = 5 * time.Second
	// longestPause is also how long it may take until it is noticed that the host is back.
	longestPause = 20 * time.Second
	// failuresToSay is how many calls in a row have to fail for a host to be said not to answer.
	failuresToSay = 3
)

// breaker leaves a host alone that does not answer: calls fail at once, instead of each waiting for its deadline. From
// time to time one call tries whether it is back.
type breaker struct {
	host string

	mutex    sync.Mutex
	failures int       // in a row
	first    time.Time // of them
	since    time.Time // it opened; zero: closed
	until    time.Time // the next call may try
	pause    time.Duration
	probing  chan struct{} // closed when the call that tries has ended; nil: none does
}

// allow reports whether a call may be made, and whether it is the one that tries. While another tries, what cannot wait waits a moment
// for what comes of that: of two calls that are made for the same promotion, the refusal of one would end the other.
func (b *breaker) allow(ctx context.Context, clock func() time.Time) (probe bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, shortWait)
	defer cancel()
	for {
		probe, tried, err := b.ask(clock())
		if tried == nil || !promotion.TurnOf(ctx).Urgent {
			return probe, err
		}
		select {
		case <-tried:
		case <-ctx.Done():
			return false, err
		}
	}
}

// ask is allow without the wait: tried is closed once it is known what came of the call that is trying.
func (b *breaker) ask(now time.Time) (probe bool, tried <-chan struct{}, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch {
	case b.since.IsZero():
		return false, nil, nil
	case now.Before(b.until) || b.probing != nil:
		return false, b.probing, delayed(b.until.Sub(now), "%s has not answered since %s: it is tried again after %s", b.host, b.since.UTC().Format(time.TimeOnly), b.until.UTC().Format(time.TimeOnly))
	}
	b.probing = make(chan struct{})
	return true, nil, nil
}

// withdraw says that an admitted call was not made.
func (b *breaker) withdraw(probe bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.end(probe)
}

func (b *breaker) end(probe bool) {
	if probe {
		close(b.probing)
		b.probing = nil
	}
}

// report takes what came of a call. Answers that say no are answers; a caller who gave up, and a call that was not made in
// the end, say nothing of the host.
func (b *breaker) report(ctx context.Context, probe bool, status int, err error, now time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.end(probe)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled), status == 0 && isOurs(err):
		return
	case !fails(status, err):
		b.failures, b.first, b.since, b.pause = 0, time.Time{}, time.Time{}, 0
		return
	}
	if b.failures++; b.failures == 1 {
		b.first = now
	}
	switch {
	case probe:
		b.pause = min(2*b.pause, longestPause)
	case b.since.IsZero() && b.failures >= failuresToOpen:
		b.since, b.pause = now, firstPause
	default:
		return
	}
	b.until = now.Add(b.pause/2 + rand.N(b.pause))
}

func (b *breaker) isOpen() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return !b.since.IsZero()
}

// unanswering returns since when the host has answered no call, and whether that is worth a word.
func (b *breaker) unanswering() (since time.Time, isSo bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.first, b.failures >= failuresToSay
}

func fails(status int, err error) bool {
	if status == 0 {
		return err != nil
	}
	// A plain 500 is an answer to one question; these say that nobody is there to answer any.
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// isOurs reports whether it was us who refused the call, after it was admitted: it was not its turn, or somebody else's work.
func isOurs(err error) bool {
	return errors.As(err, new(*promotion.DelayedError)) || errors.Is(err, promotion.ErrLeaseLost)
}
