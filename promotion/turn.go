package promotion

import "context"

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
