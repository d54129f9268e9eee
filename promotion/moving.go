package promotion

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// moving is one image of a request on its way: the promotion row, and how its tags are moved.
type moving struct {
	*carrying
	environment Environment
	image       Image
	scope       ScopeFact
	kind        Kind
	group       string // "" for an image that is promoted alone
	ships       Shipment
	promotion   Promotion  // the row, when an earlier try of the request made one
	judged      PolicyMark // of a rollback: the policy that judged what it goes back from; only a promotion changes it
	knownHolds  []Hold     // that were known when it was decided
	concerned   []int      // the pull requests whose holds stop it
	begun       bool       // some tag of it, or of its group, was moved already
}

// take takes the lanes of the tags. A gate says whose they are; an *AgainError says that somebody else is at work in one.
func (m *moving) take(ctx context.Context, tags []string) (*Gate, error) {
	claim := LaneClaim{Repository: m.request.Repository.ID, Environment: m.environment.Name, Image: m.image.Name}
	for _, tag := range tags {
		claim.Lanes = append(claim.Lanes, Lane{Registry: m.scope.Registry, Tag: tag})
	}
	answer, err := m.Lanes.TakeLanes(ctx, m.lease, claim)
	switch {
	case err != nil:
		return nil, err
	case answer.Owner != "":
		return &Gate{
			Name: "lane", Reason: OutOfScope, Expected: fmt.Sprintf("the tags %s of %s are this environment's", strings.Join(tags, ", "), m.scope.Registry),
			Actual: "they belong to " + answer.Owner, Next: "give each environment tags of its own; or, if the other does not exist any more, ask whoever runs Verbatim to give its tag back: " + answer.Owned.ReleaseCommand(),
		}, nil
	case answer.Taken:
		return nil, nil
	case m.waited() > laneWait:
		return &Gate{
			Name: "lane", Reason: InProgress, Expected: "no other promotion of these tags is under way", Actual: fmt.Sprintf("one still was after %s", laneWait),
			Next: "look at /promote status, then ask again",
		}, nil
	}
	return nil, &AgainError{
		Err:   fmt.Errorf("promote %s to %s: another promotion of these tags is under way", m.image.Name, m.environment.Name),
		After: laneBackoff(m.waited()), Uncounted: true,
	}
}

// laneBackoff gives how long to wait for a lane: the longer it was waited for already, the longer, so that waiting costs
// GitHub little.
func laneBackoff(waited time.Duration) time.Duration {
	wait := min(max(waited, 100*time.Millisecond), 5*time.Second)
	return wait/2 + rand.N(wait)
}

// refuse ends the promotion without moving a tag. A dry run leaves no row.
func (m *moving) refuse(ctx context.Context, decision Decision) (Outcome, error) {
	outcome := Outcome{Result: resultOf(decision), Decision: decision}
	if m.request.Command.DryRun {
		return outcome, nil
	}
	state := Failed
	if outcome.Result == ResultErrored {
		state = Errored
	}
	var err error
	m.fill(decision)
	outcome.Promotion, err = m.step(ctx, state)
	return outcome, err
}

// fill takes what was decided into the row.
func (m *moving) fill(decision Decision) {
	if m.promotion.State == "" {
		m.promotion = Promotion{
			Request: m.request.ID, Repository: m.request.Repository.ID, Environment: m.environment.Name, Image: m.image.Name, Kind: m.kind, Group: m.group, State: Pending,
			Requester: m.request.Requester, Reason: m.request.Command.Reason, Created: m.Clock(),
		}
	}
	m.promotion.Registry, m.promotion.Commit, m.promotion.Digest = m.scope.Registry, decision.Commit, decision.Digest
	if m.promotion.Policy = m.policy.Mark(); m.judged.Hash != "" {
		m.promotion.Policy = m.judged
	}
	m.promotion.FromCommit, m.promotion.Tags, m.promotion.Decision, m.promotion.Ships = decision.FromCommit, decision.Tags, decision, m.ships
}

// step commits the promotion in its next state. A final state gives back the lanes.
func (m *moving) step(ctx context.Context, next State) (Promotion, error) {
	promotion, err := m.promotion.To(next, m.Clock())
	if err != nil {
		return promotion, err
	}
	changes := Changes{Promotions: []*Promotion{&promotion}, ReleaseLanes: next.Final()}
	if next == Running {
		changes.Policies = m.judging()
	}
	if err := m.Journal.Commit(ctx, m.lease, changes); err != nil {
		return promotion, err
	}
	m.promotion = promotion
	return promotion, nil
}

// judging gives the policy that judged, to be kept: it judges what comes next, too, should it be changed by then.
func (m *moving) judging() []KeptPolicy {
	return []KeptPolicy{{Repository: m.request.Repository.ID, Hash: m.policy.Hash(), File: m.policy.File}}
}

// act moves the tags onto the decided digest: the row says so before the first is touched, and each is read back.
func (m *moving) act(ctx context.Context, decision Decision, inspection Inspection) (Outcome, error) {
	begun, outcome, err := m.plan(ctx, decision, inspection)
	if !begun || err != nil {
		return outcome, err
	}
	if err := m.unmoved(ctx); err != nil {
		return Outcome{}, err
	}
	if m.promotion.State == Running {
		err = m.Journal.Commit(ctx, m.lease, Changes{Promotions: []*Promotion{&m.promotion}, Policies: m.judging()})
	} else {
		_, err = m.step(ctx, Running)
	}
	if err != nil {
		return Outcome{}, err
	}
	return m.move(ctx, inspection)
}

// unmoved asks, right before tags are set, whether the repository is still called what it was when all was asked about it: a name
// that was taken by another repository meanwhile has answered for that one. It costs one call.
func (c *carrying) unmoved(ctx context.Context) error {
	present, err := c.Policies.Presence.Now(ctx, c.request.Repository)
	switch asked := c.request.Repository; {
	case err != nil:
		return fromGitHub(err)
	case present.FullName() != asked.FullName(), present.DefaultBranch != asked.DefaultBranch:
		return &AgainError{
			Err:   fmt.Errorf("%s (default branch %s) became %s (default branch %s) while it was asked about: all is asked again", asked.FullName(), asked.DefaultBranch, present.FullName(), present.DefaultBranch),
			After: renamedBackoff,
		}
	}
	return nil
}

// renamedBackoff is when a request is carried on whose repository was renamed in the middle of it.
const renamedBackoff = time.Second

// plan fills in what is to be moved. It reports false, with the outcome, when there is nothing to move.
func (m *moving) plan(ctx context.Context, decision Decision, inspection Inspection) (bool, Outcome, error) {
	m.fill(decision)
	m.promotion.From, m.promotion.Moves = inspection.Tags[decision.Tags[0]].Digest, nil
	for _, tag := range decision.Tags {
		m.promotion.Moves = append(m.promotion.Moves, Move{Tag: tag, From: inspection.Tags[tag].Digest})
	}
	unchanged, err := m.unchanged(ctx)
	if err != nil {
		return false, Outcome{}, err
	}
	if unchanged {
		decision.Gates = append(decision.Gates, Gate{
			Name: "already there", Reason: AlreadyPromoted, Expected: "a digest that is not live yet",
			Actual: fmt.Sprintf("%s has %s already", m.environment.Name, decision.Digest), Next: "nothing: there is nothing to do",
		})
		outcome, err := m.refuse(ctx, decision)
		return false, outcome, err
	}
	if m.request.Command.DryRun {
		m.promotion.Moves = nil
		return false, Outcome{Result: ResultReady, Decision: decision, Promotion: m.promotion}, nil
	}
	return true, Outcome{}, nil
}

// unchanged reports whether the tags name the digest already, and the ledger knows it.
func (m *moving) unchanged(ctx context.Context) (bool, error) {
	for _, move := range m.promotion.Moves {
		if move.From != m.promotion.Digest {
			return false, nil
		}
	}
	live, err := m.History.Live(ctx, m.promotion.Repository, m.environment.Name, m.image.Name)
	if err != nil {
		return false, err
	}
	current, found := StandingOf(live).Current()
	return found && current.Digest == m.promotion.Digest && current.Kind != KindBaseline, nil
}

// stop says how a promotion ends whose tags could not all be set.
type stop struct {
	state State
	gate  Gate
}

// move sets and reads back each tag that does not name the digest yet, and ends the promotion.
func (m *moving) move(ctx context.Context, inspection Inspection) (Outcome, error) {
	stop, err := m.setTags(ctx, inspection)
	switch {
	case err != nil:
		return Outcome{}, err
	case stop != nil:
		return m.end(ctx, stop.state, stop.gate)
	}
	promotion, err := m.step(ctx, Succeeded)
	return outcomeOf(promotion), err
}

func (m *moving) setTags(ctx context.Context, inspection Inspection) (*stop, error) {
	m.begun = m.begun || m.started(inspection)
	for i := range m.promotion.Moves {
		move := &m.promotion.Moves[i]
		if inspection.Tags[move.Tag].Digest != m.promotion.Digest {
			if stop, err := m.mayMove(ctx); stop != nil || err != nil {
				return stop, err
			}
			m.begun = true
			if err := m.Registry.SetTag(ctx, m.scope.Registry, inspection.Manifest, move.Tag); err != nil {
				return m.stopped(*move, err)
			}
			named, err := m.Registry.Resolve(ctx, m.scope.Registry, move.Tag)
			if err != nil {
				return m.stopped(*move, fmt.Errorf("it was set, but could not be read back: %w", err))
			}
			if named.Digest != m.promotion.Digest {
				move.ReadBack = named.Digest
				return &stop{Errored, Gate{
					Name: "read back " + move.Tag, Reason: DigestMismatch, Expected: m.promotion.Digest.String(), Actual: named.Digest.String(),
					Next: "somebody else moved the tag at the same time: find out who, then promote again",
				}}, nil
			}
		}
		move.ReadBack = m.promotion.Digest
	}
	return nil, nil
}

// putBack sets a tag that this promotion moved to what it named before. It says why when that cannot be done.
func (m *moving) putBack(ctx context.Context, move *Move) (string, error) {
	if move.From == m.promotion.Digest {
		return "", nil
	}
	inspection, err := m.Registry.Inspect(ctx, m.scope.Registry, move.From, []string{move.Tag})
	named := inspection.Tags[move.Tag].Digest
	switch {
	case err == nil && named != m.promotion.Digest:
		move.ReadBack = Digest{}
		return "", nil // it was not moved yet, or somebody else has it now
	case err == nil && move.From.IsZero():
		return "it did not exist before, and tags are never deleted", nil
	case err == nil && inspection.Manifest.Digest != move.From:
		return fmt.Sprintf("the registry does not have %s any more", move.From), nil
	case err == nil:
		err = m.Registry.SetTag(ctx, m.scope.Registry, inspection.Manifest, move.Tag)
	}
	if err == nil {
		var back TaggedManifest
		if back, err = m.Registry.Resolve(ctx, m.scope.Registry, move.Tag); err == nil && back.Digest != move.From {
			return fmt.Sprintf("it was put back, and names %s", orNone(back.Digest)), nil
		}
	}
	if err != nil {
		err = fromRegistry(fmt.Errorf("put tag %s of %s back to %s: %w", move.Tag, m.scope.Registry, move.From.Short(), err))
		if again := m.again(err); again != nil {
			return "", again
		}
		return err.Error(), nil
	}
	move.ReadBack = move.From
	return "", nil
}

// stopped handles a tag that could not be set: it is tried again, or the promotion ends.
func (m *moving) stopped(move Move, err error) (*stop, error) {
	if errors.Is(err, ErrTagImmutable) {
		return &stop{Failed, immutableGate(m.environment.Name, m.scope.Registry, move.Tag, err.Error())}, nil
	}
	err = fromRegistry(fmt.Errorf("set tag %s of %s: %w", move.Tag, m.scope.Registry, err))
	if again := m.again(err); again != nil {
		return nil, again
	}
	return &stop{Errored, unclear("tag "+move.Tag, err)}, nil
}

func (m *moving) end(ctx context.Context, state State, gate Gate) (Outcome, error) {
	m.promotion.Decision.Gates = append(m.promotion.Decision.Gates, gate)
	promotion, err := m.step(ctx, state)
	return outcomeOf(promotion), err
}

// resume finishes a promotion that was interrupted after it had moved a tag: it had been decided, and is half done. One
// that had moved nothing yet is decided anew, and so not resumed.
func (m *moving) resume(ctx context.Context) (Outcome, bool, error) {
	if m.promotion.State != Running || !m.scope.Allowed {
		return Outcome{}, false, nil
	}
	if gate, err := m.take(ctx, m.promotion.Tags); gate != nil || err != nil {
		return Outcome{}, false, err
	}
	inspection, err := m.Registry.Inspect(ctx, m.scope.Registry, m.promotion.Digest, m.promotion.Tags)
	if err != nil {
		stop, err := m.stopped(m.promotion.Moves[0], err)
		if err != nil {
			return Outcome{}, true, err
		}
		outcome, err := m.end(ctx, stop.state, stop.gate)
		return outcome, true, err
	}
	begun, stray := false, Move{}
	for _, move := range m.promotion.Moves {
		switch named := inspection.Tags[move.Tag].Digest; {
		case named == m.promotion.Digest:
			begun = begun || move.From != m.promotion.Digest
		case named != move.From:
			stray = Move{Tag: move.Tag, From: move.From, ReadBack: named}
		}
	}
	if !begun {
		return Outcome{}, false, nil
	}
	if stray.Tag != "" {
		outcome, err := m.end(ctx, Errored, Gate{
			Name: "tag " + stray.Tag, Reason: DigestMismatch, Expected: "names " + orNone(stray.From) + ", as when this promotion began", Actual: "names " + orNone(stray.ReadBack),
			Next: "this promotion was interrupted, and the tag was moved meanwhile: look at /promote status, and ask again if need be",
		})
		return outcome, true, err
	}
	outcome, err := m.move(ctx, inspection)
	return outcome, true, err
}
