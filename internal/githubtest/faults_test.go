package githubtest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestFaultsHitWhatTheyName(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	client := s.in(shop.Repository)
	comment := func() error {
		_, _, err := client.Issues.CreateComment(background(), "acme", "shop", pull.Number(), &github.IssueComment{Body: github.String("hi")})
		return err
	}
	const route = "/repos/{owner}/{repo}/issues/{issue_number}/comments"

	fault := s.Inject(githubtest.Fault{Method: "POST", Path: route, Status: 502, Skip: 1, Times: 2})
	for _, want := range []int{201, 502, 502, 201} {
		if err := comment(); want == 201 && err != nil {
			t.Error(err)
		} else if want != 201 {
			refused(s, want, err)
		}
	}
	equal(s, "hits", fault.Hits(), 2)
	equal(s, "a fault has no effect", len(pull.Comments()), 2)

	lost := s.Inject(githubtest.Fault{Method: "POST", Path: "/repos/acme/shop/issues/*/comments", Reset: true, AfterEffect: true, Times: 1})
	if err := comment(); err == nil {
		t.Error("the connection was not reset")
	}
	equal(s, "hits", lost.Hits(), 1)
	equal(s, "the answer alone was lost", len(pull.Comments()), 3)

	s.Inject(githubtest.Fault{Path: "/repos/{owner}/{repo}/pulls/{pull_number}", Truncate: true, Times: 1})
	if _, _, err := client.PullRequests.Get(background(), "acme", "shop", pull.Number()); err == nil {
		t.Error("a truncated body was taken for whole")
	}
	always := s.Inject(githubtest.Fault{Status: 500})
	_, _, err := client.Repositories.Get(background(), "acme", "shop")
	refused(s, 500, err)
	always.Remove()
	must(client.Repositories.Get(background(), "acme", "shop"))(s)
}

func TestLimitsAreToldAsGitHubTellsThem(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	s.Inject(githubtest.SecondaryLimit(30*time.Second).On("GET", "/repos/{owner}/{repo}").Once())
	_, _, err := client.Repositories.Get(background(), "acme", "shop")
	var abuse *github.AbuseRateLimitError
	if !errors.As(err, &abuse) || abuse.GetRetryAfter() != 30*time.Second {
		t.Errorf("secondary limit: %v", err)
	}
	client = s.in(shop.Repository) // go-github remembers, and asks no more
	s.Inject(githubtest.PrimaryLimit(time.Now().Add(time.Hour)).On("GET", "/repos/{owner}/{repo}").Once())
	_, _, err = client.Repositories.Get(background(), "acme", "shop")
	var limit *github.RateLimitError
	if !errors.As(err, &limit) {
		t.Errorf("primary limit: %v", err)
	}
}

func TestTooManyRequestsAreRefused(t *testing.T) {
	s := begin(t, func(options *githubtest.Options) { options.RateLimit = 3 })
	shop := openShop(s, githubtest.Private)
	token := "Bearer " + s.InstallationTokenFor(shop.Repository, nil)
	for _, want := range []int{200, 200, 200, 403} {
		status, _ := ask(s, "GET", "/repos/acme/shop", token)
		equal(s, "status", status, want)
	}
	client := s.in(shop.Repository)
	limits := must(client.RateLimit.Get(background()))(s)
	equal(s, "remaining", limits.GetCore().Remaining, 0)
}

func TestSomethingHappensBetweenTwoCalls(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	client := s.in(shop.Repository)
	s.Inject(githubtest.Fault{
		Method: "GET", Path: "/repos/{owner}/{repo}/pulls/{pull_number}", Times: 1,
		After: func(*http.Request, int) { pull.Push("Sneaked in", shop.bob, map[string]string{"x": "y"}) },
	})
	seen := must(client.PullRequests.Get(background(), "acme", "shop", pull.Number()))(s)
	if seen.GetHead().GetSHA() == pull.Head().SHA() {
		t.Error("the push came after the answer was made")
	}
	started := make(chan struct{})
	s.Inject(githubtest.Fault{Path: "/repos/{owner}/{repo}", Delay: time.Hour, Times: 1, Before: func(*http.Request) { close(started) }})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := client.Repositories.Get(ctx, "acme", "shop"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a slow answer: %v", err)
	}
	select {
	case <-started:
		t.Error("a request whose client has gone went on")
	default:
	}
}

func TestRequestsAreLogged(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	must(client.Repositories.Get(background(), "acme", "shop"))(s)
	must(client.Repositories.GetBranch(background(), "acme", "shop", "main", 0))(s)
	must(client.Repositories.Get(background(), "acme", "shop"))(s)
	want := map[string]int{"GET /repos/{owner}/{repo}": 2, "GET /repos/{owner}/{repo}/branches/{branch}": 1}
	if diff := cmp.Diff(want, s.CallCounts()); diff != "" {
		t.Error(diff)
	}
	all := s.Requests()
	equal(s, "the token comes first", all[0].Tokens(), true)
	equal(s, "as the app", all[0].Token, githubtest.AppToken)
	equal(s, "as the installation", all[1].Installation, shop.Installation().ID())
	equal(s, "to one route", len(s.CallsTo("GET", "/repos/{owner}/{repo}")), 2)
	if _, _, err := client.Repositories.ListLanguages(background(), "acme", "shop"); err == nil {
		t.Error("nothing answers languages")
	}
	if diff := cmp.Diff([]string{"GET /repos/acme/shop/languages"}, s.UnknownRoutes()); diff != "" {
		t.Error(diff)
	}
	s.ResetRequests()
	equal(s, "forgotten", len(s.Requests()), 0)
}

func TestConditionalRequestsAreFree(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	get := func(token, tag string) (int, http.Header) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/repos/acme/shop/branches/main", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("If-None-Match", tag)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode, response.Header
	}
	token := s.InstallationTokenFor(shop.Repository, nil)
	_, first := get(token, "")
	tag := first.Get("ETag")
	status, again := get(token, tag)
	equal(s, "not modified", status, 304)
	equal(s, "free", again.Get("X-RateLimit-Remaining"), first.Get("X-RateLimit-Remaining"))
	status, _ = get(s.InstallationTokenFor(shop.Repository, nil), tag)
	equal(s, "another token, another tag", status, 200)
	shop.Commit("main", "Change", shop.alice, map[string]string{"a": "b"})
	status, after := get(token, tag)
	equal(s, "modified", status, 200)
	for _, name := range []string{"Limit", "Remaining", "Used", "Reset", "Resource"} {
		if after.Get("X-RateLimit-"+name) == "" {
			t.Errorf("no X-RateLimit-%s", name)
		}
	}
	equal(s, "used", after.Get("X-RateLimit-Used"), "3")
	if after.Get("X-GitHub-Request-Id") == "" {
		t.Error("no request id")
	}
}
