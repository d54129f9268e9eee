package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// sideways opens a pull request into a branch of walter's own, whose commit its reviewers do not see.
func (s *story) sideways() *githubtest.PullRequest {
	s.t.Helper()
	s.Repository.CreateBranch("side", s.Repository.Head("main"), s.Walter)
	unseen := s.Repository.Commit("side", "Add what nobody saw", s.Walter, map[string]string{"unseen.txt": "unseen"})
	s.Repository.CreateBranch("mend-a-word", unseen, s.Walter)
	s.Repository.Commit("mend-a-word", "Mend a word", s.Walter, map[string]string{"word.txt": "word"})
	return s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Mend a word", Author: s.Walter, Head: "mend-a-word", Base: "side"})
}

// reviewing has an environment with the rule get something that bob has approved.
func reviewing(t *testing.T, rule string) (s *story, bob *githubtest.User) {
	t.Helper()
	s = governed(t, rule)
	bob = s.member("bob", "write")
	first := s.opened("Begin")
	first.Review(bob, "APPROVED", "Fine")
	first.Merge("merge", s.Alice)
	s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
	return s, bob
}

func TestAReviewForAnotherBaseIsNone(t *testing.T) {
	t.Parallel()
	for rule, reason := range map[string]string{"reviewed: true": "not_reviewed", "approvals: { required: 1 }": "approvals_missing"} {
		t.Run(rule, func(t *testing.T) {
			s, bob := reviewing(t, rule)

			pull := s.sideways()
			s.later()
			pull.Review(bob, "APPROVED", "Fine, a word")
			s.later()
			pull.ChangeBase("main", s.Walter)
			s.settled()
			pull.Merge("squash", s.Walter)
			digest := s.staged(pull.MergeCommit(), "unseen")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", reason), "before it went to main")
			s.later()
			pull.Review(bob, "APPROVED", "Fine, all of it")
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// What a branch that anybody may move has when the pull request is merged is not what it had when that was approved.
func TestAReviewOnTheWayToAnotherBranchIsNone(t *testing.T) {
	t.Parallel()
	for rule, reason := range map[string]string{"reviewed: true": "not_reviewed", "approvals: { required: 1 }": "approvals_missing"} {
		t.Run(rule, func(t *testing.T) {
			s, bob := reviewing(t, rule)

			main, pull := s.Repository.Head("main"), s.sideways()
			s.Repository.ForcePush("side", main, s.Walter)
			pull.ChangeBase("main", s.Walter)
			pull.ChangeBase("side", s.Walter)
			s.later()
			pull.Review(bob, "APPROVED", "Fine, a word")
			merged := pull.Merge("merge", s.Walter)
			s.Repository.ForcePush("main", merged, s.Walter)
			s.settled()
			s.staged(merged, "unseen")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote --sha "+merged.SHA(), reason), "on its way to side")
		})
	}
}

// A stack: what was merged into another pull request's branch counts by the review of that one.
func TestAStackIsReviewedWhereItIsMerged(t *testing.T) {
	s, bob := reviewedTeam(t)
	below := s.opened("Add a basket")
	above := s.onTop(below.Head(), "above")
	above.ChangeBase("add-a-basket", s.Walter)
	above.Review(bob, "APPROVED", "Fine")
	above.Merge("merge", s.Walter)
	s.later()
	below.Review(bob, "APPROVED", "Fine, both")
	below.Merge("merge", s.Alice)
	s.promotes(below.Issue, s.Alice, "/promote", s.staged(below.MergeCommit(), "basket"))
}
