package promotion

import "context"

// decide decides about one image for a check run. Whether the runs count for the branches that they name is asked only when
// everything else is met, so that "Ready to promote" is not said of what a promotion would refuse: one call for a commit, or
// none where the default branch names it.
func (c Checks) decide(ctx context.Context, facts Facts, records map[string]Records, bases []Entry) (Decision, error) {
	decision := Decide(facts)
	for _, gate := range decision.Unmet() {
		if gate.Reason != ObserveOnly {
			return decision, nil
		}
	}
	done, err := c.promoted(ctx, facts, decision)
	if done || err != nil {
		return decision, err
	}
	ask := originAsker{
		places: c.places, book: c.Book, landed: facts.Head == nil, likely: pushedBranches(records), again: c.tolerate,
		bases: func(_ context.Context, head Commit, _ []string) basesFact {
			return basesFact{names: basesIn(bases, head, records)}
		},
	}
	of, err := originsOf(ctx, ask, facts.Policy.Policy, facts.Commit, records, facts.Listed, nil)
	if err != nil {
		return decision, err
	}
	counted := of.count(facts.Policy.Policy, facts.Records, facts.Listed)
	facts.Records, facts.Listed, facts.Doubts = counted.records, counted.listed, counted.doubts
	return Decide(facts), nil
}

// tolerate returns the error with which the check run is to be computed again, or nil for one that stays: it is shown.
func (c Checks) tolerate(err error) error {
	if lasting(err) {
		return nil
	}
	return err
}

// promoted reports whether the environment has the very digest from this commit already: nothing is left to be asked.
func (c Checks) promoted(ctx context.Context, facts Facts, decision Decision) (bool, error) {
	live, err := c.History.Live(ctx, facts.Repository.ID, facts.Environment.Name, facts.Image.Name)
	if err != nil {
		return false, err
	}
	current, found := StandingOf(live).Current()
	return found && current.Commit == facts.Commit && current.Digest == decision.Digest && current.Kind != KindBaseline, nil
}
