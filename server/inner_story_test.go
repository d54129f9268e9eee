package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// within has a pull request of bob's fork merged into walter's, of which git says that walter wrote it.
func (s *story) within(bob *githubtest.User, method string) *githubtest.PullRequest {
	s.t.Helper()
	outer := s.opened("Add a basket")
	fork := s.Repository.Fork(bob)
	fork.CreateBranch("mine", outer.Head(), bob)
	s.ascribed(fork, "mine", bob, "sneak.txt")
	inner := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sneak", Author: bob, Head: "mine", HeadRepository: fork, Base: "add-a-basket"})
	s.settled()
	inner.Merge(method, s.Walter)
	s.settled()
	return outer
}

func TestTheAuthorOfAPullRequestWithinASquashedOneAgreesToNothing(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run("approvals, "+method, func(t *testing.T) {
			s := governed(t, "approvals: { required: 1 }")
			bob, carol := s.member("bob", "write"), s.member("carol", "write")
			s.live(carol)
			outer := s.within(bob, method)
			outer.Merge("squash", s.Alice)
			digest := s.staged(outer.MergeCommit(), "basket")
			s.informs(outer.Issue, bob, "/promote approve", "bob approves")
			s.expect(s.refuses(outer.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count")
			s.informs(outer.Issue, carol, "/promote approve", "carol approves")
			s.promotes(outer.Issue, s.Alice, "/promote", digest)
		})
		t.Run("reviewed, "+method, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			outer := s.within(bob, method)
			outer.Review(bob, "APPROVED", "Fine")
			outer.Merge("squash", s.Alice)
			digest := s.staged(outer.MergeCommit(), "basket")
			s.refuses(outer.Issue, s.Alice, "/promote", "not_reviewed")
			outer.Review(s.member("carol", "write"), "APPROVED", "Fine")
			s.promotes(outer.Issue, s.Alice, "/promote", digest)
		})
	}
}
