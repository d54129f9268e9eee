package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// heldPull opens a pull request of two commits, and holds it.
func (s *story) heldPull() *githubtest.PullRequest {
	s.t.Helper()
	pull := s.opened("Add a basket")
	pull.Push("Fill the basket", s.Walter, map[string]string{"filled.txt": "filled"})
	s.informs(pull.Issue, s.Alice, `/promote hold --pull-request --reason "not this one"`, "pull request", "is held by alice")
	s.settled()
	return pull
}

func TestAHoldOfAPullRequestHoldsWhatItProduced(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{
		"by a merge commit": "merge", "squashed": "squash", "rebased": "rebase",
		"by a merge commit, the event lost": "merge", "squashed, the event lost": "squash", "rebased, the event lost": "rebase",
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			begun := s.Merged("Begin")
			first := s.verified(begun.MergeCommit(), "begin")
			s.promotes(begun.Issue, s.Alice, "/promote", first)
			pull := s.heldPull()
			if strings.HasSuffix(name, "lost") {
				s.GitHub.Quietly(func() { pull.Merge(method, s.Alice) })
			} else {
				pull.Merge(method, s.Alice)
			}
			other := s.opened("Something else")
			produced := []*githubtest.Commit{pull.MergeCommit()}
			switch method {
			case "merge":
				produced = append(produced, pull.Head())
			case "rebase":
				produced = append(produced, pull.MergeCommit().Parents()[0])
			}
			for _, commit := range produced {
				s.staged(commit, commit.SHA())
				s.expect(s.refuses(other.Issue, s.Alice, "/promote --sha "+commit.SHA(), "held"), "not this one")
			}
			s.informs(pull.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			_, reply := s.says(other.Issue, s.Alice, "/promote --sha "+pull.MergeCommit().SHA())
			s.expect(reply, "Promoted")
		})
	}
}

// What is held does not ride along with what is not; and what production has already holds nothing up.
func TestAHeldPullRequestDoesNotRideAlong(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := governed(t)
			begun := s.Merged("Begin")
			s.promotes(begun.Issue, s.Alice, "/promote", s.verified(begun.MergeCommit(), "begin"))
			pull := s.heldPull()
			pull.Merge(method, s.Alice)
			next := s.Merged("Add a voucher")
			newer := s.staged(next.MergeCommit(), "voucher")
			s.expect(s.refuses(next.Issue, s.Alice, "/promote", "held"), "not this one")
			s.informs(pull.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.promotes(next.Issue, s.Alice, "/promote", newer)
			s.informs(pull.Issue, s.Alice, "/promote hold --pull-request", "is held by alice")
			last := s.Merged("Add a coupon")
			s.promotes(last.Issue, s.Alice, "/promote", s.staged(last.MergeCommit(), "coupon"))
		})
	}
}

func TestAHeldPullRequestThatCannotBeReadStopsPromotions(t *testing.T) {
	s := governed(t)
	begun := s.Merged("Begin")
	s.promotes(begun.Issue, s.Alice, "/promote", s.verified(begun.MergeCommit(), "begin"))
	s.heldPull()
	next := s.Merged("Add a voucher")
	s.staged(next.MergeCommit(), "voucher")
	s.settled()
	s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
	s.GitHub.Inject(githubtest.Fault{Status: 200, Body: `[{}]`}.On("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits"))
	before := s.Tag("production")
	_, reply := s.says(next.Issue, s.Alice, "/promote")
	s.expect(reply, "`github_error`", "held pull request")
	s.names("production", before)
}
