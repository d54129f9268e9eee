package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	look := o.verifying(repository, policy, run, nil)
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if ok, _ := stage.Qualifies(repository, run); !ok || stage.Digest == nil {
			continue
		}
		read, ran, err := look.readStage(ctx, stage, Records{})
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
			commits, digests, err := o.commitsReported(ctx, repository, image, evidence)
			if err != nil {
				return Changes{}, err
			}
			if len(commits) == 0 {
				entered, err := look.strangers(ctx, stage, image, read, evidence)
				if err != nil {
					failures = append(failures, err)
				}
				changes.Starts = append(changes.Starts, entered...)
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
			changes.Starts = append(changes.Starts, look.besides(stage, image, read, digests, touched)...)
		}
	}
	if len(news) > 0 {
		entries, err := o.stood(ctx, repository, policy.Policy, run)
		if err != nil {
			return Changes{}, err
		}
		changes.Entries = entries
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

// commitsReported gives the commits for which the digests that the run names were recorded, and those digests that are the image's.
func (o *Observer) commitsReported(ctx context.Context, repository Repository, image Image, evidence *Evidence) ([]Commit, []Digest, error) {
	registry, err := image.Registry(repository)
	if err != nil {
		return nil, nil, nil
	}
	named, bare := reported(evidence.Digests, image, registry)
	isNamed := len(named) > 0
	if !isNamed {
		named = bare
	}
	var commits []Commit
	var digests []Digest
	for _, digest := range named {
		of, err := o.Records.CommitsOf(ctx, repository.ID, image.Name, digest)
		if err != nil {
			return nil, nil, err
		}
		if isNamed || len(of) > 0 {
			digests = append(digests, digest)
		}
		for _, commit := range of {
			if !slices.Contains(commits, commit) {
				commits = append(commits, commit)
			}
		}
	}
	return commits, digests, nil
}

// judgeFor judges the run as one of the commit that it deployed.
func (v *verifying) judgeFor(ctx context.Context, stage Stage, image Image, read stageRun, commit Commit, records Records) (Verification, bool, error) {
	own := *v
	own.run.Commit = commit
	own.tags = map[string]func(context.Context) (TaggedManifest, bool, error){}
	if settled(stage, own.run, records) {
		return Verification{}, false, nil
	}
	verification, found, err := own.judge(ctx, stage, image, read, records)
	verification.Head = v.run.Commit
	return verification, found, err
}

// deployedFor judges the run for one commit, into its records, and keeps nothing.
func (o *Observer) deployedFor(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, commit Commit, records map[string]Records) error {
	look := o.verifying(repository, policy, run, nil)
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if ok, _ := stage.Qualifies(repository, run); !ok || stage.Digest == nil {
			continue
		}
		read, ran, err := look.readStage(ctx, stage, Records{})
		if err != nil {
			return err
		}
		for _, image := range policy.Policy.Images {
			if !ran || read.Running {
				continue
			}
			verification, found, err := look.judgeFor(ctx, stage, image, read, commit, records[image.Name])
			if err != nil {
				return err
			}
			if found {
				keep(records, verification)
			}
		}
	}
	return nil
}

// withBases fills in where pull requests with the head of a pull request's run went, where a stage asks for them: those that
// deliveries told of, beside those that GitHub lists with the run (which are the open ones). Only where none is known does it
// cost a call.
func (o *Observer) withBases(ctx context.Context, repository Repository, policy Policy, run Run) (Run, error) {
	if !ofPullRequest(run.Event) || run.HeadRepository != repository.ID || !counts(policy, run) {
		return run, nil
	}
	run, err := o.withKnownBases(ctx, repository, run)
	if err != nil || len(run.Bases) > 0 || run.HeadBranch == "" {
		return run, err
	}
	pulls, err := o.Reviews.PullRequestsFrom(ctx, repository, run.HeadBranch)
	if err != nil {
		return run, fromGitHub(fmt.Errorf("find the pull requests of branch %q: %w", run.HeadBranch, err))
	}
	for _, pull := range pulls {
		if pull.Head == run.Commit && !slices.Contains(run.Bases, pull.Base) {
			run.Bases = append(run.Bases, pull.Base)
		}
	}
	return run, nil
}

// withKnownBases adds what the ledger knows of the bases. It costs no call.
func (o *Observer) withKnownBases(ctx context.Context, repository Repository, run Run) (Run, error) {
	entries, err := o.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead, EntryBase}, Commit: run.Commit})
	if err != nil {
		return run, err
	}
	run.Bases = slices.Clone(run.Bases)
	for _, name := range basesIn(entries, run.Commit, nil) {
		if !slices.Contains(run.Bases, name) {
			run.Bases = append(run.Bases, name)
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
