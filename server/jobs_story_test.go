package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
)

// tested gives the default policy with test* as the last stage.
func (s *story) tested() string {
	return strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "requires: [test, staging]", "requires: [test]", 1)
}

func TestAPatternOfJobsPassesWhenItsRunHasEnded(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.tested())
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	run.Job("test-unit").Start().Complete("success") // test-e2e needs it, and is not listed yet
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_running"), "more jobs that match")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "3 of 4 gates met"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "more jobs that match")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_running")
	job := run.Job("test-e2e").Start()
	s.settled()
	s.names("production", "")
	job.Complete("success")
	s.settled()
	s.names("production", "")
	run.Complete("success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}

func TestAJobOfAPatternThatFailsCountsAtOnce(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.tested())
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	run.Job("test-unit").Start().Complete("success")
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_running")
	slow := run.Job("test-slow").Start()
	run.Job("test-e2e").Start().Complete("failure")
	s.becomes(pull.Issue, comment, "Refused", "`stage_failed`", "test-e2e ended with failure")
	s.names("production", "")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "stage_failed"))
	slow.Complete("success")
	run.Complete("failure")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
}

func TestBuildTestAndDeploymentInOneWorkflow(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "deploy-staging.yml\n", "ci.yml\n    job: deploy\n", 1))
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	for _, name := range []string{"test (1)", "test (2)"} {
		run.Job(name).Start().Complete("success")
	}
	deployment := run.Job("deploy").Start()
	s.settled()
	deployment.Complete("success")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_running")
	run.Complete("success")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestADeploymentThatDidNotWaitForAllJobsOfAPattern(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "deploy-staging.yml\n", "ci.yml\n    job: deploy\n", 1))
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	run.Job("test-unit").Start().Complete("success")
	run.Job("deploy").Start().Complete("success")
	s.later()
	run.Job("test-e2e").Start().Complete("success")
	run.Complete("success")
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "before test had passed")
}
