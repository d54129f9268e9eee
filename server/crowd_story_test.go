package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// crowd has anybody's comments make a workflow run at the commit, again and again.
func (s *story) crowd(commit *githubtest.Commit, many int) {
	s.GitHub.Quietly(func() {
		for range many {
			s.Repository.Run(githubtest.RunSpec{Workflow: ".github/workflows/greet.yml", Event: "issue_comment", Head: commit, Actor: s.Stranger}).Start()
		}
	})
}

func TestStrangersRunsDoNotStopPromotions(t *testing.T) {
	s := begin(t, scene.Options{Public: true})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.crowd(pull.MergeCommit(), 1100)
	s.GitHub.Quietly(func() { // and nobody hears that it fails when it runs again
		s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: pull.MergeCommit(), Actor: s.Walter}).Start().Complete("failure")
	})
	s.crowd(pull.MergeCommit(), 1100)
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
	s.later()
	s.Staged(pull.MergeCommit(), "success")
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestStrangersReviewsDoNotStopPromotions(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	digest := s.onPull(pull, "basket")
	s.GitHub.Quietly(func() {
		for range 1100 {
			pull.Review(s.Stranger, "COMMENTED", "hello")
		}
	})
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// TestTheSweepLooksBeyondACrowd: runs and comments that no delivery told of, behind more than a thousand others.
func TestTheSweepLooksBeyondACrowd(t *testing.T) {
	s := begin(t, scene.Options{Public: true, Settings: func(settings *config.Settings) { settings.CatchUpInterval = 100 * time.Millisecond }})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, digest, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	var comment *githubtest.Comment
	s.GitHub.Quietly(func() {
		s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, Actor: s.Walter}).Start().Complete("success")
		comment = pull.Comment(s.Alice, "/promote status")
		for number := range 1100 {
			pull.Comment(s.Stranger, fmt.Sprintf("hello %d", number))
		}
	})
	s.crowd(commit, 1100)
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.must(s.Eventually(s.ctx, "the command to be answered", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "production") }))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
