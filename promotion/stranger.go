package promotion

import (
	"context"
	"fmt"
	"slices"
)

// strangers returns what the run says to have deployed of the image and no commit has: whatever was in the stage before is there
// no more. Of a line that is a digest alone the registry tells whose it is.
func (v *verifying) strangers(ctx context.Context, stage Stage, image Image, read stageRun, evidence *Evidence) ([]Start, error) {
	scope := scopeOf(ctx, v.Scope, v.Lanes, v.repository, image)
	if scope.Err != nil || !scope.Allowed {
		return nil, scope.Err
	}
	strange, bare := reported(evidence.Digests, image, scope.Registry)
	if len(strange) == 0 {
		for _, digest := range bare {
			is, err := v.strange(ctx, scope.Registry, digest)
			if err != nil {
				return nil, err
			}
			if is {
				strange = append(strange, digest)
			}
		}
	}
	if len(strange) == 0 {
		return nil, nil
	}
	return []Start{v.entered(stage, image, read, strange[0])}, nil
}

// strange reports whether the registry repository has the digest, and no commit has it for any image.
func (v *verifying) strange(ctx context.Context, registry RegistryRepository, digest Digest) (bool, error) {
	for _, image := range v.policy.Policy.Images {
		commits, err := v.Records.CommitsOf(ctx, v.repository.ID, image.Name, digest)
		if err != nil || len(commits) > 0 {
			return false, err
		}
	}
	inspection, err := v.Registry.Inspect(ctx, registry, digest, nil)
	if err != nil {
		return false, fromRegistry(fmt.Errorf("look for %s in %s: %w", digest.Short(), registry, err))
	}
	return inspection.Manifest.Digest == digest, nil
}

// besides returns what the run says to have deployed and no verification of it has: a commit's tag may name another digest by now
// than the one that went there.
func (v *verifying) besides(stage Stage, image Image, read stageRun, digests []Digest, judged map[Commit]map[string]Records) []Start {
	var known []Digest
	for _, records := range judged {
		for _, verification := range records[image.Name].Verifications {
			if verification.Stage == stage.Name && verification.Run == v.run.ID && verification.Attempt == read.Attempt {
				known = append(known, verification.Digest)
			}
		}
	}
	at := slices.IndexFunc(digests, func(digest Digest) bool { return !slices.Contains(known, digest) })
	if at < 0 || len(known) == 0 {
		return nil // or nothing of the run could be kept
	}
	return []Start{v.entered(stage, image, read, digests[at])}
}

// entered says that the digest was in the stage while the run lasted, whichever commit has it: it is observed as of the run's end.
func (v *verifying) entered(stage Stage, image Image, read stageRun, digest Digest) Start {
	return Start{
		Repository: v.repository.ID, Image: image.Name, Stage: stage.Name, Run: v.run.ID, Attempt: read.Attempt,
		Digest: digest, RunStarted: read.Started, Observed: read.Ended,
	}
}
