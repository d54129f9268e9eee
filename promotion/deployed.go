package promotion

import (
	"context"
	"errors"
	"fmt"
)

// deployed records what an ended run whose head is not what it ran on says of the stages: for the commits that have the
// digests which its digest artifact names. A run that names none says nothing.
func (o *Observer) deployed(ctx context.Context, repository Repository, policy LoadedPolicy, run Run) (Changes, error) {
	run, err := o.withBases(ctx, repository, policy.Policy, run)
	if err != nil {
		return Changes{}, err
	}
	var changes Changes
	var failures []error
	touched := map[Commit]map[string]Records{}
	news := map[Commit][]Verification{}
	look := o.verifying(repository, policy, run)
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if ok, _ := stage.Qualifies(repository, run); !ok || stage.Digest == nil {
			continue
		}
		read, ran, err := o.readStage(ctx, stage, run, look.jobs, Records{})
		if err != nil {
			return Changes{}, err
		}
		if !ran || read.Running {
			continue
		}
		evidence, err := look.prove(ctx, stage, read)
		if err != nil {
			return Changes{}, err
		}
		for _, image := range policy.Policy.Images {
			commits, err := o.commitsReported(ctx, repository, image, evidence)
			if err != nil {
				return Changes{}, err
			}
			for _, commit := range commits {
				if touched[commit] == nil {
					if touched[commit], err = o.Records.Records(ctx, repository.ID, commit); err != nil {
						return Changes{}, err
					}
				}
				verification, found, err := look.judgeFor(ctx, stage, image, read, commit, touched[commit][image.Name])
				if err != nil {
					failures = append(failures, err)
				}
				if found {
					news[commit] = append(news[commit], verification)
					keep(touched[commit], verification)
				}
			}
		}
	}
	for commit, verifications := range news {
		told, err := o.announce(ctx, repository, policy, commit, touched[commit], Changes{Verifications: verifications}, nil)
		if err != nil {
			failures = append(failures, err)
		}
		told.Work = append(told.Work, checksAgain(told.Announcements)...)
		changes.Add(told)
	}
	return changes, errors.Join(failures...)
}

// commitsReported gives the commits for which the digests that the run names were recorded.
func (o *Observer) commitsReported(ctx context.Context, repository Repository, image Image, evidence *Evidence) ([]Commit, error) {
	registry, err := image.Registry(repository)
	if err != nil {
		return nil, nil
	}
	named, bare := reported(evidence.Digests, image, registry)
	if len(named) == 0 {
		named = bare
	}
	var commits []Commit
	seen := map[Commit]bool{}
	for _, digest := range named {
		of, err := o.Records.CommitsOf(ctx, repository.ID, image.Name, digest)
		if err != nil {
			return nil, err
		}
		for _, commit := range of {
			if !seen[commit] {
				seen[commit] = true
				commits = append(commits, commit)
			}
		}
	}
	return commits, nil
}

// judgeFor judges the run as one of the commit that it deployed.
func (v *verifying) judgeFor(ctx context.Context, stage Stage, image Image, read stageRun, commit Commit, records Records) (Verification, bool, error) {
	own := *v
	own.run.Commit = commit
	own.tags = map[string]func(context.Context) (TaggedManifest, bool, error){}
	if settled(stage, own.run, records) {
		return Verification{}, false, nil
	}
	return own.judge(ctx, stage, image, read, records)
}

// withBases fills in the base branches of a run of a pull request, where a stage asks for them and GitHub lists none any
// more with the run (it lists open pull requests only). It costs a call then.
func (o *Observer) withBases(ctx context.Context, repository Repository, policy Policy, run Run) (Run, error) {
	ofPullRequest := run.Event == "pull_request" || run.Event == "pull_request_target"
	if !ofPullRequest || len(run.Bases) > 0 || run.HeadRepository != repository.ID || !counts(policy, run) {
		return run, nil
	}
	pulls, err := o.Reviews.PullRequestsOf(ctx, repository, run.Commit)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return run, fromGitHub(fmt.Errorf("find the pull requests of %s: %w", run.Commit.Short(), err))
	}
	for _, pull := range pulls {
		if pull.Head == run.Commit {
			run.Bases = append(run.Bases, pull.Base)
		}
	}
	return run, nil
}

func counts(policy Policy, run Run) bool {
	for _, stage := range stagesOf(policy, run.Path) {
		for _, event := range stage.Events {
			if event == run.Event {
				return true
			}
		}
	}
	return false
}
