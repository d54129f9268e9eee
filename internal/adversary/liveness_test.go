package adversary

import (
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// settleDown puts the world in order: all is delivered, nothing is held, the workflows are honest, the people have their
// rights. It reports whether that can be done: production may be somewhere that the default branch never was.
func (w *world) settleDown() bool {
	w.tell("all is put in order")
	w.lossy = false
	w.clock.step(0)
	w.lookedAt()
	w.giveBack()
	w.mainAgain()
	for len(w.kept) > 0 {
		w.deliver(0, false)
	}
	live, deployed := w.truth.production()
	deployed = deployed && live.commit != nil
	if deployed && !w.main().Contains(live.commit) {
		return false
	}
	policy := w.calm
	if deployed {
		var known bool
		if policy, known = w.policyAt(live.commit); !known {
			return false
		}
	}
	if policy.Approvals > 0 && nameless(w.main(), live.commit) {
		return false // whose approval would be their own cannot be told, and so nobody's counts
	}
	w.calm, w.certain = policy, true
	w.do("the people have their rights", func() {
		w.repo.SetRole(w.people["alice"], "maintain")
		w.repo.SetRole(w.people["bob"], "maintain")
		w.repo.SetRole(w.people["walter"], "write")
		w.team.Add(w.people["alice"], "active").Add(w.people["bob"], "active")
	})
	w.commit(w.repo.MainBranch(), "walter", "Be honest", map[string]string{
		ciFile: honestCI.render(), stagingFile: honestStaging.render(), policyFile: w.policy(policy),
	})
	return true
}

// promoteHonestly takes a commit through all stages, and asks. The server must promote it.
func (w *world) promoteHonestly() {
	main := w.repo.MainBranch()
	pull := w.propose(w.people["walter"], "honest", main, nil)
	for _, h := range w.truth.holds {
		if !h.lifted {
			on, ofPull := pull, h.pull != nil
			if ofPull {
				on = h.pull
			}
			w.say(w.people["alice"], on, command{verb: "resume", ofPull: ofPull, text: flagged("/promote resume", ofPull)})
		}
	}
	w.do("alice merges it", func() { pull.Merge("squash", w.people["alice"]) })
	commit := pull.MergeCommit()
	w.fresh = append(w.fresh, commit)
	if open := w.begin(trigger{path: ciFile, event: "push", branch: main, head: commit, by: w.people["walter"]}); open != nil {
		w.finish(open)
	}
	requester := w.people["alice"]
	if w.calm.Approvals > 0 {
		nina := w.GitHub.User("nina")
		w.do("nina joins the team release", func() {
			w.GitHub.Organisation("acme").Member(nina)
			w.repo.SetRole(nina, "write")
			w.team.Add(nina, "active")
		})
		w.say(nina, pull, command{verb: "approve", text: "/promote approve"})
	}
	c := w.say(requester, pull, command{verb: "promote", text: "/promote"})
	if w.misplaced && w.says(c, "everything is held") { // the loss was noticed only after the operator had looked
		w.resumeEverything()
		c = w.say(requester, pull, command{verb: "promote", text: "/promote"})
	}
	if w.misplaced && w.says(c, "is held by") { // a hold that the operator did not know of came again with its delivery
		w.say(w.people["alice"], pull, command{verb: "resume", text: "/promote resume"})
		c = w.say(requester, pull, command{verb: "promote", text: "/promote"})
	}
	w.expectPromoted(c, commit)
}

// says reports whether the command's reply has the words.
func (w *world) says(c *command, words string) bool {
	return strings.Contains(w.Reply(c.pull.Issue, c.comment), words)
}

// nameless reports whether something that would ship has an author without an account.
func nameless(to, from *githubtest.Commit) bool {
	return slices.ContainsFunc(to.Since(from), func(commit *githubtest.Commit) bool { return commit.Author() == nil })
}

func (w *world) expectPromoted(c *command, commit *githubtest.Commit) {
	for range 5 {
		if w.Tag("production") == w.Tag(commit.SHA()) {
			return
		}
		w.clock.pass(5 * time.Second)
		w.do("a moment passes", func() { w.GitHub.Ping() })
	}
	w.fail("everything is in order, and the server does not promote", "%s; it says:\n%s", commit.Short(), w.Reply(c.pull.Issue, c.comment))
}
