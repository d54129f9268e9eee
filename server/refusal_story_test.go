package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestATagOverwrittenAfterTheTests(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	other, err := s.Registry.PushIndex(scene.Image, pull.MergeCommit().SHA(), "never tested")
	s.must(err)
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
	s.expect(reply, digest, other)
}

func TestATagOverwrittenDuringAStage(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	staging := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, Actor: s.Walter})
	staging.Request()
	staging.Start()
	s.settled()
	_, err = s.Registry.PushIndex(scene.Image, commit.SHA(), "never tested")
	s.must(err)
	staging.Complete("success")
	s.must(s.Check(s.ctx, commit, "digest_moved"))
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
	s.must(s.Eventually(s.ctx, "Slack to hear of it", func() bool {
		return len(s.Slack.Messages()) > 1 && strings.Contains(s.Slack.Messages()[0].Text, "was overwritten")
	}))
}

func TestWithoutABuildStageAMovedTagIsRefusedForGood(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "    builds: true\n", "", 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	s.verified(commit, "basket")
	_, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "other bytes")
	s.must(err)
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
	_, err = s.Registry.PushIndex(scene.Image, commit.SHA(), "basket")
	s.must(err)
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
}

func TestANewBuildMakesOlderTestsWorthless(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	s.verified(commit, "basket")
	again, digest, err := s.Built(commit, "built anew")
	s.must(err)
	s.must(s.Check(s.ctx, commit, "3 of 5 gates met"))
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
	s.Tested(again, "success")
	s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
}

func TestAForksRunProvesNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	fork := s.Repository.Fork(s.Stranger)
	foreign := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, HeadRepository: fork, HeadBranch: "main", Actor: s.Stranger})
	foreign.Request()
	foreign.Start()
	foreign.Complete("success")
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
}

func TestOnlyTheNamedWorkflowBranchAndEventCount(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]githubtest.RunSpec{
		"another path of the same name": {Workflow: ".github/workflows/deploy-staging.yaml", Name: "deploy staging"},
		"another branch":                {Workflow: scene.DeployStaging, HeadBranch: "feature"},
		"a dispatch":                    {Workflow: scene.DeployStaging, Event: "workflow_dispatch"},
		"a pull request":                {Workflow: scene.DeployStaging, Event: "pull_request"},
		"a schedule":                    {Workflow: scene.DeployStaging, Event: "schedule"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{})
			pull := s.Merged("Add a basket")
			commit := pull.MergeCommit()
			run, _, err := s.Built(commit, "basket")
			s.must(err)
			s.Tested(run, "success")
			spec.Head, spec.Actor = commit, s.Walter
			staging := s.Repository.Run(spec)
			staging.Request()
			staging.Start()
			staging.Complete("success")
			s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
		})
	}
}

func TestTheMergeQueuesRunsCount(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, digest, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	staging := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, Event: "merge_group", HeadBranch: "gh-readonly-queue/main/pr-7-0123abc", Actor: s.Walter})
	staging.Request()
	staging.Start()
	staging.Complete("success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
}

func TestAStageThatRunsAgain(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, digest, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	staging := s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	staging.Rerun(s.Walter).Start()
	s.must(s.Check(s.ctx, commit, "4 of 5 gates met"))
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_running")
	staging.Complete("cancelled")
	s.must(s.Check(s.ctx, commit, "stage_failed"))
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
	staging.Rerun(s.Walter).Start().Complete("success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
}

func TestAFailedRerunWhoseEventsWereLost(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	staging := s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.GitHub.Quietly(func() { staging.Rerun(s.Walter).Start().Complete("failure") })
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
}

func TestASuccessWhoseEventsWereLostIsCaughtUp(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, digest, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	s.GitHub.Quietly(func() { s.Staged(commit, "success") })
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", digest)
}

func TestASkippedJobIsNoSuccess(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	run.SkippedJob("test")
	run.Complete("success")
	s.Staged(commit, "success")
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
}

func TestWhoMay(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-", Public: true})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "{ permission: maintain }", "{ permission: admin, teams: [release], users: [rita] }", 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	acme := s.GitHub.Organisation("acme")
	tina, pete, bot := s.GitHub.User("tina"), s.GitHub.User("pete"), s.GitHub.Bot("helper[bot]")
	release := acme.Team("release")
	nested := acme.Team("night shift").Under(release)
	for _, user := range []*githubtest.User{tina, pete} {
		acme.Member(user)
		s.Repository.SetRole(user, "write")
	}
	nested.Add(tina, "active")
	release.Add(pete, "pending")
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")

	reply := s.refuses(pull.Issue, s.Alice, "/promote", "not_authorised")
	s.expect(reply, "permission admin or team release or rita", "alice has maintain")
	s.refuses(pull.Issue, pete, "/promote", "not_authorised")
	s.silence(pull.Issue, s.Stranger, "/promote")
	s.silence(pull.Issue, bot, "/promote")
	_, reply = s.says(pull.Issue, tina, "/promote --dry-run")
	s.expect(reply, "Dry run")
	_, reply = s.says(pull.Issue, s.Rita, "/promote")
	s.expect(reply, "Promoted")
	s.names("production", digest)
}

func TestACustomRoleCountsAsItsBase(t *testing.T) {
	s := begin(t, scene.Options{})
	carla := s.GitHub.User("carla")
	s.GitHub.Organisation("acme").Member(carla)
	s.Repository.SetCustomRole(carla, "release captain", "write")
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.refuses(pull.Issue, carla, "/promote", "not_authorised")
}

func TestWhoIsIgnored(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.silence(pull.Issue, s.Stranger, "/promote production")
	s.silence(pull.Issue, s.GitHub.AppBot(), "/promote production")
	s.silence(pull.Issue, s.Alice, "> /promote production")
	s.silence(pull.Issue, s.Alice, "looks good to me")
	s.silence(s.Repository.Issue("not a pull request", s.Alice), s.Alice, "/promote production")
	s.names("production", "")
}

func TestAnEditedCommentIsIgnored(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	comment := pull.Comment(s.Alice, "soon")
	comment.Edit(s.Alice, "/promote production")
	s.settled()
	s.reacted(comment)
	s.names("production", "")
}

func TestWhichCommit(t *testing.T) {
	s := begin(t, scene.Options{})
	merged := s.Merged("Add a basket")
	s.verified(merged.MergeCommit(), "basket")
	s.Repository.CreateBranch("open", s.Repository.Head("main"), s.Walter)
	head := s.Repository.Commit("open", "Half done", s.Walter, map[string]string{"a": "b"})
	open := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Half done", Author: s.Walter, Head: "open"})
	s.refuses(open.Issue, s.Alice, "/promote", "not_merged")
	s.refuses(open.Issue, s.Alice, "/promote --sha "+head.SHA(), "not_on_branch")
	open.Close(s.Walter)
	s.refuses(open.Issue, s.Alice, "/promote", "not_merged")
}

func TestATagNamedLikeTheBranch(t *testing.T) {
	s := begin(t, scene.Options{})
	s.Repository.CreateBranch("feature", s.Repository.Head("main"), s.Walter)
	commit := s.Repository.Commit("feature", "Not reviewed", s.Walter, map[string]string{"a": "b"})
	s.Repository.Tag("main", commit, s.Walter)
	pull := s.Merged("Add a basket")
	s.staged(commit, "not reviewed") // runs of the tag push, whose head branch is called main
	s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "not_on_branch")
}

func TestWhatIsWrittenWrongly(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	for text, want := range map[string]string{
		"/promote prodution":                        "unknown_environment",
		"/promote production apy":                   "unknown_image",
		"/promtoe production":                       "unknown_command",
		"/promote production --dryrun":              "unknown_command",
		strings.Repeat("/promote production\n", 11): "unknown_command",
		"/promote production --reason \"not closed": "unknown_command",
	} {
		s.refuses(pull.Issue, s.Alice, text, want)
	}
}

func TestAnImageWithoutATagDoesNotBlockTheOthers(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "stages:", "  worker:\n    repository: "+s.Registry.Host()+"/shop/worker\nstages:", 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	comment, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "**api** → production: promoted", "**worker** → production: refused", "image_missing")
	s.reacted(comment, "eyes", "-1")
	s.names("production", digest)
}
