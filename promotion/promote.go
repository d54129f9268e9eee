package promotion

import (
	"context"
	"errors"
	"slices"
	"time"
)

// promote answers /promote: it finds the commit, gathers the facts that all images share, and decides image by image.
func (c *carrying) promote(ctx context.Context) error {
	environment, images, gate := c.names(c.words())
	if gate != nil {
		c.answer.Environment = environment.Name
		return c.refuse(*gate)
	}
	into := target{environment: environment, images: images}
	c.answer.Environment, c.answer.WhoMay = environment.Name, WhoMay(environment.Promoters)
	var err error
	if into.person, err = c.personFact(ctx, environment); err != nil {
		return err
	}
	if gate, err := c.pressedInTime(ctx, environment); gate != nil || err != nil {
		return c.refuseAll(into, gate, err)
	}
	if gate, err := c.commit(ctx, &into); gate != nil || err != nil {
		return c.refuseAll(into, gate, err)
	}
	c.answer.Commit = into.commit
	if err := c.branchFact(ctx, &into); err != nil {
		return err
	}
	if err := c.runs(ctx, &into); err != nil {
		return err
	}
	if into.holds, err = c.holds(ctx); err != nil {
		return err
	}
	if into.overrides, err = c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryOverride}, Commit: into.commit}); err != nil {
		return err
	}
	units, err := c.together(ctx, environment, images)
	if err != nil {
		return err
	}
	return c.each(ctx, into, units, func(one unit, known map[string]Promotion) ([]Outcome, error) {
		if one.group != "" {
			return c.promoteGroup(ctx, into, one, known)
		}
		outcome, err := c.promoteImage(ctx, into, one.images[0], known[one.images[0].Name])
		return []Outcome{outcome}, err
	})
}

// refuseAll refuses for a gate that stands before all images, beside the gate of the person.
func (c *carrying) refuseAll(into target, gate *Gate, err error) error {
	if err != nil {
		return err
	}
	gates := []Gate{*gate}
	for _, person := range into.person.gates(into.environment) {
		if !person.Met {
			gates = append([]Gate{person}, gates...)
		}
	}
	return c.refuse(gates...)
}

// pressedInTime refuses a press of a button that was shown before the environment's last change.
func (c *carrying) pressedInTime(ctx context.Context, environment Environment) (*Gate, error) {
	known, err := c.History.PromotionsOf(ctx, c.request.ID)
	if err != nil || c.request.Source != FromButton || len(known) > 0 { // an earlier try of this very press may have changed it
		return nil, err
	}
	sequence, err := c.History.Sequence(ctx, c.request.Repository.ID, environment.Name)
	if err != nil || sequence == c.request.Sequence {
		return nil, err
	}
	return &Gate{
		Name: "button", Reason: OlderThanCurrent, Expected: "a button shown after the last change of " + environment.Name,
		Actual: environment.Name + " has changed since this button was shown",
		Next:   "look at what " + environment.Name + " has now, then press the new button or comment /promote " + environment.Name,
	}, nil
}

// each carries out the command for every image, or group of images. One that has to wait or fails does not keep the others.
func (c *carrying) each(ctx context.Context, into target, units []unit, act func(unit, map[string]Promotion) ([]Outcome, error)) error {
	rows, err := c.History.PromotionsOf(ctx, c.request.ID)
	if err != nil {
		return err
	}
	known := map[string]Promotion{}
	for _, promotion := range rows {
		if promotion.Environment == into.environment.Name {
			known[promotion.Image] = promotion
		}
	}
	var waiting error
	for _, one := range units {
		if previous := known[one.images[0].Name]; one.group == "" && previous.State.Final() {
			c.answer.Outcomes = append(c.answer.Outcomes, outcomeOf(previous))
			continue
		}
		outcomes, err := act(one, known)
		var again *AgainError
		switch {
		case errors.As(err, &again):
			waiting = err
		case err != nil:
			return err
		default:
			c.answer.Outcomes = append(c.answer.Outcomes, outcomes...)
		}
	}
	if waiting != nil {
		c.answer.Outcomes = nil
		return waiting
	}
	c.answer.Result = worstOf(c.answer.Outcomes)
	return nil
}

// outcomeOf tells a promotion that ended in an earlier try of the same request.
func outcomeOf(promotion Promotion) Outcome {
	outcome := Outcome{Decision: promotion.Decision, Promotion: promotion}
	switch promotion.State {
	case Succeeded:
		outcome.Result = ResultPromoted
		if promotion.Kind == KindRollback {
			outcome.Result = ResultRolledBack
		}
		if !slices.ContainsFunc(promotion.Moves, func(move Move) bool { return move.From != promotion.Digest }) {
			outcome.Result = ResultUnchanged
		}
	case Errored:
		outcome.Result = ResultErrored
	default:
		outcome.Result = resultOf(promotion.Decision)
	}
	return outcome
}

// resultOf gives the word for a decision that promoted nothing.
func resultOf(decision Decision) Result {
	unmet := decision.Unmet()
	switch {
	case len(unmet) == 0:
		return ResultReady
	case len(unmet) == 1 && unmet[0].Reason == AlreadyPromoted:
		return ResultUnchanged
	case slices.ContainsFunc(unmet, func(gate Gate) bool { return gate.Reason.Unclear() }):
		return ResultErrored
	}
	return ResultRefused
}

func worstOf(outcomes []Outcome) Result {
	order := []Result{ResultWaiting, ResultErrored, ResultRefused, ResultPromoted, ResultRolledBack, ResultReady, ResultUnchanged}
	for _, result := range order {
		if slices.ContainsFunc(outcomes, func(outcome Outcome) bool { return outcome.Result == result }) {
			return result
		}
	}
	return ResultInformed
}

// shipment tells what the promotion brings. It is for people: what cannot be found out is left out.
func (c *carrying) shipment(ctx context.Context, facts Facts, into target, decision Decision) Shipment {
	shipment := Shipment{Head: facts.Commit}
	if facts.Current == nil || facts.Current.Commit.IsZero() || facts.Current.Err != nil {
		return shipment
	}
	comparison := facts.Current.Comparison
	shipment.Base, shipment.Total, shipment.Commits, shipment.URL = facts.Current.Commit, comparison.Total, withoutAuthors(comparison.Commits), comparison.URL
	pull := into.pullRequest
	if pull.Number != 0 {
		shipment.PullRequests = append(shipment.PullRequests, ShippedPullRequest{
			Number: pull.Number, Title: pull.Title, Author: pull.Author.Login, Commit: pull.MergeCommit, URL: pull.URL,
		})
	}
	unexplained := slices.ContainsFunc(comparison.Commits, func(commit ShippedCommit) bool { return commit.Commit != pull.MergeCommit })
	if len(decision.Unmet()) > 0 || !unexplained {
		return shipment
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	merged, err := c.Commits.MergedPullRequests(ctx, c.request.Repository, c.request.Repository.DefaultBranch)
	if err != nil {
		return shipment
	}
	for _, other := range merged {
		brought := slices.ContainsFunc(comparison.Commits, func(commit ShippedCommit) bool { return commit.Commit == other.Commit })
		if brought && other.Number != pull.Number {
			shipment.PullRequests = append(shipment.PullRequests, other)
		}
	}
	return shipment
}
