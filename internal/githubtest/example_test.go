package githubtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func Example() {
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-GitHub-Event"))
	}))
	defer app.Close()

	gh := githubtest.New(githubtest.Options{})
	defer gh.Close()
	gh.SetHook(app.URL, "")

	alice := gh.User("alice")
	repo := gh.Repository("acme/shop", githubtest.Private)
	repo.SetRole(alice, "maintain")
	repo.Commit("main", "Begin", alice, map[string]string{"README.md": "# Shop\n"})
	repo.Commit("feature", "Sell things", alice, map[string]string{"main.go": "package main\n"})
	pull := repo.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sell things", Author: alice, Head: "feature"})
	merged := pull.Merge("squash", alice)
	run := repo.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Head: merged}).Request()
	run.Job("build").Start().Complete("success")
	pull.Comment(alice, "/promote production")
	// Output:
	// push
	// push
	// pull_request
	// push
	// pull_request
	// workflow_run
	// workflow_job
	// workflow_job
	// workflow_job
	// issue_comment
}
