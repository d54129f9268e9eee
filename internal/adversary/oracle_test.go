package adversary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// lateness is for how long after it was written a command may begin to take effect, and patience for how long one waits.
const (
	lateness = time.Hour
	waiting  = 24 * time.Hour
)

// judgeWrites judges what the server has set since, and ends the history when something is not excused.
func (w *world) judgeWrites() {
	for _, one := range w.truth.taken() {
		if one.tag != "production" || one.digest == one.before {
			continue
		}
		w.judged++
		w.tell("  the server sets production to %s", short(one.digest))
		if verdict := w.judge(one); verdict != "" {
			w.fail("a production tag that nothing excuses", "%s\n%s", short(one.digest), verdict)
		}
	}
}

// judge returns "" when something excuses the write, else why each command does not.
func (w *world) judge(one write) string {
	if w.suspended {
		return "the ledger was lost or put back, and everything has to be held"
	}
	var refused []string
	for _, c := range w.truth.commands {
		if c.verb != "promote" && c.verb != "rollback" {
			continue
		}
		release, why := w.excuse(c, one)
		if why == "" {
			c.consumed = true
			if len(w.truth.live) == 0 {
				w.truth.baseline = one.before
			}
			w.truth.live = append(w.truth.live, release)
			if c.verb == "rollback" {
				w.endWaits(nil, "a rollback pins")
			}
			return ""
		}
		refused = append(refused, fmt.Sprintf("  %q by %s on #%d: %s", c.text, c.author.Login(), c.pull.Number(), why))
	}
	if why := w.excuseRestore(one); why != "" {
		return strings.Join(append(refused, "  restoring: "+why), "\n")
	}
	return ""
}

// excuseRestore excuses putting back what other hands moved.
func (w *world) excuseRestore(one write) string {
	live, found := w.truth.production()
	policy, governed := w.policyNow()
	switch {
	case !governed || !policy.Restore:
		return "the policy does not ask for it"
	case !found || live.digest != one.digest:
		return "it is not what is live"
	}
	return w.held(nil)
}

// excuse returns what a command promotes with that write, or why it does not excuse it.
func (w *world) excuse(c *command, one write) (release, string) {
	switch {
	case c.foreign:
		return release{}, "it was written in another repository"
	case c.consumed:
		return release{}, "it had its effect before"
	case c.delivered.IsZero():
		return release{}, "it was never delivered"
	case c.delivered.Sub(c.created) > lateness:
		return release{}, fmt.Sprintf("it was delivered %s after it was written", c.delivered.Sub(c.created))
	case !c.waits && one.at.Sub(c.created) > lateness:
		return release{}, fmt.Sprintf("it was written %s before", one.at.Sub(c.created))
	case one.at.Sub(c.created) > waiting+time.Minute+w.clockError():
		return release{}, "it waited for too long"
	case c.ended != "":
		return release{}, "it ended: " + c.ended
	}
	if c.verb == "rollback" {
		return w.excuseRollback(c, one)
	}
	var refused []string
	for _, commit := range w.targets(c) {
		why := w.excusePromotion(c, one, commit)
		if why == "" {
			return release{one.digest, commit}, ""
		}
		refused = append(refused, commit.Short()+": "+why)
	}
	if len(refused) == 0 {
		return release{}, "it is about no commit"
	}
	return release{}, strings.Join(slices.Compact(refused), "; ")
}

func (w *world) excuseRollback(c *command, one write) (release, string) {
	target, found := w.truth.wasLive(one.digest)
	if !found {
		return release{}, "it was never live"
	}
	policy, governed := w.policyNow()
	if !governed {
		return release{}, "there is no policy"
	}
	if !w.may(policy.Who, c.author) {
		return release{}, c.author.Login() + " may not: " + policy.Who.render(true)
	}
	return target, w.held(c.pull)
}

// targets returns the commits that a command can be about.
func (w *world) targets(c *command) []*githubtest.Commit {
	switch {
	case c.sha == "latest":
		return c.heads
	case c.sha != "":
		return slices.DeleteFunc(slices.Clone(w.fresh), func(commit *githubtest.Commit) bool { return !strings.HasPrefix(commit.SHA(), c.sha) })
	}
	return c.targets
}

// excusePromotion returns why a command does not promote the commit, by the policy that is now, and by the one that
// production's commit has when something between changes it.
func (w *world) excusePromotion(c *command, one write, commit *githubtest.Commit) string {
	policy, governed := w.policyNow()
	if !governed {
		return "there is no policy"
	}
	if why := w.held(c.pull, commit); why != "" {
		return why
	}
	live, deployed := w.truth.production()
	if deployed && live.commit != nil && !commit.Contains(live.commit) {
		return "it lacks what production has"
	}
	if why := w.meets(policy, c, one, commit); why != "" {
		return why
	}
	former, judges := w.policyBefore(live, commit)
	if !judges {
		return ""
	}
	if why := w.meets(former, c, one, commit); why != "" {
		return "by the policy that production has: " + why
	}
	return ""
}

// meets returns what of a policy is not met.
func (w *world) meets(policy rules, c *command, one write, commit *githubtest.Commit) string {
	if !w.may(policy.Who, c.author) {
		return c.author.Login() + " may not: " + policy.Who.render(true)
	}
	if why := w.shippable(policy, c, commit); why != "" {
		return why
	}
	for _, s := range policy.stages() {
		if why := w.passed(policy, s, commit, one.digest); why != "" {
			return s.name + ": " + why
		}
	}
	return w.approved(policy, c, commit)
}

// shippable returns why the commit may not go to production, wherever it is.
func (w *world) shippable(policy rules, c *command, commit *githubtest.Commit) string {
	if w.on(policy.From, commit) {
		return ""
	}
	if policy.Unmerged && c.open && c.head == commit && c.sha == "" {
		if !c.pull.Open() || c.pull.Head() != commit {
			return "the pull request's head has moved, or it is no longer open"
		}
		return ""
	}
	return "it is on no branch that may"
}

// on reports whether a commit is on one of the branches; nil: the default branch.
func (w *world) on(branches []string, commit *githubtest.Commit) bool {
	for name, head := range w.repo.Branches() {
		if w.allowed(branches, name) && head.Contains(commit) {
			return true
		}
	}
	return false
}

// allowed reports whether a branch's name is one of those; nil: the default branch.
func (w *world) allowed(branches []string, name string) bool {
	if branches == nil {
		return name == w.repo.MainBranch()
	}
	return slices.ContainsFunc(branches, func(pattern string) bool { return glob(pattern, name) })
}

// clockError is how much longer than its time something may wait, because the server's clock stepped meanwhile.
func (w *world) clockError() time.Duration {
	if w.stepped {
		return 2 * mostWrong
	}
	return 0
}
