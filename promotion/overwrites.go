package promotion

import (
	"context"
	"fmt"
	"slices"
)

// overwrites returns what an ended run that does not count for its stage has deployed there all the same, as far as it tells: by its
// digest artifact, or, where the stage asks for none, by the tag of its commit. Only stages in which digests soak are looked at. What
// pull requests deploy is commonly a preview, elsewhere.
func (o *Observer) overwrites(ctx context.Context, repository Repository, policy LoadedPolicy, run Run) ([]Start, error) {
	if run.Repository != repository.ID || run.HeadRepository != repository.ID || ofPullRequest(run.Event) {
		return nil, nil
	}
	var starts []Start
	look := o.verifying(repository, policy, run, nil)
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if counts, _ := stage.Qualifies(repository, run); counts || !policy.Policy.soaksIn(stage) {
			continue
		}
		read, ran, err := look.readStage(ctx, stage, Records{})
		if err != nil {
			return starts, err
		}
		if !ran || read.Running || read.Conclusion == "skipped" {
			continue
		}
		for _, image := range policy.Policy.Images {
			digests, err := look.deployedOf(ctx, stage, image, read)
			if err != nil {
				return starts, err
			}
			for i, digest := range digests {
				start := look.entered(stage, image, read, digest)
				start.Job = int64(i) // it is of no commit and no job: they are told apart by this
				starts = append(starts, start)
			}
		}
	}
	return starts, nil
}

// soaksIn reports whether digests soak in the stage for some environment.
func (p Policy) soaksIn(stage Stage) bool {
	return slices.ContainsFunc(p.Environments, func(environment Environment) bool {
		return environment.Soak > 0 && len(environment.Requires) > 0 && environment.Requires[len(environment.Requires)-1] == stage.Name
	})
}

// deployedOf gives up to two digests of the image that the run says to have deployed: one of them is another than what soaks there.
func (v *verifying) deployedOf(ctx context.Context, stage Stage, image Image, read stageRun) ([]Digest, error) {
	scope := scopeOf(ctx, v.Scope, v.Lanes, v.repository, image)
	if scope.Err != nil || !scope.Allowed {
		return nil, scope.Err
	}
	if stage.Digest == nil {
		return v.deployedByTag(ctx, stage, image)
	}
	evidence, err := v.prove(ctx, stage, read)
	if err != nil {
		return nil, err
	}
	said, bare := reported(evidence.Digests, image, scope.Registry)
	if len(said) > 0 {
		bare = nil
	}
	for _, digest := range bare {
		is, err := v.isOf(ctx, image, scope.Registry, digest)
		if err != nil {
			return nil, err
		}
		if is {
			said = append(said, digest)
		}
	}
	var digests []Digest
	for _, digest := range said {
		if len(digests) < 2 && !slices.Contains(digests, digest) {
			digests = append(digests, digest)
		}
	}
	return digests, nil
}

// isOf reports whether a digest without a name is the image's: a commit has it for the image, or no commit has it for any.
func (v *verifying) isOf(ctx context.Context, image Image, registry RegistryRepository, digest Digest) (bool, error) {
	commits, err := v.Records.CommitsOf(ctx, v.repository.ID, image.Name, digest)
	if err != nil || len(commits) > 0 {
		return err == nil, err
	}
	return v.strange(ctx, registry, digest)
}

// deployedByTag gives what the tag of the run's commit names, where a person started the run, or the very job of the stage ran on
// another branch. The end of a whole workflow that any push starts says nothing of what it deployed, and where.
func (v *verifying) deployedByTag(ctx context.Context, stage Stage, image Image) ([]Digest, error) {
	byPerson := v.run.Event == "workflow_dispatch"
	if !byPerson && (stage.Job == "" || matchesAny(stage.allowedBranches(v.repository), v.run.HeadBranch)) {
		return nil, nil
	}
	seen, _, err := v.look(v.repository, image, v.run.Commit)(ctx)
	if err != nil {
		return nil, fmt.Errorf("tell what run %d deployed: %w", v.run.ID, err)
	}
	if seen.Digest.IsZero() {
		return nil, nil
	}
	return []Digest{seen.Digest}, nil
}
