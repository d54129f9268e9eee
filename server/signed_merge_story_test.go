package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// signedMerge is a merge of an approved head that GitHub signs, and that nobody made with the pull request's button.
type signedMerge struct {
	title  string
	author func(s *story, bob *githubtest.User) *githubtest.User
	first  string // the branch that it is pushed to first
	files  map[string]string
}

func signedMerges() map[string]signedMerge {
	bob := func(_ *story, bob *githubtest.User) *githubtest.User { return bob }
	return map[string]signedMerge{
		// A pull request the other way round has conflicts, which are resolved on GitHub's page: right on main, where nothing protects it.
		"the page for conflicts": {"Merge branch 'add-a-basket' into main", bob, "main", map[string]string{"add-a-basket.txt": "evil"}},
		// A codespace has its commits signed by GitHub as well.
		"a branch of one's own": {"Merge pull request #2 from acme/add-a-basket", bob, "back", map[string]string{"add-a-basket.txt": "Add a basket", "evil.txt": "evil"}},
		// GitHub signs what a workflow's token commits by the API.
		"a workflow's token": {"Merge pull request #2 from acme/add-a-basket", func(s *story, _ *githubtest.User) *githubtest.User {
			return s.GitHub.Bot("github-actions[bot]")
		}, "main", map[string]string{"add-a-basket.txt": "Add a basket", "evil.txt": "evil"}},
	}
}

// onMain brings the merge to main, by bob.
func (m signedMerge) onMain(s *story, pull *githubtest.PullRequest, bob *githubtest.User) *githubtest.Commit {
	if m.first != "main" {
		s.Repository.CreateBranch(m.first, s.Repository.Head("main"), bob)
	}
	merge := s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: m.first, Message: m.title, Author: m.author(s, bob), Merges: []*githubtest.Commit{pull.Head()}, ByGitHub: true, Files: m.files, Pusher: bob,
	})
	if m.first != "main" {
		s.Repository.ForcePush("main", merge, bob) // a fast-forward
	}
	s.settled()
	return merge
}

func TestAMergeThatGitHubSignedWithoutTheButtonIsNotReviewed(t *testing.T) {
	t.Parallel()
	for name, signed := range signedMerges() {
		t.Run(name, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			carol := s.member("carol", "write")
			pull := s.opened("Add a basket")
			pull.Review(carol, "APPROVED", "Fine")
			s.staged(signed.onMain(s, pull, bob), "evil")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), "it is a merge made by hand of what was approved in pull request")
		})
	}
}

func TestWhoMadeAMergeThatGitHubSignedWithoutTheButtonDoesNotApproveIt(t *testing.T) {
	t.Parallel()
	for name, signed := range signedMerges() {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "approvals: { required: 1 }")
			bob, carol := s.member("bob", "write"), s.member("carol", "write")
			s.live(carol)
			pull := s.opened("Add a basket")
			s.staged(signed.onMain(s, pull, bob), "evil")
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: ")
		})
	}
}

// A bot that merges with the button wrote nothing, and the button is no merge by hand, whatever both sides changed.
func TestWhatABotMergesWithTheButtonIsReviewed(t *testing.T) {
	s, bob := reviewedTeam(t)
	pull := s.opened("Add a basket")
	other := s.opened("Add another basket")
	other.Push("Basket", s.Walter, map[string]string{"add-a-basket.txt": "Another basket"})
	other.Review(bob, "APPROVED", "Fine")
	other.Merge("squash", s.Alice)
	pull.Review(bob, "APPROVED", "Fine")
	merge := pull.Merge("merge", s.GitHub.Bot("mergify[bot]"))
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", s.staged(merge, "basket"))
}
