package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// prepared is an image that was decided about: with what to go on, or the outcome when there is nothing left to do.
type prepared struct {
	move       *moving
	decision   Decision
	inspection Inspection
	outcome    *Outcome
	pauses     error // it is neither promoted nor refused until the settings are mended
}

// promoteImage decides about one image and moves its tags.
func (c *carrying) promoteImage(ctx context.Context, into target, image Image, previous Promotion) (Outcome, error) {
	made, err := c.prepareImage(ctx, into, image, previous, unit{images: []Image{image}})
	switch {
	case err != nil:
		return Outcome{}, err
	case made.outcome != nil:
		return *made.outcome, nil
	case made.pauses != nil:
		return Outcome{}, made.pauses
	case c.waits(made.decision):
		return Outcome{Result: ResultWaiting, Decision: made.decision}, nil
	case len(made.decision.Unmet()) > 0:
		return made.move.refuse(ctx, made.decision)
	}
	return made.move.act(ctx, made.decision, made.inspection)
}

// prepareImage decides about one image. The lane is taken before what the environment has is read, so that two promotions
// never both believe to be the newer one.
func (c *carrying) prepareImage(ctx context.Context, into target, image Image, previous Promotion, with unit) (prepared, error) {
	scope := scopeOf(ctx, c.Scope, c.Lanes, c.request.Repository, image)
	made := prepared{move: &moving{carrying: c, environment: into.environment, image: image, scope: scope, promotion: previous, kind: KindPromotion, group: with.group}}
	if with.group == "" {
		if outcome, done, err := made.move.resume(ctx); done || err != nil {
			made.outcome = &outcome
			return made, err
		}
	}
	of, err := c.recordsOf(ctx, into, image)
	if err != nil {
		return made, err
	}
	facts := Facts{
		Now: c.Clock(), Repository: c.request.Repository, Policy: c.policy, PolicyHash: c.policy.Hash(), Environment: into.environment, Image: image,
		Commit: into.commit, PullRequest: c.request.Issue, Records: of.records, Listed: of.listed, Unread: of.unclear, Doubts: of.doubts, Source: of.source, Person: into.person, Head: into.head,
		Branch: into.branch, Scope: &scope, Together: with.images, Holds: into.holds, Overrides: into.overrides,
	}
	if facts.Overriders, err = c.overridersFact(ctx, facts); err != nil {
		return made, err
	}
	refused := len(Decide(facts).Unmet()) > 0
	if refused && !scope.Allowed {
		made.decision = Decide(facts)
		made.pauses = c.pausesFor(scope, made.decision)
		return made, nil
	}
	var taken *Gate
	if !refused && !c.request.Command.DryRun {
		if taken, err = made.move.take(ctx, into.environment.TagsFor(into.commit)); err != nil {
			return made, err
		}
	}
	if err := c.ask(ctx, into, &facts, !refused && taken == nil && !c.request.Command.DryRun); err != nil {
		return made, err
	}
	decision := Decide(facts)
	if taken != nil {
		decision.Gates = append(decision.Gates, *taken)
	}
	// A registry that failed for one image has left that image's stage open; what GitHub did not tell is open for all.
	if of.unclear != nil && (len(decision.Unmet()) > 0 || reasonOf(of.unclear) != RegistryError) {
		decision.Gates = append(decision.Gates, unclear("runs", of.unclear))
	}
	waiting, err := c.waitingGates(ctx, into.environment, decision, facts.Records)
	if err != nil {
		return made, err
	}
	decision.Gates = append(decision.Gates, waiting...)
	made.inspection = facts.Inspection.Inspection
	made.move.knownHolds, made.move.concerned = facts.Holds, facts.concerned()
	made.move.ships = c.shipment(ctx, facts, into, decision)
	if len(decision.Unmet()) == 0 && (decision.Digest.IsZero() || made.inspection.Manifest.Digest != decision.Digest) {
		decision.Gates = append(decision.Gates, Gate{
			Name: "manifest", Reason: ImageMissing, Expected: "the registry has " + orNone(decision.Digest), Actual: "it does not",
			Next: "push the image again, and let the stages run",
		})
	}
	if of.beyond != "" {
		decision.Notes = append(decision.Notes, of.beyond)
	}
	if with.group != "" {
		decision.Notes = append(decision.Notes, "promoted together with all of group "+with.group+", or not at all")
	}
	if decision.Notes, err = c.tagNotes(ctx, facts, decision); err != nil {
		return made, err
	}
	made.decision = decision
	return made, nil
}

// ask asks outside for what the decision rests on beside records.
func (c *carrying) ask(ctx context.Context, into target, facts *Facts, held bool) (err error) {
	if err := c.inspect(ctx, facts); err != nil {
		return err
	}
	if err := c.current(ctx, facts, held); err != nil {
		return err
	}
	if facts.HeldPulls, err = c.heldPullsFact(ctx, into, *facts); err != nil {
		return err
	}
	if facts.TagRules, err = c.Images.TagRules(ctx, facts.Scope.Registry); err != nil {
		facts.TagRules = TagRules{} // the registry itself says so when the tag is set
	}
	if err := c.askRules(ctx, into, facts); err != nil {
		return err
	}
	facts.Former, err = c.former(ctx, into, *facts)
	return err
}

// tagNotes says once for a registry repository that the tags which CI pushes can be overwritten.
func (c *carrying) tagNotes(ctx context.Context, facts Facts, decision Decision) ([]string, error) {
	tag := facts.Image.SourceTag(facts.recorded())
	if !facts.TagRules.Known || !facts.TagRules.Movable(tag) || c.request.Command.DryRun {
		return decision.Notes, nil
	}
	told := Entry{
		Key: "told/mutable/" + facts.Scope.Registry.String(), Kind: EntryTold, Repository: facts.Repository.ID, Tag: facts.Scope.Registry.String(),
		Reason: c.request.Key, At: c.Clock(), Recorded: c.Clock(),
	}
	known, err := c.Book.Entries(ctx, facts.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryTold}})
	if err != nil {
		return decision.Notes, err
	}
	for _, entry := range known {
		if entry.Key == told.Key && entry.Reason != c.request.Key {
			return decision.Notes, nil
		}
	}
	if err := c.Journal.Commit(ctx, c.lease, Changes{Entries: []Entry{told}}); err != nil {
		return decision.Notes, err
	}
	return append(decision.Notes, fmt.Sprintf("the tags of %s can be overwritten: make those of commits immutable, with an exclusion for %s (this is said once)",
		facts.Scope.Registry, strings.Join(facts.Environment.Tags, ", "))), nil
}

// inspect asks the registry, in one go, for the candidate's manifest, the commit's tag and the environment's tags.
func (c *carrying) inspect(ctx context.Context, facts *Facts) error {
	candidate := Candidate(c.policy.Policy, facts.Records)
	tags := append([]string{facts.Image.SourceTag(facts.recorded())}, facts.Environment.TagsFor(facts.Commit)...)
	inspection, err := c.Registry.Inspect(ctx, facts.Scope.Registry, candidate.Digest, tags)
	if err != nil {
		err = fromRegistry(fmt.Errorf("read the tags of %s: %w", facts.Scope.Registry, err))
		if again := c.again(err); again != nil {
			return again
		}
	}
	facts.Inspection = &InspectionFact{Inspection: inspection, Err: err}
	if err != nil {
		return nil
	}
	return c.noteMove(ctx, facts.Image, facts.recorded(), facts.Records, inspection.Tags[tags[0]].Digest)
}

// current finds out how the commit stands to what the environment has. The first sight of a tag that the ledger did not
// set is recorded as a baseline, if the lane is held: else it might be what another promotion is just setting.
func (c *carrying) current(ctx context.Context, facts *Facts, held bool) error {
	fact := &CurrentFact{}
	facts.Current = fact
	if facts.Inspection.Err != nil {
		facts.Current = nil
		return nil
	}
	standing, err := c.standing(ctx, facts, held)
	if err != nil {
		return err
	}
	live, found := standing.Current()
	if !found {
		return nil
	}
	fact.Policy = live.Policy
	if tags := facts.Environment.TagsFor(Commit{}); len(tags) > 0 {
		if named := facts.Inspection.Inspection.Tags[tags[0]].Digest; !named.IsZero() && named != live.Digest {
			fact.Named = named
		}
	}
	there, err := c.named(ctx, facts, live)
	if err != nil {
		return err
	}
	fact.Commit, fact.Digest = there.Commit, there.Digest
	if there.Commit.IsZero() {
		return nil
	}
	if there.Commit != live.Commit {
		fact.Ledger = live.Commit
	}
	err = c.compareWith(ctx, facts, fact)
	if err == nil {
		fact.Newer, err = c.standsBehind(ctx, facts, there)
	}
	if err == nil && fact.Newer.IsZero() && !fact.Ledger.IsZero() {
		fact.Newer, err = c.standsBehind(ctx, facts, live)
	}
	if err != nil {
		err = fromGitHub(fmt.Errorf("compare %s with %s, which %s has: %w", facts.Commit.Short(), there.Commit.Short(), facts.Environment.Name, err))
		if again := c.again(err); again != nil {
			return again
		}
		fact.Err = err
	}
	return nil
}

// compareWith compares the commit with what the environment has: both with what its tag names and with what the ledger has as live,
// where other hands moved the tag. Else whoever moves it for a moment would have what lies below it asked about by nothing.
func (c *carrying) compareWith(ctx context.Context, facts *Facts, fact *CurrentFact) (err error) {
	repository, commit := c.request.Repository, facts.Commit.String()
	if fact.Comparison, err = c.Commits.Compare(ctx, repository, fact.Commit.String(), commit); err != nil {
		return err
	}
	if fact.Comparison.Status == "behind" || fact.Comparison.Status == "diverged" {
		lost, err := c.Commits.Compare(ctx, repository, commit, fact.Commit.String())
		if err != nil {
			return err
		}
		fact.Lost = lost.Commits
	}
	if !fact.Ledger.IsZero() {
		fact.SinceThen, err = c.Commits.Compare(ctx, repository, fact.Ledger.String(), commit)
	}
	return err
}

// named gives what the environment's tag names, where that is not what the ledger has as live and its commit is known: a
// promotion that ended half-way, or other hands, set it. What is of unknown origin is compared with what the ledger has.
func (c *carrying) named(ctx context.Context, facts *Facts, live Promotion) (Promotion, error) {
	tags := facts.Environment.TagsFor(Commit{})
	if len(tags) == 0 {
		return live, nil
	}
	named := facts.Inspection.Inspection.Tags[tags[0]].Digest
	if named.IsZero() || named == live.Digest {
		return live, nil
	}
	origin, err := c.Records.Origin(ctx, facts.Repository.ID, facts.Image.Name, named)
	if errors.Is(err, ErrNotFound) {
		return live, nil
	}
	live.Commit, live.Digest = origin, named
	return live, err
}

// standing gives what the environment has of the image, with a baseline at first sight, which is recorded when the lane is held.
func (c *carrying) standing(ctx context.Context, facts *Facts, held bool) (Standing, error) {
	environment, image := facts.Environment, facts.Image
	live, err := c.History.Live(ctx, c.request.Repository.ID, environment.Name, image.Name)
	if err != nil {
		return nil, err
	}
	tags, named := environment.TagsFor(Commit{}), facts.Inspection.Inspection.Tags
	if len(live) > 0 || len(tags) == 0 || named[tags[0]].Digest.IsZero() {
		return StandingOf(live), nil
	}
	now := c.Clock()
	baseline := &Promotion{
		Repository: c.request.Repository.ID, Environment: environment.Name, Image: image.Name, Registry: facts.Scope.Registry, Kind: KindBaseline,
		State: Succeeded, Digest: named[tags[0]].Digest, Tags: tags[:1], Created: now, Finished: now,
	}
	origin, err := c.Records.Origin(ctx, c.request.Repository.ID, image.Name, baseline.Digest)
	if err == nil {
		baseline.Commit = origin
	} else if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if held {
		if err := c.setBefore(ctx, facts); err != nil {
			return nil, err
		}
		if err := c.Journal.Commit(ctx, c.lease, Changes{Promotions: []*Promotion{baseline}}); err != nil {
			return nil, err
		}
	}
	return StandingOf([]Promotion{*baseline}), nil
}

// setBefore asks whether it was us who set a tag that the ledger does not know: then it is not the ledger that we had, and
// everything is held. It costs calls once, at first sight.
func (c *carrying) setBefore(ctx context.Context, facts *Facts) error {
	if c.Before == nil {
		return nil
	}
	found, err := c.Before(ctx, c.request.Repository, facts.Environment)
	if err != nil {
		return fromGitHub(fmt.Errorf("look whether Verbatim promoted to %s before this ledger was made: %w", facts.Environment.Name, err))
	}
	if found {
		facts.Holds, err = c.holds(ctx)
	}
	return err
}
