package adversary

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// say has somebody write a command on a pull request.
func (w *world) say(author *githubtest.User, pull *githubtest.PullRequest, c command) *command {
	c.author, c.pull = author, pull
	w.do(fmt.Sprintf("%s on #%d: %s", author.Login(), pull.Number(), c.text), func() {
		c.created, c.heads, c.head = w.clock.now(), []*githubtest.Commit{w.main()}, pull.Head()
		w.truth.commands = append(w.truth.commands, &c)
		c.comment = pull.Comment(author, c.text)
		if !w.lossy {
			w.arrive(&c)
		}
	})
	w.obey(&c)
	if reply := w.Reply(pull.Issue, c.comment); reply != "" {
		w.tell("  %s", firstLine(reply))
	}
	return &c
}

// arrive notes that the server has a command, and what it is about then. Whether a look for what was missed found it is not
// sure: then it is about what it is about when it is delivered after all.
func (w *world) arrive(c *command) {
	if c.delivered.IsZero() {
		c.delivered = w.clock.now()
	} else if !c.swept {
		return
	}
	c.swept = false
	c.open = c.open || c.pull.Open()
	switch merged := c.pull.MergeCommit(); {
	case merged != nil:
		c.targets = append(c.targets, merged)
	case c.pull.Open():
		c.targets = append(c.targets, c.head)
	}
}

// obey notes what a command that arrived in time surely does besides moving tags.
func (w *world) obey(c *command) {
	policy, governed := w.policyNow()
	if c.foreign || c.delivered.IsZero() || c.consumed || c.delivered.Sub(c.created) > lateness || !governed || !w.may(policy.Who, c.author) {
		return
	}
	switch c.verb {
	case "hold":
		stands := &hold{by: c.author.Login()}
		if c.ofPull {
			stands.pull = c.pull
		}
		w.truth.holds = append(w.truth.holds, stands)
	case "resume":
		for _, h := range w.truth.holds {
			if !c.ofPull && h.pull == nil || c.ofPull && h.pull == c.pull {
				h.lifted = true
			}
		}
	default:
		return
	}
	c.consumed = true
}

func (w *world) main() *githubtest.Commit { return w.repo.Head(w.repo.MainBranch()) }

// talk is a move: somebody writes some command somewhere.
func (w *world) talk() {
	pull := w.somePull()
	author := w.someone()
	switch w.one("what is said", "promote", "promote", "promote", "promote", "promote", "hold", "resume", "rollback", "approve", "cancel", "review") {
	case "promote":
		w.askFor(author, pull)
	case "hold":
		ofPull := w.chance("of the pull request", 30)
		w.say(author, pull, command{verb: "hold", ofPull: ofPull, text: flagged("/promote hold", ofPull)})
	case "resume":
		ofPull := w.chance("of the pull request", 30)
		w.say(author, pull, command{verb: "resume", ofPull: ofPull, text: flagged("/promote resume", ofPull)})
	case "rollback":
		w.say(author, pull, command{verb: "rollback", text: "/rollback"})
	case "approve":
		w.say(author, pull, command{verb: "approve", text: "/promote approve"})
	case "cancel":
		w.say(author, pull, command{verb: "cancel", text: "/promote cancel"})
	case "review":
		w.review(author, pull)
	}
}

func flagged(text string, ofPull bool) string {
	if ofPull {
		return text + " --pull-request"
	}
	return text
}

// askAbout has somebody, mostly one who may, ask for a commit: by its pull request if it has one.
func (w *world) askAbout(commit *githubtest.Commit) {
	c := command{verb: "promote", text: "/promote"}
	pull := w.somePull()
	of := slices.IndexFunc(w.pulls, func(pull *githubtest.PullRequest) bool {
		return pull.MergeCommit() == commit || pull.Head() == commit && pull.Open()
	})
	switch {
	case of >= 0 && w.chance("on its pull request", 70):
		pull = w.pulls[of]
	case w.chance("the latest", 20):
		c.sha = "latest"
		c.text += " --sha latest"
	default:
		c.sha = commit.SHA()
		c.text += " --sha " + c.sha
	}
	if w.chance("it waits", 30) {
		c.waits = true
		c.text += " --when-verified"
	}
	if w.calm.Approvals > 0 && w.chance("somebody approves", 50) {
		w.review(w.someone(), pull)
	}
	w.say(w.someone(), pull, c)
}

// askFor asks for a promotion, of what the pull request stands for, or of another commit.
func (w *world) askFor(author *githubtest.User, pull *githubtest.PullRequest) {
	c := command{verb: "promote", text: "/promote"}
	switch which := w.chosen("which commit", 10); {
	case which < 5 && len(w.fresh) > 0:
		commit := w.someCommit()
		c.sha = commit.SHA()
		c.text += " --sha " + c.sha
	case which < 6:
		c.sha = "latest"
		c.text += " --sha latest"
	}
	if w.chance("it waits", 40) {
		c.waits = true
		c.text += " --when-verified"
	}
	w.say(author, pull, c)
}

func (w *world) review(author *githubtest.User, pull *githubtest.PullRequest) {
	if author == pull.By() || w.repo.RoleOf(author) == "none" {
		return
	}
	for _, r := range w.truth.reviews {
		if r.author == author && r.pull == pull {
			r.dismissed = true // only the newest counts
		}
	}
	w.do(fmt.Sprintf("%s approves #%d by a review", author.Login(), pull.Number()), func() {
		w.truth.reviews = append(w.truth.reviews, &review{author: author, pull: pull, at: w.clock.now(), given: pull.Review(author, "APPROVED", "")})
	})
}

// lose is a move: GitHub's deliveries are kept from the server for a while, or some of those kept arrive.
func (w *world) lose() {
	if !w.lossy && len(w.kept) == 0 {
		w.tell("from now on nothing is delivered")
		w.lossy = true
		return
	}
	w.tell("from now on all is delivered")
	w.lossy = false
	if w.chance("after hours", 30) {
		w.wait()
	}
	for range min(len(w.kept), w.chosen("how many arrive", 12)) {
		w.deliver(w.chosen("which one", len(w.kept)), w.chance("twice", 20))
	}
}

// deliver delivers one that was kept.
func (w *world) deliver(which int, twice bool) {
	delivery := w.kept[which]
	if !twice {
		w.kept = slices.Delete(w.kept, which, which+1)
	}
	var of *command
	w.do(fmt.Sprintf("GitHub delivers %s %s", delivery.Event(), delivery.Action()), func() {
		delivery.Send()
		if delivery.Event() != "issue_comment" || delivery.Action() != "created" {
			return
		}
		for _, c := range w.truth.commands {
			if bytes.Contains(delivery.Body(), fmt.Appendf(nil, "issuecomment-%d\"", c.comment.ID())) {
				of = c
				w.arrive(c)
			}
		}
	})
	if of != nil {
		w.obey(of)
	}
}
