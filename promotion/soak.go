package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Intrusion is a run of a stage in which another digest was there.
type Intrusion struct {
	Digest  Digest
	Commit  Commit
	Run     int64
	Attempt int
	Began   time.Time
	Ended   time.Time // zero: it was not seen to end
}

// SoakFact says what else was in the last required stage. Err means that it could not be told.
type SoakFact struct {
	Intrusions []Intrusion
	Err        error
}

const (
	longestRun     = 35 * 24 * time.Hour // GitHub ends a run that has lasted for longer
	maximumUnended = 10                  // how many runs that were not seen to end are asked for
	lookAgain      = 10 * time.Minute    // after how long a gate that waits for such a run is looked at again
)

// soakGate asks that the digest has been in the last required stage for long enough, uninterrupted by another digest.
func soakGate(environment Environment, stage Stage, records Records, digest Digest, fact SoakFact, now time.Time) Gate {
	gate := Gate{Name: "soak", Reason: Soaking, Expected: fmt.Sprintf("%s in %s, uninterrupted by another digest", environment.Soak, stage.Name)}
	if fact.Err != nil {
		gate.Reason, gate.Actual, gate.Next = InternalError, "could not tell: "+fact.Err.Error(), remedy(fact.Err)
		return gate
	}
	var since time.Time
	var intrusion *Intrusion
	for _, verification := range passedIn(stage.Name, records, digest) {
		if over := fact.over(verification); over != nil {
			intrusion = over
		} else if since.IsZero() || verification.Ended.Before(since) {
			since = verification.Ended
		}
	}
	switch {
	case since.IsZero() && intrusion != nil:
		gate.Actual, gate.Next = intrusion.text(stage.Name)
		if intrusion.Ended.IsZero() {
			gate.Until = now.Add(lookAgain) // its end may be told to others, or be lost
		}
	case since.IsZero():
		gate.Actual, gate.Next = "it has not passed "+stage.Name, "let "+stage.Name+" pass for this digest"
	case now.Before(since.Add(environment.Soak)):
		gate.Until = since.Add(environment.Soak)
		gate.Actual = fmt.Sprintf("there since %s, for %s", clockText(since), now.Sub(since).Round(time.Second))
		gate.Next = "possible from " + clockText(gate.Until)
	default:
		gate.Met, gate.Actual = true, "there since "+clockText(since)
	}
	return gate
}

func passedIn(stage string, records Records, digest Digest) []Verification {
	var passed []Verification
	for _, verification := range records.Verifications {
		if verification.Stage == stage && verification.Passed() && verification.Digest == digest && !digest.IsZero() {
			passed = append(passed, verification)
		}
	}
	return passed
}

// over gives the newest intrusion after which what the verification found is not sure to be there; nil when there is none.
func (f SoakFact) over(verification Verification) *Intrusion {
	var newest *Intrusion
	for i := range f.Intrusions {
		if one := &f.Intrusions[i]; one.over(verification) && (newest == nil || one.last().After(newest.last())) {
			newest = one
		}
	}
	return newest
}

// over reports whether the other digest may have come after what the verification found. Nobody tells when in its run a digest is
// deployed: of runs that overlap the one stays that both began last and ended last, as where each waits for the one before.
func (i *Intrusion) over(verification Verification) bool {
	return !i.Began.Before(verification.Started) || i.Ended.IsZero() || !i.Ended.Before(verification.Ended)
}

// last is when the digest may have come last.
func (i *Intrusion) last() time.Time {
	if i.Ended.IsZero() {
		return i.Began.Add(longestRun)
	}
	return i.Ended
}

// text says what interrupted, and what to do.
func (i *Intrusion) text(stage string) (actual, next string) {
	next = "run " + stage + " again for this digest, and let it be there alone"
	if i.Ended.IsZero() {
		return fmt.Sprintf("%s entered %s at %s, and run %d has not ended", i.Digest.Short(), stage, clockText(i.Began), i.Run), "let that run end, or cancel it; then " + next
	}
	return fmt.Sprintf("%s entered %s at %s, in run %d, which ended at %s", i.Digest.Short(), stage, clockText(i.Began), i.Run, clockText(i.Ended)), next
}

// soakFact finds out from the ledger which other digests were in the last required stage.
func soakFact(ctx context.Context, stages StageReader, facts Facts, digest Digest) (*SoakFact, error) {
	if len(facts.Environment.Requires) == 0 || digest.IsZero() {
		return &SoakFact{}, nil
	}
	last := facts.Environment.Requires[len(facts.Environment.Requires)-1]
	intrusions, err := stages.Intrusions(ctx, facts.Repository.ID, facts.Image.Name, last, digest)
	for i := range intrusions {
		if one := &intrusions[i]; one.Ended.IsZero() && facts.Now.Sub(one.Began) > longestRun {
			one.Ended = one.Began // its end was lost: it must not block for ever
		}
	}
	return &SoakFact{Intrusions: intrusions}, err
}

// soakFact asks GitHub for the ends of runs that nothing told of, where all depends on them.
func (c *carrying) soakFact(ctx context.Context, facts Facts, digest Digest) (*SoakFact, error) {
	fact, err := soakFact(ctx, c.Stages, facts, digest)
	if err != nil || len(fact.Intrusions) == 0 {
		return fact, err
	}
	last := facts.Environment.Requires[len(facts.Environment.Requires)-1]
	passed := passedIn(last, facts.Records, digest)
	type attempt struct {
		run    int64
		number int
	}
	ends := map[attempt]time.Time{} // a start is noted for each job
	for i := range fact.Intrusions {
		one := &fact.Intrusions[i]
		key := attempt{one.Run, one.Attempt}
		matters := slices.ContainsFunc(passed, func(verification Verification) bool { return one.Began.Before(verification.Started) })
		if !one.Ended.IsZero() || !matters {
			continue
		}
		var known bool
		if one.Ended, known = ends[key]; known {
			continue
		}
		if len(ends) == maximumUnended {
			break // what was not asked for counts as under way
		}
		if one.Ended, err = c.endOf(ctx, *one); err != nil {
			return nil, err
		}
		ends[key] = one.Ended
	}
	return fact, nil
}

// endOf gives when a run ended that was not seen to end; zero while it is under way. One that is not there any more, or of which no
// job has begun, counts by its start alone.
func (c *carrying) endOf(ctx context.Context, intrusion Intrusion) (time.Time, error) {
	run, err := c.Runs.Run(ctx, c.request.Repository, intrusion.Run)
	switch {
	case errors.Is(err, ErrNotFound):
		return intrusion.Began, nil
	case err != nil:
		return time.Time{}, fromGitHub(fmt.Errorf("read run %d of %s: %w", intrusion.Run, c.request.Repository.FullName(), err))
	case run.Attempt > intrusion.Attempt:
		return run.Started, nil
	case run.Finished():
		return run.Updated, nil
	case run.Status == "in_progress":
		return time.Time{}, nil
	}
	jobs, err := c.Runs.Jobs(ctx, c.request.Repository, run.ID)
	if err != nil {
		return time.Time{}, fromGitHub(fmt.Errorf("read the jobs of run %d of %s: %w", run.ID, c.request.Repository.FullName(), err))
	}
	began := func(job Job) bool {
		return job.Attempt == run.Attempt && (job.Status == "in_progress" || job.Status == "completed")
	}
	if slices.ContainsFunc(jobs, began) {
		return time.Time{}, nil
	}
	return intrusion.Began, nil
}
