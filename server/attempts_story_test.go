package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// keptJobs are the ways in which GitHub lists the jobs that a re-run of failed jobs kept.
var keptJobs = map[string]githubtest.KeptJobs{
	"listed once": githubtest.KeptOnce, "listed anew as well": githubtest.KeptAnew, "listed anew only": githubtest.KeptReplaced,
}

// Only what was uploaded before the next attempt began is of the attempt in which the job ran.
func TestAnArtifactOfALaterAttemptThanTheJobs(t *testing.T) {
	t.Parallel()
	for name, how := range keptJobs {
		for _, upload := range []int{1, 2, 3} {
			t.Run(name+", uploaded in attempt "+string(rune('0'+upload)), func(t *testing.T) {
				s := begin(t, scene.Options{Policy: "-"})
				s.GitHub.ListKeptJobs(how)
				s.govern(s.proving("{ junit: { artifact: test-results } }"))
				pull := s.Merged("Add a basket")
				run, digest, err := s.Built(pull.MergeCommit(), "basket")
				s.must(err)
				job := run.Job("test").Start()
				s.settled()
				s.GitHub.Quietly(func() { // no delivery tells of the rest
					lint := func(attempt int, conclusion string) {
						if attempt == upload {
							run.Upload("test-results", map[string]string{"unit.xml": passed}, 0)
						}
						run.Job("lint").Start().Complete(conclusion)
						run.Complete(conclusion)
						s.later()
					}
					job.Complete("success")
					lint(1, "failure")
					run.RerunFailed(s.Walter).Start()
					lint(2, "failure")
					run.RerunFailed(s.Walter).Start()
					lint(3, "success")
				})
				s.Staged(pull.MergeCommit(), "success")
				s.settled()
				if upload == 1 {
					s.promotes(pull.Issue, s.Alice, "/promote", digest)
					return
				}
				s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "evidence_missing"), "not within this attempt")
			})
		}
	}
}

// A build that a re-run kept defines no digest anew: what its tag names by now is not what it pushed.
func TestABuildThatARerunKept(t *testing.T) {
	t.Parallel()
	for name, how := range keptJobs {
		for _, overwritten := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := begin(t, scene.Options{})
				s.GitHub.ListKeptJobs(how)
				pull := s.Merged("Add a basket")
				run, digest, err := s.Built(pull.MergeCommit(), "basket")
				s.must(err)
				s.Tested(run, "failure")
				s.settled()
				s.later()
				if overwritten {
					_, err = s.Registry.PushIndex(scene.Image, pull.MergeCommit().SHA(), "another")
					s.must(err)
				}
				run.RerunFailed(s.Walter).Start()
				s.Tested(run, "success")
				s.Staged(pull.MergeCommit(), "success")
				s.settled()
				if overwritten {
					s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
					return
				}
				s.promotes(pull.Issue, s.Alice, "/promote", digest)
			})
		}
	}
}

// A deployment that a re-run of its run's other jobs kept proves what it proved.
func TestADeploymentThatARerunKept(t *testing.T) {
	t.Parallel()
	for name, how := range keptJobs {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.GitHub.ListKeptJobs(how)
			s.govern(strings.Replace(s.deployed(), "deploy-staging.yml\n", "deploy-staging.yml\n    job: deploy\n", 1))
			pull := s.Merged("Add a basket")
			run, digest, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.Tested(run, "success")
			s.settled()
			deployment := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: "workflow_run", Head: s.Repository.Head("main"), Actor: s.Walter})
			deployment.Request().Start()
			deploy := deployment.Job("deploy").Start()
			deployment.Upload("image-digest", map[string]string{"digest": "api@" + digest}, 0)
			deploy.Complete("success")
			deployment.Job("notify").Start().Complete("failure")
			deployment.Complete("failure")
			s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
			s.later()
			s.GitHub.Quietly(func() {
				deployment.RerunFailed(s.Walter).Start()
				deployment.Job("notify").Start().Complete("success")
				deployment.Complete("success")
			})
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}
