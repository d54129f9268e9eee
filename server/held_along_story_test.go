package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// onTop opens a pull request that has the commit, and one of its own.
func (s *story) onTop(commit *githubtest.Commit, title string) *githubtest.PullRequest {
	s.t.Helper()
	s.Repository.CreateBranch(title, commit, s.Walter)
	s.Repository.Commit(title, title, s.Walter, map[string]string{title + ".txt": title})
	return s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: title, Author: s.Walter, Head: title})
}

// Another pull request's squash or rebase gives a held one's commits other names.
func TestAHeldPullRequestIsNotTakenAlongByAnother(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		part   bool // only the first of the held commits is taken
		last   bool // it ships itself, without another on top
	}{
		"squashed":                      {method: "squash"},
		"rebased":                       {method: "rebase"},
		"squashed, and promoted itself": {method: "squash", last: true},
		"a part of it, squashed":        {method: "squash", part: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			s.begun()
			held := s.heldPull()
			taken := held.Head()
			if test.part {
				taken = taken.Parents()[0]
			}
			ships := s.onTop(taken, "carry")
			ships.Merge(test.method, s.Alice)
			if !test.last {
				ships = s.Merged("Add a voucher")
			}
			digest := s.staged(ships.MergeCommit(), "voucher")
			s.expect(s.refuses(ships.Issue, s.Alice, "/promote", "held"), "not this one", "which has it as well")
			s.informs(held.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.promotes(ships.Issue, s.Alice, "/promote", digest)
		})
	}
}

// A hold holds what the pull request had when it was held, wherever its branch is pushed afterwards.
func TestAHeldPullRequestIsNotEmptiedByAPush(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		part   bool
		first  bool // nothing is live yet
		again  bool // it was rebased first
	}{
		"merge": {method: "merge"}, "squash": {method: "squash"}, "rebase": {method: "rebase"},
		"a part, merged": {method: "merge", part: true}, "a part, squashed": {method: "squash", part: true},
		"after another push":         {method: "squash", again: true},
		"before the first promotion": {method: "merge", part: true, first: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			if !test.first {
				s.begun()
			}
			held := s.heldPull()
			if test.again {
				s.Repository.ForcePush("add-a-basket", s.Repository.Head("main"), s.Walter)
				s.Repository.Commit("add-a-basket", "Add a basket", s.Walter, map[string]string{"basket.txt": "basket"})
			}
			taken := held.Head()
			if test.part {
				taken = taken.Parents()[0]
			}
			s.Repository.CreateBranch("another", taken, s.Walter)
			s.Repository.ForcePush("add-a-basket", s.Repository.Head("main"), s.Walter)
			s.Repository.Commit("add-a-basket", "Nothing", s.Walter, map[string]string{"nothing.txt": "nothing"})
			s.settled()
			other := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Another", Author: s.Walter, Head: "another"})
			other.Merge(test.method, s.Walter)
			if test.first {
				other = s.Merged("Add a voucher")
			}
			digest := s.staged(other.MergeCommit(), "held")
			s.expect(s.refuses(other.Issue, s.Alice, "/promote", "held"), "not this one")
			s.informs(held.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.promotes(other.Issue, s.Alice, "/promote", digest)
		})
	}
}

// Whoever brings a held pull request up to date, and then makes it anew, holds nothing else up.
func TestAHeldPullRequestThatIsPushedAnewHoldsNothingElse(t *testing.T) {
	s := governed(t)
	s.begun()
	begun := s.Repository.Head("main")
	held := s.opened("Add a basket")
	meanwhile := s.Merged("Meanwhile")
	s.settled()
	s.Repository.CommitWith(githubtest.CommitSpec{
		Branch: "add-a-basket", Message: "Merge branch 'main' into add-a-basket", Author: s.Walter,
		Merges: []*githubtest.Commit{meanwhile.MergeCommit()}, Files: map[string]string{"meanwhile.txt": "Meanwhile"},
	})
	s.informs(held.Issue, s.Alice, `/promote hold --pull-request --reason "not this one"`, "pull request", "is held by alice")
	s.Repository.ForcePush("add-a-basket", begun, s.Walter)
	s.Repository.Commit("add-a-basket", "Add a basket", s.Walter, map[string]string{"basket.txt": "basket"})
	s.settled()
	s.promotes(meanwhile.Issue, s.Alice, "/promote", s.staged(meanwhile.MergeCommit(), "meanwhile"))
	next := s.Merged("Add a voucher")
	s.promotes(next.Issue, s.Alice, "/promote", s.staged(next.MergeCommit(), "voucher"))
	held.Merge("squash", s.Alice)
	s.staged(held.MergeCommit(), "basket")
	s.refuses(held.Issue, s.Alice, "/promote", "held")
}

// What lies below a held pull request is not held with it, and what production has already holds nothing up.
func TestAHeldPullRequestHoldsNeitherWhatItStandsOnNorWhatStandsOnItLater(t *testing.T) {
	t.Parallel()
	t.Run("what it stands on", func(t *testing.T) {
		s := governed(t)
		s.begun()
		below := s.opened("Add a basket")
		above := s.onTop(below.Head(), "above")
		s.informs(above.Issue, s.Alice, `/promote hold --pull-request --reason "not this one"`, "is held by alice")
		below.Push("Mend the basket", s.Walter, map[string]string{"mended.txt": "mended"})
		below.Merge("squash", s.Alice)
		s.promotes(below.Issue, s.Alice, "/promote", s.staged(below.MergeCommit(), "basket"))
	})
	t.Run("what stands on it, and it is live", func(t *testing.T) {
		s := governed(t)
		s.begun()
		live := s.opened("Add a basket")
		above := s.onTop(live.Head(), "above")
		live.Merge("squash", s.Alice)
		s.promotes(live.Issue, s.Alice, "/promote", s.staged(live.MergeCommit(), "basket"))
		s.informs(live.Issue, s.Alice, "/promote hold --pull-request", "is held by alice")
		above.Merge("squash", s.Alice)
		s.promotes(above.Issue, s.Alice, "/promote", s.staged(above.MergeCommit(), "above"))
	})
}
