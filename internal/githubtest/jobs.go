package githubtest

import (
	"slices"
	"time"
)

// Job is a job of one attempt of a run.
type Job struct {
	run        *Run
	id         int64
	name       string
	attempt    int // in which it ran, or as of which a kept one is listed
	kept       bool
	status     string
	conclusion string
	created    time.Time
	started    time.Time
	completed  time.Time
}

// Job gives the job of that name in the newest attempt: "build", or "test (1.22, linux)" for one of a matrix. One that
// did not run in this attempt yet is queued and announced (workflow_job.queued).
func (run *Run) Job(name string) *Job {
	var job *Job
	run.repository.server.change(func() {
		if job = run.current(name); job != nil {
			return
		}
		job = run.addJob(name)
		run.repository.announceJob(job, "queued")
	})
	return job
}

// SkippedJob adds a job that is skipped: no queued event, only completed.
func (run *Run) SkippedJob(name string) *Job {
	var job *Job
	run.repository.server.change(func() {
		job = run.addJob(name)
		job.complete("skipped")
	})
	return job
}

// current finds the job of that name that runs in the newest attempt; one kept from an earlier attempt does not.
func (run *Run) current(name string) *Job {
	for _, job := range run.latest().jobs {
		if job.name == name && job.attempt == run.latest().number && !job.kept {
			return job
		}
	}
	return nil
}

func (run *Run) addJob(name string) *Job {
	run.request()
	s := run.repository.server
	attempt := run.latest()
	job := &Job{
		run: run, id: next(&s.sequence.job), name: name, attempt: attempt.number, status: "queued", created: s.now(), started: s.now(),
	}
	// One that was kept from the earlier attempt runs again after all.
	attempt.jobs = slices.DeleteFunc(attempt.jobs, func(kept *Job) bool { return kept.name == name })
	attempt.jobs = append(attempt.jobs, job)
	return job
}

// ID gives the job's numeric id.
func (job *Job) ID() int64 { return job.id }

// Start sets the job in progress and announces it (workflow_job.in_progress).
func (job *Job) Start() *Job {
	job.run.repository.server.change(func() {
		job.status, job.started = "in_progress", job.run.repository.server.now()
		job.run.repository.announceJob(job, "in_progress")
	})
	return job
}

// Complete ends the job and announces it (workflow_job.completed).
func (job *Job) Complete(conclusion string) *Job {
	job.run.repository.server.change(func() { job.complete(conclusion) })
	return job
}

// Skip ends the job as skipped.
func (job *Job) Skip() *Job { return job.Complete("skipped") }

func (job *Job) complete(conclusion string) {
	job.status, job.conclusion, job.completed = "completed", conclusion, job.run.repository.server.now()
	job.run.repository.announceJob(job, "completed")
}

// Artifact is a file that a run left.
type Artifact struct {
	run     *Run
	id      int64
	name    string
	archive []byte
	kind    string // the media type that its address answers with
	created time.Time
	expires time.Time
}

// ID gives the artifact's numeric id.
func (a *Artifact) ID() int64 { return a.id }

// Upload leaves an artifact of the run: files by name, zipped, kept for as long as said (0: 90 days, GitHub's default).
func (run *Run) Upload(name string, files map[string]string, keep time.Duration) *Artifact {
	if keep == 0 {
		keep = 90 * 24 * time.Hour
	}
	return run.UploadArchive(name, zipped(files), keep)
}

// UploadArchive leaves an artifact whose archive is whatever bytes one likes, broken ones included.
func (run *Run) UploadArchive(name string, archive []byte, keep time.Duration) *Artifact {
	return run.UploadFile(name, archive, "application/octet-stream", keep)
}

// UploadFile leaves an artifact that is not packed by GitHub: a raw file (upload-artifact v7 with archive: false), or gzip as
// Docker's are. Its address answers with that media type.
func (run *Run) UploadFile(name string, archive []byte, kind string, keep time.Duration) *Artifact {
	s := run.repository.server
	s.mu.Lock()
	defer s.mu.Unlock()
	artifact := &Artifact{
		run: run, id: next(&s.sequence.artifact), name: name, archive: slices.Clone(archive), kind: kind, created: s.now(), expires: s.now().Add(keep),
	}
	run.repository.artifacts[artifact.id] = artifact
	return artifact
}

func (a *Artifact) expired() bool { return !a.run.repository.server.now().Before(a.expires) }

// jobsIn lists the jobs of an attempt: those that ran in it, and those kept from earlier ones.
func (run *Run) jobsIn(number int) []*Job { return run.attempts[number-1].jobs }

// KeptJobs says how the jobs that a re-run kept are listed: GitHub has done it in more than one way.
type KeptJobs int

// The ways in which kept jobs are listed.
const (
	KeptOnce     KeptJobs = iota // as they ran, in the attempt in which they ran
	KeptAnew                     // as they ran, and anew: with a new id and the new attempt
	KeptReplaced                 // anew only
)

// ListKeptJobs sets how the jobs that later re-runs keep are listed.
func (s *Server) ListKeptJobs(how KeptJobs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keptJobs = how
}

// keep takes a job over into a new attempt.
func (job *Job) keep(attempt int) *Job {
	s := job.run.repository.server
	if s.keptJobs == KeptOnce {
		return job
	}
	anew := *job
	anew.id, anew.attempt, anew.kept = next(&s.sequence.job), attempt, true
	return &anew
}

// replaced reports whether a job is not listed any more, because a later attempt that kept it lists it.
func (run *Run) replaced(job *Job) bool {
	if run.repository.server.keptJobs != KeptReplaced {
		return false
	}
	for _, later := range run.attempts[job.attempt:] {
		for _, other := range later.jobs {
			if other.kept && other.name == job.name && other.completed.Equal(job.completed) {
				return true
			}
		}
	}
	return false
}

// allJobs lists every job that ran, in every attempt, once each, and kept ones as the server is set to list them.
func (run *Run) allJobs() []*Job {
	var all []*Job
	for _, attempt := range run.attempts {
		for _, job := range attempt.jobs {
			if job.attempt == attempt.number && !run.replaced(job) {
				all = append(all, job)
			}
		}
	}
	return all
}
