package promotion

import (
	"context"
	"fmt"
)

// finishInterrupted finishes what an earlier try of the request had begun to move. It comes before every other question: a
// tag that was moved is moved, whatever has changed since.
func (c *carrying) finishInterrupted(ctx context.Context) error {
	known, err := c.History.PromotionsOf(ctx, c.request.ID)
	if err != nil {
		return err
	}
	groups := map[string][]*moving{}
	for _, promotion := range known {
		move := &moving{
			carrying: c, environment: Environment{Name: promotion.Environment}, image: Image{Name: promotion.Image}, group: promotion.Group,
			scope: ScopeFact{Registry: promotion.Registry, Allowed: true}, kind: promotion.Kind, ships: promotion.Ships, promotion: promotion,
		}
		if promotion.Group != "" {
			if promotion.State == Running {
				groups[promotion.Group] = append(groups[promotion.Group], move)
			}
			continue
		}
		if _, _, err := move.resume(ctx); err != nil {
			return err
		}
	}
	for group, moving := range groups {
		if err := c.resumeGroup(ctx, group, moving); err != nil {
			return err
		}
	}
	return nil
}

// resumeGroup finishes a group of which a tag was moved. All of it had been decided.
func (c *carrying) resumeGroup(ctx context.Context, group string, moving []*moving) error {
	begun := false
	for _, one := range moving {
		if gate, err := one.take(ctx, one.promotion.Tags); gate != nil || err != nil {
			return err
		}
		inspection, err := c.Registry.Inspect(ctx, one.scope.Registry, Digest{}, one.promotion.Tags)
		if err != nil {
			err = fromRegistry(fmt.Errorf("read the tags of %s: %w", one.scope.Registry, err))
			if again := c.again(err); again != nil {
				return again
			}
			begun = true // it cannot be told: what was moved is put back, or told
		}
		for _, move := range one.promotion.Moves {
			begun = begun || move.From != one.promotion.Digest && inspection.Tags[move.Tag].Digest == one.promotion.Digest
		}
	}
	if !begun {
		return nil
	}
	for _, one := range moving {
		one.begun = true
	}
	_, err := c.finishGroup(ctx, group, moving)
	return err
}

// endOpen ends the request's promotions that are still open, and tells those of earlier tries in the answer.
func (c *carrying) endOpen(ctx context.Context) ([]*Promotion, error) {
	known, err := c.History.PromotionsOf(ctx, c.request.ID)
	if err != nil {
		return nil, err
	}
	var ended []*Promotion
	var earlier []Outcome
	for _, promotion := range known {
		if !promotion.State.Final() {
			promotion.Decision.Gates = append(promotion.Decision.Gates, Gate{
				Name: "interrupted", Reason: InternalError, Expected: "the promotion is carried through", Actual: "it was begun, and nothing was moved",
				Next: "read the reasons above, then ask again",
			})
			if promotion, err = promotion.To(Errored, c.Clock()); err != nil {
				return nil, err
			}
			ended = append(ended, &promotion)
		}
		if !c.tells(promotion) {
			earlier = append(earlier, outcomeOf(promotion))
		}
	}
	if len(earlier) > 0 {
		c.answer.Environment = earlier[0].Decision.Environment
		c.answer.Outcomes = append(earlier, c.answer.Outcomes...)
		if worst := worstOf(c.answer.Outcomes); c.answer.Result == "" || worst == ResultErrored {
			c.answer.Result = worst
		}
	}
	return ended, nil
}

func (c *carrying) tells(promotion Promotion) bool {
	for _, outcome := range c.answer.Outcomes {
		if outcome.Decision.Image == promotion.Image && outcome.Decision.Environment == promotion.Environment {
			return true
		}
	}
	return false
}
