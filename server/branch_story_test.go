package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// emptied is a workflow that tests nothing.
const emptied = "on: push\n# tests nothing\n"

// strayed makes a commit on a branch of its own with workflows that test nothing, and a tag on it that is called main.
func (s *story) strayed(branch string) *githubtest.Commit {
	s.t.Helper()
	s.Repository.CreateBranch(branch, s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit(branch, "Not tested", s.Walter, map[string]string{scene.CI: emptied, scene.DeployStaging: emptied})
	s.Repository.Tag("main", commit, s.Walter)
	return commit
}

// notReady fails the test if the commit's check run offers to promote it.
func (s *story) notReady(commit *githubtest.Commit) {
	s.t.Helper()
	if title := s.CheckTitle(commit); strings.Contains(title, "Ready to promote") {
		s.t.Fatalf("the check run of %s says %q", commit.Short(), title)
	}
}

func TestATagNamedLikeTheBranchPassesNoStage(t *testing.T) {
	s := governed(t, `from: [main, "release/*"]`)
	pull := s.Merged("Add a basket")
	commit := s.strayed("release/evil")
	s.staged(commit, "not tested") // runs of the tag's push, whose head branch is called main
	s.notReady(commit)
	reply := s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing")
	s.expect(reply, "its commit "+commit.Short()+" is not on main")

	// Once the commit is on the branch, its runs count.
	s.Repository.ForcePush("main", commit, s.Alice)
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
}

func TestATagNamedLikeTheBranchPassesNoStageOfAnOpenHead(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.Repository.Tag("main", pull.Head(), s.Walter)
	s.staged(pull.Head(), "not tested")
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")

	// Neither does it stop what does count.
	digest := s.onPull(pull, "basket")
	tagged := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: pull.Head(), Actor: s.Walter})
	tagged.Request().Start().Complete("failure")
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestADispatchOnATagNamedLikeTheBranchPassesNoStage(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(s.deployed(), "events: [workflow_run]", "events: [workflow_run, workflow_dispatch]", 1))
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled() // what is deployed is known by then
	evil := s.strayed("evil")
	dispatched := func(conclusion string) {
		run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: "workflow_dispatch", Head: evil, HeadBranch: "main", Actor: s.Walter})
		run.Request().Start()
		run.Upload("image-digest", map[string]string{"digest": "api@" + digest}, 0)
		run.Complete(conclusion)
		s.settled()
	}
	dispatched("success")
	s.notReady(pull.MergeCommit())
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
	s.expect(reply, "its commit "+evil.Short()+" is not on main")

	s.deploys(digest, "success")
	dispatched("failure") // nor does it block
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestAMergeGroupCountsOnceItIsMerged(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	queue := "gh-readonly-queue/main/pr-7-0123abc"
	s.Repository.CreateBranch(queue, s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit(queue, "Add a voucher (#7)", s.Walter, map[string]string{"voucher.txt": "1"})
	grouped := func(workflow string) *githubtest.Run {
		return s.Repository.Run(githubtest.RunSpec{Workflow: workflow, Event: "merge_group", Head: commit, HeadBranch: queue, Actor: s.Walter}).Request().Start()
	}
	ci := grouped(scene.CI)
	build := ci.Job("build").Start()
	digest, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "voucher")
	s.must(err)
	build.Complete("success")
	s.Tested(ci, "success")
	grouped(scene.DeployStaging).Complete("success")
	s.settled()
	s.notReady(commit)
	s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "not_on_branch")

	s.Repository.ForcePush("main", commit, s.Alice) // as the queue does
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.promotes(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), digest)
}

func TestABranchThatWasPushedBack(t *testing.T) {
	s := governed(t, `from: [main, "release/*"]`)
	before := s.Repository.Head("main")
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	s.verified(commit, "basket")
	s.Repository.CreateBranch("release/1", commit, s.Alice)
	s.Repository.ForcePush("main", before, s.Alice)
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing"), "is not on main")
}

func TestWhatCannotBeToldOfABranchPromotesNothing(t *testing.T) {
	s := governed(t, `from: [main, "release/*"]`)
	pull := s.Merged("Add a basket")
	s.Repository.CreateBranch("release/1", s.Repository.Head("main"), s.Alice)
	commit := s.Repository.Commit("release/1", "Mend the basket", s.Walter, map[string]string{"a": "b"})
	s.staged(commit, "mended")
	s.GitHub.Inject(githubtest.Fault{Status: 500}.On("GET", "/repos/{owner}/{repo}/compare/{basehead}"))
	s.interim(pull.Issue, pull.Comment(s.Alice, "/promote --sha "+commit.SHA()), "Cannot tell yet", "`github_error`")
	s.names("production", "")
}

// TestOneOfManyBranches: which of many branches has the commit is not guessed.
func TestOneOfManyBranches(t *testing.T) {
	s := governed(t, `from: ["release/*"]`)
	pull := s.Merged("Add a basket")
	commit := s.Repository.Commit("release/129", "Mend the basket", s.Walter, map[string]string{"a": "b"})
	s.Repository.Commit("release/129", "Go on", s.Walter, map[string]string{"a": "c"})
	for number := range 129 {
		s.Repository.CreateBranch(fmt.Sprintf("release/%d", number), pull.MergeCommit(), s.Alice)
	}
	s.settled()
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+commit.SHA())
	s.expect(reply, "Could not tell", "`github_error`", "110 more were not asked", "name the branch itself in the environment's from")
	s.names("production", "")
}
