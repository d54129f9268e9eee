package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// unheard begins a story in which the server is away, and no delivery reaches it later. Its clock and GitHub's are put forward by hand.
func unheard(t *testing.T) (*story, *stepping) {
	t.Helper()
	clock := &stepping{}
	s := begin(t, scene.Options{GitHubClock: clock.now, ServerClock: clock.now, Settings: func(settings *config.Settings) { settings.CatchUpInterval = time.Hour }})
	s.verified(s.Merged("Begin").MergeCommit(), "begin")
	s.settled()
	s.deaf()
	return s, clock
}

// builds runs the build of a run, whose image is pushed some minutes after it began.
func (s *story) builds(run *githubtest.Run, commit *githubtest.Commit, clock *stepping, seed string) string {
	s.t.Helper()
	job := run.Job("build").Start()
	clock.step(time.Duration(clock.by.Load()) + 5*time.Minute)
	digest, err := s.Registry.PushIndex(scene.Image, commit.SHA(), seed)
	s.must(err)
	job.Complete("success")
	return digest
}

// While nobody hears, whoever may write has the commit built anew. Its tests ran on the image before, of which nobody knows any more.
func TestACommitThatIsBuiltAnewWhileNobodyHears(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(*story, *githubtest.PullRequest, *githubtest.Run) *githubtest.Run{
		"by a tag that is named like the branch": func(s *story, pull *githubtest.PullRequest, _ *githubtest.Run) *githubtest.Run {
			s.Repository.Tag("main", pull.MergeCommit(), s.Walter)
			return s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), HeadBranch: "main", Actor: s.Walter}).Start()
		},
		"by hand": func(s *story, pull *githubtest.PullRequest, _ *githubtest.Run) *githubtest.Run {
			return s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Event: "workflow_dispatch", Head: pull.MergeCommit(), Actor: s.Walter}).Start()
		},
		"by the run itself": func(s *story, _ *githubtest.PullRequest, run *githubtest.Run) *githubtest.Run {
			return run.Rerun(s.Walter).Start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := unheard(t)
			pull := s.Merged("Add a basket")
			run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), Actor: s.Walter}).Start()
			s.builds(run, pull.MergeCommit(), clock, "tested")
			s.Tested(run, "success")
			s.Staged(pull.MergeCommit(), "success")
			newer := again(s, pull, run)
			untested := s.builds(newer, pull.MergeCommit(), clock, "not tested")
			clock.step(time.Duration(clock.by.Load()) + 10*time.Minute)
			s.returns()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "may have built the commit anew")
			s.names("production", "")

			if name == "by hand" {
				newer.Complete("success")
				newer = run.Rerun(s.Walter).Start()
				untested = s.builds(newer, pull.MergeCommit(), clock, "to be tested")
			}
			s.Tested(newer, "success")
			s.Staged(pull.MergeCommit(), "success")
			s.settled()
			s.promotes(pull.Issue, s.Alice, "/promote", untested)
		})
	}
}

// What an honest team does while nobody hears is promoted as ever.
func TestWhatIsTestedWhileNobodyHears(t *testing.T) {
	t.Parallel()
	for name, tested := range map[string]func(*story, *stepping, *githubtest.PullRequest) string{
		"tests that are run again": func(s *story, clock *stepping, pull *githubtest.PullRequest) string {
			run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), Actor: s.Walter}).Start()
			digest := s.builds(run, pull.MergeCommit(), clock, "basket")
			s.Tested(run, "failure")
			clock.step(time.Duration(clock.by.Load()) + 10*time.Minute)
			run.RerunFailed(s.Walter).Start()
			s.Tested(run, "success")
			return digest
		},
		"a merge queue, and then the branch": func(s *story, clock *stepping, pull *githubtest.PullRequest) string {
			queue := "gh-readonly-queue/main/pr-1-" + pull.MergeCommit().SHA()
			queued := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Event: "merge_group", HeadBranch: queue, Head: pull.MergeCommit(), Actor: s.Walter}).Start()
			s.builds(queued, pull.MergeCommit(), clock, "in the queue")
			queued.Job("test").Start().Complete("success")
			run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), Actor: s.Walter}).Start()
			digest := s.builds(run, pull.MergeCommit(), clock, "on the branch")
			queued.Job("lint").Start().Complete("success") // other jobs of the queue's run take longer
			queued.Complete("success")
			clock.step(time.Duration(clock.by.Load()) + time.Second)
			s.Tested(run, "success")
			return digest
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := unheard(t)
			pull := s.Merged("Add a basket")
			digest := tested(s, clock, pull)
			s.Staged(pull.MergeCommit(), "success")
			clock.step(time.Duration(clock.by.Load()) + 10*time.Minute)
			s.returns()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// A delivery that says late that a job began says nothing of what its tag named then.
func TestACommitThatIsBuiltAnewBeforeItsDeliveriesCome(t *testing.T) {
	clock := &stepping{}
	s := begin(t, scene.Options{Policy: "-", GitHubClock: clock.now, ServerClock: clock.now})
	policy := s.defaultPolicy()
	for _, line := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, line, "", 1)
	}
	s.govern(policy)
	pull := s.Merged("Add a basket")
	s.settled()
	late := s.GitHub.Capture(func() {
		run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), Actor: s.Walter}).Start()
		s.builds(run, pull.MergeCommit(), clock, "tested")
		s.Tested(run, "success")
		s.Staged(pull.MergeCommit(), "success")
		s.Repository.Tag("main", pull.MergeCommit(), s.Walter)
		newer := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), HeadBranch: "main", Actor: s.Walter}).Start()
		s.builds(newer, pull.MergeCommit(), clock, "not tested")
	})
	clock.step(time.Duration(clock.by.Load()) + 10*time.Minute)
	for _, delivery := range late {
		delivery.Send()
		s.settled()
	}
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "may have built the commit anew")
	s.names("production", "")
}
