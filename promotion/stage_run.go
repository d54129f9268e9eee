package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stageRun is what one run says of one stage: its whole self, or the newest attempt of each of the stage's jobs.
type stageRun struct {
	Attempt    int
	Attempts   []int // every attempt that a judged job ran in
	Jobs       []int64
	Running    bool
	Conclusion string
	Detail     string
	RunStarted time.Time
	NextStart  time.Time // when the run's next attempt began; zero when there is none
	Endless    bool      // there is a next attempt, and nobody knows when it began
	Started    time.Time
	Ended      time.Time
	URL        string
}

// made reports whether something was made within the attempt. GitHub's times have whole seconds.
func (r stageRun) made(at time.Time) bool {
	return !at.Before(r.RunStarted.Truncate(time.Second)) && !r.Endless && (r.NextStart.IsZero() || at.Before(r.NextStart))
}

// readRun gives what a run says of a stage that is a whole run.
func readRun(run Run) stageRun {
	return stageRun{
		Attempt: run.Attempt, Attempts: []int{run.Attempt}, Running: !run.Finished(), Conclusion: run.Conclusion,
		RunStarted: run.Started, Started: run.Started, Ended: run.Updated, URL: run.URL,
		Detail: fmt.Sprintf("the run ended with %s", cmp.Or(run.Conclusion, "no conclusion")),
	}
}

// manyJobs reports whether the stage's job is a pattern: only the end of the run's attempt tells that all jobs of it were there.
func (s Stage) manyJobs() bool { return strings.Contains(s.Job, "*") }

// readJobs returns what a run's jobs say of a stage: of each matching name, the newest attempt in which it ran. It reports
// false when no job of that name is in the run.
//
// A stage whose job is a pattern runs until the run's attempt has ended: jobs that wait for others, and dynamic matrices, are
// not listed before their turn comes. A job that did not succeed counts at once.
func readJobs(stage Stage, run Run, jobs []Job) (stageRun, bool) {
	jobs = newestJobs(stage, jobs)
	if len(jobs) == 0 {
		return stageRun{}, false
	}
	read := stageRun{Conclusion: "success", URL: run.URL, Running: stage.manyJobs() && !run.Finished()}
	for _, job := range jobs {
		read.Attempt = max(read.Attempt, job.Attempt)
	}
	var failed []string
	failedNow := false
	for _, job := range jobs {
		if !slices.Contains(read.Attempts, job.Attempt) {
			read.Attempts = append(read.Attempts, job.Attempt)
		}
		if read.Started.IsZero() || job.Started.Before(read.Started) {
			read.Started = job.Started
		}
		if job.Completed.After(read.Ended) {
			read.Ended = job.Completed
		}
		if job.Status != "completed" {
			read.Running = true
			continue
		}
		read.Jobs = append(read.Jobs, job.ID)
		if job.Conclusion != "success" {
			read.Conclusion = job.Conclusion
			failed = append(failed, fmt.Sprintf("%s ended with %s", job.Name, cmp.Or(job.Conclusion, "no conclusion")))
			failedNow = failedNow || job.Attempt == read.Attempt // an older failure may be run again yet
		}
	}
	slices.Sort(read.Jobs)
	slices.Sort(failed)
	if len(failed) > 3 {
		failed = append(failed[:3], fmt.Sprintf("and %d more", len(failed)-3))
	}
	read.Detail = strings.Join(failed, ", ")
	if read.Running = read.Running && !failedNow; read.Running && stage.manyJobs() {
		read.Attempt = run.Attempt // that is what is waited for
	}
	for _, job := range jobs { // until it is known when the attempt began
		if job.Attempt == read.Attempt && (read.RunStarted.IsZero() || job.Started.Before(read.RunStarted)) {
			read.RunStarted = job.Started
		}
	}
	return read, true
}

// newestJobs returns the jobs that count for a stage: of each name that matches, those of the newest attempt.
func newestJobs(stage Stage, jobs []Job) []Job {
	newest := map[string]int{}
	for _, job := range jobs {
		if Matches(stage.Job, job.Name) {
			newest[job.Name] = max(newest[job.Name], job.Attempt)
		}
	}
	return slices.DeleteFunc(slices.Clone(jobs), func(job Job) bool {
		attempt, matches := newest[job.Name]
		return !matches || attempt != job.Attempt
	})
}
