package githubtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestManyAtOnce(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	client := s.in(shop.Repository)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for range 5 {
				comment := pull.Comment(shop.alice, "hello")
				if _, _, err := client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "eyes"); err != nil {
					t.Error(err)
				}
				shop.Commit(fmt.Sprintf("branch-%d", worker), "Change", shop.bob, map[string]string{"a": fmt.Sprint(worker)})
				run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().Start()
				run.Job("build").Start().Complete("success")
				run.Complete("success")
				if _, _, err := client.Actions.ListRepositoryWorkflowRuns(background(), "acme", "shop", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	equal(s, "comments", len(pull.Comments()), 40)
	equal(s, "deliveries of jobs", len(s.DeliveriesOf("workflow_job", "completed")), 40)
}

func BenchmarkAnswers(b *testing.B) {
	gh := githubtest.New(githubtest.Options{RateLimit: 1 << 30})
	defer gh.Close()
	alice := gh.User("alice")
	shop := gh.Repository("acme/shop", githubtest.Private)
	shop.SetRole(alice, "maintain")
	first := shop.Commit("main", "Begin", alice, map[string]string{"a": "b"})
	for range 5 {
		shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request()
	}
	client := github.NewClient(nil).WithAuthToken(gh.InstallationTokenFor(shop, nil))
	for name, path := range map[string]string{
		"permission": "repos/acme/shop/collaborators/alice/permission",
		"runs":       "repos/acme/shop/actions/runs?head_sha=" + first.SHA(),
		"compare":    "repos/acme/shop/compare/" + first.SHA() + "...main",
		"repository": "repos/acme/shop",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				request, err := client.NewRequest(http.MethodGet, gh.URL()+"/"+path, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := client.Do(b.Context(), request, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWebhook(b *testing.B) {
	gh := githubtest.New(githubtest.Options{})
	defer gh.Close()
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	defer listener.Close()
	gh.SetHook(listener.URL, "")
	shop := gh.Repository("acme/shop")
	shop.Commit("main", "Begin", gh.User("alice"), map[string]string{"a": "b"})
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request()
	for b.Loop() {
		run.Start()
	}
}
