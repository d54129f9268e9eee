package promotion

import (
	"context"
	"slices"
)

// deletedRun records what the end's event itself tells of a run that was deleted before it could be read: that it did not succeed. Else
// whoever may write deletes a re-run that failed, and an older success rules. A success that cannot be read again proves nothing.
func (o *Observer) deletedRun(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, stages []Stage) (Changes, error) {
	if !run.Finished() || run.Conclusion == "success" || ByDigest(run.Event) {
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
	for _, stage := range stages {
		if ok, _ := stage.Qualifies(repository, run); !ok {
			continue
		}
		for _, image := range policy.Policy.Images {
			if !records[image.Name].begun(stage, run) {
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
	return o.announce(ctx, repository, policy, run.Commit, records, changes, nil)
}

// begun reports whether the stage was seen to begin in the run's attempt, and not to end.
func (r Records) begun(stage Stage, run Run) bool {
	return slices.ContainsFunc(r.Starts, func(start Start) bool {
		return start.Stage == stage.Name && start.Run == run.ID && start.Attempt == run.Attempt
	}) && !slices.ContainsFunc(r.Verifications, func(verification Verification) bool {
		return verification.Stage == stage.Name && verification.Run == run.ID && verification.Attempt == run.Attempt
	})
}
