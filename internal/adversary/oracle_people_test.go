package adversary

import (
	"fmt"
	"slices"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// policyNow returns the policy that rules: the one at the default branch's head.
func (w *world) policyNow() (rules, bool) { return w.policyAt(w.repo.Head(w.repo.MainBranch())) }

func (w *world) policyAt(commit *githubtest.Commit) (rules, bool) {
	if commit == nil {
		return rules{}, false
	}
	content, own := commit.File(policyFile)
	if !own {
		content = w.owners
	}
	policy, known := w.truth.policies[content]
	return policy, known
}

// policyBefore returns the policy that production's commit has, when something between it and the commit has another.
func (w *world) policyBefore(live release, commit *githubtest.Commit) (rules, bool) {
	former, known := w.policyAt(live.commit)
	if !known {
		return rules{}, false
	}
	before, _ := live.commit.File(policyFile)
	changed := slices.ContainsFunc(commit.Since(live.commit), func(one *githubtest.Commit) bool {
		content, _ := one.File(policyFile)
		return content != before
	})
	return former, changed
}

var ranks = []string{"none", "read", "triage", "write", "maintain", "admin"}

// may reports whether somebody is one of the people, now.
func (w *world) may(who people, user *githubtest.User) bool {
	if who.Permission != "" && slices.Index(ranks, w.repo.RoleOf(user)) >= slices.Index(ranks, who.Permission) {
		return true
	}
	return slices.Contains(who.Users, user.Login()) || slices.Contains(who.Teams, "release") && w.team.Has(user)
}

// held returns which hold stands against what is asked for on the pull request, or against the commits.
func (w *world) held(asked *githubtest.PullRequest, commits ...*githubtest.Commit) string {
	for _, h := range w.truth.holds {
		if h.lifted {
			continue
		}
		if h.pull == nil {
			return "it is held by " + h.by
		}
		produced := slices.ContainsFunc(commits, func(commit *githubtest.Commit) bool {
			return commit == h.pull.MergeCommit() || commit == h.pull.Head()
		})
		if produced {
			return fmt.Sprintf("#%d is held by %s", h.pull.Number(), h.by)
		}
	}
	return ""
}

// approved returns which approvals are missing.
func (w *world) approved(policy rules, c *command, commit *githubtest.Commit) string {
	if policy.Approvals == 0 {
		return ""
	}
	who := policy.Approvers
	if len(who.Teams)+len(who.Users) == 0 {
		who = people{Permission: "write"}
	}
	live, _ := w.truth.production()
	authors := w.authors(live.commit, commit)
	agreed := map[string]bool{}
	consider := func(user *githubtest.User) {
		if user != c.author && !slices.Contains(authors, user) && w.may(who, user) {
			agreed[user.Login()] = true
		}
	}
	for _, other := range w.truth.commands {
		if other.verb == "approve" && !other.delivered.IsZero() && other.delivered.Sub(other.created) <= lateness && slices.Contains(w.targets(other), commit) {
			consider(other.author)
		}
	}
	for _, r := range w.truth.reviews {
		if !r.dismissed && (r.pull.MergeCommit() == commit || r.pull.Head() == commit) {
			consider(r.author)
		}
	}
	if len(agreed) < policy.Approvals {
		return fmt.Sprintf("%d of %d approvals", len(agreed), policy.Approvals)
	}
	return ""
}

// authors returns who wrote what would ship: the commits' authors, and whoever opened the pull requests they came by. As
// long as nothing is in production, that is the commit alone.
func (w *world) authors(from, to *githubtest.Commit) []*githubtest.User {
	shipping := []*githubtest.Commit{to}
	if from != nil {
		shipping = to.Since(from)
	}
	var all []*githubtest.User
	for _, commit := range shipping {
		opened := slices.IndexFunc(w.pulls, func(pull *githubtest.PullRequest) bool { return pull.MergeCommit() == commit })
		if opened >= 0 {
			all = append(all, w.pulls[opened].By())
		}
		if opened < 0 || len(commit.Parents()) < 2 {
			all = append(all, commit.Author())
		}
	}
	return all
}

// endWaits ends the waits that were delivered by now.
func (w *world) endWaits(of *githubtest.PullRequest, why string) {
	for _, c := range w.truth.commands {
		if c.waits && !c.delivered.IsZero() && c.ended == "" && (of == nil || c.pull == of) {
			c.ended = why
		}
	}
}
