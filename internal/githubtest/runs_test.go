package githubtest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestRunTellsEachTransition(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Name: "CI"}).Request()
	event := last[*github.WorkflowRunEvent](s)
	equal(s, "status", event.GetWorkflowRun().GetStatus(), "queued")
	equal(s, "path", event.GetWorkflow().GetPath(), ".github/workflows/ci.yml")
	equal(s, "installation", event.GetInstallation().GetID(), shop.Installation().ID())
	equal(s, "organisation", event.GetOrg().GetLogin(), "acme")

	s.pass(time.Minute)
	run.Start()
	build := run.Job("build").Start()
	test := run.Job("test (1.26, linux)").Start()
	build.Complete("success")
	test.Complete("failure")
	run.Complete("failure")
	want := []string{
		"workflow_run.requested", "workflow_run.in_progress", "workflow_job.queued", "workflow_job.in_progress",
		"workflow_job.queued", "workflow_job.in_progress", "workflow_job.completed", "workflow_job.completed", "workflow_run.completed",
	}
	if diff := cmp.Diff(want, s.inbox.names()); diff != "" {
		t.Error(diff)
	}
	completed := last[*github.WorkflowRunEvent](s).GetWorkflowRun()
	equal(s, "conclusion", completed.GetConclusion(), "failure")
	equal(s, "head", completed.GetHeadSHA(), shop.first.SHA())
	equal(s, "repository", completed.GetRepository().GetID(), shop.ID())
	for _, one := range s.inbox.received {
		if one.event == "workflow_run" && one.size < 15_000 {
			t.Errorf("a workflow_run payload of %d bytes is not as big as GitHub's", one.size)
		}
	}
}

func TestRerunKeepsTheEarlierAttempt(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().Start()
	run.Job("build").Start().Complete("success")
	run.Job("test").Start().Complete("failure")
	run.Complete("failure")
	s.inbox.clear()

	s.pass(time.Hour)
	run.RerunFailed(shop.bob)
	if names := s.inbox.names(); len(names) != 0 {
		t.Errorf("a re-run sends no requested event, got %v", names)
	}
	run.Start()
	run.Job("test").Start().Complete("success")
	run.Complete("success")

	client := s.in(shop.Repository)
	now := must(client.Actions.GetWorkflowRunByID(background(), "acme", "shop", run.ID()))(s)
	equal(s, "attempt", now.GetRunAttempt(), 2)
	equal(s, "conclusion", now.GetConclusion(), "success")
	equal(s, "started an hour later", now.GetRunStartedAt().Sub(now.GetCreatedAt().Time), time.Hour)
	equal(s, "re-run by", now.GetTriggeringActor().GetLogin(), "bob")
	before := must(client.Actions.GetWorkflowRunAttempt(background(), "acme", "shop", run.ID(), 1, nil))(s)
	equal(s, "first conclusion", before.GetConclusion(), "failure")

	type result struct {
		Name, Conclusion string
		Attempt          int64
	}
	results := func(jobs *github.Jobs) (found []result) {
		for _, job := range jobs.Jobs {
			found = append(found, result{job.GetName(), job.GetConclusion(), job.GetRunAttempt()})
		}
		return found
	}
	latest := must(client.Actions.ListWorkflowJobs(background(), "acme", "shop", run.ID(), nil))(s)
	if diff := cmp.Diff([]result{{"build", "success", 1}, {"test", "success", 2}}, results(latest)); diff != "" {
		t.Error(diff)
	}
	all := must(client.Actions.ListWorkflowJobs(background(), "acme", "shop", run.ID(), &github.ListWorkflowJobsOptions{Filter: "all"}))(s)
	if diff := cmp.Diff([]result{{"build", "success", 1}, {"test", "failure", 1}, {"test", "success", 2}}, results(all)); diff != "" {
		t.Error(diff)
	}
	var first github.Jobs
	s.get(shop.Repository, "repos/acme/shop/actions/runs/"+itoa(run.ID())+"/attempts/1/jobs", &first)
	if diff := cmp.Diff([]result{{"build", "success", 1}, {"test", "failure", 1}}, results(&first)); diff != "" {
		t.Error(diff)
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	var ids []int64
	for range 3 {
		s.pass(time.Minute)
		ids = append(ids, shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().ID())
	}
	second := shop.Commit("main", "Second", shop.alice, map[string]string{"README.md": "# The shop\n"})
	shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Event: "merge_group"}).Request().Start().Complete("success")
	invisible := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/other.yml"})

	client := s.in(shop.Repository)
	list := func(options github.ListWorkflowRunsOptions) (found []int64) {
		for _, run := range must(client.Actions.ListRepositoryWorkflowRuns(background(), "acme", "shop", &options))(s).WorkflowRuns {
			found = append(found, run.GetID())
		}
		return found
	}
	slices.Reverse(ids)
	if diff := cmp.Diff(ids, list(github.ListWorkflowRunsOptions{HeadSHA: shop.first.SHA()})); diff != "" {
		t.Error(diff)
	}
	equal(s, "of the second commit", len(list(github.ListWorkflowRunsOptions{HeadSHA: second.SHA()})), 1)
	equal(s, "merge_group", len(list(github.ListWorkflowRunsOptions{Event: "merge_group", Status: "success"})), 1)
	equal(s, "none such", len(list(github.ListWorkflowRunsOptions{Branch: "release"})), 0)
	if slices.Contains(list(github.ListWorkflowRunsOptions{}), invisible.ID()) {
		t.Error("a run that was not requested is listed")
	}
	page, response, err := client.Actions.ListRepositoryWorkflowRuns(background(), "acme", "shop",
		&github.ListWorkflowRunsOptions{ListOptions: github.ListOptions{PerPage: 2}})
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "total", page.GetTotalCount(), 4)
	equal(s, "next page", response.NextPage, 2)
	equal(s, "last page", response.LastPage, 2)
}

func TestRunSpeaksOfForksAsGitHubDoes(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	mallory := s.User("mallory")
	fork := shop.Fork(mallory)
	fork.Commit("patch", "Evil", mallory, map[string]string{"api/main.go": "package evil\n"})
	pull := shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Evil", Author: mallory, Head: "patch", HeadRepository: fork})
	shop.Run(githubtest.RunSpec{
		Workflow: ".github/workflows/ci.yml", Event: "pull_request", HeadBranch: "patch", HeadRepository: fork,
		PullRequests: []*githubtest.PullRequest{pull}, PathSuffix: "@refs/heads/main",
	}).Request()
	var got struct {
		Path           string
		PullRequests   []any              `json:"pull_requests"`
		HeadRepository struct{ ID int64 } `json:"head_repository"`
		Runs           []struct {
			Path string
		} `json:"workflow_runs"`
	}
	s.get(shop.Repository, "repos/acme/shop/actions/runs?event=pull_request", &got)
	equal(s, "path", got.Runs[0].Path, ".github/workflows/ci.yml@refs/heads/main")
	event := last[*github.WorkflowRunEvent](s).GetWorkflowRun()
	equal(s, "head repository", event.GetHeadRepository().GetID(), fork.ID())
	equal(s, "pull requests of a fork's run", len(event.PullRequests), 0)
}

func TestArtifactsAreDownloadedThroughARedirect(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().Start()
	artifact := run.Upload("image-digest", map[string]string{"digest.txt": "sha256:abc"}, 24*time.Hour)
	client := s.in(shop.Repository)
	listed := must(client.Actions.ListWorkflowRunArtifacts(background(), "acme", "shop", run.ID(), nil))(s)
	equal(s, "artifacts", listed.GetTotalCount(), int64(1))
	equal(s, "expires", listed.Artifacts[0].GetExpiresAt().Sub(listed.Artifacts[0].GetCreatedAt().Time), 24*time.Hour)
	address, _, err := client.Actions.DownloadArtifact(background(), "acme", "shop", artifact.ID(), 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "what is in it", unzip(s, fetch(s, address.String()))["digest.txt"], "sha256:abc")

	s.pass(25 * time.Hour)
	listed = must(client.Actions.ListWorkflowRunArtifacts(background(), "acme", "shop", run.ID(), nil))(s)
	equal(s, "expired", listed.Artifacts[0].GetExpired(), true)
	if _, _, err := client.Actions.DownloadArtifact(background(), "acme", "shop", artifact.ID(), 0); err == nil {
		t.Error("an expired artifact was downloaded")
	}
}

func TestWorkflowIsDispatched(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	shop.Workflow(".github/workflows/deploy.yml", "Deploy")
	client := s.in(shop.Repository)
	_, err := client.Actions.CreateWorkflowDispatchEventByFileName(background(), "acme", "shop", "deploy.yml",
		github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: map[string]any{"digest": "sha256:abc"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []githubtest.Dispatch{{Workflow: ".github/workflows/deploy.yml", Ref: "main", Inputs: map[string]any{"digest": "sha256:abc"}}}
	if diff := cmp.Diff(want, shop.Dispatches()); diff != "" {
		t.Error(diff)
	}
	_, err = client.Actions.CreateWorkflowDispatchEventByFileName(background(), "acme", "shop", "none.yml",
		github.CreateWorkflowDispatchEventRequest{Ref: "main"})
	refused(s, 404, err)
	_, err = client.Actions.CreateWorkflowDispatchEventByFileName(background(), "acme", "shop", "deploy.yml",
		github.CreateWorkflowDispatchEventRequest{Ref: "nowhere"})
	refused(s, 422, err)
	workflows := must(client.Actions.ListWorkflows(background(), "acme", "shop", nil))(s)
	equal(s, "workflow", workflows.Workflows[0].GetName(), "Deploy")
}
