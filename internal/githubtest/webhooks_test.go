package githubtest_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestDeliveryHeadersAreGitHubs(t *testing.T) {
	s := begin(t)
	openShop(s)
	s.Ping()
	delivery := s.Deliveries()[0]
	header := delivery.Header()
	for name, want := range map[string]string{
		"X-GitHub-Event": "ping", "X-GitHub-Delivery": delivery.GUID(), "Content-Type": "application/json",
		"X-GitHub-Hook-Installation-Target-ID": itoa(s.AppID()), "X-GitHub-Hook-Installation-Target-Type": "integration",
		"X-Hub-Signature-256": githubtest.Sign(s.WebhookSecret(), delivery.Body()),
	} {
		equal(s, name, header.Get(name), want)
	}
	if !strings.HasPrefix(header.Get("User-Agent"), "GitHub-Hookshot/") || !strings.HasPrefix(header.Get("X-Hub-Signature"), "sha1=") {
		t.Errorf("headers %v", header)
	}
	equal(s, "answered", delivery.Status(), 202)
}

func TestPayloadsHaveNothingLeftOfTheExamples(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	pull := openPull(s, shop)
	own := s.Repository("bob/own")
	own.Commit("main", "Begin", shop.bob, map[string]string{"a": "b"})
	run := shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", PullRequests: []*githubtest.PullRequest{pull}}).Request().Start()
	run.Job("build").Start().Complete("success")
	run.SkippedJob("deploy")
	run.Complete("success")
	pull.Comment(shop.alice, "hello").Edit(shop.alice, "hi")
	pull.Review(shop.alice, "CHANGES_REQUESTED", "")
	pull.Merge("merge", shop.alice)
	must(s.in(shop.Repository).Checks.CreateCheckRun(background(), "acme", "shop", github.CreateCheckRunOptions{
		Name: "n", HeadSHA: pull.Head().SHA(), Conclusion: github.String("success"),
	}))(s)
	s.Click(shop.CheckRuns("n")[0], "promote", shop.alice)
	s.Rerequest(shop.CheckRuns("n")[0], shop.alice)
	shop.Installation().Suspend(shop.alice)
	shop.Installation().Unsuspend(shop.alice)
	shop.Installation().Remove(shop.Repository)
	s.Ping()
	s.Drain()
	seen := map[string]bool{}
	for _, delivery := range s.Deliveries() {
		seen[delivery.Event()] = true
		for _, foreign := range []string{"Codertocat", "octo-org", "Hello-World", "electron", "api.github.com", "2019-05-15", "2020-1", "linters"} {
			if at := bytes.Index(delivery.Body(), []byte(foreign)); at >= 0 {
				t.Errorf("%s.%s still says %q: …%s…", delivery.Event(), delivery.Action(), foreign,
					delivery.Body()[max(0, at-80):min(len(delivery.Body()), at+40)])
			}
		}
	}
	equal(s, "kinds of events", len(seen), 10)
}

func TestMissedDeliveriesAreFoundAndAskedForAgain(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	pull := openPull(s, shop)
	pull.Comment(shop.alice, "one")
	s.LoseDeliveries(1)
	pull.Comment(shop.alice, "two")
	s.inbox.answerWith(http.StatusServiceUnavailable)
	pull.Comment(shop.alice, "three")
	s.inbox.answerWith(http.StatusAccepted)
	s.Quietly(func() { pull.Comment(shop.alice, "never told") })

	var all []*github.HookDelivery
	options := github.ListCursorOptions{PerPage: 2}
	for {
		page, response, err := s.app().Apps.ListHookDeliveries(background(), &options)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if response.Cursor == "" {
			break
		}
		options.Cursor = response.Cursor
	}
	var codes []int
	for _, delivery := range all {
		codes = append(codes, delivery.GetStatusCode())
	}
	if diff := cmp.Diff([]int{503, 0, 202}, codes); diff != "" {
		t.Fatal(diff)
	}
	detail := must(s.app().Apps.GetHookDelivery(background(), all[1].GetID()))(s)
	payload, err := detail.ParseRequestPayload()
	if err != nil {
		t.Fatal(err)
	}
	missed, isComment := payload.(*github.IssueCommentEvent)
	if !isComment || missed.GetComment().GetBody() != "two" {
		t.Errorf("missed: %v", payload)
	}
	s.inbox.clear()
	if _, _, err := s.app().Apps.RedeliverHookDelivery(background(), all[1].GetID()); err != nil && !strings.Contains(err.Error(), "scheduled") {
		t.Fatal(err)
	}
	s.Drain()
	equal(s, "same GUID", s.inbox.received[0].guid, all[1].GetGUID())
	newest, _, err := s.app().Apps.ListHookDeliveries(background(), &github.ListCursorOptions{PerPage: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "redelivery", newest[0].GetRedelivery(), true)
	equal(s, "status", newest[0].GetStatus(), "OK")

	s.pass(4 * 24 * time.Hour)
	old, _, err := s.app().Apps.ListHookDeliveries(background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "after three days", len(old), 0)
	_, _, err = s.app().Apps.GetHookDelivery(background(), all[1].GetID())
	refused(s, 404, err)
}

func TestDeliveriesCanBeReorderedRepeatedAndForged(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	held := s.Capture(func() {
		shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml"}).Request().Start().Complete("success")
	})
	equal(s, "sent", len(s.inbox.names()), 0)
	for _, position := range []int{2, 0, 0, 1} {
		equal(s, "answer", held[position].Send(), 202)
	}
	held[1].Redeliver()
	want := []string{
		"workflow_run.completed", "workflow_run.requested", "workflow_run.requested", "workflow_run.in_progress", "workflow_run.in_progress",
	}
	if diff := cmp.Diff(want, s.inbox.names()); diff != "" {
		t.Error(diff)
	}

	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := github.ValidatePayload(r, []byte(s.WebhookSecret())); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(listener.Close)
	s.SetHook(listener.URL, "")
	header, body := held[0].Header(), held[0].Body()
	status, _ := s.PostHook(header, body)
	equal(s, "as it was", status, 200)
	status, _ = s.PostHook(header, bytes.Replace(body, []byte("requested"), []byte("completed"), 1))
	equal(s, "tampered with", status, 401)
	header.Set("X-Hub-Signature-256", githubtest.Sign("another secret", body))
	status, _ = s.PostHook(header, body)
	equal(s, "another secret", status, 401)
}

func TestSlowAnswersTimeOut(t *testing.T) {
	s := begin(t, func(options *githubtest.Options) { options.DeliveryTimeout = 20 * time.Millisecond })
	release := make(chan struct{})
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(listener.Close)
	t.Cleanup(func() { close(release) })
	s.SetHook(listener.URL, "")
	s.Ping()
	newest, _, err := s.app().Apps.ListHookDeliveries(background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "status", newest[0].GetStatus(), "timed out")
}
