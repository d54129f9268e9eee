package budget

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// account is what one identity has left: its calls of the hour, by the answers' headers, and when it may go on after it
// was told to stop (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
type account struct {
	name  string
	turns *turnstile

	mutex     sync.Mutex
	limit     int // 0: unknown
	remaining int
	reset     time.Time
	stopped   time.Time // until then
	used      time.Time
	running   int
}

func newAccount(name string, concurrency int) *account {
	return &account{name: name, turns: newTurnstile(concurrency)}
}

// admit waits until the call may be made, or says when to come back.
func (a *account) admit(ctx context.Context, turn promotion.Turn, options Options) error {
	if err := a.affords(ctx, turn, options); err != nil {
		return err
	}
	if err := a.queue(ctx, turn); err != nil {
		return err
	}
	// While it waited, others may have been told to stop.
	if err := a.affords(ctx, turn, options); err != nil {
		a.turns.leave()
		return err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.running++
	return nil
}

// queue waits for a place. A call that got one when its deadline is nearly over would fail, and the host would be blamed.
func (a *account) queue(ctx context.Context, turn promotion.Turn) error {
	limited := ctx
	if deadline, found := ctx.Deadline(); found {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	err := a.turns.enter(limited, turn)
	if err != nil && ctx.Err() == nil {
		return delayed(shortWait, "%s: too many wait for their turn", a.name)
	}
	return err
}

func (a *account) affords(ctx context.Context, turn promotion.Turn, options Options) error {
	a.mutex.Lock()
	now := options.Clock()
	a.used = now
	wait, why := a.stopped.Sub(now), "it asked to be left alone"
	if left, known := a.left(now); known && wait <= 0 {
		switch {
		case left <= 0:
			wait, why = a.reset.Sub(now), "its calls of the hour are used up"
		case !turn.Urgent && float64(left) < options.Reserve*float64(a.limit):
			wait, why = a.reset.Sub(now), "what is left of the hour's calls is kept for promotions"
		}
	}
	a.mutex.Unlock()
	if wait <= 0 {
		return nil
	}
	if wait > shortWait {
		return delayed(wait, "%s is not called for %s: %s", a.name, wait.Round(time.Second), why)
	}
	return sleep(ctx, wait)
}

// left gives what is left of the hour: what the last answer said, less what is under way.
func (a *account) left(now time.Time) (int, bool) {
	if a.limit == 0 || !now.Before(a.reset) {
		return 0, false
	}
	return a.remaining - a.running, true
}

// leave takes what the answer says of the limits.
func (a *account) leave(status int, header http.Header, now time.Time) {
	a.turns.leave()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.running--
	if header == nil || status == http.StatusUnauthorized {
		// Whom GitHub does not know it counts by address, with sixty calls an hour: that limit is not this identity's.
		return
	}
	remaining, hasRemaining := number(header, "X-RateLimit-Remaining")
	limit, hasLimit := number(header, "X-RateLimit-Limit")
	resets, hasReset := number(header, "X-RateLimit-Reset")
	resource := header.Get("X-RateLimit-Resource")
	if hasRemaining && hasLimit && hasReset && (resource == "" || resource == "core") {
		reset := time.Unix(int64(resets), 0)
		// Answers overtake each other: within the hour, the least that was said counts.
		if !reset.Equal(a.reset) || remaining < a.remaining || limit != a.limit {
			a.limit, a.remaining, a.reset = limit, remaining, reset
		}
	}
	if status == http.StatusTooManyRequests || status == http.StatusForbidden && isLimit(header, remaining, hasRemaining) {
		a.stopped = latest(a.stopped, stoppedUntil(header, remaining, hasRemaining, resets, now))
	}
}

// isLimit reports whether a 403 speaks of a limit, and not of what is not allowed.
func isLimit(header http.Header, remaining int, hasRemaining bool) bool {
	return header.Get("Retry-After") != "" || hasRemaining && remaining == 0
}

// stoppedUntil gives when calls may go on: Retry-After, else when the hour's calls are renewed, else in a minute.
func stoppedUntil(header http.Header, remaining int, hasRemaining bool, resets int, now time.Time) time.Time {
	wait := time.Minute
	if seconds, isThere := number(header, "Retry-After"); isThere {
		wait = time.Duration(seconds) * time.Second
	} else if hasRemaining && remaining == 0 && resets > 0 {
		wait = time.Unix(int64(resets), 0).Sub(now)
	}
	return now.Add(min(max(wait, time.Second), 2*time.Hour))
}

func (a *account) known(now time.Time) (Account, bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	left, isKnown := a.left(now)
	return Account{Name: strings.TrimSpace(a.name), Limit: a.limit, Remaining: max(left, 0)}, isKnown
}

// idle reports whether nothing would be lost with the account.
func (a *account) idle(now time.Time) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.running == 0 && now.Sub(a.used) > time.Hour && !now.Before(a.stopped)
}

func number(header http.Header, name string) (int, bool) {
	value, err := strconv.ParseInt(header.Get(name), 10, 64)
	return int(max(value, 0)), err == nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
