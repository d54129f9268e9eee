package adversary

import (
	"fmt"
	"slices"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// passed returns why the digest of the commit did not pass a stage.
func (w *world) passed(policy rules, s stage, commit *githubtest.Commit, digest string) string {
	pushed, reported := w.attemptsOf(s, commit, digest)
	why := "no run of the commit counts"
	// A run of another ref, at a commit of the branch, need neither prove nor revoke: what is right with or without it is right.
	for _, considered := range [][]*attempt{pushed, w.ofBranches(s, pushed)} {
		if newest := newestOf(considered, s); newest != nil {
			if why = w.proves(policy, s, newest, digest); why == "" {
				return ""
			}
		}
	}
	for _, a := range reported {
		if newestOf(w.ofRun(a.run), s) != a {
			continue
		}
		found := w.proves(policy, s, a, digest)
		if found == "" {
			return ""
		}
		why += "; " + found
	}
	return why
}

// attemptsOf returns the attempts that say something of the commit: by its runs, and by the digest that they report.
func (w *world) attemptsOf(s stage, commit *githubtest.Commit, digest string) (pushed, reported []*attempt) {
	for _, a := range w.truth.attempts {
		if a.path != s.workflow || !s.counts(a.event) || !w.trusted(s, a) || a.event == "pull_request" && w.went(a.commit, s.branches) {
			continue
		}
		switch a.event {
		case "push", "merge_group", "pull_request":
			if a.commit == commit {
				pushed = append(pushed, a)
			}
		default:
			if slices.Contains(a.reported, digest) {
				reported = append(reported, a)
			}
		}
	}
	return pushed, reported
}

// went reports whether a pull request with that head goes to another branch: then no run of it counts, for good or ill.
func (w *world) went(head *githubtest.Commit, branches []string) bool {
	return slices.ContainsFunc(w.pulls, func(pull *githubtest.PullRequest) bool {
		return pull.Head() == head && !w.allowed(branches, pull.Base())
	})
}

// ofBranches returns the attempts whose ref has the name of one of the stage's branches.
func (w *world) ofBranches(s stage, attempts []*attempt) []*attempt {
	return slices.DeleteFunc(slices.Clone(attempts), func(a *attempt) bool {
		named := slices.ContainsFunc(s.branches, func(pattern string) bool { return glob(pattern, a.ref) })
		return a.event == "push" && !named && (s.branches != nil || a.ref != w.repo.MainBranch())
	})
}

func (w *world) ofRun(run int64) []*attempt {
	return slices.DeleteFunc(slices.Clone(w.truth.attempts), func(a *attempt) bool { return a.run != run })
}

// trusted reports whether what ran is what the stage's branches say: by the commit's place, or by the file's content.
func (w *world) trusted(s stage, a *attempt) bool {
	if a.event != "pull_request" && w.on(s.branches, a.commit) && w.wasHead(s, a) {
		return true
	}
	content, _ := w.main().File(a.path)
	return content == a.content || a.trusted == a.content
}

// wasHead reports whether the commit was the head of a branch that counts: ever, or when a run began whose ref a person chose.
func (w *world) wasHead(s stage, a *attempt) bool {
	if a.event == "workflow_dispatch" {
		return a.wasHead
	}
	for name, heads := range w.truth.heads {
		if heads[a.commit] && w.allowed(s.branches, name) {
			return true
		}
	}
	return false
}

// newestOf returns the newest attempt in which a job of the stage ran.
func newestOf(attempts []*attempt, s stage) *attempt {
	var newest *attempt
	for _, a := range attempts {
		if ran, _ := a.of(s); (len(ran) > 0 || s.job == "") && (newest == nil || a.newer(newest)) {
			newest = a
		}
	}
	return newest
}

// proves returns why an attempt is no success of the stage for the digest.
func (w *world) proves(policy rules, s stage, a *attempt, digest string) string {
	ran, kept := a.of(s)
	where := fmt.Sprintf("run %d attempt %d", a.run, a.number)
	for _, j := range slices.Concat(ran, kept) {
		switch {
		case j.conclusion != "success":
			return fmt.Sprintf("%s: %s is %q", where, j.name, j.conclusion)
		case j.digest != "" && j.digest != digest:
			return fmt.Sprintf("%s: %s used %s", where, j.name, short(j.digest))
		}
	}
	switch {
	case len(ran)+len(kept) == 0:
		return where + ": no job of it ran"
	case !a.ended && (s.job == "" || s.job == "test*"):
		return where + " has not ended"
	case a.ended && s.job == "" && a.conclude != "success":
		return fmt.Sprintf("%s is %q", where, a.conclude)
	case s.reported && !slices.Contains(a.reported, digest):
		return where + " reports no such digest"
	}
	return ""
}
