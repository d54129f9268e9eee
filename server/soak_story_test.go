package server_test

import (
	"strings"
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

// aside runs a workflow on a branch of somebody's, whose commit has an image of its own.
func (s *story) aside(event string) (run *githubtest.Run, digest string) {
	s.t.Helper()
	s.Repository.CreateBranch("aside", s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit("aside", "Something else", s.Walter, map[string]string{"aside": "1"})
	digest, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "aside")
	s.must(err)
	run = s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: event, Head: commit, HeadBranch: "aside", Actor: s.Walter}).Request().Start()
	return run, digest
}

// The stage's own workflow deploys from a branch over what soaks: the run does not count for the stage, but what it deployed is there.
func TestADigestDeployedFromABranchInterruptsSoak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events     string
		event      string
		line       func(soaking, aside string) string
		interrupts bool
	}{
		"a dispatch":                             {"workflow_run, workflow_dispatch", "workflow_dispatch", func(_, aside string) string { return "api@" + aside }, true},
		"of an event that does not count either": {"workflow_run", "workflow_dispatch", func(_, aside string) string { return aside }, true},
		"a push":                                 {"workflow_run", "push", func(_, aside string) string { return "api@" + aside }, true},
		"behind what soaks":                      {"workflow_run", "workflow_dispatch", func(soaking, aside string) string { return soaking + "\n" + aside }, true},
		"what soaks":                             {"workflow_run", "workflow_dispatch", func(soaking, _ string) string { return "api@" + soaking }, false},
		"a pull request's preview":               {"workflow_run", "pull_request", func(_, aside string) string { return "api@" + aside }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.govern(strings.Replace(s.deployed(), "events: [workflow_run]", "events: ["+test.events+"]", 1) + "    soak: 1s\n")
			pull := s.Merged("Add a basket")
			run, digest, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.Tested(run, "success")
			s.settled()
			s.deploys(digest, "success")
			s.later()
			aside, other := s.aside(test.event)
			aside.Upload("image-digest", map[string]string{"digest": test.line(digest, other)}, 0)
			aside.Complete("success")
			s.settled()
			s.later()
			if test.interrupts {
				s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "entered staging", "run staging again")
				s.deploys(digest, "success")
				s.later()
				s.later()
			}
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// Without a digest artifact the tag of the run's commit tells, where a person started the stage's workflow or its very job ran.
func TestADeploymentOfABranchsOwnImageInterruptsSoak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		event, job string
		interrupts bool
	}{
		"a dispatch":                     {"workflow_dispatch", "", true},
		"a push that runs the job":       {"push", "deploy", true},
		"a push that skips the job":      {"push", "deploy, skipped", false},
		"a push that may deploy nothing": {"push", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			policy := s.defaultPolicy("soak: 1s")
			if test.job != "" {
				policy = strings.Replace(policy, "    after: [test]\n", "    after: [test]\n    job: deploy\n", 1)
			}
			s.govern(policy)
			pull := s.Merged("Add a basket")
			run, digest, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.Tested(run, "success")
			s.settled()
			deploys := func(run *githubtest.Run, job string) {
				switch job {
				case "deploy":
					run.Job("deploy").Start().Complete("success")
				case "deploy, skipped":
					run.SkippedJob("deploy")
				}
				run.Complete("success")
				s.settled()
				s.later()
			}
			stages := func() {
				run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: pull.MergeCommit(), Actor: s.Walter}).Request().Start()
				deploys(run, strings.TrimSuffix(test.job, ", skipped"))
			}
			stages()
			aside, _ := s.aside(test.event)
			deploys(aside, test.job)
			if test.interrupts {
				s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "entered staging", "run staging again")
				stages()
			}
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}
