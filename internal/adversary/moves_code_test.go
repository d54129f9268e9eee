package adversary

import (
	"fmt"
	"slices"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// feature is a move: an honest change by a pull request, which is mostly merged, built, tested and staged.
func (w *world) feature() {
	w.number++
	author := w.people[w.one("who writes", "walter", "wanda", "bob")]
	var files map[string]string
	if w.chance("it changes the policy", 12) {
		files = map[string]string{policyFile: w.policy(w.loosened())}
	}
	pull := w.propose(author, fmt.Sprintf("feature-%d", w.number), w.repo.MainBranch(), files)
	if files != nil {
		w.do(author.Login()+" pushes something harmless after it", func() { pull.Push("More", author, map[string]string{"more.go": "package main"}) })
	}
	if w.chance("it is merged", 85) {
		w.merge(pull, w.people["alice"])
	}
}

// propose pushes a branch from the default branch and opens a pull request.
func (w *world) propose(author *githubtest.User, branch, base string, files map[string]string) *githubtest.PullRequest {
	w.commit(branch, author.Login(), "Change "+branch, files)
	return w.openPull(author, branch, base)
}

func (w *world) openPull(author *githubtest.User, branch, base string) *githubtest.PullRequest {
	var pull *githubtest.PullRequest
	w.do(fmt.Sprintf("%s opens a pull request from %s into %s", author.Login(), branch, base), func() {
		pull = w.repo.OpenPullRequest(githubtest.PullRequestSpec{Title: "Change " + branch, Author: author, Head: branch, Base: base})
	})
	w.tell("  it is #%d", pull.Number())
	w.pulls = append(w.pulls, pull)
	if w.testsPulls() {
		w.run(trigger{path: ciFile, event: "pull_request", branch: branch, head: pull.Head(), file: pull.TestMerge(), pull: pull, by: author})
	}
	return pull
}

// testsPulls reports whether runs of pull requests matter; else they only cost time.
func (w *world) testsPulls() bool { return w.calm.Events != nil }

// merge merges a pull request; what that pushes is built.
func (w *world) merge(pull *githubtest.PullRequest, by *githubtest.User) {
	method := w.one("merged by", "squash", "merge", "rebase")
	w.do(fmt.Sprintf("%s merges #%d by %s", by.Login(), pull.Number(), method), func() { pull.Merge(method, by) })
	w.fresh = append(w.fresh, pull.MergeCommit())
	w.tell("  that makes %s", pull.MergeCommit().Short())
	w.pushed(pull.Base(), pull.MergeCommit(), by)
}

// pushed has the workflows run that a push to a branch or a tag starts.
func (w *world) pushed(ref string, commit *githubtest.Commit, by *githubtest.User) {
	w.run(trigger{path: ciFile, event: "push", branch: ref, head: commit, by: by})
}

// run starts a run, and mostly lets it go on to its end.
func (w *world) run(t trigger) {
	if t.image == nil {
		t.image = t.head
	}
	open := w.begin(t)
	if open == nil {
		return
	}
	if w.chance("somebody does not wait", 15) {
		w.askAbout(t.image)
	}
	if w.chance("it goes on to its end", 80) {
		w.finish(open)
		if w.chance("somebody asks", 50) {
			w.askAbout(t.image)
		}
		return
	}
	for range w.chosen("jobs that are done", 3) {
		if !w.step(open) {
			return
		}
	}
}

// sneak is a move: somebody pushes something to a branch that is not the default one.
func (w *world) sneak() {
	author := w.people[w.one("who pushes", "walter", "wanda", "bob")]
	branch := w.one("to", "release/evil", "release/1", w.repo.MainBranch(), "evil", "main")
	if branch == w.repo.MainBranch() && !w.chance("straight to the default branch", 30) {
		branch = "evil"
	}
	var files map[string]string
	if branch != w.repo.MainBranch() || w.chance("the policy", 30) {
		files = w.someFiles(branch == w.repo.MainBranch())
	}
	commit := w.commit(branch, author.Login(), "Sneak into "+branch, files)
	w.pushed(branch, commit, author)
	for _, pull := range w.pulls {
		if w.testsPulls() && pull.Open() && pull.Head() == commit {
			w.run(trigger{path: ciFile, event: "pull_request", branch: branch, head: commit, file: pull.TestMerge(), pull: pull, by: author})
		}
	}
}

// someFiles returns a change that helps whoever wants something untested in production. On the default branch a changed
// workflow is the trusted one.
func (w *world) someFiles(onMain bool) map[string]string {
	what := w.one("what is changed", "tests", "tests", "staging", "policy", "code", "both")
	if onMain {
		what = "policy"
	}
	w.number++
	files := map[string]string{fmt.Sprintf("code-%d.go", w.number): "package main"}
	if what == "tests" || what == "both" {
		files[ciFile] = emptiedCI.render()
	}
	if what == "staging" || what == "both" {
		files[stagingFile] = emptiedStaging.render()
	}
	if what == "policy" {
		if files[policyFile] = w.policy(w.loosened()); w.owners != "" && w.chance("it is deleted", 50) {
			files[policyFile] = githubtest.Deleted
		}
	}
	return files
}

// loosened returns the policy with something less in it.
func (w *world) loosened() rules {
	loose := w.calm
	switch w.chosen("loosened", 5) {
	case 0:
		loose.Who = people{Permission: "write"}
	case 1:
		loose.Who = people{Permission: "maintain", Users: []string{"walter"}}
	case 2:
		loose.Approvals = 0
		loose.Test = false
	case 3:
		loose.Approvals = 0
		loose.From = []string{"*"}
	default:
		loose.Branches, loose.From = []string{"*"}, []string{"*"}
	}
	return loose
}

// tag is a move: somebody pushes a tag, perhaps of a branch's name.
func (w *world) tag() {
	author := w.people[w.one("who tags", "walter", "wanda")]
	name := w.one("the tag", "main", "main", "release/1", "v1")
	commit := w.someCommit()
	w.do(fmt.Sprintf("%s tags %s as %s", author.Login(), commit.Short(), name), func() { w.repo.Tag(name, commit, author) })
	w.pushed(name, commit, author)
}

// request is a move: a pull request between any two branches; or one that is merged, or closed.
func (w *world) request() {
	author := w.people[w.one("who", "walter", "wanda", "bob")]
	for _, pull := range w.pulls {
		if pull.Open() && w.chance(fmt.Sprintf("end #%d", pull.Number()), 40) {
			if w.chance("merge it", 60) {
				w.merge(pull, w.people["alice"])
			} else {
				w.do(fmt.Sprintf("%s closes #%d", author.Login(), pull.Number()), func() { pull.Close(author) })
			}
			return
		}
	}
	head, base := w.someBranch("from"), w.someBranch("into")
	if open := slices.IndexFunc(w.pulls, (*githubtest.PullRequest).Open); open >= 0 && w.chance("a second one", 50) {
		head = w.pulls[open].Branch()
	}
	if head == base || w.repo.Head(head) == nil || w.repo.Head(base).Contains(w.repo.Head(head)) {
		return
	}
	w.openPull(author, head, base)
}

// dispatch is a move: somebody starts the deployment to staging by hand, at any branch or tag, of any commit's image.
func (w *world) dispatch() {
	author := w.people[w.one("who", "walter", "wanda")]
	commit := w.someCommit()
	head, ref := w.main(), w.repo.MainBranch()
	switch w.chosen("where", 4) {
	case 0:
		ref = w.someBranch("at")
		head = w.repo.Head(ref)
	case 1, 2:
		head = w.someCommit()
		w.do(fmt.Sprintf("%s tags %s as %s", author.Login(), head.Short(), ref), func() { w.repo.Tag(ref, head, author) })
	}
	w.run(trigger{path: stagingFile, event: "workflow_dispatch", branch: ref, head: head, image: commit, by: author})
}
