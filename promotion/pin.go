package promotion

import (
	"context"
	"errors"
	"fmt"
)

// Pin is what a rollback did beside moving tags: it ended what waited, and only a person's new command moves the image on.
type Pin struct {
	Image string
	Left  Commit   // what the environment had before; zero where that is not known
	Ended []string // what waits no more, in words
}

// pinGate refuses what was asked for before the image was rolled back in the environment, however it comes to be carried out
// only now. It returns nil when nothing was rolled back since.
func (c *carrying) pinGate(ctx context.Context, environment, image string) (*Gate, error) {
	live, err := c.History.Live(ctx, c.request.Repository.ID, environment, image)
	if err != nil {
		return nil, err
	}
	for i := len(live) - 1; i >= 0; i-- {
		rollback := live[i]
		if rollback.Kind != KindRollback || rollback.Request == c.request.ID {
			continue
		}
		before, err := c.cameBefore(ctx, rollback.Request)
		if err != nil {
			return nil, err
		}
		if before {
			return &Gate{
				Name: "rolled back", Reason: OlderThanCurrent, Expected: "a command that was given after the last rollback of " + image + " in " + environment,
				Actual: fmt.Sprintf("%s rolled it back to %s at %s, after this was asked", rollback.Requester.Login, rollback.Digest.Short(), clockText(rollback.Finished)),
				Next:   "find out why; whoever wants it all the same gives a new command: /promote " + environment,
			}, nil
		}
	}
	return nil, nil
}

// cameBefore reports whether the request was given before another one: by GitHub's times where both have one and they differ, else
// by the numbers that the ledger drew for them.
func (c *carrying) cameBefore(ctx context.Context, id int64) (bool, error) {
	other, err := c.Requests.Request(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if given := c.givenAt(); !given.IsZero() && !other.Commented.IsZero() && !given.Equal(other.Commented) {
		return given.Before(other.Commented), nil
	}
	return c.request.ID < id, nil
}

// pins returns what the rollback's outcomes pin, and what waited for that and is ended by it.
func (c *carrying) pins(ctx context.Context) ([]Pin, error) {
	var pins []Pin
	for _, outcome := range c.answer.Outcomes {
		if outcome.Result != ResultRolledBack {
			continue
		}
		pin := Pin{Image: outcome.Decision.Image, Left: outcome.Promotion.FromCommit}
		waiting, err := c.Requests.WaitingRequests(ctx, c.request.Repository.ID)
		if err != nil {
			return nil, err
		}
		for _, request := range waiting {
			if request.awaits(outcome.Decision.Environment, pin.Image) {
				pin.Ended = append(pin.Ended, fmt.Sprintf("what %s asked for at %s", request.Requester.Login, request.Waiting.Commit.Short()))
			}
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// awaits reports whether the request waits to promote the image to the environment.
func (r Request) awaits(environment, image string) bool {
	if r.Waiting == nil || r.Answer.Environment != environment {
		return false
	}
	for _, outcome := range r.Answer.Outcomes {
		if outcome.Result == ResultWaiting && outcome.Decision.Image == image {
			return true
		}
	}
	return false
}
