package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// onHead runs all stages for the pull request's head, as runs of the event pull_request.
func (s *story) onHead(pull *githubtest.PullRequest, branch, seed string, images ...string) map[string]string {
	s.t.Helper()
	run := func(workflow string) *githubtest.Run {
		return s.Repository.Run(githubtest.RunSpec{Workflow: workflow, Event: "pull_request", Head: pull.Head(), HeadBranch: branch, Actor: s.Walter, PullRequests: []*githubtest.PullRequest{pull}}).Request().Start()
	}
	ci := run(scene.CI)
	build := ci.Job("build").Start()
	digests := map[string]string{}
	for _, image := range images {
		digest, err := s.Registry.PushIndex("shop/"+image, pull.Head().SHA(), seed+image)
		s.must(err)
		digests[image] = digest
	}
	build.Complete("success")
	s.Tested(ci, "success")
	run(scene.DeployStaging).Complete("success")
	s.settled()
	return digests
}

// withPullRequests lets all stages count runs of pull requests, as same_tree and allow_unmerged need it.
func withPullRequests(policy string) string {
	for _, name := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, name, name+"    events: [push, pull_request]\n", 1)
	}
	return policy
}

// formerHead opens a pull request whose first head has emptied tests, lets the stages run there, and takes it back.
func (s *story) formerHead(bob *githubtest.User, images ...string) (*githubtest.PullRequest, *githubtest.Commit, map[string]string) {
	s.t.Helper()
	s.Repository.CreateBranch("typo", s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit("typo", "Try something", s.Walter, map[string]string{"Makefile": "test:\n\ttrue\n", "evil.go": "evil"})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Fix a typo", Author: s.Walter, Head: "typo"})
	s.settled()
	digests := s.onHead(pull, "typo", "not tested ", images...)
	s.later()
	pull.Push("Fix a typo", s.Walter, map[string]string{"Makefile": "test:\n\tgo test ./...\n", "evil.go": githubtest.Deleted, "typo.txt": "typo"})
	pull.Review(bob, "APPROVED", "Fine, a typo")
	pull.Merge("merge", s.Alice)
	s.settled()
	return pull, commit, digests
}

func TestAFormerHeadOfAMergedPullRequestPassesNothing(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.Repository.Commit("main", "Test all", s.Alice, tests)
	s.govern(withPullRequests(s.defaultPolicy("reviewed: true")))
	bob := s.member("bob", "write")
	first := s.opened("Begin")
	first.Review(bob, "APPROVED", "Fine")
	first.Merge("merge", s.Alice)
	s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))

	pull, commit, _ := s.formerHead(bob, "api")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing"), "not the one that was merged")
}

func TestAFormerHeadStandsForNoUnchangedImage(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.Repository.Commit("main", "Test all", s.Alice, tests)
	s.govern(withPullRequests(s.monorepo("    reviewed: true\n")))
	pull, _, _ := s.formerHead(s.member("bob", "write"), "worker")
	s.refuses(pull.Issue, s.Alice, "/promote worker", "stage_missing")
}

// A team whose pull requests build, and whose merges do not: what was merged stands for the merge, though main had gone on.
func TestTheHeadThatWasMergedStandsForAnUnchangedImage(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.Repository.Commit("main", "Test all", s.Alice, tests)
	s.govern(withPullRequests(s.monorepo("")))
	s.Repository.CreateBranch("worker", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("worker", "Work faster", s.Walter, map[string]string{"worker/main.go": "faster"})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Work faster", Author: s.Walter, Head: "worker"})
	s.settled()
	digests := s.onHead(pull, "worker", "tested ", "worker")
	s.Repository.Commit("main", "Go on", s.Alice, map[string]string{"api/main.go": "on"})
	s.later()
	pull.Merge("merge", s.Alice)
	s.settled()
	_, reply := s.says(pull.Issue, s.Alice, "/promote worker")
	s.expect(reply, "worker")
	s.namesIn("worker", "production", digests["worker"])
}

// A pull request's run builds what merging its head into its base gives. First it goes to develop, whose work is not released; then to main.
func TestAPullRequestThatIsSentElsewhereKeepsNoRuns(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"same_tree: true", "allow_unmerged: true"} {
		t.Run(how, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.Repository.Commit("main", "Test all", s.Alice, tests)
			policy := strings.ReplaceAll(withPullRequests(s.defaultPolicy(how)), "    events: [push, pull_request]\n", "    events: [push, pull_request]\n    branches: [main, develop]\n")
			s.govern(policy)
			bob := s.member("bob", "write")
			s.Repository.CreateBranch("develop", s.Repository.Head("main"), s.Alice)
			s.Repository.Commit("develop", "Something for next year, which nobody reviewed", s.Walter, map[string]string{"next.go": "next"})
			s.Repository.CreateBranch("typo", s.Repository.Head("main"), s.Walter)
			s.Repository.Commit("typo", "Fix a typo", s.Walter, map[string]string{"typo.txt": "typo"})
			pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Fix a typo", Author: s.Walter, Head: "typo", Base: "develop"})
			s.settled()
			if _, found := pull.TestMerge().File("next.go"); !found {
				t.Fatal("the runs have no next.go")
			}
			s.onHead(pull, "typo", "with next.go ", "api")
			s.later()
			pull.ChangeBase("main", s.Walter)
			s.settled()
			s.later()
			pull.Review(bob, "APPROVED", "Fine, a typo")
			if how == "same_tree: true" {
				pull.Merge("squash", s.Alice)
				if _, found := pull.MergeCommit().File("next.go"); found {
					t.Fatal("next.go was merged")
				}
			}
			s.settled()
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "cannot be told")
		})
	}
}
