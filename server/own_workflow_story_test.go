package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// tests are workflows that test something.
var tests = map[string]string{scene.CI: "on: push\n# tests all\n", scene.DeployStaging: "on: [push, workflow_dispatch]\n# deploys\n"}

// buried merges a pull request in which one commit has workflows that test nothing, and the next has them as they were. It returns
// the first: it is on main, and never was its head. A tag that is called main names it.
func (s *story) buried(method string, files map[string]string) (*githubtest.PullRequest, *githubtest.Commit) {
	s.t.Helper()
	s.Repository.Commit("main", "Test all", s.Alice, tests)
	s.Repository.CreateBranch("basket", s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit("basket", "Try something", s.Walter, files)
	s.Repository.Commit("basket", "Add a basket", s.Walter, tests)
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a basket", Author: s.Walter, Head: "basket"})
	pull.Merge(method, s.Alice)
	if method == "rebase" {
		commit = s.Repository.Head("main").Parents()[0]
	}
	s.Repository.Tag("main", commit, s.Walter)
	return pull, commit
}

func TestACommitInsideAPullRequestPassesNoStageByAWorkflowOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := begin(t, scene.Options{})
			pull, commit := s.buried(method, map[string]string{scene.CI: emptied, scene.DeployStaging: emptied})
			s.staged(commit, "not tested")
			s.notReady(commit)
			reply := s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing")
			s.expect(reply, "was not seen as its head", "is not main's")

			// What the pull request came to is not held up by it.
			digest := s.staged(pull.MergeCommit(), "basket")
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// emptiedTests is a commit inside a merged pull request whose workflows are main's own, and whose tests are none: the next takes it
// back, so that a review sees nothing of it. A tag that is called main names it.
func (s *story) emptiedTests(bob *githubtest.User, method string) (*githubtest.PullRequest, *githubtest.Commit) {
	s.t.Helper()
	s.Repository.CreateBranch("typo", s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit("typo", "Try something", s.Walter, map[string]string{"Makefile": "test:\n\ttrue\n", "evil.go": "evil"})
	s.Repository.Commit("typo", "Fix a typo", s.Walter, map[string]string{"Makefile": "test:\n\tgo test ./...\n", "evil.go": githubtest.Deleted, "typo.txt": "typo"})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Fix a typo", Author: s.Walter, Head: "typo"})
	pull.Review(bob, "APPROVED", "Fine, a typo")
	pull.Merge(method, s.Alice)
	if method == "rebase" {
		commit = s.Repository.Head("main").Parents()[0]
	}
	s.Repository.Tag("main", commit, s.Walter)
	return pull, commit
}

func TestACommitInsideAPullRequestPassesNoStageWithTheBranchesWorkflow(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			pull, commit := s.emptiedTests(bob, method)
			s.staged(commit, "not tested")
			s.notReady(commit)
			reply := s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing")
			s.expect(reply, "was not seen as its head", "brought it there among others")

			digest := s.staged(pull.MergeCommit(), "typo")
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

func TestACommitInsideAPullRequestStandsForNothingWithTheBranchesWorkflow(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	pull, commit := s.emptiedTests(s.member("bob", "write"), "merge")
	s.workerNotTested(commit)
	s.refuses(pull.Issue, s.Alice, "/promote worker", "stage_missing")
}

// workerNotTested has the tag's runs build and pass a worker of the commit.
func (s *story) workerNotTested(commit *githubtest.Commit) {
	s.t.Helper()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, HeadBranch: "main", Actor: s.Walter}).Request().Start()
	build := run.Job("build").Start()
	_, err := s.Registry.PushIndex("shop/worker", commit.SHA(), "not tested")
	s.must(err)
	build.Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
}

// Whoever puts a tag on such a commit does not keep what counts from standing for the image.
func TestAnOlderCommitStandsWhereTheRunsOfTheNewestDoNotCount(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	older, digests := s.change("README.md", "api", "worker")
	pull, commit := s.emptiedTests(s.member("bob", "write"), "merge")
	s.workerNotTested(commit)
	_, reply := s.says(pull.Issue, s.Alice, "/promote worker")
	s.expect(reply, "Promoted", "worker is unchanged since "+older.Short(), digests["worker"])
	s.namesIn("worker", "production", digests["worker"])
}

// An older head of the branch counts whatever became of its workflow since.
func TestAFormerHeadOfTheBranchCounts(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]func(s *story) *githubtest.Commit{
		"pushed": func(s *story) *githubtest.Commit {
			return s.Repository.Commit("main", "Add a basket", s.Walter, map[string]string{"a": "b"})
		},
		"merged": func(s *story) *githubtest.Commit { return s.Merged("Add a basket").MergeCommit() },
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{})
			s.Repository.Commit("main", "Test all", s.Alice, tests)
			former := commit(s)
			s.Repository.Commit("main", "Test even more", s.Alice, map[string]string{scene.CI: "on: push\n# tests more\n", scene.DeployStaging: "on: push\n# more\n"})
			digest := s.staged(former, "basket")
			s.must(s.Check(s.ctx, former, "Ready to promote"))
			other := s.Merged("Add a voucher")
			s.promotes(other.Issue, s.Alice, "/promote --sha "+former.SHA(), digest)
		})
	}
}

func TestWhatWasBuriedStandsForNothing(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	pull, commit := s.buried("merge", map[string]string{scene.CI: emptied, scene.DeployStaging: emptied, "api/basket.go": "1"})
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, HeadBranch: "main", Actor: s.Walter}).Request().Start()
	for _, image := range []string{"api", "worker"} {
		_, err := s.Registry.PushIndex("shop/"+image, commit.SHA(), image+" not tested")
		s.must(err)
	}
	run.Job("build").Start().Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote worker", "stage_missing")
}

// dispatching begins a repository whose staging is started by hand, with a digest that is tested.
func dispatching(t *testing.T) (s *story, pull *githubtest.PullRequest, digest string, deploys func(head *githubtest.Commit)) {
	t.Helper()
	s = begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(s.deployed(), "events: [workflow_run]", "events: [workflow_dispatch]", 1))
	s.Repository.Commit("main", "Deploy nothing yet", s.Alice, map[string]string{scene.DeployStaging: emptied})
	s.Repository.Commit("main", "Test all", s.Alice, tests)
	pull = s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled() // what is deployed is known by then
	return s, pull, digest, func(head *githubtest.Commit) {
		run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: "workflow_dispatch", Head: head, HeadBranch: "main", Actor: s.Walter}).Request().Start()
		run.Upload("image-digest", map[string]string{"digest": "api@" + digest}, 0)
		run.Complete("success")
		s.settled()
	}
}

func TestADispatchOnAFormerHeadPassesNoStage(t *testing.T) {
	s, pull, digest, deploys := dispatching(t)
	former := s.Repository.Head("main").Parents()[0].Parents()[0]
	if file, _ := former.File(scene.DeployStaging); file != emptied {
		t.Fatalf("%s has %q", former.Short(), file)
	}
	s.Repository.Tag("main", former, s.Walter)
	deploys(former)
	s.notReady(pull.MergeCommit())
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
	s.expect(reply, "was not seen as its head", "its tests are older")

	deploys(s.Repository.Head("main"))
	deploys(former) // nor does it hide what counts
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestADispatchOnACommitInsideAPullRequestPassesNoStage(t *testing.T) {
	s, pull, digest, deploys := dispatching(t)
	_, commit := s.emptiedTests(s.member("bob", "write"), "merge")
	deploys(commit)
	s.notReady(pull.MergeCommit())
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
	s.expect(reply, "was not seen as its head", "brought it there among others")

	deploys(pull.MergeCommit()) // what merging made was the head, whatever is on main since
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// A run that was the branch's own when it ended stays that, whatever the branch has later.
func TestADispatchCountsThoughTheBranchMovedOn(t *testing.T) {
	s, pull, digest, deploys := dispatching(t)
	head := s.Repository.Head("main")
	s.Repository.Commit("main", "Add a voucher", s.Walter, map[string]string{"voucher": "1"}) // while the deployment runs
	deploys(head)
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.Repository.Commit("main", "Deploy in another way", s.Alice, map[string]string{scene.DeployStaging: "on: workflow_dispatch\n# another way\n"})
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
