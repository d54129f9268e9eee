package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestRunsAreFoundByTheirTime(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	for range 3 { // at 9, 10 and 11 o'clock
		shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request()
		s.pass(time.Hour)
	}
	client := s.in(shop.Repository)
	for created, want := range map[string]int{
		">=2026-03-02T10:00:00Z": 2, ">2026-03-02T10:00:00Z": 1, "<=2026-03-02T10:00:00Z": 2, "<2026-03-02T10:00:00Z": 1,
		"2026-03-02T10:00:00Z..2026-03-02T10:30:00Z": 1, "2026-03-02T10:00:00Z..*": 2, "2026-03-02": 3, "2026-03-03": 0,
	} {
		request, err := client.NewRequest("GET", "repos/acme/shop/actions/runs", nil)
		if err != nil {
			t.Fatal(err)
		}
		query := request.URL.Query()
		query.Set("created", created)
		request.URL.RawQuery = query.Encode()
		s.Hold(nil, nil) // GitHub's description takes "created" for a time, and its documentation for a range
		var runs github.WorkflowRuns
		if _, err := client.Do(background(), request, &runs); err != nil {
			t.Fatal(err)
		}
		equal(s, created, runs.GetTotalCount(), want)
	}
}

func TestJobsAndArtifactsByTheirNumbers(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().Start()
	job := run.Job("deploy").Skip()
	artifact := run.Upload("results", map[string]string{"a.xml": "<testsuites/>"}, 0)
	client := s.in(shop.Repository)
	got := must(client.Actions.GetWorkflowJobByID(background(), "acme", "shop", job.ID()))(s)
	equal(s, "conclusion", got.GetConclusion(), "skipped")
	kept := must(client.Actions.GetArtifact(background(), "acme", "shop", artifact.ID()))(s)
	equal(s, "kept for", kept.GetExpiresAt().Sub(s.clock()), 90*24*time.Hour)
	_, _, err := client.Actions.GetWorkflowJobByID(background(), "acme", "shop", 1)
	refused(s, 404, err)
	_, _, err = client.Actions.GetWorkflowRunByID(background(), "acme", "shop", 1)
	refused(s, 404, err)
	_, _, err = client.Actions.GetWorkflowRunAttempt(background(), "acme", "shop", run.ID(), 2, nil)
	refused(s, 404, err)
}

func TestForksAreCompared(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	mallory := s.User("mallory")
	shop.Fork(mallory).Commit("patch", "Patch", mallory, map[string]string{"x": "y"})
	compared := must(s.in(shop.Repository).Repositories.CompareCommits(background(), "acme", "shop", "main", "mallory:patch", nil))(s)
	equal(s, "status", compared.GetStatus(), "ahead")
}

func TestRepositoryMovesToAnotherOwner(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	installation := shop.Installation()
	shop.Rename("elsewhere/shop")
	equal(s, "name", shop.FullName(), "elsewhere/shop")
	equal(s, "out of the installation", shop.Installation() == nil, true)
	client, err := s.clients.NewInstallationClient(installation.ID())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = client.Repositories.Get(background(), "elsewhere", "shop")
	refused(s, 404, err)
	found := must(s.app().Apps.FindOrganizationInstallation(background(), "acme"))(s)
	equal(s, "the installation stays", found.GetID(), installation.ID())
	_, _, err = s.app().Apps.FindUserInstallation(background(), "nobody")
	refused(s, 404, err)
}

func TestRepositoryChangesItsMind(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	token := "Bearer " + s.InstallationTokenFor(shop.Repository, nil)
	shop.CreateBranch("trunk", shop.first, shop.alice)
	shop.SetDefaultBranch("trunk")
	shop.SetVisibility(true)
	got := must(s.in(shop.Repository).Repositories.Get(background(), "acme", "shop"))(s)
	equal(s, "default branch", got.GetDefaultBranch(), "trunk")
	equal(s, "visibility", got.GetVisibility(), "private")
	s.ExpireTokens()
	status, message := ask(s, "GET", "/repos/acme/shop", token)
	equal(s, message, status, 401)
	shop.Delete()
	status, _ = ask(s, "GET", "/repos/acme/shop", "Bearer "+s.InstallationTokenFor(s.Repository("acme/other"), nil))
	equal(s, "deleted", status, 404)
}

func TestBrokenRequestsAreRefused(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	client := s.in(shop.Repository)
	for body, want := range map[string]int{`{"body":`: 400, `{"body":7}`: 422, `{}`: 422} {
		request, err := client.NewRequest("POST", "repos/acme/shop/issues/"+itoa(int64(pull.Number()))+"/comments", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Body, request.ContentLength = readCloser(body), int64(len(body))
		_, err = client.Do(background(), request, nil)
		refused(s, want, err)
	}
	empty := s.Repository("acme/empty", githubtest.Private)
	_, _, err := client.Repositories.GetCommit(background(), "acme", "empty", "main", nil)
	equal(s, "empty", refused(s, 409, err), "Git Repository is empty.")
	_, _, _, err = client.Repositories.GetContents(background(), "acme", "empty", "a", nil)
	equal(s, "empty", refused(s, 404, err), "This repository is empty.")
	equal(s, "unborn", empty.Head("main") == nil, true)
}

func TestCommentsRememberThemselves(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	s.Organisation("acme").PublicMember(shop.bob)
	pull := openPull(s, shop)
	comment := pull.Comment(shop.bob, "hello")
	equal(s, "association", last[*github.IssueCommentEvent](s).GetComment().GetAuthorAssociation(), "MEMBER")
	comment.React(shop.alice, "heart")
	comment.React(shop.alice, "heart")
	if diff := cmp.Diff([]string{"heart"}, comment.Reactions(shop.alice)); diff != "" {
		t.Error(diff)
	}
	equal(s, "author", comment.Author().Login(), "bob")
	comment.Delete(shop.bob)
	equal(s, "deleted", comment.Deleted(), true)
	merged := pull.Merge("merge", shop.alice)
	equal(s, "merge commit", pull.MergeCommit().Short(), merged.SHA()[:7])
	equal(s, "message", strings.HasPrefix(merged.Message(), "Merge pull request #1 from acme/feature"), true)
}
