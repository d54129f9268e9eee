package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RunEvent is a workflow_run delivery: what GitHub announced of a run.
type RunEvent struct {
	Repository Repository
	Action     string // requested, in_progress, completed
	Run        Run    // as announced; what counts is read again
}

// JobEvent is a workflow_job delivery. It names neither the workflow's path nor the event: those are the run's.
type JobEvent struct {
	Repository Repository
	Action     string // in_progress, completed
	Run        int64
	Commit     Commit
	Job        Job
}

// Observer watches workflow runs: it notes which digest a stage's run started with, and records a verification when it ends.
type Observer struct {
	Policies *PolicySource
	Runs     Runs
	Attempts AttemptReader
	Registry Registry
	Records  RecordReader
	Lanes    LaneKeeper
	Requests RequestReader
	Evidence EvidenceSource
	Trees    TreeReader
	Reviews  ReviewReader
	Branches BranchReader
	Book     Book
	Checks   Checks
	Scope    Scope
	Clock    func() time.Time
	Slack    func(Environment) string // the webhook that an environment's notices go to; "" for none

	GitHubTime func(ours time.Time) time.Time // what GitHub's clock says when ours says so
}

// RunChanged takes a workflow_run event. The changes are good even when there is an error: they are what could be told
// before it, and the event is to be tried again.
func (o *Observer) RunChanged(ctx context.Context, event RunEvent) (Changes, error) {
	policy, changes, err := o.governing(ctx, event.Repository, event.Run, event.Action == "completed")
	if err != nil || !policy.Valid() {
		return changes, err
	}
	event.Repository = policy.Repository
	stages := stagesOf(policy.Policy, event.Run.Path)
	if len(stages) == 0 {
		return Changes{}, nil
	}
	if event.Action != "completed" {
		return o.started(ctx, event.Repository, policy, event.Run, stages, Job{})
	}
	run, err := o.Runs.Run(ctx, event.Repository, event.Run.ID)
	if errors.Is(err, ErrNotFound) {
		return o.deletedRun(ctx, event.Repository, policy, event.Run, stages)
	}
	if err != nil {
		return Changes{}, err
	}
	return o.ended(ctx, event.Repository, policy, run)
}

// JobChanged takes a workflow_job event. Only jobs that a stage names cost a call.
func (o *Observer) JobChanged(ctx context.Context, event JobEvent) (Changes, error) {
	policy, _, err := o.governing(ctx, event.Repository, Run{}, false)
	if err != nil || !policy.Valid() {
		return Changes{}, err
	}
	event.Repository = policy.Repository
	named := slices.ContainsFunc(policy.Policy.Stages, func(stage Stage) bool {
		return stage.Job != "" && Matches(stage.Job, event.Job.Name)
	})
	if !named {
		return Changes{}, nil
	}
	run, err := o.Runs.Run(ctx, event.Repository, event.Run)
	if err != nil {
		return Changes{}, gone(err)
	}
	if event.Action == "completed" {
		return o.ended(ctx, event.Repository, policy, run)
	}
	var stages []Stage
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if stage.Job != "" && Matches(stage.Job, event.Job.Name) {
			stages = append(stages, stage)
		}
	}
	if event.Job.Attempt != run.Attempt {
		// Late news of an older attempt: when that began is not known any more.
		run.Started = time.Time{}
	}
	run.Attempt = event.Job.Attempt
	return o.started(ctx, event.Repository, policy, run, stages, event.Job)
}

// gone turns a run that GitHub does not have (any more) into nothing to do.
func gone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// governing gives the repository's policy. For an invalid one it also gives the check runs that say so.
func (o *Observer) governing(ctx context.Context, repository Repository, run Run, announce bool) (LoadedPolicy, Changes, error) {
	policy, err := o.Policies.Tolerant(ctx, repository)
	if err != nil {
		return LoadedPolicy{}, Changes{}, err
	}
	var changes Changes
	if policy.File.Found && !policy.Valid() && announce && run.HeadRepository == repository.ID && !run.Commit.IsZero() {
		changes.Announcements = o.Checks.ForInvalid(policy.Repository, policy, run.Commit)
	}
	return policy, changes, nil
}

func stagesOf(policy Policy, path string) []Stage {
	var stages []Stage
	for _, stage := range policy.Stages {
		if stage.Workflow == path {
			stages = append(stages, stage)
		}
	}
	return stages
}

// started notes which digest each image's tag names as a stage's run (or job) begins.
func (o *Observer) started(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, stages []Stage, job Job) (Changes, error) {
	if ByDigest(run.Event) && !ofPullRequest(run.Event) { // its head is not what it deploys
		entries, err := o.stood(ctx, repository, policy.Policy, run)
		return Changes{Entries: entries}, err
	}
	run, err := o.withBases(ctx, repository, policy.Policy, run)
	if err != nil {
		return Changes{}, err
	}
	records, err := o.Records.Records(ctx, repository.ID, run.Commit)
	if err != nil {
		return Changes{}, err
	}
	var changes Changes
	var failures []error
	for _, image := range policy.Policy.Images {
		tag := o.look(repository, image, run.Commit)
		for _, stage := range stages {
			if ByDigest(run.Event) {
				break
			}
			if ok, _ := stage.Qualifies(repository, run); !ok || (stage.Job == "") != (job.ID == 0) || startKnown(records[image.Name], stage, run, job) {
				continue
			}
			seen, inScope, err := tag(ctx)
			if err != nil {
				failures = append(failures, err)
				break
			}
			if !inScope {
				break
			}
			changes.Starts = append(changes.Starts, Start{
				Repository: repository.ID, Image: image.Name, Commit: run.Commit, Stage: stage.Name, Run: run.ID, Attempt: run.Attempt,
				Job: job.ID, Digest: seen.Digest, RunStarted: run.Started, Observed: o.GitHubTime(o.Clock()),
			})
		}
	}
	return o.announce(ctx, repository, policy, run.Commit, records, changes, failures)
}

// startKnown reports whether the start was noted before, or comes too late to be noted: its end was recorded.
func startKnown(records Records, stage Stage, run Run, job Job) bool {
	return slices.ContainsFunc(records.Starts, func(start Start) bool {
		return start.Stage == stage.Name && start.Run == run.ID && start.Attempt == run.Attempt && start.Job == job.ID
	}) || slices.ContainsFunc(records.Verifications, func(verification Verification) bool {
		return verification.Stage == stage.Name && verification.Run == run.ID && verification.Attempt >= run.Attempt &&
			(job.ID == 0 || slices.Contains(verification.Jobs, job.ID))
	})
}

// ended records what an ended run, or an ended job of it, says of the stages, and of what it deployed where it does not count.
func (o *Observer) ended(ctx context.Context, repository Repository, policy LoadedPolicy, run Run) (Changes, error) {
	changes, err := o.counted(ctx, repository, policy, run)
	overwrites, unclear := o.overwrites(ctx, repository, policy, run)
	changes.Starts = append(changes.Starts, overwrites...)
	return changes, errors.Join(err, unclear)
}

// counted records what the run says of the stages for which it counts.
func (o *Observer) counted(ctx context.Context, repository Repository, policy LoadedPolicy, run Run) (Changes, error) {
	if ByDigest(run.Event) {
		return o.deployed(ctx, repository, policy, run)
	}
	records, err := o.Records.Records(ctx, repository.ID, run.Commit)
	if err != nil {
		return Changes{}, err
	}
	verifications, _, err := o.verify(ctx, repository, policy, run, records, o.runsOf(repository, policy.Policy, run.Commit))
	var failures []error
	if err != nil {
		failures = append(failures, err)
	}
	others, err := o.verifyAgain(ctx, repository, policy, run, records, verifications)
	if err != nil {
		failures = append(failures, err)
	}
	verifications = append(verifications, others...)
	return o.announce(ctx, repository, policy, run.Commit, records, Changes{Verifications: verifications}, failures)
}

// verify judges every stage of a run that has ended and has no judgement yet. It gives the new verifications, and the
// attempts that it looked at. It reads the run's jobs at most once, each image's tag at most once, and each artifact that
// a stage names at most once.
func (o *Observer) verify(ctx context.Context, repository Repository, policy LoadedPolicy, run Run, records map[string]Records, listed runLister) ([]Verification, []Attempt, error) {
	run, err := o.withBases(ctx, repository, policy.Policy, run)
	if err != nil {
		return nil, nil, err
	}
	look := o.verifying(repository, policy, run, listed)
	var verifications []Verification
	var attempts []Attempt
	var failures []error
	for _, stage := range stagesOf(policy.Policy, run.Path) {
		if ok, _ := stage.Qualifies(repository, run); !ok || ByDigest(run.Event) {
			continue
		}
		for _, image := range policy.Policy.Images {
			if settled(stage, run, records[image.Name]) {
				continue
			}
			read, ran, err := look.readStage(ctx, stage, records[image.Name])
			if err != nil {
				return verifications, attempts, err
			}
			if !ran {
				break
			}
			// Listed in any case: an attempt whose end cannot be recorded must not let an older success rule.
			attempts = append(attempts, Attempt{Stage: stage.Name, Run: run.ID, Number: read.Attempt, Started: read.RunStarted, Running: read.Running, URL: run.URL, Event: run.Event, Branch: run.HeadBranch, Head: run.Commit})
			if read.Running {
				break
			}
			verification, found, err := look.judge(ctx, stage, image, read, records[image.Name])
			if err != nil {
				failures = append(failures, err)
			}
			if found {
				verification = verification.unlessUnseen(records)
				verifications = append(verifications, verification)
				keep(records, verification)
			}
		}
	}
	return verifications, attempts, errors.Join(failures...)
}

func (o *Observer) jobsOf(repository Repository, run Run) func(context.Context) ([]Job, error) {
	var jobs []Job
	asked := false
	return func(ctx context.Context) ([]Job, error) {
		if asked {
			return jobs, nil
		}
		var err error
		if jobs, err = o.Runs.Jobs(ctx, repository, run.ID); err != nil {
			return nil, fromGitHub(fmt.Errorf("read the jobs of run %d of %s: %w", run.ID, repository.FullName(), err))
		}
		asked = true
		return jobs, nil
	}
}

// look gives a reader of the image's tag for the commit that asks the registry once. It reports false, without asking,
// when the repository may not use the registry repository.
func (o *Observer) look(repository Repository, image Image, commit Commit) func(context.Context) (TaggedManifest, bool, error) {
	var seen TaggedManifest
	var inScope, asked bool
	return func(ctx context.Context) (TaggedManifest, bool, error) {
		if asked {
			return seen, inScope, nil
		}
		scope := scopeOf(ctx, o.Scope, o.Lanes, repository, image)
		if scope.Err != nil {
			return TaggedManifest{}, false, scope.Err
		}
		if scope.Allowed {
			var err error
			seen, err = o.Registry.Resolve(ctx, scope.Registry, image.SourceTag(commit))
			if err != nil && !errors.Is(err, ErrNotFound) {
				return TaggedManifest{}, false, fromRegistry(fmt.Errorf("read tag %s of %s: %w", image.SourceTag(commit), scope.Registry, err))
			}
			if err != nil {
				seen = TaggedManifest{}
			}
		}
		asked, inScope = true, scope.Allowed
		return seen, inScope, nil
	}
}

// scopeOf decides whether the repository may use the image's registry repository: by the server's rules, and because
// it is the one whose registry repository it is.
func scopeOf(ctx context.Context, rules Scope, lanes LaneKeeper, repository Repository, image Image) ScopeFact {
	registry, err := image.Registry(repository)
	if err != nil {
		return ScopeFact{Detail: err.Error()}
	}
	fact := ScopeFact{Registry: registry}
	if !rules.Allows(repository, registry) {
		fact.Detail, fact.Missing = fmt.Sprintf("no rule of the server lets %s use %s", repository.FullName(), registry), true
		return fact
	}
	owner, err := lanes.ClaimRegistry(ctx, registry, repository.ID)
	switch {
	case err != nil:
		fact.Err = err
	case owner != repository.ID:
		fact.Detail = fmt.Sprintf("%s belongs to the GitHub repository with id %d", registry, owner)
		fact.Next = "if that one does not exist any more, ask whoever runs Verbatim to give it back: " + registry.ReleaseCommand()
	default:
		fact.Allowed = true
	}
	return fact
}

// announce adds what is to be told of the new records: the commit's check runs, and digests that moved.
func (o *Observer) announce(ctx context.Context, repository Repository, policy LoadedPolicy, commit Commit, records map[string]Records, changes Changes, failures []error) (Changes, error) {
	// Where a scope is missing nothing is recorded: what the check runs say is not so any more.
	unscoped := anySighted(records) && len(o.Scope.Missing(repository, policy.Policy)) > 0
	if len(changes.Starts)+len(changes.Verifications) == 0 && !unscoped {
		return changes, errors.Join(failures...)
	}
	for _, start := range changes.Starts {
		of := records[start.Image]
		of.Starts = append(of.Starts, start)
		records[start.Image] = of
	}
	computed := o.Checks
	computed.places = computed.placesOf(repository, policy)
	checks, err := computed.For(ctx, repository, policy, commit, records, nil)
	if err != nil {
		return changes, errors.Join(append(failures, err)...)
	}
	changes.Entries = append(changes.Entries, computed.places.tips(commit, o.Clock())...)
	changes.Announcements = append(changes.Announcements, checks...)
	changes.Work = append(changes.Work, laterChecks(checks)...)
	waiting, err := o.wake(ctx, repository, policy, commit, changes)
	if err != nil {
		failures = append(failures, err)
	}
	changes.Work = append(changes.Work, waiting...)
	for _, verification := range changes.Verifications {
		if verification.Failure == DigestMoved {
			changes.Announcements = append(changes.Announcements, o.moved(repository, policy.Policy, verification)...)
		}
	}
	return changes, errors.Join(failures...)
}

// moved is the notice that a commit's tag was overwritten, for each webhook that hears of the repository's environments.
// There is one for an image and commit, however often it is seen.
func (o *Observer) moved(repository Repository, policy Policy, verification Verification) []Announcement {
	var announcements []Announcement
	var told []string
	for _, environment := range policy.Environments {
		webhook := o.Slack(environment)
		if webhook == "" || slices.Contains(told, webhook) {
			continue
		}
		told = append(told, webhook)
		announcements = append(announcements, Announcement{
			Key:  fmt.Sprintf("slack/moved/%d/%s/%s/%s", repository.ID, verification.Image, verification.Commit, webhook),
			Kind: AnnounceSlack, Repository: repository,
			Notice: &Notice{Webhook: webhook, Kind: NoticeDigestMoved, Repository: repository, Moved: verification},
		})
	}
	return announcements
}
