package githubtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// story is a GitHub, an app that listens, and a clock that stands still until the story moves it.
type story struct {
	*testing.T
	*githubtest.Server
	inbox   *inbox
	clients githubapp.ClientCreator

	mu  sync.Mutex
	now time.Time
}

func begin(t *testing.T, changes ...func(*githubtest.Options)) *story {
	t.Helper()
	s := &story{T: t, inbox: &inbox{t: t, status: http.StatusAccepted}, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	options := githubtest.Options{Clock: s.clock}
	for _, change := range changes {
		change(&options)
	}
	s.Server = githubtest.New(options)
	t.Cleanup(s.Close)
	s.hold()
	listener := httptest.NewServer(s.inbox)
	t.Cleanup(listener.Close)
	s.inbox.secret = []byte(s.WebhookSecret())
	s.SetHook(listener.URL, "")
	s.clients = githubapp.NewClientCreator(s.URL(), s.URL()+"/graphql", s.AppID(), []byte(s.PrivateKeyPEM()))
	return s
}

// hold holds all of the story's traffic against GitHub's description.
func (s *story) hold() {
	s.Helper()
	description, err := githubtest.Description()
	switch {
	case errors.Is(err, githubtest.ErrNoDescription) && os.Getenv("CI") != "true":
		s.Logf("NOT HELD AGAINST GITHUB'S DESCRIPTION: %v", err)
	case err != nil:
		s.Fatal(err)
	default:
		s.Hold(description, func(err error) { s.Errorf("not as GitHub describes it: %v", err) })
	}
}

func (s *story) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *story) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// app gives a client that speaks as the app.
func (s *story) app() *github.Client {
	s.Helper()
	client, err := s.clients.NewAppClient()
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// in gives a client for the installation that reaches the repository.
func (s *story) in(repository *githubtest.Repository) *github.Client {
	s.Helper()
	client, err := s.clients.NewInstallationClient(repository.Installation().ID())
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// get fetches anything by path as the installation, into a value of the caller's.
func (s *story) get(repository *githubtest.Repository, path string, into any) *github.Response {
	s.Helper()
	client := s.in(repository)
	request, err := client.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		s.Fatal(err)
	}
	response, err := client.Do(s.Context(), request, into)
	if err != nil {
		s.Fatalf("GET %s: %v", path, err)
	}
	return response
}

func must[T any](value T, _ *github.Response, err error) func(*story) T {
	return func(s *story) T {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		return value
	}
}

// refused asserts that GitHub answered with the status, and gives its message.
func refused(s *story, status int, err error) string {
	s.Helper()
	var failure *github.ErrorResponse
	if !errors.As(err, &failure) {
		s.Fatalf("expected GitHub to answer %d, got error %v", status, err)
	}
	if failure.Response.StatusCode != status {
		s.Fatalf("expected GitHub to answer %d, it answered %d: %s", status, failure.Response.StatusCode, failure.Message)
	}
	return failure.Message
}

func equal[T comparable](s *story, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// inbox is the app's end of the webhooks.
type inbox struct {
	t      *testing.T
	secret []byte

	mu       sync.Mutex
	status   int
	received []received
}

type received struct {
	event, guid string
	payload     any
	size        int
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := github.ValidatePayload(r, i.secret)
	if err != nil {
		i.t.Errorf("webhook: %v", err)
	}
	payload, err := github.ParseWebHook(github.WebHookType(r), body)
	if err != nil {
		i.t.Errorf("webhook %s: %v", github.WebHookType(r), err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.received = append(i.received, received{github.WebHookType(r), github.DeliveryID(r), payload, len(body)})
	w.WriteHeader(i.status)
}

func (i *inbox) answerWith(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status = status
}

// names gives "event.action" of what came in, in order.
func (i *inbox) names() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var names []string
	for _, one := range i.received {
		action := ""
		if with, has := one.payload.(interface{ GetAction() string }); has {
			action = with.GetAction()
		}
		if push, isPush := one.payload.(*github.PushEvent); isPush {
			action = push.GetRef()
		}
		names = append(names, fmt.Sprintf("%s.%s", one.event, action))
	}
	return names
}

func (i *inbox) clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.received = nil
}

// last gives the newest payload, which must be of the type.
func last[T any](s *story) T {
	s.Helper()
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	if len(s.inbox.received) == 0 {
		s.Fatal("no webhook came in")
	}
	payload, fits := s.inbox.received[len(s.inbox.received)-1].payload.(T)
	if !fits {
		s.Fatalf("the newest webhook is %T", s.inbox.received[len(s.inbox.received)-1].payload)
	}
	return payload
}

// shop is the repository that most stories are about: private, with a commit on main, a maintainer and a reader.
type shop struct {
	*githubtest.Repository
	alice, bob *githubtest.User
	first      *githubtest.Commit
}

func openShop(s *story, options ...githubtest.RepositoryOption) shop {
	s.Helper()
	var opened shop
	s.Quietly(func() {
		opened = shop{Repository: s.Repository("acme/shop", options...), alice: s.User("alice"), bob: s.User("bob")}
		opened.SetRole(opened.alice, "maintain")
		opened.SetRole(opened.bob, "read")
		opened.first = opened.Commit("main", "Begin", opened.alice, map[string]string{
			"README.md": "# Shop\n", ".github/verbatim.yml": "version: 1\n", "api/main.go": "package main\n",
		})
	})
	return opened
}

func background() context.Context { return context.Background() }
