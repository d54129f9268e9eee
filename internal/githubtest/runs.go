package githubtest

import (
	"path"
	"slices"
	"strings"
	"time"
)

// workflow is a workflow file that has run, or could.
type workflow struct {
	id      int64
	name    string
	path    string
	created time.Time
	runs    int
}

// Workflow makes a workflow known (that it could be dispatched, say) without a run. A run does so too.
func (r *Repository) Workflow(file, name string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.workflow(file, name)
}

func (r *Repository) workflow(file, name string) *workflow {
	for _, known := range r.workflows {
		if known.path == file {
			if name != "" {
				known.name = name
			}
			return known
		}
	}
	if name == "" {
		name = strings.TrimSuffix(path.Base(file), path.Ext(file))
	}
	added := &workflow{id: next(&r.server.sequence.workflow), name: name, path: file, created: r.server.now()}
	r.workflows = append(r.workflows, added)
	return added
}

// RunSpec says what a workflow run is of.
type RunSpec struct {
	Workflow string  // the file's path, such as .github/workflows/ci.yml
	Name     string  // the workflow's display name; default: from the file's name
	Event    string  // default: push
	Head     *Commit // default: the head of HeadBranch
	// HeadBranch is what head_branch says: of a tag push the tag's name. Default: the default branch.
	HeadBranch string
	// HeadRepository is the fork that the head is from. Default: the repository itself.
	HeadRepository *Repository
	// Actor is who caused it. Default: the head's author.
	Actor *User
	// Title is display_title. Default: the first line of the head's message.
	Title string
	// PathSuffix is added to path in answers, such as "@main": some events have it there.
	PathSuffix string
	// PullRequests are listed in pull_requests. For runs from forks GitHub leaves it empty.
	PullRequests []*PullRequest
}

// Run is a workflow run, with all its attempts.
type Run struct {
	repository     *Repository
	id             int64
	number         int
	workflow       *workflow
	event          string
	head           *Commit
	headBranch     string
	headRepository *Repository
	actor          *account
	title          string
	pathSuffix     string
	pulls          []*PullRequest
	created        time.Time
	suite          int64
	attempts       []*attempt
	visible        bool
}

// attempt is one attempt of a run.
type attempt struct {
	number     int
	status     string // queued, in_progress, completed
	conclusion string
	started    time.Time
	updated    time.Time
	actor      *account
	jobs       []*Job
}

// Run makes a run. GitHub knows of it once it is requested or started, or gets a job.
func (r *Repository) Run(spec RunSpec) *Run {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if spec.HeadRepository == nil {
		spec.HeadRepository = r
	}
	if spec.HeadBranch == "" {
		spec.HeadBranch = r.defaultBranch
	}
	if spec.Head == nil {
		spec.Head = spec.HeadRepository.branches[spec.HeadBranch]
	}
	if spec.Head == nil {
		panic("githubtest: a run of branch " + spec.HeadBranch + ", which has no commit")
	}
	if spec.Event == "" {
		spec.Event = "push"
	}
	actor := spec.Actor.person()
	if actor == nil {
		actor = spec.Head.author.account
	}
	return r.addRun(spec, actor)
}

func (r *Repository) addRun(spec RunSpec, actor *account) *Run {
	if actor == nil {
		actor = r.owner
	}
	if spec.Title == "" {
		spec.Title, _, _ = strings.Cut(spec.Head.message, "\n")
	}
	run := &Run{
		repository: r, id: next(&r.server.sequence.run), workflow: r.workflow(spec.Workflow, spec.Name), event: spec.Event,
		head: spec.Head, headBranch: spec.HeadBranch, headRepository: spec.HeadRepository, actor: actor, title: spec.Title,
		pathSuffix: spec.PathSuffix, pulls: slices.Clone(spec.PullRequests), suite: next(&r.server.sequence.suite),
	}
	run.workflow.runs++
	run.number = run.workflow.runs
	run.begin(actor)
	return run
}

// begin adds an attempt, queued.
func (run *Run) begin(by *account) *attempt {
	now := run.repository.server.now()
	if run.created.IsZero() {
		run.created = now
	}
	added := &attempt{number: len(run.attempts) + 1, status: "queued", started: now, updated: now, actor: by}
	run.attempts = append(run.attempts, added)
	return added
}

func (run *Run) latest() *attempt { return run.attempts[len(run.attempts)-1] }

// show makes the run known to the API.
func (run *Run) show() {
	if run.visible {
		return
	}
	run.visible = true
	now := run.repository.server.now()
	run.created = now
	run.latest().started, run.latest().updated = now, now
	run.repository.runs = append(run.repository.runs, run)
}

// ID gives the run's numeric id, the same in all attempts.
func (run *Run) ID() int64 { return run.id }

// Attempt gives the number of the newest attempt.
func (run *Run) Attempt() int {
	run.repository.server.mu.Lock()
	defer run.repository.server.mu.Unlock()
	return run.latest().number
}

// HeadSHA gives what head_sha says.
func (run *Run) HeadSHA() string { return run.head.sha }

// Request queues the run and announces it (workflow_run.requested).
func (run *Run) Request() *Run {
	run.repository.server.change(func() { run.request() })
	return run
}

func (run *Run) request() {
	if run.visible {
		return
	}
	run.show()
	run.repository.announceRun(run, "requested")
}

// Start sets the newest attempt in progress and announces it (workflow_run.in_progress).
func (run *Run) Start() *Run {
	run.repository.server.change(func() { run.start() })
	return run
}

func (run *Run) start() {
	run.show()
	attempt := run.latest()
	attempt.status, attempt.updated = "in_progress", run.repository.server.now()
	run.repository.announceRun(run, "in_progress")
}

// Complete ends the newest attempt and announces it (workflow_run.completed). Jobs that have not ended yet end with the
// same conclusion before it: GitHub completes no run with open jobs.
func (run *Run) Complete(conclusion string) *Run {
	run.repository.server.change(func() {
		run.show()
		attempt := run.latest()
		for _, job := range attempt.jobs {
			if job.status != "completed" {
				job.complete(conclusion)
			}
		}
		attempt.status, attempt.conclusion, attempt.updated = "completed", conclusion, run.repository.server.now()
		run.repository.announceRun(run, "completed")
	})
	return run
}

// Rerun begins a new attempt of all jobs. GitHub sends no requested event for it: the next one is in_progress, with Start.
func (run *Run) Rerun(by *User) *Run {
	run.repository.server.change(func() {
		run.show()
		run.begin(run.who(by))
	})
	return run
}

// RerunFailed begins a new attempt of the jobs that did not succeed. The others keep their results: the new attempt lists
// them as they ended in the earlier one. One that was skipped keeps that too, unless Job asks for it again.
func (run *Run) RerunFailed(by *User) *Run {
	run.repository.server.change(func() {
		run.show()
		before := run.latest()
		after := run.begin(run.who(by))
		for _, job := range before.jobs {
			if job.conclusion == "success" || job.conclusion == "skipped" {
				after.jobs = append(after.jobs, job.keep(after.number))
			}
		}
	})
	return run
}

// Delete deletes the run with all of its attempts, as whoever may write can once it has ended. GitHub announces nothing.
func (run *Run) Delete() {
	run.repository.server.change(func() {
		run.repository.runs = slices.DeleteFunc(run.repository.runs, func(other *Run) bool { return other == run })
	})
}

func (run *Run) who(by *User) *account {
	if by == nil {
		return run.actor
	}
	return by.account
}

// runByID finds a run that GitHub knows of.
func (r *Repository) runByID(id int64) *Run {
	for _, run := range r.runs {
		if run.id == id {
			return run
		}
	}
	return nil
}
