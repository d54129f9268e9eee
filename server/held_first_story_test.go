package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// While it is not known what production has, all of what lies below a commit may ship with it.
func TestAHeldPullRequestBelowTheFirstPromotionIsHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live bool
		ship func(s *story, pull *githubtest.PullRequest)
	}{
		"by a merge commit":                   {false, func(s *story, pull *githubtest.PullRequest) { pull.Merge("merge", s.Alice) }},
		"squashed":                            {false, func(s *story, pull *githubtest.PullRequest) { pull.Merge("squash", s.Alice) }},
		"rebased":                             {false, func(s *story, pull *githubtest.PullRequest) { pull.Merge("rebase", s.Alice) }},
		"something of unknown origin is live": {true, func(s *story, pull *githubtest.PullRequest) { pull.Merge("squash", s.Alice) }},
		"its first commit, by another pull request": {false, func(s *story, pull *githubtest.PullRequest) {
			s.Repository.CreateBranch("part", pull.Head().Parents()[0], s.Walter)
			s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Part", Author: s.Walter, Head: "part"}).Merge("merge", s.Alice)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			if test.live {
				_, err := s.Registry.PushIndex(scene.Image, "production", "from before")
				s.must(err)
			}
			pull := s.heldPull()
			test.ship(s, pull)
			next := s.Merged("Add a voucher")
			newer := s.staged(next.MergeCommit(), "voucher")
			s.expect(s.refuses(next.Issue, s.Alice, "/promote", "held"), "not this one", "it is not known which commit production has", "lies below")
			s.informs(pull.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.promotes(next.Issue, s.Alice, "/promote", newer)
		})
	}
}

func TestAHeldPullRequestElsewhereDoesNotStopTheFirstPromotion(t *testing.T) {
	s := governed(t)
	s.heldPull()
	next := s.Merged("Add a voucher")
	s.promotes(next.Issue, s.Alice, "/promote", s.staged(next.MergeCommit(), "voucher"))
}

func TestAFirstPromotionSaysWhoseWorkWasLookedAt(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob, carol := s.member("bob", "write"), s.member("carol", "write")
	s.written("earlier", bob, bob, "By bob").Merge("squash", s.Alice)
	next := s.written("later", carol, carol, "By carol")
	next.Merge("squash", s.Alice)
	digest := s.staged(next.MergeCommit(), "later")
	s.informs(next.Issue, bob, "/promote approve", "bob approves")
	s.expect(s.promotes(next.Issue, s.Alice, "/promote", digest), "only what came with "+next.MergeCommit().SHA()[:7]+" was looked at")
}
