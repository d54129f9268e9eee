package promotion

import (
	"context"
	"fmt"
	"strings"
)

// rollback answers /promote rollback: it goes back to what was live before, image by image. The gates of stages do not
// count: what was once live may be live again.
func (c *carrying) rollback(ctx context.Context) error {
	environment, images, gate := c.names(c.request.Command.Names)
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
	if into.holds, err = c.holds(ctx); err != nil {
		return err
	}
	var units []unit
	for _, image := range images {
		units = append(units, unit{images: []Image{image}})
	}
	return c.each(ctx, into, units, func(one unit, known map[string]Promotion) ([]Outcome, error) {
		outcome, err := c.rollbackImage(ctx, into, one.images[0], known[one.images[0].Name])
		return []Outcome{outcome}, err
	})
}

func (c *carrying) rollbackImage(ctx context.Context, into target, image Image, previous Promotion) (Outcome, error) {
	scope := scopeOf(ctx, c.Scope, c.Lanes, c.request.Repository, image)
	move := &moving{carrying: c, environment: into.environment, image: image, scope: scope, promotion: previous, kind: KindRollback}
	if outcome, done, err := move.resume(ctx); done || err != nil {
		return outcome, err
	}
	live, err := c.History.EverLive(ctx, c.request.Repository.ID, into.environment.Name, image.Name)
	if err != nil {
		return Outcome{}, err
	}
	decision := Decision{Image: image.Name, Environment: into.environment.Name, Registry: scope.Registry}
	facts := Facts{Repository: c.request.Repository, Policy: c.policy, Environment: into.environment}
	decision.Gates = append(decision.Gates, rollbackRules(facts)...)
	decision.Gates = append(decision.Gates, into.person.gates(into.environment)...)
	decision.Gates = append(decision.Gates, scope.gate(c.request.Repository), holdGate(into.holds, into.environment, []int{c.request.Issue}, Commit{}))
	refused := len(decision.Unmet()) > 0
	if !refused && !c.request.Command.DryRun {
		gate, err := move.take(ctx, into.environment.TagsFor(Commit{}))
		if err != nil {
			return Outcome{}, err
		}
		if gate != nil {
			decision.Gates = append(decision.Gates, *gate)
		}
		// Under the lane, nothing moves any more.
		if live, err = c.History.EverLive(ctx, c.request.Repository.ID, into.environment.Name, image.Name); err != nil {
			return Outcome{}, err
		}
	}
	if current, found := StandingOf(live).Current(); found {
		move.judged = current.Policy
		gates, err := c.rollbackRights(ctx, into, current.Policy)
		if err != nil {
			return Outcome{}, err
		}
		decision.Gates = append(decision.Gates, gates...)
	}
	if !scope.Allowed {
		if pauses := c.pausesFor(scope, decision); pauses != nil {
			return Outcome{}, pauses
		}
		return move.refuse(ctx, decision)
	}
	inspection, err := c.rollbackTarget(ctx, into.environment, live, &decision)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.heldTarget(ctx, into, &decision); err != nil {
		return Outcome{}, err
	}
	if len(decision.Unmet()) > 0 {
		return move.refuse(ctx, decision)
	}
	return move.act(ctx, decision, inspection)
}

// rollbackRights asks that the requester may under the policy that judged what the environment has, too, where it was changed since.
func (c *carrying) rollbackRights(ctx context.Context, into target, judged PolicyMark) ([]Gate, error) {
	if judged.Hash == "" || judged.Hash == c.policy.Hash() {
		return nil, nil
	}
	kept, err := c.Policies.Kept(ctx, c.request.Repository, judged)
	if err != nil {
		return nil, err
	}
	environment, found := kept.Policy.Environment(into.environment.Name)
	if !kept.Valid() || !found {
		return nil, nil
	}
	person, err := c.personFact(ctx, environment)
	if err != nil {
		return nil, err
	}
	var gates []Gate
	for _, gate := range person.gates(environment) {
		if !gate.Met {
			gate.Name += " (policy that judged what " + environment.Name + " has)"
			gates = append(gates, gate)
		}
	}
	return gates, nil
}

// rollbackRules are the policy's own gates that count for a rollback: the mode, and keys that would change where it goes or
// what it sets off.
func rollbackRules(facts Facts) []Gate {
	gates := ruleGates(facts)[:1]
	var keys []string
	for _, key := range facts.Policy.Policy.NotEnforced(facts.Environment) {
		if strings.HasSuffix(key, ".repository") || strings.HasSuffix(key, ".deploy") || strings.HasSuffix(key, ".attest") {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		gates = append(gates, notEnforced(keys))
	}
	return gates
}

// rollbackTarget finds the digest to go back to and asks the registry for it. It adds the gates to the decision.
func (c *carrying) rollbackTarget(ctx context.Context, environment Environment, live []Promotion, decision *Decision) (Inspection, error) {
	standing := StandingOf(live)
	goal, found := standing.Current()
	if found {
		decision.FromCommit = goal.Commit
		goal, found = standing.Previous(goal.Digest)
	}
	gate := Gate{Name: "rollback target", Reason: ImageMissing, Expected: "a digest that was live in " + environment.Name + " before"}
	if to := c.request.Command.To; to != "" {
		var digests int
		goal, digests = OnceLive(live, to)
		found = digests == 1
		gate.Expected = "one digest that was once live in " + environment.Name + " and that " + to + " names"
		gate.Actual, gate.Next = howMany(digests, "such digest"), "nothing else was live there: promote a commit"
		if named := choices(live, currentOf(live)); named != "" {
			gate.Next = "name one that was: " + named
		}
	}
	// Only tags that stay from promotion to promotion move: one that names a commit names its digest already.
	tags := environment.TagsFor(Commit{})
	if len(tags) == 0 {
		tags = environment.TagsFor(goal.Commit)
	}
	inspection, err := c.inspectGoal(ctx, decision.Registry, goal.Digest, tags)
	if err != nil {
		if again := c.again(err); again != nil {
			return inspection, again
		}
		decision.Gates = append(decision.Gates, unclear("registry", err))
		return inspection, nil
	}
	// The tag may have been moved by other hands: then back is what the ledger has as live.
	if named := currentNamed(inspection, tags); c.request.Command.To == "" && !named.IsZero() {
		if other, is := standing.Previous(named); is && other.Digest != goal.Digest {
			goal, found = other, true
			if inspection, err = c.inspectGoal(ctx, decision.Registry, goal.Digest, tags); err != nil {
				return inspection, err
			}
		}
	}
	if !found {
		if gate.Actual == "" {
			gate.Actual, gate.Next = "nothing is known to have been live before", "promote a commit that repairs it"
			if choices(live, currentOf(live)) != "" {
				gate.Next = "name with --to what was rolled back from (" + choices(live, currentOf(live)) + "), or promote a commit that repairs it"
			}
		}
		decision.Gates = append(decision.Gates, gate)
		return inspection, nil
	}
	decision.Commit, decision.Digest, decision.Tags = goal.Commit, goal.Digest, tags
	gate.Met, gate.Actual = inspection.Manifest.Digest == goal.Digest, goal.Digest.String()
	if !gate.Met {
		gate.Actual, gate.Next = fmt.Sprintf("the registry does not have %s any more", goal.Digest), "promote a commit that repairs it"
		if named := choices(live, currentOf(live), goal.Digest); named != "" {
			gate.Next = "name another with --to: " + named
		}
	}
	if goal.Kind == KindBaseline {
		decision.Notes = append(decision.Notes, fmt.Sprintf("%s was there before Verbatim: no stage verified it", goal.Digest))
	}
	decision.Gates = append(decision.Gates, gate)
	return inspection, nil
}

// currentOf gives the digest that is live as far as the ledger knows.
func currentOf(live []Promotion) Digest {
	current, _ := StandingOf(live).Current()
	return current.Digest
}

func (c *carrying) inspectGoal(ctx context.Context, registry RegistryRepository, digest Digest, tags []string) (Inspection, error) {
	inspection, err := c.Registry.Inspect(ctx, registry, digest, tags)
	if err != nil {
		return inspection, fromRegistry(fmt.Errorf("read the tags of %s: %w", registry, err))
	}
	return inspection, nil
}

func currentNamed(inspection Inspection, tags []string) Digest {
	if len(tags) == 0 {
		return Digest{}
	}
	return inspection.Tags[tags[0]].Digest
}
