package promotion

import (
	"context"
	"time"
)

// Turn says on whose behalf a system outside is asked, so that repositories are served in turn, and whether it can wait:
// promotions and what answers people cannot, the noting of stages can.
type Turn struct {
	Repository int64
	Urgent     bool
}

type turnKey struct{}

// WithTurn gives a context in which calls are made in that turn.
func WithTurn(ctx context.Context, turn Turn) context.Context {
	return context.WithValue(ctx, turnKey{}, turn)
}

// TurnOf gives the context's turn; without one, nobody's, which can wait.
func TurnOf(ctx context.Context) Turn {
	turn, _ := ctx.Value(turnKey{}).(Turn)
	return turn
}

type leaseKey struct{}

// WithLeaseEnd gives a context for work under a lease; end gives when the lease ends, as far as it is extended.
func WithLeaseEnd(ctx context.Context, end func() time.Time) context.Context {
	return context.WithValue(ctx, leaseKey{}, end)
}

// HoldsLease returns ErrLeaseLost when the lease of the context's work has ended by now. It is asked right before a tag is set: a
// process that was stopped for a while, and goes on, may not have noticed yet that somebody else has its work.
func HoldsLease(ctx context.Context, now time.Time) error {
	if end, found := ctx.Value(leaseKey{}).(func() time.Time); found && !now.Before(end()) {
		return ErrLeaseLost
	}
	return nil
}
