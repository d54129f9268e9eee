package promotion

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// promptly is how soon after something began or ended a look at the tag still shows what it named then.
const promptly = time.Minute

// runLister returns the runs of the commit that is looked at, whatever started them.
type runLister func(context.Context) ([]Run, error)

// runsOf returns a reader of the commit's runs that asks GitHub once.
func (o *Observer) runsOf(repository Repository, policy Policy, commit Commit) runLister {
	var listed []Run
	asked := false
	return func(ctx context.Context) ([]Run, error) {
		if asked {
			return listed, nil
		}
		var err error
		if listed, err = o.Runs.RunsOf(ctx, repository, commit, runKinds(policy)); err != nil {
			return nil, fromGitHub(fmt.Errorf("list the runs of %s: %w", commit.Short(), err))
		}
		asked = true
		return listed, nil
	}
}

// unlessBuiltAnew takes a success back whose image nobody saw in time, where the commit was built again since the stage began: what
// the tag names by now may be of that build, and what the stage ran on nobody knows. GitHub is asked only where nobody saw it.
func (v *verifying) unlessBuiltAnew(ctx context.Context, stage Stage, read stageRun, records Records, verification Verification) (Verification, error) {
	unheld := verification.Failure == StageMissing && verification.Pushed.IsZero() // no earlier stage saw it either: that is why
	if v.listed == nil || !verification.Passed() && !unheld || stage.Digest != nil || verification.pushedBefore(stage) || records.sawBefore(verification) {
		return verification, nil
	}
	if seen, err := v.sawInTime(ctx, stage, read, records, verification.Digest); seen || err != nil {
		return verification, err
	}
	other, err := v.builtSince(ctx, stage, read, records)
	if err != nil || other == nil {
		return verification, err
	}
	verification.Failure = StageMissing
	verification.Detail = fmt.Sprintf("nobody looked at the tag while this ran, and run %d (%s of %s) may have built the commit anew since it began: "+
		"%s may be another image than this ran on. Run the build and this stage again, or push a new commit", other.ID, other.Event, other.HeadBranch, verification.Digest.Short())
	return verification, nil
}

// pushedBefore reports whether the registry tells that the digest was there when the stage ran; that of a build comes while it runs.
func (v *Verification) pushedBefore(stage Stage) bool {
	return !v.Pushed.IsZero() && (stage.Builds || !v.Pushed.After(v.Started))
}

// sawBefore reports whether a stage that ended before the verification's began passed for the same digest.
func (r Records) sawBefore(verification Verification) bool {
	return slices.ContainsFunc(r.Verifications, func(earlier Verification) bool {
		return earlier.Passed() && earlier.Digest == verification.Digest && !earlier.Ended.After(verification.Started)
	})
}

// sawInTime reports whether somebody looked at the tag in time: when each job of the stage began, and when it ended, where the tag
// did not name the digest before; of a stage that builds, when it ended, or when another job of its run began.
func (v *verifying) sawInTime(ctx context.Context, stage Stage, read stageRun, records Records, digest Digest) (bool, error) {
	noted, err := v.noted(ctx, records)
	if err != nil {
		return false, err
	}
	ended := v.GitHubTime(v.Clock()).Sub(read.Ended) <= promptly
	if stage.Builds {
		return ended || slices.ContainsFunc(noted, func(start Start) bool { return start.Digest == digest }), nil
	}
	jobs := read.Jobs
	if stage.Job == "" {
		jobs = []int64{0}
	}
	for _, job := range jobs {
		if !slices.ContainsFunc(noted, func(start Start) bool {
			return start.Stage == stage.Name && start.Job == job && slices.Contains(read.Attempts, start.Attempt) && (ended || start.Digest == digest)
		}) {
			return false, nil
		}
	}
	return true, nil
}

// noted returns the starts of the run that were noted as it began, and its jobs.
func (v *verifying) noted(ctx context.Context, records Records) ([]Start, error) {
	var noted []Start
	for _, start := range records.Starts {
		if start.Run != v.run.ID {
			continue
		}
		began := start.RunStarted
		if start.Job != 0 {
			jobs, err := v.jobs(ctx)
			if err != nil {
				return nil, err
			}
			at := slices.IndexFunc(jobs, func(job Job) bool { return job.ID == start.Job })
			if at < 0 {
				continue
			}
			began = jobs[at].Started
		}
		if !began.IsZero() && start.Observed.Sub(began) <= promptly {
			noted = append(noted, start)
		}
	}
	return noted, nil
}

// builtSince returns a run that may have pushed another image of the commit since the stage began; nil when there is none.
func (v *verifying) builtSince(ctx context.Context, stage Stage, read stageRun, records Records) (*Run, error) {
	runs, err := v.listed(ctx)
	if err != nil {
		return nil, err
	}
	for i := range runs {
		other := &runs[i]
		if other.ID != v.run.ID && v.policy.Policy.builtBy(other.Path) && v.policy.Policy.buildLasted(*other, read.Started, records) {
			return other, nil
		}
	}
	builds, found := v.policy.Policy.Builds()
	if !found || stage.Builds || builds.Workflow != v.run.Path {
		return nil, nil
	}
	own, ran, err := v.readStage(ctx, builds, records)
	if err != nil || !ran || own.Attempt <= slices.Max(read.Attempts) {
		return nil, err
	}
	return &v.run, nil
}

// builtBy reports whether the workflow builds commits: it is that of the stage that builds, or without one of the earliest stages.
func (p Policy) builtBy(workflow string) bool {
	builds, found := p.Builds()
	return slices.ContainsFunc(p.Stages, func(stage Stage) bool {
		return stage.Workflow == workflow && (found && stage.Name == builds.Name || !found && len(stage.After) == 0)
	})
}

// buildLasted reports whether a run may have pushed an image after that time: as long as it ran, or until its build was recorded to
// have ended.
func (p Policy) buildLasted(run Run, after time.Time, records Records) bool {
	builds, _ := p.Builds()
	for i := range records.Verifications {
		if built := &records.Verifications[i]; builds.Builds && built.Stage == builds.Name && built.Run == run.ID && built.Judged == run.Attempt {
			return built.Ended.After(after)
		}
	}
	return !run.Finished() || run.Updated.After(after)
}
