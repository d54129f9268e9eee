package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestCheckRunLives(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	made := must(client.Checks.CreateCheckRun(background(), "acme", "shop", github.CreateCheckRunOptions{
		Name: "verbatim / production", HeadSHA: shop.first.SHA(), Status: github.String("in_progress"), ExternalID: github.String("row 1"),
		Output: &github.CheckRunOutput{Title: github.String("Waiting"), Summary: github.String("build: not yet")},
	}))(s)
	s.pass(time.Minute)
	done := must(client.Checks.UpdateCheckRun(background(), "acme", "shop", made.GetID(), github.UpdateCheckRunOptions{
		Name: "verbatim / production", Conclusion: github.String("success"),
		Output:  &github.CheckRunOutput{Title: github.String("Ready to promote"), Summary: github.String("all met")},
		Actions: []*github.CheckRunAction{{Label: "Promote", Description: "Move production to this", Identifier: "promote"}},
	}))(s)
	equal(s, "a conclusion completes", done.GetStatus(), "completed")
	equal(s, "completed", done.GetCompletedAt().Time, s.clock())
	check := shop.CheckRuns("verbatim / production")[0]
	if diff := cmp.Diff([]string{"Waiting", "Ready to promote"}, titles(check)); diff != "" {
		t.Error(diff)
	}
	equal(s, "external id", check.State().ExternalID, "row 1")
	s.Drain()
	if diff := cmp.Diff([]string{"check_run.created", "check_run.completed"}, s.inbox.names()); diff != "" {
		t.Error(diff)
	}

	s.Click(check, "promote", shop.alice)
	click := last[*github.CheckRunEvent](s)
	equal(s, "action", click.GetAction(), "requested_action")
	equal(s, "identifier", click.GetRequestedAction().Identifier, "promote")
	equal(s, "sender", click.GetSender().GetID(), shop.alice.ID())
	equal(s, "external id", click.GetCheckRun().GetExternalID(), "row 1")
	equal(s, "app", click.GetCheckRun().GetApp().GetID(), s.AppID())

	// A completed check run is not reopened, though GitHub says 200.
	after := must(client.Checks.UpdateCheckRun(background(), "acme", "shop", made.GetID(), github.UpdateCheckRunOptions{
		Name: "verbatim / production", Status: github.String("in_progress"),
		Output: &github.CheckRunOutput{Title: github.String("Again"), Summary: github.String("")},
	}))(s)
	equal(s, "status", after.GetStatus(), "completed")
	equal(s, "conclusion", after.GetConclusion(), "success")
	equal(s, "title", after.GetOutput().GetTitle(), "Again")
}

func titles(check *githubtest.CheckRun) (found []string) {
	for _, state := range check.History() {
		found = append(found, state.Title)
	}
	return found
}

func TestCheckRunsAreListed(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	for _, title := range []string{"first", "second"} {
		must(client.Checks.CreateCheckRun(background(), "acme", "shop", github.CreateCheckRunOptions{
			Name: "verbatim / production", HeadSHA: shop.first.SHA(), Status: github.String("completed"), Conclusion: github.String("neutral"),
			Output: &github.CheckRunOutput{Title: github.String(title), Summary: github.String("s")},
		}))(s)
	}
	latest := must(client.Checks.ListCheckRunsForRef(background(), "acme", "shop", "main",
		&github.ListCheckRunsOptions{CheckName: github.String("verbatim / production"), AppID: github.Int64(s.AppID())}))(s)
	equal(s, "latest", latest.GetTotal(), 1)
	equal(s, "which", latest.CheckRuns[0].GetOutput().GetTitle(), "second")
	all := must(client.Checks.ListCheckRunsForRef(background(), "acme", "shop", shop.first.SHA(), &github.ListCheckRunsOptions{Filter: github.String("all")}))(s)
	equal(s, "all", all.GetTotal(), 2)
	equal(s, "one suite", all.CheckRuns[0].GetCheckSuite().GetID(), all.CheckRuns[1].GetCheckSuite().GetID())
	got := must(client.Checks.GetCheckRun(background(), "acme", "shop", all.CheckRuns[1].GetID()))(s)
	equal(s, "by id", got.GetOutput().GetTitle(), "first")
}

func TestCheckRunsThatGitHubRefuses(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	text := func(length int) *string { return github.String(strings.Repeat("a", length)) }
	action := func(label, description, identifier int) []*github.CheckRunAction {
		return []*github.CheckRunAction{{Label: *text(label), Description: *text(description), Identifier: *text(identifier)}}
	}
	title := github.String("t")
	for name, change := range map[string]func(*github.CreateCheckRunOptions){
		"unknown commit":     func(o *github.CreateCheckRunOptions) { o.HeadSHA = strings.Repeat("0", 40) },
		"no name":            func(o *github.CreateCheckRunOptions) { o.Status = github.String("finished") },
		"no conclusion":      func(o *github.CreateCheckRunOptions) { o.Status = github.String("completed") },
		"unknown conclusion": func(o *github.CreateCheckRunOptions) { o.Conclusion = github.String("great") },
		"stale is GitHub's":  func(o *github.CreateCheckRunOptions) { o.Conclusion = github.String("stale") },
		"no summary":         func(o *github.CreateCheckRunOptions) { o.Output = &github.CheckRunOutput{Title: title} },
		"long summary": func(o *github.CreateCheckRunOptions) {
			o.Output = &github.CheckRunOutput{Title: title, Summary: text(65_536)}
		},
		"summary of bytes": func(o *github.CreateCheckRunOptions) {
			o.Output = &github.CheckRunOutput{Title: title, Summary: github.String(strings.Repeat("é", 40_000))}
		},
		"long text": func(o *github.CreateCheckRunOptions) {
			o.Output = &github.CheckRunOutput{Title: title, Summary: title, Text: text(65_536)}
		},
		"four actions": func(o *github.CreateCheckRunOptions) {
			one := action(1, 1, 1)[0]
			o.Actions = []*github.CheckRunAction{one, one, one, one}
		},
		"long label":          func(o *github.CreateCheckRunOptions) { o.Actions = action(21, 1, 1) },
		"long description":    func(o *github.CreateCheckRunOptions) { o.Actions = action(1, 41, 1) },
		"long identifier":     func(o *github.CreateCheckRunOptions) { o.Actions = action(1, 1, 21) },
		"identifier is empty": func(o *github.CreateCheckRunOptions) { o.Actions = action(1, 1, 0) },
	} {
		options := github.CreateCheckRunOptions{Name: "n", HeadSHA: shop.first.SHA()}
		change(&options)
		_, _, err := client.Checks.CreateCheckRun(background(), "acme", "shop", options)
		t.Log(name, refused(s, 422, err))
	}
	fits := github.CreateCheckRunOptions{
		Name: "n", HeadSHA: shop.first.SHA(), Actions: action(20, 40, 20),
		Output: &github.CheckRunOutput{Title: title, Summary: text(65_535), Text: text(65_535)},
	}
	must(client.Checks.CreateCheckRun(background(), "acme", "shop", fits))(s)
	_, _, err := client.Checks.UpdateCheckRun(background(), "acme", "shop", 1, github.UpdateCheckRunOptions{Name: "n"})
	refused(s, 404, err)
}

func TestStatusesAndDeployments(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	sha := shop.first.SHA()
	status := func(state, description string) error {
		_, _, err := client.Repositories.CreateStatus(background(), "acme", "shop", sha,
			&github.RepoStatus{State: &state, Description: &description, Context: github.String("verbatim")})
		return err
	}
	if err := status("pending", strings.Repeat("a", 140)); err != nil {
		t.Error(err)
	}
	refused(s, 422, status("pending", strings.Repeat("a", 141)))
	refused(s, 422, status("great", ""))
	equal(s, "statuses", len(shop.CommitStatuses(sha)), 1)
	listed := must(client.Repositories.ListStatuses(background(), "acme", "shop", "main", nil))(s)
	equal(s, "creator", listed[0].GetCreator().GetLogin(), "verbatim[bot]")

	_, _, err := client.Repositories.CreateDeployment(background(), "acme", "shop", &github.DeploymentRequest{Ref: &sha})
	refused(s, 409, err) // a status is pending
	_, _, err = client.Repositories.CreateDeployment(background(), "acme", "shop", &github.DeploymentRequest{Ref: github.String("nowhere")})
	refused(s, 422, err)
	deployment := must(client.Repositories.CreateDeployment(background(), "acme", "shop", &github.DeploymentRequest{
		Ref: &sha, RequiredContexts: &[]string{}, AutoMerge: github.Bool(false), Environment: github.String("production"),
		Payload: map[string]string{"digest": "sha256:abc"}, Description: github.String("api"),
	}))(s)
	equal(s, "sha", deployment.GetSHA(), sha)
	must(client.Repositories.CreateDeploymentStatus(background(), "acme", "shop", deployment.GetID(),
		&github.DeploymentStatusRequest{State: github.String("success"), LogURL: github.String("https://example.com/log"), Description: github.String("done")}))(s)
	equal(s, "statuses", shop.Deployments()[0].Statuses()[0].State, "success")
	if diff := cmp.Diff(map[string]any{"digest": "sha256:abc"}, shop.Deployments()[0].Payload()); diff != "" {
		t.Error(diff)
	}
	found := must(client.Repositories.ListDeployments(background(), "acme", "shop", &github.DeploymentsListOptions{Environment: "production"}))(s)
	equal(s, "deployments", len(found), 1)
	must(client.Repositories.GetDeployment(background(), "acme", "shop", deployment.GetID()))(s)
	statuses := must(client.Repositories.ListDeploymentStatuses(background(), "acme", "shop", deployment.GetID(), nil))(s)
	equal(s, "log", statuses[0].GetLogURL(), "https://example.com/log")
	behind := shop.Head("main")
	shop.CreateBranch("behind", behind, shop.alice)
	shop.Commit("main", "On", shop.alice, map[string]string{"on": "on"})
	_, _, err = client.Repositories.CreateDeployment(background(), "acme", "shop", &github.DeploymentRequest{Ref: github.String("behind")})
	if err == nil || !strings.Contains(err.Error(), "scheduled") {
		t.Errorf("a branch that is behind is merged first (202): %v", err)
	}
}
