package adversary

import (
	"fmt"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// openRun is a run whose newest attempt has jobs left.
type openRun struct {
	run     *githubtest.Run
	of      workflow
	attempt *attempt
	results map[string]string // by job
	image   *githubtest.Commit
	after   func() // once it succeeded
}

// trigger is what starts a run.
type trigger struct {
	path, event, branch string
	head                *githubtest.Commit
	file                *githubtest.Commit // whose copy of the workflow's file runs; nil: head
	image               *githubtest.Commit // whose image it deploys; nil: head
	pull                *githubtest.PullRequest
	by                  *githubtest.User
}

// begin starts a run, if the commit has such a workflow for the event.
func (w *world) begin(t trigger) *openRun {
	if t.file == nil {
		t.file = t.head
	}
	if t.image == nil {
		t.image = t.head
	}
	content, found := t.file.File(t.path)
	if !found {
		return nil
	}
	description := parseWorkflow(content)
	if !slices.Contains(description.On, t.event) {
		return nil
	}
	spec := githubtest.RunSpec{Workflow: t.path, Event: t.event, Head: t.head, HeadBranch: t.branch, Actor: t.by}
	if t.pull != nil {
		spec.PullRequests = []*githubtest.PullRequest{t.pull}
	}
	run := w.repo.Run(spec)
	open := &openRun{run: run, of: description, results: map[string]string{}, image: t.image}
	open.attempt = &attempt{run: run.ID(), number: 1, path: t.path, content: content, commit: t.head, event: t.event, ref: t.branch}
	if t.path == ciFile && t.event == "push" {
		open.after = func() { w.stage(t.head, t.branch, t.by) }
	}
	w.do(fmt.Sprintf("run %d of %s starts: %s of %s at %s", run.ID(), t.path, t.event, t.branch, t.head.Short()), func() {
		run.Request()
		run.Start()
		w.started(open.attempt)
	})
	w.open = append(w.open, open)
	return open
}

// stage deploys a commit's image to staging, as the policy expects it: on the same push, or when ci has completed.
func (w *world) stage(commit *githubtest.Commit, branch string, by *githubtest.User) {
	t := trigger{path: stagingFile, event: "push", branch: branch, head: commit, by: by}
	if w.calm.Reported {
		main := w.repo.MainBranch()
		t = trigger{path: stagingFile, event: "workflow_run", branch: main, head: w.repo.Head(main), image: commit, by: by}
	}
	if open := w.begin(t); open != nil {
		w.finish(open)
	}
}

// step runs the next job of the run, or ends it when none is left. It reports whether there is more to do.
func (w *world) step(open *openRun) bool {
	for _, next := range open.of.Jobs {
		if _, done := open.results[next.Name]; done {
			continue
		}
		if slices.ContainsFunc(next.Needs, func(name string) bool { return open.results[name] != "success" }) {
			open.results[next.Name] = "skipped"
			open.attempt.jobs = append(open.attempt.jobs, &jobRun{name: next.Name, does: next.Does, conclusion: "skipped", ended: w.clock.now()})
			w.do(fmt.Sprintf("run %d: %s is skipped", open.run.ID(), next.Name), func() { open.run.SkippedJob(next.Name) })
			return true
		}
		w.execute(open, next)
		return true
	}
	conclusion := "success"
	for _, result := range open.results {
		if result == "failure" || result == "cancelled" {
			conclusion = result
		}
	}
	w.open = slices.DeleteFunc(w.open, func(other *openRun) bool { return other == open })
	w.done = append(w.done, open)
	open.attempt.ended, open.attempt.conclude = true, conclusion
	w.do(fmt.Sprintf("run %d ends: %s", open.run.ID(), conclusion), func() { open.run.Complete(conclusion) })
	if conclusion == "success" && open.after != nil {
		open.after()
	}
	return false
}

// started notes that an attempt began, and what the branches were like then.
func (w *world) started(a *attempt) {
	a.started = w.clock.now()
	a.trusted, _ = w.main().File(a.path)
	for _, head := range w.repo.Branches() {
		a.wasHead = a.wasHead || head == a.commit
	}
	w.truth.attempts = append(w.truth.attempts, a)
}

func (w *world) finish(open *openRun) {
	for w.step(open) {
	}
}

// execute runs one job: what its file says.
func (w *world) execute(open *openRun, next job) {
	ran := &jobRun{name: next.Name, does: next.Does}
	open.attempt.jobs = append(open.attempt.jobs, ran)
	conclusion := w.outcome(next)
	var handle *githubtest.Job
	start := func() { handle = open.run.Job(next.Name).Start() }
	if next.Does == "build" {
		w.do(fmt.Sprintf("run %d: %s starts", open.run.ID(), next.Name), start) // building takes longer than noting that it began
		start = func() {}
		w.clock.pass(buildLasts)
	}
	what := fmt.Sprintf("run %d: %s (it has to %s) ends: %s", open.run.ID(), next.Name, next.Does, conclusion)
	w.do(what, func() {
		start()
		conclusion = w.work(open, next, ran, conclusion)
		open.results[next.Name], ran.conclusion, ran.ended = conclusion, conclusion, w.clock.now()
		w.tell("  %s, with %s", conclusion, short(ran.digest))
		handle.Complete(conclusion)
	})
}

// buildLasts is for how long a build is under way before it pushes: longer than a delivery that is not late.
const buildLasts = 70 * time.Second

// work does what the job has to do, and returns how that ended.
func (w *world) work(open *openRun, next job, ran *jobRun, conclusion string) string {
	switch next.Does {
	case "test", "stage":
		if ran.digest = w.Tag(open.image.SHA()); ran.digest == "" {
			return "failure" // there is no image to pull
		}
	case "build":
		if conclusion != "success" {
			return conclusion
		}
		digest, err := w.Registry.PushImage(scene.Image, open.image.SHA(), fmt.Sprintf("run %d attempt %d", open.run.ID(), open.attempt.number))
		w.must(err)
		ran.digest = digest
	}
	if reported := w.reports(open, next, ran); reported != "" {
		open.attempt.reported = append(open.attempt.reported, reported)
		open.run.Upload("image-digest", map[string]string{"digest": reported}, 0)
	}
	return conclusion
}

// reports returns the digest that a job uploads: the one that it used, or whichever it wants to have used.
func (w *world) reports(open *openRun, next job, ran *jobRun) string {
	switch next.Does {
	case "stage":
		if w.certain || w.chance("it reports the digest", 95) {
			return ran.digest
		}
	case "report":
		return w.Tag(open.image.SHA())
	}
	return ""
}

// rerun begins another attempt of a run that has ended: of all its jobs, or of those that did not succeed.
func (w *world) rerun(open *openRun, failed bool, by *githubtest.User) {
	before := open.attempt
	again := &openRun{run: open.run, of: open.of, results: map[string]string{}, image: open.image, after: open.after}
	again.attempt = &attempt{
		run: before.run, number: before.number + 1, path: before.path, content: before.content, commit: before.commit, event: before.event,
		ref: before.ref,
	}
	if failed {
		for _, j := range slices.Concat(before.jobs, before.kept) {
			if j.conclusion == "success" {
				again.results[j.name] = "success"
				again.attempt.kept = append(again.attempt.kept, j)
			}
		}
	}
	w.done = slices.DeleteFunc(w.done, func(other *openRun) bool { return other == open })
	w.open = append(w.open, again)
	w.do(fmt.Sprintf("%s re-runs run %d (failed jobs only: %t)", by.Login(), open.run.ID(), failed), func() {
		if failed {
			open.run.RerunFailed(by)
		} else {
			open.run.Rerun(by)
		}
		open.run.Start()
		w.started(again.attempt)
	})
}

func short(digest string) string {
	if len(digest) > 19 {
		return digest[7:19]
	}
	return "no digest"
}
