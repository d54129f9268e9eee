package promotion

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// requestAttempts is how often a request is tried when it fails for another reason than an outage, and how often an outage
	// is tried in silence.
	requestAttempts = 4
	// silentFor is how long a request waits in silence for somebody who is down, and longPause the pause until the next try
	// that is not made in silence.
	silentFor = 10 * time.Second
	longPause = 2 * time.Second
	// longestBackoff is how long is waited between two tries.
	longestBackoff = 20 * time.Second
	// roleWait is how much longer than its hour a request waits whose author's role could not be read: until then nobody knows
	// whether they are to get an answer.
	roleWait = 24 * time.Hour
	// waitingRetry is when a waiting request is looked at again after something outside failed.
	waitingRetry = time.Minute
)

// again returns the error with which the request is to be run once more, or nil when it is to be settled as it is. While
// somebody outside is down it goes on for as long as the command may be carried out at all.
func (c *carrying) again(err error) error {
	var again *AgainError
	switch {
	case errors.Is(err, ErrLeaseLost), errors.Is(err, context.Canceled), errors.As(err, &again):
		return err
	case c.outlasts(err):
		return &AgainError{Err: err, After: c.retryAfter(err, waitingRetry), Uncounted: true}
	case errors.As(err, new(*PermanentError)):
		return nil
	}
	wait := c.retryAfter(err, backoff(c.attempt))
	if !IsOutage(err) {
		if c.attempt >= requestAttempts {
			return nil
		}
		return &AgainError{Err: err, After: wait}
	}
	_, untried := Paused(err)
	if delayed := (*DelayedError)(nil); errors.As(err, &delayed) {
		wait, untried = delayed.After, delayed.Untried
	}
	// What an earlier try has begun to move is tried a few times more, however late it is.
	if wait <= c.patience() || c.attempt < requestAttempts && wait <= longestBackoff {
		return &AgainError{Err: err, After: wait, Uncounted: untried}
	}
	return nil
}

// retryAfter returns when what failed is tried again: what our credentials were refused for as soon as they may be mended.
func (c *carrying) retryAfter(err error, after time.Duration) time.Duration {
	if _, isPaused := Paused(err); isPaused {
		return PauseAfter(c.Clock().Sub(c.request.Received))
	}
	return after
}

func backoff(attempt int) time.Duration {
	wait := min(time.Duration(1<<min(attempt, 20))*200*time.Millisecond, longestBackoff)
	return wait/2 + rand.N(wait/2)
}

// patience returns for how much longer the request may wait for somebody who is down.
func (c *carrying) patience() time.Duration {
	left := lateAfter - c.age()
	if c.role.Permission == "" {
		left += roleWait
	}
	return left
}

// outlasts reports whether a waiting request simply waits on: it has the time, and what failed may come back.
func (c *carrying) outlasts(err error) bool {
	permanent := (*PermanentError)(nil)
	waiting := c.request.Waiting
	return c.request.State == RequestWaiting && waiting != nil && c.Clock().Before(waiting.Until) && !errors.As(err, &permanent)
}

// sayThatItWaits returns the changes with which the person learns, once, that somebody outside is down and that the command
// is tried again. A short outage is not worth a word.
func (c *carrying) sayThatItWaits(ctx context.Context, err error, silent bool) (Changes, error) {
	var again *AgainError
	if silent || !errors.As(err, &again) || !IsOutage(err) || c.request.State != RequestOpen || c.request.Answer.Result != "" || c.patience() <= 0 {
		return Changes{}, nil
	}
	if c.attempt < requestAttempts && again.After < longPause && c.Clock().Sub(c.request.Received) < silentFor {
		return Changes{}, nil
	}
	answer := c.answer
	gate := delayed(again.Err)
	answer.Result, answer.Gates, answer.Outcomes, answer.WaitsUntil = ResultDelayed, []Gate{gate}, nil, c.Clock().Add(lateAfter-c.age())
	request := c.request
	request.Answer = answer
	changes := Changes{Requests: []*Request{&request}}
	if request.Comment == 0 {
		changes.Announcements, err = c.checks(ctx, request)
		return changes, err
	}
	if changes.Announcements, err = c.reply(ctx, request); err != nil || len(answer.pauses()) == 0 {
		return changes, err
	}
	checks, err := c.checks(ctx, request)
	changes.Announcements = append(changes.Announcements, checks...)
	changes.Work = append(changes.Work, laterChecks(checks)...)
	return changes, err
}
