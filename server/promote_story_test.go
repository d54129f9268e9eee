package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestTheTestedDigestIsTheOneThatShips(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	comment, reply := s.says(pull.Issue, s.Alice, "/promote production")
	s.names("production", digest)
	s.reacted(comment, "eyes", "rocket")
	s.expect(reply, "**Promoted api to production**", digest, pull.MergeCommit().SHA(), "from nothing", "`production` (moved, read back)",
		"evidence: build", "attempt 1", "asked by alice", "policy `acme/shop:.github/verbatim.yml`")
	s.keepsFrom(reply, "roll back with") // there is nothing to go back to
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
	s.must(s.Eventually(s.ctx, "a Slack message", func() bool { return len(s.Slack.Messages()) == 1 }))
	s.expect(s.Slack.Messages()[0].Text, "Promoted acme/shop api to production")

	_, reply = s.says(pull.Issue, s.Alice, "/promote production")
	s.expect(reply, "(was there already)")
	s.keepsFrom(reply, "not confirmed", "roll back with")
	next := s.Merged("Add a voucher")
	s.expect(s.promotes(next.Issue, s.Alice, "/promote", s.verified(next.MergeCommit(), "voucher")), "roll back with: `/promote rollback production api`")
}

func TestTheCheckRunShowsTheGatesFalling(t *testing.T) {
	s := begin(t, scene.Options{})
	commit := s.Merged("Add a basket").MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.must(s.Check(s.ctx, commit, "3 of 5 gates met"))
	if state := s.CheckRun(commit).State(); state.Status != "in_progress" || len(state.Actions) > 0 {
		t.Errorf("while waiting: %+v", state)
	}
	s.Tested(run, "success")
	s.must(s.Check(s.ctx, commit, "4 of 5 gates met"))
	s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	state := s.CheckRun(commit).State()
	if state.Conclusion != "success" || len(state.Actions) != 1 || state.Actions[0].Label != "Promote" || len(state.Actions[0].Identifier) > 20 {
		t.Errorf("when ready: %+v", state)
	}
}

func TestThreeWorkflowsWorkAsWellAsThreeJobs(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := scene.DefaultPolicy(s.Registry.Host())
	policy = strings.ReplaceAll(policy, "    job: build\n", "")
	policy = strings.Replace(policy, "ci.yml\n    job: \"test*\"", "test.yml", 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run := func(workflow string, during func()) {
		of := s.Repository.Run(githubtest.RunSpec{Workflow: workflow, Head: commit, Actor: s.Walter})
		of.Request()
		of.Start()
		during()
		of.Complete("success")
	}
	var digest string
	run(scene.CI, func() {
		var err error
		digest, err = s.Registry.PushIndex(scene.Image, commit.SHA(), "basket")
		s.must(err)
	})
	run(".github/workflows/test.yml", func() {})
	run(scene.DeployStaging, func() {})
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.says(pull.Issue, s.Alice, "/promote production")
	s.names("production", digest)
}

func TestAMatrixAndARerunOfItsFailedJob(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, digest, err := s.Built(commit, "basket")
	s.must(err)
	run.Job("test (1.25)").Start().Complete("success")
	run.Job("test (1.26)").Start().Complete("failure")
	run.Complete("failure")
	s.must(s.Check(s.ctx, commit, "stage_failed"))
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_failed")
	run.RerunFailed(s.Walter).Start()
	run.Job("test (1.26)").Start().Complete("success")
	run.Complete("success")
	s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "attempt 2")
	s.names("production", digest)
}

func TestPromotingTwiceIsHarmless(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.says(pull.Issue, s.Alice, "/promote production")
	s.Registry.ResetRequests()
	comment, reply := s.says(pull.Issue, s.Alice, "/promote production")
	s.expect(reply, "Nothing to do", "already_promoted")
	s.reacted(comment, "eyes", "+1")
	s.names("production", digest)
	for _, request := range s.Registry.Requests() {
		if strings.HasPrefix(request, "PUT") {
			t.Errorf("a repeat wrote to the registry: %s", request)
		}
	}
}

func TestADryRunMovesNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	comment, reply := s.says(pull.Issue, s.Alice, "/promote production --dry-run")
	s.expect(reply, "Dry run", digest)
	s.reacted(comment, "eyes", "+1")
	s.names("production", "")
}

func TestByCommitFromAnyPullRequest(t *testing.T) {
	s := begin(t, scene.Options{})
	first := s.Merged("Add a basket")
	digest := s.verified(first.MergeCommit(), "basket")
	second := s.Merged("Add a voucher")
	_, reply := s.says(second.Issue, s.Alice, "/promote production --sha "+first.MergeCommit().SHA()[:9])
	s.expect(reply, "Promoted", digest)
	s.names("production", digest)
	s.refuses(second.Issue, s.Alice, "/promote production --sha 0123456789", "unknown_commit")
}

func TestWhatShipsIsListed(t *testing.T) {
	s := begin(t, scene.Options{})
	first := s.Merged("Add a basket")
	s.verified(first.MergeCommit(), "basket")
	s.says(first.Issue, s.Alice, "/promote")
	second, third := s.Merged("Add a voucher"), s.Merged("Add a wish list")
	s.verified(third.MergeCommit(), "wish list")
	_, reply := s.says(third.Issue, s.Alice, "/promote")
	s.expect(reply, "ships [2 commits]", "Add a voucher", "Add a wish list", fmt.Sprintf("pull request %d", second.Number()))
}

func TestOlderCommitsGoBackOnlyByRollback(t *testing.T) {
	s := begin(t, scene.Options{})
	first := s.Merged("Add a basket")
	one := s.verified(first.MergeCommit(), "basket")
	second := s.Merged("Add a voucher")
	two := s.verified(second.MergeCommit(), "voucher")
	s.says(second.Issue, s.Alice, "/promote")
	reply := s.refuses(first.Issue, s.Alice, "/promote", "older_than_production")
	s.expect(reply, "would lose 1 commit:", "Add a voucher", "/promote rollback production")
	s.names("production", two)
	if one == two {
		t.Error("two commits have the same digest: the story proves nothing")
	}
}

func TestRollbackGoesToWhatWasLiveBefore(t *testing.T) {
	s := begin(t, scene.Options{})
	var digests []string
	var pulls []*githubtest.PullRequest
	for _, title := range []string{"Add a basket", "Add a voucher", "Add a wish list"} {
		pull := s.Merged(title)
		digests = append(digests, s.verified(pull.MergeCommit(), title))
		s.says(pull.Issue, s.Alice, "/promote")
		pulls = append(pulls, pull)
	}
	s.names("production", digests[2])
	comment, reply := s.says(pulls[2].Issue, s.Alice, "/rollback production --reason \"it burns\"")
	s.reacted(comment, "eyes", "rocket")
	s.expect(reply, "Rolled back api in production", digests[1], digests[2], "it burns")
	s.names("production", digests[1])
	s.says(pulls[2].Issue, s.Alice, "/promote rollback")
	s.names("production", digests[0])
	s.refuses(pulls[2].Issue, s.Alice, "/rollback", "image_missing")
	s.says(pulls[2].Issue, s.Alice, "/rollback --to "+digests[2])
	s.names("production", digests[2])
	s.refuses(pulls[2].Issue, s.Alice, "/rollback --to 0123456789abcdef", "image_missing")
	s.refuses(pulls[2].Issue, s.Walter, "/rollback", "not_authorised")
	messages := s.Slack.Messages()
	s.must(s.Eventually(s.ctx, "Slack to hear of it", func() bool { messages = s.Slack.Messages(); return len(messages) >= 9 }))
	if !strings.Contains(fmt.Sprint(messages), "Rolled back") {
		t.Errorf("no message says that it was rolled back: %v", messages)
	}
}

func TestATagFromBeforeIsABaseline(t *testing.T) {
	s := begin(t, scene.Options{})
	baseline, err := s.Registry.PushIndex(scene.Image, "production", "from before")
	s.must(err)
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", baseline, digest, "was there before Verbatim")
	_, reply = s.says(pull.Issue, s.Alice, "/rollback")
	s.expect(reply, "Rolled back", baseline, "no stage verified it")
	s.names("production", baseline)
}

func TestTheButtonPromotes(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	digest := s.verified(commit, "basket")
	check := s.CheckRun(commit)
	button := check.State().Actions[0].Identifier
	s.GitHub.Click(check, button, s.Walter)
	s.must(s.Eventually(s.ctx, "the check run to answer", func() bool {
		return strings.Contains(s.CheckRun(commit).State().Summary, "not_authorised")
	}))
	s.names("production", "")
	check = s.CheckRun(commit)
	s.GitHub.Click(check, check.State().Actions[0].Identifier, s.Alice)
	s.must(s.Check(s.ctx, commit, "Promoted"))
	s.names("production", digest)
	if len(pull.Comments()) > 0 {
		t.Errorf("a button was answered by a comment: %q", pull.Comments()[0].Body())
	}
}

func TestAnOldButtonIsRefused(t *testing.T) {
	s := begin(t, scene.Options{})
	first := s.Merged("Add a basket")
	one := s.verified(first.MergeCommit(), "basket")
	old := s.CheckRun(first.MergeCommit())
	identifier := old.State().Actions[0].Identifier
	s.says(first.Issue, s.Alice, "/promote")
	second := s.Merged("Add a voucher")
	s.verified(second.MergeCommit(), "voucher")
	s.says(second.Issue, s.Alice, "/promote")
	s.says(second.Issue, s.Alice, "/rollback")
	s.names("production", one)
	s.GitHub.Click(old, identifier, s.Alice)
	s.settled()
	s.expect(s.CheckRun(first.MergeCommit()).State().Summary, "has changed since this button was shown")
	s.names("production", one)
}

func TestStatusAndHelp(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	comment, reply := s.says(pull.Issue, s.Walter, "/promote status")
	s.reacted(comment, "eyes", "+1")
	s.expect(reply, "nothing was promoted yet", digest, "✓")
	s.says(pull.Issue, s.Alice, "/promote")
	_, reply = s.says(pull.Issue, s.Walter, "/promote status")
	s.expect(reply, "promoted", "by alice")
	_, reply = s.says(pull.Issue, s.Walter, "/promote help")
	s.expect(reply, "permission maintain", "`production`", "`main`", "`test`", "`api`")
}

func TestSeveralCommandsGetOneReply(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	comment, reply := s.says(pull.Issue, s.Alice, "/promote status\nplease\n\n/promote production\n/promote nowhere")
	s.expect(reply, "Status of", "Promoted api", "unknown_environment")
	s.reacted(comment, "eyes", "-1")
	s.names("production", digest)
	if count := len(pull.Comments()); count != 2 {
		t.Errorf("%d comments, expected the person's and one reply", count)
	}
}
