package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// ascribed commits what git ascribes to walter, and the pusher pushes.
func (s *story) ascribed(in *githubtest.Repository, branch string, pusher *githubtest.User, file string) {
	in.CommitWith(githubtest.CommitSpec{Branch: branch, Message: "By walter, says git: " + file, Author: s.Walter, Pusher: pusher, Files: map[string]string{file: file}})
}

// signedForABot commits what a workflow of the pusher's had GitHub make and sign, and the pusher pushes.
func (s *story) signedForABot(in *githubtest.Repository, branch string, pusher *githubtest.User) {
	in.CommitWith(githubtest.CommitSpec{
		Branch: branch, Message: "Format", Author: s.GitHub.Bot("github-actions[bot]"), ByGitHub: true, Pusher: pusher, Files: map[string]string{"sneak.txt": "sneak"},
	})
}

func TestWhoPushedWhatShipsApprovesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ships func(s *story, bob *githubtest.User)
		says  string
	}{
		"to a pull request of another": {func(s *story, bob *githubtest.User) {
			pull := s.opened("Add a voucher")
			s.ascribed(s.Repository, "add-a-voucher", bob, "sneak.txt")
			pull.Merge("merge", s.Alice)
		}, "to add-a-voucher"},
		"to a pull request that was squashed": {func(s *story, bob *githubtest.User) {
			pull := s.opened("Add a voucher")
			s.ascribed(s.Repository, "add-a-voucher", bob, "sneak.txt")
			pull.Merge("squash", s.Alice)
		}, "to add-a-voucher"},
		"before another opened the pull request": {func(s *story, bob *githubtest.User) {
			s.Repository.CreateBranch("sneak", s.Repository.Head("main"), bob)
			s.ascribed(s.Repository, "sneak", bob, "sneak.txt")
			s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sneak", Author: s.Walter, Head: "sneak"}).Merge("rebase", s.Alice)
		}, "to sneak"},
		"to the branch itself": {func(s *story, bob *githubtest.User) {
			s.ascribed(s.Repository, "main", bob, "sneak.txt")
		}, "to main"},
		"a merge by hand": {func(s *story, bob *githubtest.User) {
			pull := s.opened("Add a voucher")
			s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "main", Message: "Merge", Author: s.Walter, Pusher: bob, Merges: []*githubtest.Commit{pull.Head()}, Files: map[string]string{"sneak.txt": "sneak"},
			})
		}, "to main"},
		"what GitHub signed for a bot": {func(s *story, bob *githubtest.User) {
			s.signedForABot(s.Repository, "main", bob)
		}, "to main"},
		"what GitHub signed for a bot, to a pull request": {func(s *story, bob *githubtest.User) {
			pull := s.opened("Add a voucher")
			s.signedForABot(s.Repository, "add-a-voucher", bob)
			pull.Merge("squash", s.Alice)
		}, "to add-a-voucher"},
		"to a fork": {func(s *story, bob *githubtest.User) {
			fork := s.Repository.Fork(s.Stranger)
			fork.CreateBranch("voucher", fork.Head("main"), s.Stranger)
			fork.Commit("voucher", "Add a voucher", s.Stranger, map[string]string{"voucher.txt": "voucher"})
			pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a voucher", Author: s.Stranger, Head: "voucher", HeadRepository: fork})
			s.ascribed(fork, "voucher", bob, "sneak.txt")
			pull.Merge("squash", s.Alice)
		}, "to pull request"},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "approvals: { required: 1 }")
			bob, carol := s.member("bob", "write"), s.member("carol", "write")
			s.live(carol)
			test.ships(s, bob)
			pull := s.Merged("Add a basket")
			digest := s.staged(pull.MergeCommit(), "basket")
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: pushed ", test.says)
			s.informs(pull.Issue, carol, "/promote approve", "carol approves")
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

func TestWhoPushedToAPullRequestDoesNotReviewIt(t *testing.T) {
	s, bob := reviewedTeam(t)
	pull := s.opened("Add a basket")
	s.ascribed(s.Repository, "add-a-basket", bob, "sneak.txt")
	pull.Review(bob, "APPROVED", "Fine")
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), "who pushed to it")
	pull.Review(s.member("carol", "write"), "APPROVED", "Fine")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestWhoPushedToAnOpenHeadDoesNotApproveIt(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.ascribed(s.Repository, "add-a-basket", bob, "sneak.txt")
	s.settled()
	digest := s.onPull(pull, "basket")
	pull.Review(bob, "APPROVED", "Fine")
	s.settled()
	s.later()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), "pushed nothing to it")
	pull.Review(s.member("carol", "write"), "APPROVED", "Fine")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// A team of two: who reviews presses every button.
func TestWhoPressesTheButtonsPushedNothing(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reviewed: true", "approvals: { required: 1 }"} {
		for name, merge := range map[string]func(s *story, pull *githubtest.PullRequest, bob *githubtest.User){
			"squash": func(_ *story, pull *githubtest.PullRequest, bob *githubtest.User) { pull.Merge("squash", bob) },
			"rebase": func(_ *story, pull *githubtest.PullRequest, bob *githubtest.User) { pull.Merge("rebase", bob) },
			"merge":  func(_ *story, pull *githubtest.PullRequest, bob *githubtest.User) { pull.Merge("merge", bob) },
			"update branch": func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {
				other := s.opened("Meanwhile")
				other.Review(bob, "APPROVED", "Fine")
				main := other.Merge("squash", bob)
				s.Repository.CommitWith(githubtest.CommitSpec{
					Branch: "add-a-basket", Message: "Merge branch 'main' into add-a-basket", Author: bob, ByGitHub: true,
					Files: map[string]string{"meanwhile.txt": "Meanwhile"}, Merges: []*githubtest.Commit{main},
				})
				pull.Review(bob, "APPROVED", "Fine")
				pull.Merge("merge", bob)
			},
		} {
			t.Run(rule+", "+name, func(t *testing.T) {
				s := governed(t, rule)
				bob := s.member("bob", "write")
				first := s.opened("Begin")
				first.Review(bob, "APPROVED", "Fine")
				first.Merge("merge", bob)
				s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
				pull := s.opened("Add a basket")
				pull.Push("And a handle", s.Walter, map[string]string{"handle.txt": "a handle"})
				pull.Review(bob, "APPROVED", "Fine")
				merge(s, pull, bob)
				s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "basket"))
			})
		}
	}
}

// A bot's pull request, of commits that GitHub signed: who reviews it presses the button.
func TestWhoMergesABotsPullRequestPushedNothing(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reviewed: true", "approvals: { required: 1 }"} {
		for _, method := range []string{"squash", "rebase", "merge"} {
			t.Run(rule+", "+method, func(t *testing.T) {
				s := governed(t, rule)
				bob, bot := s.member("bob", "write"), s.GitHub.Bot("dependabot[bot]")
				first := s.opened("Begin")
				first.Review(bob, "APPROVED", "Fine")
				first.Merge("merge", bob)
				s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
				s.Repository.CreateBranch("bump", s.Repository.Head("main"), bot)
				s.signedForABot(s.Repository, "bump", bot)
				pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Bump", Author: bot, Head: "bump"})
				pull.Review(bob, "APPROVED", "Fine")
				pull.Merge(method, bob)
				s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "bump"))
			})
		}
	}
}
