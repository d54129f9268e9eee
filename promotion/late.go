package promotion

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// lateAfter is how long after it was given a command is still carried out. This is the one place that says so, whatever way
// the command came: by a delivery, a redelivery, a sweep or a button.
const lateAfter = time.Hour

// age returns how long ago the command was given. Each span is taken from one clock: from when the comment was written (or the
// button's press first delivered) until now by GitHub's, and from when it reached us until now by ours. So neither a clock that
// is wrong nor a queue that stood still makes an old command a young one.
func (c *carrying) age() time.Duration {
	now := c.Clock()
	age := now.Sub(c.request.Received)
	if given := c.givenAt(); !given.IsZero() {
		age = max(age, c.GitHubTime(now).Sub(given))
	}
	return age
}

// waited returns for how long the command has waited already: the least that is told, so that a clock which is ahead ends no wait.
func (c *carrying) waited() time.Duration {
	now := c.Clock()
	waited := now.Sub(c.request.Received)
	if given := c.givenAt(); !given.IsZero() {
		waited = min(waited, c.GitHubTime(now).Sub(given))
	}
	return max(waited, 0)
}

// givenAt returns when the command was given, by GitHub's clock; zero where nothing tells.
func (c *carrying) givenAt() time.Time {
	if c.request.Source == FromButton {
		return c.pressed.At
	}
	return c.request.Commented
}

// isLate reports whether the command must not be carried out any more. One that waits for its gates was begun in time. A press
// that GitHub delivered again, and whose first delivery it does not list within the hour, is late.
func (c *carrying) isLate() bool {
	again := c.pressed.Listed && c.pressed.At.IsZero()
	return c.request.State != RequestWaiting && (again || c.age() > lateAfter)
}

// For how long, and how often, a press is looked for in GitHub's list of deliveries: it may be listed a little after it came.
const (
	pressListed = 4 * time.Second
	pressAgain  = time.Second
)

// lookUpPress asks GitHub when a button was pressed: the event itself has no time. Where GitHub does not tell, the press counts
// as one of when it reached us, and a button that was shown before the environment's last change is refused anyway.
func (c *carrying) lookUpPress(ctx context.Context) error {
	if c.request.Source != FromButton || c.request.Delivery == "" {
		return nil
	}
	first, err := c.Deliveries.FirstDelivered(ctx, c.request.Delivery, c.GitHubTime(c.Clock()).Add(-lateAfter))
	switch {
	case IsOutage(err):
		return fromGitHub(fmt.Errorf("ask when the button was pressed: %w", err))
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return nil // it is not told
	case !first.Listed && c.Clock().Sub(c.request.Received) < pressListed:
		return &AgainError{Err: fmt.Errorf("ask when the button was pressed: GitHub does not list the delivery yet"), After: pressAgain, Uncounted: true}
	}
	c.pressed = first
	return nil
}

// away answers a command that is carried out too late: what it was about may not be so any more. What an earlier try had begun
// to move was finished before, and is told.
func (c *carrying) away(ctx context.Context) error {
	begun, err := c.History.PromotionsOf(ctx, c.request.ID)
	if err != nil {
		return err
	}
	rule := fmt.Sprintf("no command is carried out more than %d minutes after it was given. To go on, give it again in a new comment.", int(lateAfter.Minutes()))
	switch {
	case len(begun) > 0:
		c.answer.Notes = []string{"It was interrupted.", "What had been begun is told here, and the rest was not done: " + rule}
	case c.request.Answer.Result == ResultDelayed:
		c.answer.Result, c.answer.Gates = ResultErrored, slices.Clone(c.request.Answer.Gates)
		for i := range c.answer.Gates {
			gate := &c.answer.Gates[i]
			if gate.Pauses {
				c.answer.Result, gate.Next = ResultRefused, "ask whoever runs Verbatim to mend it ("+scopeSetting+"), or name another one in the policy; then ask again"
				continue
			}
			gate.Next = "ask again once it is back; nothing is promoted on a guess"
		}
		c.answer.Notes = []string{"It was tried for as long as it may be.", "Nothing was done: " + rule}
	default:
		c.answer.Result = ResultInformed
		c.answer.Notes = []string{
			"Verbatim was away when this was asked: nothing was done, ask again",
			fmt.Sprintf("%s and looked at here at %s: %s", c.given(), clockText(c.GitHubTime(c.Clock())), rule),
		}
	}
	return nil
}

// given says for people when the command was given.
func (c *carrying) given() string {
	switch at := c.givenAt(); {
	case c.request.Source != FromButton:
		return "The comment was made at " + clockText(c.request.Commented)
	case at.IsZero():
		return "The button was pressed before " + clockText(c.request.Received)
	default:
		return "The button was pressed at " + clockText(at)
	}
}
