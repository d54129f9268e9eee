package promotion

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Waiting is what a request waits with: until when, and for which digests only.
type Waiting struct {
	Commit  Commit
	Until   time.Time
	Digests map[string]Digest // by image, as soon as one is known
}

// defaultWait is how long --when-verified waits where the policy does not say.
const defaultWait = 24 * time.Hour

// waits reports whether the decision is to be waited for: somebody asked for it, time is left, and every unmet gate may
// still fall.
func (c *carrying) waits(decision Decision) bool {
	if !c.request.Command.WhenVerified || c.request.Command.DryRun || len(decision.Unmet()) == 0 {
		return false
	}
	if !slices.ContainsFunc(decision.Unmet(), func(gate Gate) bool { return !gate.Reason.waits() && !gate.Pauses }) {
		environment, _ := c.policy.Policy.Environment(decision.Environment)
		return c.Clock().Before(c.deadline(environment))
	}
	return false
}

func (c *carrying) deadline(environment Environment) time.Time {
	if c.request.Waiting != nil {
		return c.request.Waiting.Until
	}
	wait := environment.Wait
	if wait == 0 {
		wait = defaultWait
	}
	return c.request.Received.Add(wait)
}

// waitingGates refuse what a request that is carried out later than it was given must not promote any more: what was rolled
// back since, another digest than it waited for, and what was cancelled.
func (c *carrying) waitingGates(ctx context.Context, environment Environment, decision Decision, records Records) ([]Gate, error) {
	var gates []Gate
	pinned, err := c.pinGate(ctx, environment.Name, decision.Image)
	if err != nil {
		return nil, err
	}
	if pinned != nil {
		gates = append(gates, *pinned)
	}
	if !c.request.Command.WhenVerified {
		return gates, nil
	}
	cancels, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryCancel}, Environment: environment.Name, Commit: decision.Commit})
	if err != nil {
		return nil, err
	}
	for _, cancel := range cancels {
		if cancel.Number.After(c.request.Number) {
			gates = append(gates, Gate{
				Name: "waiting", Reason: HeadMoved, Expected: "nobody cancelled it", Actual: "cancelled by " + cancel.Person.Login + " at " + clockText(cancel.At), Next: "ask again when it is wanted",
			})
			break
		}
	}
	if c.request.Waiting == nil && c.request.Named == nil {
		return gates, nil
	}
	if known := c.boundTo(decision.Image, records); !known.IsZero() && !decision.Digest.IsZero() && decision.Digest != known {
		gates = append(gates, Gate{
			Name: "waiting", Reason: DigestMoved, Expected: "the digest that was waited for, " + known.String(), Actual: decision.Digest.String(), Next: "ask again for the digest of now",
		})
	}
	return gates, nil
}

// wait gives the changes with which the request goes on waiting: an answer that says so, and the moments at which it is
// looked at again. News of the commit wake it as well.
func (c *carrying) wait(ctx context.Context) (Changes, error) {
	environment, _ := c.policy.Policy.Environment(c.answer.Environment)
	request := c.request
	waiting := &Waiting{Commit: c.answer.Commit, Until: c.deadline(environment), Digests: map[string]Digest{}}
	next := waiting.Until
	for _, outcome := range c.answer.Outcomes {
		if outcome.Result != ResultWaiting {
			continue
		}
		if known := c.boundTo(outcome.Decision.Image, Records{}); !known.IsZero() {
			waiting.Digests[outcome.Decision.Image] = known
		}
		if _, bound := waiting.Digests[outcome.Decision.Image]; !bound && !outcome.Decision.Digest.IsZero() {
			waiting.Digests[outcome.Decision.Image] = outcome.Decision.Digest
		}
		for _, gate := range outcome.Decision.Unmet() {
			if !gate.Until.IsZero() && gate.Until.Before(next) && gate.Until.After(c.Clock()) {
				next = gate.Until
			}
			if soon := c.Clock().Add(longestPause); gate.Pauses && soon.Before(next) {
				next = soon
			}
		}
	}
	c.answer.WaitsUntil = waiting.Until
	c.answer.Duration = c.Clock().Sub(c.request.Received)
	request.State, request.Answer, request.Waiting = RequestWaiting, c.answer, waiting
	changes := Changes{Requests: []*Request{&request}, ReleaseLanes: true, Work: []NewWork{wakeOf(request, next)}}
	if request.Comment != 0 {
		replies, err := c.reply(ctx, request)
		if err != nil {
			return Changes{}, err
		}
		changes.Announcements = replies
	}
	return changes, nil
}

func wakeOf(request Request, at time.Time) NewWork {
	return NewWork{Kind: WorkRequest, Subject: request.Key, Repository: request.Repository.ID, Queue: request.queue(), At: at}
}

// queue names the queue in which the request's rows run one after another.
func (r Request) queue() string {
	if r.Issue != 0 {
		return fmt.Sprintf("request/%d/%d", r.Repository.ID, r.Issue)
	}
	if r.Environment != "" {
		return fmt.Sprintf("request/%d/%s", r.Repository.ID, r.Environment)
	}
	return fmt.Sprintf("request/%d/%s", r.Repository.ID, r.Commit)
}

// Wake gives the rows of work that look again at what waits in the repository: for the commit, or in the pull request. A
// zero commit and number mean all.
func Wake(ctx context.Context, requests RequestReader, repository int64, commit Commit, pull int) ([]NewWork, error) {
	waiting, err := requests.WaitingRequests(ctx, repository)
	if err != nil {
		return nil, err
	}
	var work []NewWork
	for _, request := range waiting {
		of := request.Waiting != nil && (commit.IsZero() && pull == 0 || !commit.IsZero() && request.Waiting.Commit == commit || pull != 0 && request.Issue == pull)
		if of {
			work = append(work, wakeOf(request, time.Time{}))
		}
	}
	return work, nil
}

// wake looks again at what waits for the commit, when every required stage of an environment has its records. That costs
// no call: a stage that has not ended is waited for without asking anybody.
func (o *Observer) wake(ctx context.Context, repository Repository, policy LoadedPolicy, commit Commit, changes Changes) ([]NewWork, error) {
	if len(changes.Verifications) == 0 {
		return nil, nil
	}
	return Wake(ctx, o.Requests, repository.ID, commit, 0)
}

// idle reports whether a waiting request would only wait on: some stage has not ended, as far as the ledger knows, and
// nothing has happened that could end it. It costs no call outside.
func (c *carrying) idle(ctx context.Context) (bool, error) {
	waiting := c.request.Waiting
	if c.request.State != RequestWaiting || waiting == nil || !c.Clock().Before(waiting.Until) {
		return false, nil
	}
	file, err := c.Policies.Known(ctx, c.request.Repository)
	if err != nil || !file.Valid() {
		return false, err
	}
	environment, found := file.Policy.Environment(c.request.Answer.Environment)
	if !found {
		return false, nil
	}
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryCancel, EntryHold, EntryHead}})
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(entries, func(entry Entry) bool { return entry.Number.After(c.request.Number) }) {
		return false, nil
	}
	for _, image := range file.Policy.Images {
		if pinned, err := c.pinGate(ctx, environment.Name, image.Name); pinned != nil || err != nil {
			return false, err
		}
	}
	records, err := c.Records.Records(ctx, c.request.Repository.ID, waiting.Commit)
	if err != nil {
		return false, err
	}
	for image := range records {
		for _, stage := range file.Policy.closure(environment.Requires) {
			gates, _ := stageGates(file.Policy, stage, records[image], nil, Candidate(file.Policy, records[image]).Digest)
			if !gates[0].Met && gates[0].Reason != StageMissing && gates[0].Reason != StageRunning {
				return false, nil
			}
			if !gates[0].Met {
				return true, nil
			}
		}
	}
	return false, nil
}
