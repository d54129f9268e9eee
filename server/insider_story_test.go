package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// byWriters is the default policy, with writers as promoters.
func (s *story) byWriters(policy string) string {
	return strings.Replace(policy, "permission: maintain", "permission: write", 1)
}

// A policy that was loosened since judges a rollback only beside the one that judged what production has.
func TestARollbackAsksForTheRightUnderBothPolicies(t *testing.T) {
	s := governed(t)
	s.begun()
	first := s.Tag("production")
	second := s.Merged("Second")
	newer := s.staged(second.MergeCommit(), "second")
	s.promotes(second.Issue, s.Alice, "/promote", newer)
	s.govern(s.byWriters(s.defaultPolicy()))
	s.expect(s.refuses(second.Issue, s.Walter, "/rollback", "not_authorised"), "walter has write", "policy that judged")
	_, reply := s.says(second.Issue, s.Alice, "/rollback")
	s.expect(reply, "Rolled back")
	s.names("production", first)
}

// Going back does not bring back the rules of that time, nor those of now: what judged before goes on judging.
func TestARollbackLoosensNoRule(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(s *story, lax string){
		"to a time of laxer rules": func(s *story, lax string) { s.govern(lax); s.begun() },
		"to a baseline": func(s *story, _ string) {
			_, err := s.Registry.PushIndex(scene.Image, "production", "was there")
			s.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			lax := s.byWriters(s.lax())
			before(s, lax)
			s.govern(s.defaultPolicy())
			second := s.Merged("Second")
			s.promotes(second.Issue, s.Alice, "/promote", s.staged(second.MergeCommit(), "second"))
			s.govern(lax)
			evil := s.Merged("Evil")
			_, _, err := s.Built(evil.MergeCommit(), "evil")
			s.must(err)
			s.settled()
			_, reply := s.says(evil.Issue, s.Alice, "/rollback")
			s.expect(reply, "Rolled back")
			s.refuses(evil.Issue, s.Alice, "/promote", "stage_missing")
		})
	}
}

func TestARollbackToWhatAHeldPullRequestProduced(t *testing.T) {
	s := governed(t)
	s.begun()
	bad := s.Merged("Bad thing")
	s.promotes(bad.Issue, s.Alice, "/promote", s.staged(bad.MergeCommit(), "bad"))
	next := s.Merged("Next thing")
	s.promotes(next.Issue, s.Alice, "/promote", s.staged(next.MergeCommit(), "next"))
	s.informs(bad.Issue, s.Alice, `/promote hold production --pull-request --reason "leaks data"`, "is held by alice")
	s.expect(s.refuses(next.Issue, s.Alice, "/rollback", "held"), "leaks data")
}

// After a rollback the next one may go forward, over what was held meanwhile.
func TestARollbackForwardTakesNothingHeldAlong(t *testing.T) {
	s := governed(t)
	first := s.Merged("Begin")
	begin := s.staged(first.MergeCommit(), "begin")
	s.promotes(first.Issue, s.Alice, "/promote", begin)
	bad := s.Merged("Bad thing")
	s.staged(bad.MergeCommit(), "bad")
	next := s.Merged("Next thing")
	digest := s.staged(next.MergeCommit(), "next")
	s.promotes(next.Issue, s.Alice, "/promote", digest)
	s.says(first.Issue, s.Alice, "/rollback")
	s.names("production", begin)
	s.informs(bad.Issue, s.Alice, `/promote hold production --pull-request --reason "leaks data"`, "is held by alice")
	s.expect(s.refuses(next.Issue, s.Alice, "/rollback --to "+next.MergeCommit().SHA(), "held"), "leaks data")

	s.informs(bad.Issue, s.Alice, "/promote resume production --pull-request", "lifted by alice")
	unrelated := s.opened("Another thing")
	s.informs(unrelated.Issue, s.Alice, "/promote hold production --pull-request", "is held by alice")
	s.says(next.Issue, s.Alice, "/rollback --to "+next.MergeCommit().SHA())
	s.names("production", digest)
	s.says(next.Issue, s.Alice, "/rollback")
	s.names("production", begin)
}

// Whoever pushed to somebody else's pull request wrote some of it.
func TestAnAuthorOfAnOpenHeadDoesNotApproveIt(t *testing.T) {
	s, bob := unmerged(t, 0)
	s.Repository.CreateBranch("feature", s.Repository.Head("main"), bob)
	s.Repository.Commit("feature", "Innocent", bob, map[string]string{"a.txt": "a"})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Feature", Author: bob, Head: "feature"})
	pull.Push("Mine", s.Walter, map[string]string{"evil.txt": "evil"})
	s.settled()
	s.onPull(pull, "evil")
	pull.Review(s.Walter, "APPROVED", "fine")
	s.settled()
	s.later()
	s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed")
}
