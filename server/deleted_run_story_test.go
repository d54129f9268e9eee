package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// Whoever may write deletes a run that failed as soon as it ended, before anybody has read it: the success from before is no answer.
func TestARunThatFailedAndWasDeletedBeforeItWasReadHasFailed(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"another run", "another attempt"} {
		t.Run(how, func(t *testing.T) {
			s := begin(t, scene.Options{})
			pull := s.Merged("Add a basket")
			digest := s.staged(pull.MergeCommit(), "basket")
			s.later()
			run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Name: "deploy staging", Head: pull.MergeCommit(), Actor: s.Walter}).Request().Start()
			if how == "another attempt" {
				run.Complete("success")
				s.settled()
				s.later()
				run.Rerun(s.Walter).Start()
			}
			s.settled()
			ended := s.GitHub.Capture(func() { run.Complete("failure") })
			run.Delete()
			for _, delivery := range ended {
				delivery.Send()
			}
			s.settled()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed"), "was deleted then")
			s.later()
			s.Staged(pull.MergeCommit(), "success")
			s.settled()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}
