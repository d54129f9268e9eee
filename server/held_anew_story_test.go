package server_test

import (
	"fmt"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// forcedAnew holds a pull request of Walter's, and forces it to that many heads, each with two commits of its own. It returns the heads.
func (s *story) forcedAnew(times int) (held *githubtest.PullRequest, heads []*githubtest.Commit) {
	s.t.Helper()
	s.begun()
	held = s.heldPull()
	base := s.Repository.Head("main")
	for number := range times {
		side := fmt.Sprintf("side-%d", number)
		s.Repository.CreateBranch(side, base, s.Walter)
		s.Repository.Commit(side, "Something", s.Walter, map[string]string{side + ".txt": side})
		heads = append(heads, s.Repository.Commit(side, "Something else", s.Walter, map[string]string{side + ".txt": "else"}))
		s.Repository.ForcePush("add-a-basket", heads[number], s.Walter)
	}
	s.settled()
	return held, heads
}

// Whoever forces a held pull request to head after head stops nobody else by that.
func TestAHeldPullRequestThatIsForcedAnewStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := governed(t)
			s.forcedAnew(23)
			bob := s.member("bob", "write")
			s.Repository.CreateBranch("voucher", s.Repository.Head("main"), bob)
			s.Repository.Commit("voucher", "Add a voucher", bob, map[string]string{"voucher.txt": "voucher"})
			pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a voucher", Author: bob, Head: "voucher"})
			s.settled()
			pull.Merge(method, s.Alice)
			s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "voucher"))
		})
	}
}

// What one of so many heads had stays held, whatever ships it.
func TestAHeldPullRequestThatIsForcedAnewHoldsWhatItHad(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		part   bool // only the first commit of a head, of which nothing tells that it was below that one
		want   []string
	}{
		"a head, merged":   {method: "merge", want: []string{"Refused", "`held`", "not this one"}},
		"a head, squashed": {method: "squash", want: []string{"Refused", "`held`", "not this one"}},
		"a part, merged":   {method: "merge", part: true, want: []string{"`github_error`", "more than 20 times", "lift the hold and hold it again"}},
		"a part, squashed": {method: "squash", part: true, want: []string{"`github_error`", "more than 20 times", "lift the hold and hold it again"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			held, heads := s.forcedAnew(23)
			taken := heads[0]
			if test.part {
				taken = taken.Parents()[0]
			}
			s.Repository.CreateBranch("another", taken, s.Walter)
			other := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Another", Author: s.Walter, Head: "another"})
			other.Merge(test.method, s.Alice)
			digest := s.staged(other.MergeCommit(), "held")
			_, reply := s.says(other.Issue, s.Alice, "/promote")
			s.expect(reply, test.want...)
			if s.Tag("production") == digest {
				t.Error("it was promoted")
			}
			s.informs(held.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.promotes(other.Issue, s.Alice, "/promote", digest)
		})
	}
}
