package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// attempts knows when the attempts of one run began: the newest from the run itself, others from what was recorded as they
// began, else from GitHub, which is asked at most once for each.
type attempts struct {
	run   Run
	known map[int]time.Time // zero: GitHub does not know the attempt
	ask   func(ctx context.Context, attempt int) (time.Time, error)
}

func (o *Observer) attemptsOf(repository Repository, run Run) *attempts {
	return &attempts{run: run, known: map[int]time.Time{run.Attempt: run.Started}, ask: func(ctx context.Context, attempt int) (time.Time, error) {
		began, err := o.Attempts.AttemptStart(ctx, repository, run.ID, attempt)
		if errors.Is(err, ErrNotFound) {
			return time.Time{}, nil
		}
		if err != nil {
			return time.Time{}, fromGitHub(fmt.Errorf("read attempt %d of run %d of %s: %w", attempt, run.ID, repository.FullName(), err))
		}
		return began, nil
	}}
}

// remember takes over when attempts of the run were seen to begin.
func (a *attempts) remember(starts []Start) {
	for _, start := range starts {
		if start.Run == a.run.ID && a.known[start.Attempt].IsZero() && !start.RunStarted.IsZero() {
			a.known[start.Attempt] = start.RunStarted
		}
	}
}

// began returns when the attempt began; zero when that is not known. GitHub is asked only where it matters.
func (a *attempts) began(ctx context.Context, attempt int, matters bool) (time.Time, error) {
	known, found := a.known[attempt]
	if found || !matters {
		return known, nil
	}
	began, err := a.ask(ctx, attempt)
	if err == nil {
		a.known[attempt] = began
	}
	return began, err
}

// ran returns the jobs of the stage, each with the attempt in which it ran. A re-run of failed jobs keeps the others, and
// GitHub may list those anew, with new ids and as of the new attempt: a job that had ended before its attempt began ran in
// an earlier one. Of each name only the newest attempt is looked at.
func (a *attempts) ran(ctx context.Context, stage Stage, listed []Job) ([]Job, error) {
	jobs := slices.DeleteFunc(slices.Clone(listed), func(job Job) bool { return !Matches(stage.Job, job.Name) })
	slices.SortStableFunc(jobs, func(x, y Job) int { return cmp.Compare(y.Attempt, x.Attempt) })
	newest := map[string]int{}
	var ran []Job
	for i, job := range jobs {
		if job.Attempt < newest[job.Name] {
			continue
		}
		attempt, err := a.ranIn(ctx, stage, job)
		if err != nil {
			return nil, err
		}
		if attempt < job.Attempt && slices.ContainsFunc(jobs[i+1:], func(other Job) bool { return other.Attempt < job.Attempt && sameExecution(job, other) }) {
			continue // listed as of its own attempt as well
		}
		job.Attempt = attempt
		newest[job.Name] = max(newest[job.Name], attempt)
		ran = append(ran, job)
	}
	return ran, nil
}

// ranIn returns the attempt in which a job ran: the newest that had begun when it ended.
func (a *attempts) ranIn(ctx context.Context, stage Stage, job Job) (int, error) {
	matters := stage.Builds || stage.wantsEvidence()
	for attempt := job.Attempt; attempt > 1; attempt-- {
		began, err := a.began(ctx, attempt, matters)
		switch {
		case err != nil:
			return 0, err
		case began.IsZero() && matters:
			return 0, fromGitHub(&PermanentError{Err: fmt.Errorf("tell in which attempt of run %d job %q ran: GitHub does not know when attempt %d began; run the job again", a.run.ID, job.Name, attempt)})
		case began.IsZero(), job.Status != "completed", job.Completed.IsZero(), !job.Completed.Before(began.Truncate(time.Second)):
			return attempt, nil
		}
	}
	return 1, nil
}

// sameExecution reports whether two listed jobs are one that ran once.
func sameExecution(a, b Job) bool {
	return a.Name == b.Name && a.Conclusion == b.Conclusion && a.Started.Equal(b.Started) && a.Completed.Equal(b.Completed)
}

// bound fills in from when to when the judged attempt lasted: up to the start of the next attempt, not of the newest.
func (a *attempts) bound(ctx context.Context, stage Stage, read stageRun) (stageRun, error) {
	began, err := a.began(ctx, read.Attempt, stage.wantsEvidence())
	if err != nil {
		return read, err
	}
	if !began.IsZero() {
		read.RunStarted = began
	}
	if read.Attempt >= a.run.Attempt {
		return read, nil
	}
	read.NextStart, err = a.began(ctx, read.Attempt+1, stage.wantsEvidence())
	read.Endless = read.NextStart.IsZero()
	return read, err
}

// wantsEvidence reports whether artifacts have to prove something.
func (s Stage) wantsEvidence() bool { return s.JUnit != nil || s.Coverage != nil || s.Digest != nil }
