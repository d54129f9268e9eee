package promotion

import (
	"context"
	"slices"
)

// deletedRun records what the end's event itself tells of a run that was deleted before it could be read: that it did not succeed. Else
// whoever may write deletes a re-run that failed, and an older success rules. A success that cannot be read again proves nothing, but
// what it deployed was in the stage until then.
func (o *Observer) deletedRun(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, stages []Stage) (Changes, error) {
	if !run.Finished() || ByDigest(run.Event) {
		return Changes{}, nil
	}
	run, err := o.withKnownBases(ctx, repository, run)
	if err != nil {
		return Changes{}, err
	}
	records, err := o.Records.Records(ctx, repository.ID, run.Commit)
	if err != nil {
		return Changes{}, err
	}
	var changes Changes
	var entered []Start
	for _, stage := range stages {
		if ok, _ := stage.Qualifies(repository, run); !ok {
			continue
		}
		for _, image := range policy.Policy.Images {
			if !records[image.Name].begun(stage, run) {
				continue
			}
			if run.Conclusion == "success" {
				entered = append(entered, records[image.Name].entered(stage, run)...)
				continue
			}
			registry, _ := image.Registry(repository)
			read := readRun(run)
			read.Detail += ", and was deleted then"
			failed := judge(policy.Policy, stage, run, read, image, registry, records[image.Name], TaggedManifest{}, "", o.Clock())
			changes.Verifications = append(changes.Verifications, failed)
			keep(records, failed)
		}
	}
	changes, err = o.announce(ctx, repository, policy, run.Commit, records, changes, nil)
	changes.Starts = append(changes.Starts, entered...)
	return changes, err
}

// entered says until when what the stage was seen to begin with in the run was there, as for a run without a commit.
func (r Records) entered(stage Stage, run Run) []Start {
	for _, start := range r.Starts {
		if start.Stage == stage.Name && start.Run == run.ID && start.Attempt == run.Attempt && !start.Digest.IsZero() {
			start.Commit, start.Job, start.Number = Commit{}, 0, 0
			start.RunStarted, start.Observed = run.Started, run.Updated
			return []Start{start}
		}
	}
	return nil
}

// begun reports whether the stage was seen to begin in the run's attempt, and not to end.
func (r Records) begun(stage Stage, run Run) bool {
	return slices.ContainsFunc(r.Starts, func(start Start) bool {
		return start.Stage == stage.Name && start.Run == run.ID && start.Attempt == run.Attempt
	}) && !slices.ContainsFunc(r.Verifications, func(verification Verification) bool {
		return verification.Stage == stage.Name && verification.Run == run.ID && verification.Attempt == run.Attempt
	})
}
