package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// unit is what is promoted together: one image, or all images of a group.
type unit struct {
	group  string // "" for an image alone
	images []Image
}

// units puts images that belong to a group together with all others of it, in the order in which they were named: of the policy's
// own groups, and of those of policies of before.
func (p Policy) units(images []Image, former []Group) []unit {
	var units []unit
	placed := map[string]bool{}
	for _, image := range images {
		if placed[image.Name] {
			continue
		}
		one := p.unitOf(image, append(slices.Clone(p.Groups), former...))
		for _, member := range one.images {
			placed[member.Name] = true
		}
		units = append(units, one)
	}
	return units
}

// unitOf gives the image and all that hangs together with it by the groups. What is no image any more cannot be promoted.
func (p Policy) unitOf(image Image, groups []Group) unit {
	members := map[string]bool{image.Name: true}
	for grown := true; grown; {
		grown = false
		for _, group := range groups {
			if !slices.ContainsFunc(group.Images, func(name string) bool { return members[name] }) {
				continue
			}
			for _, name := range group.Images {
				if _, found := p.Image(name); found && !members[name] {
					members[name], grown = true, true
				}
			}
		}
	}
	if len(members) == 1 {
		return unit{images: []Image{image}}
	}
	var one unit
	for _, group := range groups {
		for _, name := range group.Images {
			if members[name] {
				member, _ := p.Image(name)
				one.group, one.images = cmp.Or(one.group, group.Name), append(one.images, member)
				delete(members, name)
			}
		}
	}
	return one
}

// promoteGroup promotes the images of a group: none, unless every gate of each is met; and when a tag of one cannot be
// set, those that were moved are put back.
func (c *carrying) promoteGroup(ctx context.Context, into target, one unit, known map[string]Promotion) ([]Outcome, error) {
	var ready []prepared
	var outcomes []Outcome
	for _, image := range one.images {
		if previous := known[image.Name]; previous.State.Final() {
			return c.groupBefore(ctx, one, known)
		}
	}
	for _, image := range one.images {
		made, err := c.prepareImage(ctx, into, image, known[image.Name], one)
		if err != nil {
			return nil, err
		}
		ready = append(ready, made)
	}
	if pauses := pausesOf(ready); pauses != nil {
		return nil, pauses
	}
	refusing := slices.IndexFunc(ready, func(made prepared) bool { return made.outcome == nil && len(made.decision.Unmet()) > 0 })
	if refusing >= 0 {
		return c.refuseGroup(ctx, one, ready, ready[refusing].decision)
	}
	if c.request.Command.DryRun {
		for _, made := range ready {
			outcome, err := made.move.act(ctx, made.decision, made.inspection)
			if err != nil {
				return nil, err
			}
			outcomes = append(outcomes, outcome)
		}
		return outcomes, nil
	}
	return c.moveGroup(ctx, one, ready)
}

// groupBefore tells a group that an earlier try of the request has ended.
func (c *carrying) groupBefore(_ context.Context, one unit, known map[string]Promotion) ([]Outcome, error) {
	var outcomes []Outcome
	for _, image := range one.images {
		if previous := known[image.Name]; previous.State.Final() {
			outcomes = append(outcomes, outcomeOf(previous))
		}
	}
	return outcomes, nil
}

// refuseGroup refuses all images of a group for what one of them lacks.
func (c *carrying) refuseGroup(ctx context.Context, one unit, ready []prepared, lacking Decision) ([]Outcome, error) {
	var outcomes []Outcome
	first := lacking.Unmet()[0]
	waiting := !slices.ContainsFunc(ready, func(made prepared) bool {
		return made.outcome == nil && len(made.decision.Unmet()) > 0 && !c.waits(made.decision)
	})
	for _, made := range ready {
		if made.outcome != nil {
			outcomes = append(outcomes, *made.outcome)
			continue
		}
		if len(made.decision.Unmet()) == 0 {
			made.decision.Gates = append(made.decision.Gates, Gate{
				Name: "group " + one.group, Reason: first.Reason, Expected: "every image of the group meets its gates", Actual: fmt.Sprintf("%s does not: %s", lacking.Image, first.Name),
				Next: one.remedy(lacking.Image),
			})
		}
		if waiting {
			outcomes = append(outcomes, Outcome{Result: ResultWaiting, Decision: made.decision})
			continue
		}
		outcome, err := made.move.refuse(ctx, made.decision)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// remedy says what to do about an image of the group.
func (u unit) remedy(lacking string) string {
	next := "mend " + lacking + ": the group is promoted together"
	if strings.HasSuffix(u.group, formerGroup) {
		next += ", until all of it was promoted once under the policy of now; or take " + lacking + " out of the policy, if there is no such image any more"
	}
	return next
}

// moveGroup moves the tags of all images. All rows say that they are running before the first tag is touched, so that
// whoever finishes an interrupted group finds all of it.
func (c *carrying) moveGroup(ctx context.Context, one unit, ready []prepared) ([]Outcome, error) {
	var moving []*moving
	var rows []*Promotion
	outcomes := make([]Outcome, 0, len(ready))
	for _, made := range ready {
		begun, outcome, err := made.move.plan(ctx, made.decision, made.inspection)
		if err != nil {
			return nil, err
		}
		if !begun {
			outcomes = append(outcomes, outcome)
			continue
		}
		if made.move.promotion.State == Pending {
			if made.move.promotion, err = made.move.promotion.To(Running, c.Clock()); err != nil {
				return nil, err
			}
		}
		rows = append(rows, &made.move.promotion)
		moving = append(moving, made.move)
	}
	if len(rows) > 0 {
		if err := c.unmoved(ctx); err != nil {
			return nil, err
		}
		if err := c.Journal.Commit(ctx, c.lease, Changes{Promotions: rows, Policies: moving[0].judging()}); err != nil {
			return nil, err
		}
	}
	moved, err := c.finishGroup(ctx, one.group, moving)
	return append(outcomes, moved...), err
}

// finishGroup sets what is left of a group's tags. When one cannot be set, what was moved is put back, and every image says so.
func (c *carrying) finishGroup(ctx context.Context, group string, moving []*moving) ([]Outcome, error) {
	for i, one := range moving {
		one.begun = one.begun || i > 0 && moving[i-1].begun
		inspection, err := c.Registry.Inspect(ctx, one.scope.Registry, one.promotion.Digest, one.promotion.Tags)
		if err == nil && inspection.Manifest.Digest != one.promotion.Digest {
			err = &PermanentError{Err: fmt.Errorf("the registry does not have %s any more", one.promotion.Digest)}
		}
		var stop *stop
		if err != nil {
			stop, err = one.stopped(one.promotion.Moves[0], err)
		} else {
			stop, err = one.setTags(ctx, inspection)
		}
		if err != nil {
			return nil, err
		}
		if stop != nil {
			return c.restoreGroup(ctx, group, moving, i, *stop)
		}
	}
	return c.endGroup(ctx, moving, Succeeded, nil)
}

// restoreGroup puts back the tags of a group that was moved in part.
func (c *carrying) restoreGroup(ctx context.Context, group string, moving []*moving, failed int, cause stop) ([]Outcome, error) {
	var left []string
	for i, one := range moving {
		if i > failed {
			continue
		}
		for j := range one.promotion.Moves {
			move := &one.promotion.Moves[j]
			why, err := one.putBack(ctx, move)
			if err != nil {
				return nil, err
			}
			if why != "" {
				left = append(left, fmt.Sprintf("%s of %s: %s", move.Tag, one.scope.Registry, why))
			}
		}
	}
	next, state := "nothing of the group was promoted: mend the cause and ask again", cause.state
	if len(left) > 0 {
		next, state = "these tags could not be put back: "+strings.Join(left, "; "), Errored
	}
	return c.endGroup(ctx, moving, state, func(i int) Gate {
		if i == failed {
			gate := cause.gate
			gate.Next += "; " + next
			return gate
		}
		return Gate{
			Name: "group " + group, Reason: cause.gate.Reason, Expected: "the tags of every image of the group can be set",
			Actual: fmt.Sprintf("%s of %s could not: %s", cause.gate.Name, moving[failed].image.Name, cause.gate.Actual), Next: next,
		}
	})
}

// endGroup ends all rows of a group in one transaction.
func (c *carrying) endGroup(ctx context.Context, moving []*moving, state State, gate func(int) Gate) ([]Outcome, error) {
	var rows []*Promotion
	var outcomes []Outcome
	for i, one := range moving {
		if gate != nil {
			one.promotion.Decision.Gates = append(one.promotion.Decision.Gates, gate(i))
		}
		ended, err := one.promotion.To(state, c.Clock())
		if err != nil {
			return nil, err
		}
		one.promotion = ended
		rows = append(rows, &one.promotion)
	}
	if err := c.Journal.Commit(ctx, c.lease, Changes{Promotions: rows, ReleaseLanes: true}); err != nil {
		return nil, err
	}
	for _, row := range rows {
		outcomes = append(outcomes, outcomeOf(*row))
	}
	return outcomes, nil
}
