package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// live promotes a first commit, so that it is known what production has.
func (s *story) live(approver *githubtest.User) {
	s.t.Helper()
	first := s.Merged("Begin")
	digest := s.staged(first.MergeCommit(), "begin")
	s.informs(first.Issue, approver, "/promote approve", "approves")
	s.promotes(first.Issue, s.Alice, "/promote", digest)
}

// written opens a pull request by the author, whose one commit git ascribes to somebody else.
func (s *story) written(title string, author *githubtest.User, ascribed *githubtest.User, message string) *githubtest.PullRequest {
	s.Repository.CreateBranch(title, s.Repository.Head("main"), author)
	s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: title, Message: message, Author: ascribed, Pusher: author, Files: map[string]string{title + ".txt": title},
	})
	return s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: title, Author: author, Head: title})
}

func TestTheAuthorOfAnEarlierPullRequestThatShipsApprovesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		write  func(s *story, bob *githubtest.User) *githubtest.PullRequest
	}{
		"merged, git's author forged": {"merge", func(s *story, bob *githubtest.User) *githubtest.PullRequest {
			return s.written("sneak", bob, s.Walter, "Not by bob, says git")
		}},
		"rebased, git's author forged": {"rebase", func(s *story, bob *githubtest.User) *githubtest.PullRequest {
			return s.written("sneak", bob, s.Walter, "Not by bob, says git")
		}},
		"a co-author by private address": {"merge", func(s *story, bob *githubtest.User) *githubtest.PullRequest {
			return s.written("together", s.Walter, s.Walter, fmt.Sprintf("Together\n\nCo-authored-by: bob <%d+bob@users.noreply.github.com>", bob.ID()))
		}},
		"a co-author by another address": {"rebase", func(s *story, bob *githubtest.User) *githubtest.PullRequest {
			bob.Email("robert@example.com")
			return s.written("together", s.Walter, s.Walter, "Together\n\nCo-authored-by: Robert <robert@example.com>")
		}},
		"an author of what was squashed": {"squash", func(s *story, bob *githubtest.User) *githubtest.PullRequest {
			return s.written("squashed", s.Walter, bob, "By bob, in a pull request of another")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "approvals: { required: 1 }")
			bob, carol := s.member("bob", "write"), s.member("carol", "write")
			s.live(carol)
			test.write(s, bob).Merge(test.method, s.Alice)
			pull := s.Merged("Add a basket")
			digest := s.staged(pull.MergeCommit(), "basket")
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: is an author of what would ship")
			s.informs(pull.Issue, carol, "/promote approve", "carol approves")
			s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "approved by carol")
		})
	}
}

func TestAnApprovalWhoseCoAuthorsCannotBeLookedUpDoesNotCount(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob, carol := s.member("bob", "write"), s.member("carol", "write")
	s.live(carol)
	pull := s.written("together", s.Walter, s.Walter, "Together\n\nCo-authored-by: Robert <robert@example.com>")
	pull.Merge("rebase", s.Alice)
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.settled()
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusOK, Body: `{"data":null,"errors":[{"message":"Something went wrong"}]}`}.On("POST", "/graphql"))
	before := s.Tag("production")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "`github_error`", "co-authors")
	s.names("production", before)
}

// A team of two that merges by merge commits: who reviews presses the button as well.
func TestWhoeverPressedTheButtonOfACleanMergeIsNoAuthor(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reviewed: true", "approvals: { required: 1 }"} {
		t.Run(rule, func(t *testing.T) {
			s := governed(t, rule)
			bob := s.member("bob", "write")
			first := s.opened("Begin")
			first.Review(bob, "APPROVED", "Fine")
			first.Merge("merge", bob)
			s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
			pull := s.opened("Add a basket")
			pull.Review(bob, "APPROVED", "Fine")
			pull.Merge("merge", bob)
			s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "basket"))
		})
	}
}

func TestWhoResolvedConflictsIsAnAuthor(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"reviewed: true", "approvals: { required: 1 }"} {
		t.Run(rule, func(t *testing.T) {
			s := governed(t, rule)
			bob, carol := s.member("bob", "write"), s.member("carol", "write")
			pull := s.opened("Add a basket")
			main := s.Repository.Commit("main", "Meanwhile", s.Walter, map[string]string{"basket.txt": "other"})
			s.Repository.CommitWith(githubtest.CommitSpec{
				Branch: "add-a-basket", Message: "Merge branch 'main' into add-a-basket", Author: bob, ByGitHub: true,
				Files: map[string]string{"basket.txt": "resolved, and more"}, Merges: []*githubtest.Commit{main},
			})
			pull.Review(bob, "APPROVED", "Fine")
			pull.Merge("merge", carol)
			s.staged(pull.MergeCommit(), "basket")
			reason := map[string]string{"reviewed: true": "not_reviewed", "approvals: { required: 1 }": "approvals_missing"}[rule]
			s.refuses(pull.Issue, s.Alice, "/promote", reason)
		})
	}
}

// A merge commit that somebody made on their own machine may have anything in it.
func TestAMergeThatWasMadeByHandIsItsAuthorsWork(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob, carol := s.member("bob", "write"), s.member("carol", "write")
	s.live(carol)
	pull := s.opened("Add a basket")
	merge := s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: "main", Message: "Merge pull request #2 from acme/add-a-basket", Author: bob, Merges: []*githubtest.Commit{pull.Head()},
		Files: map[string]string{"more.txt": "and more"},
	})
	s.staged(merge, "basket")
	next := s.Merged("Add a voucher")
	s.staged(next.MergeCommit(), "voucher")
	s.informs(next.Issue, bob, "/promote approve", "bob approves")
	s.expect(s.refuses(next.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: is an author of what would ship")
}

// GitHub knows no account for the author, no pull request brought the commit, and nobody was seen to push it.
func TestACommitOfNobodyKnownIsRefusedAndNotTriedAgain(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	carol := s.member("carol", "write")
	s.live(carol)
	s.settled()
	s.GitHub.Quietly(func() {
		s.Repository.CommitWith(githubtest.CommitSpec{
			Branch: "main", Message: "By nobody", AuthorName: "Nobody", AuthorEmail: "nobody@example.com", Pusher: s.Walter, Files: map[string]string{"nobody.txt": "nobody"},
		})
	})
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, carol, "/promote approve", "carol approves")
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing")
	s.expect(reply, "GitHub knows no account for the author", "GitHub account", "waive approvals")
	s.lacks(reply, "ask again in a minute")
}

func TestACommitOfNobodyKnownIsTheWorkOfWhoPushedIt(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob, carol := s.member("bob", "write"), s.member("carol", "write")
	s.live(carol)
	s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: "main", Message: "By nobody", AuthorName: "Nobody", AuthorEmail: "nobody@example.com", Pusher: bob, Files: map[string]string{"nobody.txt": "nobody"},
	})
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: pushed ")
	s.informs(pull.Issue, carol, "/promote approve", "carol approves")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
