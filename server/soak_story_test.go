package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// overlapping has a deployment of an older commit under way while the newer one's is begun and ends.
func overlapping(t *testing.T) (s *story, pull *githubtest.PullRequest, older *githubtest.Run, digest string) {
	s = governed(t, "soak: 1s")
	first, pull := s.Merged("Add a voucher"), s.Merged("Add a basket")
	s.staged(first.MergeCommit(), "voucher")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	s.later()
	older = s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Name: "deploy staging", Head: first.MergeCommit(), Actor: s.Walter}).Request().Start()
	s.settled()
	s.later()
	return s, pull, older, digest
}

// Another commit's deployment began before that of what soaks, and ends after it: what it deployed is there since.
func TestARunThatBeganBeforeInterruptsSoak(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(s *story, older *githubtest.Run){
		"it succeeds":     func(_ *story, older *githubtest.Run) { older.Complete("success") },
		"it is cancelled": func(_ *story, older *githubtest.Run) { older.Complete("cancelled") },
		"it succeeds, and is deleted before it is read": func(s *story, older *githubtest.Run) {
			ended := s.GitHub.Capture(func() { older.Complete("success") })
			older.Delete()
			for _, delivery := range ended {
				delivery.Send()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, older, digest := overlapping(t)
			s.Staged(pull.MergeCommit(), "success")
			s.settled()
			s.later()
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "entered staging at", "has not ended", "let that run end, or cancel it; then run staging again")
			ends(s, older)
			s.settled()
			s.later()
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "which ended at", "run staging again")
			s.Staged(pull.MergeCommit(), "success")
			s.settled()
			s.later()
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// Deployments wait for each other, as in a concurrency group: the later one has begun before the earlier one ends, and stays.
func TestARunThatEndsBeforeDoesNotInterruptSoak(t *testing.T) {
	t.Parallel()
	for _, conclusion := range []string{"success", "cancelled"} {
		t.Run(conclusion, func(t *testing.T) {
			s, pull, older, digest := overlapping(t)
			newer := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Name: "deploy staging", Head: pull.MergeCommit(), Actor: s.Walter}).Request()
			s.settled()
			older.Complete(conclusion)
			s.later()
			newer.Start().Complete("success")
			s.settled()
			s.later()
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// A run whose end was lost, or that waits for somebody and has deployed nothing yet, holds nobody up.
func TestARunThatDoesNotEndHoldsUpNoSoak(t *testing.T) {
	t.Parallel()
	t.Run("it is gone", func(t *testing.T) {
		s, pull, older, digest := overlapping(t)
		s.Staged(pull.MergeCommit(), "success")
		older.Delete()
		s.settled()
		s.later()
		s.later()
		s.promotes(pull.Issue, s.Alice, "/promote", digest)
	})
	t.Run("it has not deployed anything", func(t *testing.T) {
		s := governed(t, "soak: 1s")
		first, pull := s.Merged("Add a voucher"), s.Merged("Add a basket")
		s.staged(first.MergeCommit(), "voucher")
		s.later()
		s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Name: "deploy staging", Head: first.MergeCommit(), Actor: s.Walter}).Request()
		s.settled()
		s.later()
		digest := s.staged(pull.MergeCommit(), "basket")
		s.later()
		s.later()
		s.promotes(pull.Issue, s.Alice, "/promote", digest)
	})
}
