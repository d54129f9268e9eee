package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// second opens another pull request with the head of the first, into a branch whose workflows test nothing, has all stages
// pass for it, and closes it.
func (s *story) second(pull *githubtest.PullRequest, branch, seed string) {
	s.t.Helper()
	s.Repository.CreateBranch("elsewhere", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("elsewhere", "Test nothing", s.Walter, map[string]string{scene.CI: emptied, scene.DeployStaging: emptied})
	s.Repository.CreateBranch(branch, pull.Head(), s.Walter)
	other := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Elsewhere", Author: s.Walter, Head: branch, Base: "elsewhere"})
	s.passes(other, branch, seed)
	other.Close(s.Walter)
}

// passes has all stages pass by pull_request at the head, as GitHub has it once the pull request is closed.
func (s *story) passes(pull *githubtest.PullRequest, branch, seed string) string {
	s.t.Helper()
	digest, err := s.Registry.PushIndex(scene.Image, pull.Head().SHA(), seed)
	s.must(err)
	for _, workflow := range []string{scene.CI, scene.DeployStaging} {
		run := s.Repository.Run(githubtest.RunSpec{
			Workflow: workflow, Event: "pull_request", Head: pull.Head(), HeadBranch: branch, Actor: s.Walter, PullRequests: []*githubtest.PullRequest{pull},
		}).Request().Start()
		if workflow == scene.CI {
			run.Job("build").Start().Complete("success")
			run.Job("test").Start().Complete("success")
		}
		run.Complete("success")
	}
	return digest
}

func TestAPullRequestIntoAnotherBaseProvesNothing(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*story, *githubtest.PullRequest){
		"told by deliveries": func(s *story, pull *githubtest.PullRequest) { s.second(pull, "again", "not tested") },
		"no delivery told of it": func(s *story, pull *githubtest.PullRequest) {
			s.GitHub.Quietly(func() { s.second(pull, "again", "not tested") })
		},
		"its base was changed before": func(s *story, pull *githubtest.PullRequest) {
			s.Repository.CreateBranch("elsewhere", s.Repository.Head("main"), s.Walter)
			pull.ChangeBase("elsewhere", s.Walter)
			s.passes(pull, "add-a-basket", "not tested")
			pull.ChangeBase("main", s.Walter)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, bob := unmerged(t, 0)
			pull := s.opened("Add a basket")
			s.settled()
			act(s, pull)
			pull.Review(bob, "APPROVED", "fine")
			s.settled()
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "elsewhere", "not one of main")

			// Another head has never been there.
			pull.Push("Go on", s.Walter, map[string]string{"more.txt": "1"})
			digest := s.onPull(pull, "basket")
			pull.Review(bob, "APPROVED", "fine")
			s.settled()
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

func TestAPullRequestThatOnlyContainsTheCommitSaysNothingOfIt(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.Repository.CreateBranch("elsewhere", s.Repository.Head("main"), s.Walter)
	s.Repository.CreateBranch("stacked", pull.Head(), s.Walter)
	s.Repository.Commit("stacked", "On top of it", s.Walter, map[string]string{"top.txt": "1"})
	s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "On top of it", Author: s.Walter, Head: "stacked", Base: "elsewhere"})
	digest := s.passes(pull, "add-a-basket", "basket")
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// TestAnEarlierPullRequestOfTheBranchSaysNothing: it went elsewhere before the commit was there.
func TestAnEarlierPullRequestOfTheBranchSaysNothing(t *testing.T) {
	s, bob := unmerged(t, 0)
	s.Repository.CreateBranch("elsewhere", s.Repository.Head("main"), s.Walter)
	s.Repository.CreateBranch("add-a-basket", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("add-a-basket", "Begin", s.Walter, map[string]string{"begin.txt": "1"})
	s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Elsewhere", Author: s.Walter, Head: "add-a-basket", Base: "elsewhere"}).Close(s.Walter)
	s.Repository.Commit("add-a-basket", "Go on", s.Walter, map[string]string{"more.txt": "1"})
	s.later()
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a basket", Author: s.Walter, Head: "add-a-basket"})
	digest := s.passes(pull, "add-a-basket", "basket")
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestTheWorkflowAtTheBaseIsTheDefaultBranchs(t *testing.T) {
	s, bob := unmerged(t, 0)
	policy := s.defaultPolicy("allow_unmerged: true", `from: [main, "release/*"]`)
	for _, name := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, name, name+"    events: [push, pull_request]\n    branches: [main, \"release/*\"]\n", 1)
	}
	s.govern(policy)
	s.Repository.CreateBranch("topic", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("topic", "Add a basket", s.Walter, map[string]string{"basket.txt": "1"})
	s.Repository.CreateBranch("release/1", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("release/1", "Test nothing", s.Walter, map[string]string{scene.CI: emptied})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a basket", Author: s.Walter, Head: "topic", Base: "release/1"})
	s.passes(pull, "topic", "basket")
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "workflow_changed"), "is not the default branch's")
}
