package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// deployments reads those runs again that the commit's records name and that no listing by commit has: their heads are not
// what they deployed. Of each stage it reads the newest whose workflow file is of a branch that the stage counts. It returns
// the heads of those whose records do not say it.
func (c *carrying) deployments(ctx context.Context, into *target, records map[string]Records) (map[int64]Commit, error) {
	heads := map[int64]Commit{}
	if err := c.deployedElsewhere(ctx, into.commit, records); err != nil {
		return heads, err
	}
	for _, stage := range c.policy.Policy.Stages {
		for asked, record := range deployedIn(stage, records) {
			if asked >= maximumHeads {
				break
			}
			counts, err := c.deployedFrom(ctx, into.commit, stage, record, records)
			if err != nil {
				return heads, err
			}
			if !counts {
				continue
			}
			head, err := c.deployment(ctx, into, stage, record, records)
			if err != nil {
				return heads, err
			}
			if record.Head.IsZero() && !head.IsZero() {
				heads[record.Run] = head
			}
			break
		}
	}
	return heads, nil
}

// maximumElsewhere is how many runs that deployed a digest, and were recorded for other commits, are judged for one commit.
const maximumElsewhere = 3

// deployedElsewhere judges for the commit what was deployed of its digest and recorded for others only: a digest that many commits
// have is recorded for the newest of them when it is deployed.
func (c *carrying) deployedElsewhere(ctx context.Context, commit Commit, records map[string]Records) error {
	for _, stage := range c.policy.Policy.Stages {
		if stage.Digest == nil {
			continue
		}
		judged := map[int64]int{} // the newest attempt of each run that was
		for _, record := range deployedIn(stage, records) {
			judged[record.Run] = record.Attempt
		}
		for name, of := range records {
			candidate := Candidate(c.policy.Policy, of)
			if candidate.Digest.IsZero() {
				continue
			}
			deployed, err := c.Stages.Deployments(ctx, c.request.Repository.ID, name, stage.Name, candidate.Digest, maximumElsewhere)
			if err != nil {
				return err
			}
			for _, record := range deployed {
				if !ByDigest(record.Event) || judged[record.Run] >= record.Attempt {
					continue
				}
				judged[record.Run] = record.Attempt
				if err := c.deployedAlso(ctx, record.Run, commit, records); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// deployedAlso judges a run for a commit whose digest it deployed as well.
func (c *carrying) deployedAlso(ctx context.Context, run int64, commit Commit, records map[string]Records) error {
	read, err := c.Runs.Run(ctx, c.request.Repository, run)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fromGitHub(fmt.Errorf("read run %d of %s: %w", run, c.request.Repository.FullName(), err))
	}
	return c.Observer.deployedFor(ctx, c.request.Repository, c.policy, read, commit, records)
}

// deployedIn returns the stage's records of runs that count by their digest: of each run the newest, the newest run first.
func deployedIn(stage Stage, records map[string]Records) []*Verification {
	var found []*Verification
	for _, of := range records {
		for i := range of.Verifications {
			if record := &of.Verifications[i]; record.Stage == stage.Name && ByDigest(record.Event) {
				found = append(found, record)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *Verification) int {
		return compareAttempts(b.RunStarted, b.Run, b.Attempt, a.RunStarted, a.Run, a.Attempt)
	})
	known := map[int64]bool{}
	return slices.DeleteFunc(found, func(record *Verification) bool {
		again := known[record.Run]
		known[record.Run] = true
		return again
	})
}

// deployedFrom reports whether a run may count, by the commit whose workflow file ran. What cannot be told is read again.
func (c *carrying) deployedFrom(ctx context.Context, commit Commit, stage Stage, record *Verification, records map[string]Records) (bool, error) {
	if record.Head.IsZero() || ofPullRequest(record.Event) {
		return true, nil
	}
	fact, err := c.places().find(ctx, record.Head, stage.allowedBranches(c.request.Repository), nil)
	if err == nil && fact.On {
		ask := originAsker{places: c.places(), book: c.Book, commit: commit, began: beganIn(records)}
		difference, err := ask.ownWorkflow(ctx, stage, record.headed(record.Event, record.Head), fact.Branch)
		if err == nil {
			return difference == "", nil
		}
		return true, c.again(fromGitHub(err))
	}
	if err != nil {
		return true, c.again(fromGitHub(err))
	}
	return fact.Unasked > 0, nil
}

// deployment reads one such run again, and records what a new attempt of it says.
func (c *carrying) deployment(ctx context.Context, into *target, stage Stage, record *Verification, records map[string]Records) (Commit, error) {
	run, err := c.Runs.Run(ctx, c.request.Repository, record.Run)
	if errors.Is(err, ErrNotFound) {
		return Commit{}, nil // GitHub keeps runs for a while only; what it proved stays proven
	}
	if err != nil {
		err = fromGitHub(fmt.Errorf("read run %d of %s: %w", record.Run, c.request.Repository.FullName(), err))
		into.unclear = err
		return Commit{}, c.again(err)
	}
	if run.Attempt > record.Attempt || !run.Finished() {
		if err := c.listAgain(ctx, into, stage, run); err != nil {
			into.unclear = err
			return run.Commit, c.again(err)
		}
	}
	if run.Attempt > record.Attempt && run.Finished() {
		missed, err := c.Observer.deployed(ctx, c.request.Repository, c.policy, run)
		if err := cmp.Or(err, c.Journal.Commit(ctx, c.lease, missed)); err != nil {
			return run.Commit, err
		}
		for _, verification := range missed.Verifications {
			if verification.Commit == into.commit {
				keep(records, verification)
			}
		}
	}
	return run.Commit, nil
}

// listAgain lists the attempt of such a run that rules for the stage: until the run has ended its newest, then the newest in
// which the stage's job ran, which a re-run may have kept.
func (c *carrying) listAgain(ctx context.Context, into *target, stage Stage, run Run) error {
	attempt := Attempt{
		Stage: stage.Name, Run: run.ID, Number: run.Attempt, Started: run.Started, Running: !run.Finished(), URL: run.URL,
		Event: run.Event, Branch: run.HeadBranch, Head: run.Commit,
	}
	if run.Finished() && stage.Job != "" {
		read, ran, err := c.Observer.verifying(c.request.Repository, c.policy, run, nil).readStage(ctx, stage, Records{})
		if err != nil {
			return err
		}
		if ran {
			attempt.Number, attempt.Started = read.Attempt, read.RunStarted
		}
	}
	into.listed = append(into.listed, attempt)
	return nil
}
