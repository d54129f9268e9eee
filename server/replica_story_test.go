package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/proxytest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// shortLease is after how long another replica takes over in these stories.
const shortLease = 2 * time.Second

func TestAReplicaThatLosesTheDatabaseIsReplaced(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*proxytest.Proxy){
		"its connections are cut": (*proxytest.Proxy).Cut,
		"its network hangs":       (*proxytest.Proxy).Hang,
	} {
		t.Run(name, func(t *testing.T) {
			write := newStuckWrite(t)
			s, proxy := remote(t, scene.Options{Registry: write.registry})
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			comment := pull.Comment(s.Alice, "/promote")
			s.reaches(write.reached, "the write to the registry")
			other, stop := s.replicaAt(s.DatabaseURL())

			fault(proxy)
			s.refusesDeliveries(pull.Issue)
			s.unready()
			s.hook(other.Addr())
			s.must(s.Eventually(s.ctx, "the other's reply", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Promoted") }))
			s.names("production", digest)
			close(write.release)
			s.reaches(write.over, "the first to be done with its write")
			proxy.Heal()

			s.recovers(pull.Issue)
			s.must(s.Eventually(s.ctx, "the first to see that the work is not its own any more", func() bool {
				return s.metrics()[`verbatim_work_total{kind="request",outcome="lost"}`] == 1
			}))
			s.settled()
			s.onceAnswered(pull, comment, "eyes", "rocket")
			if made := write.made.Load(); made != 1 {
				t.Errorf("the tag was written %d times, expected once", made)
			}
			s.must(stop())
			next := s.Merged("After the other has gone")
			s.promotes(next.Issue, s.Alice, "/promote", s.verified(next.MergeCommit(), "gone"))
		})
	}
}

func TestDeliveriesThatNobodyCouldKeepAreCaughtUp(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*proxytest.Proxy){"cut": (*proxytest.Proxy).Cut, "hung": (*proxytest.Proxy).Hang} {
		t.Run(name, func(t *testing.T) {
			s, proxy := remote(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = 200 * time.Millisecond }})
			s.replica() // through the same proxy
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			fault(proxy)
			comment := pull.Comment(s.Alice, "/promote")
			if status := s.lastStatus(); status != http.StatusServiceUnavailable {
				t.Errorf("the command was answered %d, expected 503", status)
			}
			proxy.Heal()
			s.becomes(pull.Issue, comment, "Promoted api to production")
			s.names("production", digest)
			s.onceAnswered(pull, comment, "eyes", "rocket")
		})
	}
}

func TestALeaderWithoutTheDatabaseLeadsNoMore(t *testing.T) {
	s, proxy := remote(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = 200 * time.Millisecond }})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled() // by now it leads: nobody else is there
	other, _ := s.replicaAt(s.DatabaseURL())
	proxy.Cut()
	comment := pull.Comment(s.Alice, "/promote") // the first cannot keep it, and only a leader asks for it again
	if status := s.lastStatus(); status != http.StatusServiceUnavailable {
		t.Errorf("the command was answered %d, expected 503", status)
	}
	s.hook(other.Addr())
	s.must(s.Eventually(s.ctx, "the other to catch up", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Promoted") }))
	s.names("production", digest)
	proxy.Heal()
	s.recovers(pull.Issue)
	s.settled()
	s.onceAnswered(pull, comment, "eyes", "rocket")
}

// remote sets a scene whose server reaches PostgreSQL through a proxy.
func remote(t *testing.T, options scene.Options) (*story, *proxytest.Proxy) {
	t.Helper()
	if !postgrestest.Available() {
		t.Skip("replicas share a PostgreSQL: run it under .ci/postgres")
	}
	var proxy *proxytest.Proxy
	more := options.Settings
	options.Settings = func(settings *config.Settings) {
		settings.Lease = shortLease
		if more != nil {
			more(settings)
		}
		address, err := url.Parse(settings.DatabaseURL)
		if err == nil && proxy == nil {
			proxy, err = proxytest.New(address.Host)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := proxy.Close(); err != nil {
				t.Errorf("close the proxy: %v", err)
			}
		})
		address.Host = proxy.Addr()
		settings.DatabaseURL = address.String()
	}
	s := begin(t, options)
	t.Cleanup(proxy.Heal) // servers that are still up are to stop soon
	return s, proxy
}

// replicaAt starts another server, which reaches the ledger at that URL.
func (s *story) replicaAt(database string) (other interface{ Addr() string }, stop func() error) {
	s.t.Helper()
	made, err := s.ReplicaAt(s.ctx, database)
	s.must(err)
	return made, s.run(made)
}

func (s *story) hook(address string) { s.GitHub.SetHook("http://"+address+"/api/github/hook", "") }

// reaches waits until the channel is closed.
func (s *story) reaches(point <-chan struct{}, what string) {
	s.t.Helper()
	select {
	case <-point:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("waited in vain for %s", what)
	}
}

// lastStatus gives what the newest comment's delivery was answered, as GitHub has it.
func (s *story) lastStatus() int {
	s.t.Helper()
	deliveries := s.GitHub.DeliveriesOf("issue_comment", "created")
	if len(deliveries) == 0 {
		s.t.Fatal("no comment was delivered")
	}
	return deliveries[len(deliveries)-1].Status()
}

// refusesDeliveries fails the test unless deliveries get 503 while GitHub still listens, also those that come while one
// is being kept.
func (s *story) refusesDeliveries(issue *githubtest.Issue) {
	s.t.Helper()
	template := s.GitHub.Capture(func() { issue.Comment(s.Walter, "nice") })[0]
	statuses := make(chan int)
	for _, letter := range "abcdef" {
		header := template.Header()
		header.Set("X-Github-Delivery", template.GUID()+string(letter))
		go func() {
			status, _ := s.GitHub.PostHook(header, template.Body())
			statuses <- status
		}()
	}
	for range "abcdef" {
		if status := <-statuses; status != http.StatusServiceUnavailable {
			s.t.Errorf("a delivery that cannot be kept was answered %d, expected 503", status)
		}
	}
}

// comes has a delivery sent that asks for nothing.
func (s *story) comes(issue *githubtest.Issue) *githubtest.Delivery {
	s.t.Helper()
	issue.Comment(s.Walter, "nice")
	deliveries := s.GitHub.DeliveriesOf("issue_comment", "created")
	return deliveries[len(deliveries)-1]
}

// unready fails the test unless /readyz says 503, and that it is the ledger's fault.
func (s *story) unready() {
	s.t.Helper()
	status, reason := s.readiness()
	if status != http.StatusServiceUnavailable || !strings.HasPrefix(reason, "the ledger: ") {
		s.t.Errorf("/readyz: got %d %q, expected 503 and what is wrong with the ledger", status, reason)
	}
}

// recovers waits until the server says that it is ready, and fails the test unless it keeps deliveries again.
func (s *story) recovers(issue *githubtest.Issue) {
	s.t.Helper()
	s.must(s.Eventually(s.ctx, "the server to be ready again", func() bool {
		status, _ := s.readiness()
		return status == http.StatusOK
	}))
	s.hook(s.Server.Addr())
	if status := s.comes(issue).Status(); status != http.StatusAccepted {
		s.t.Errorf("after the recovery a delivery was answered %d, expected 202", status)
	}
}

// readiness asks /readyz.
func (s *story) readiness() (status int, reason string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+s.Server.Addr()+"/readyz", http.NoBody)
	s.must(err)
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	s.must(err)
	defer response.Body.Close()
	var said struct{ Reason string }
	s.must(json.NewDecoder(response.Body).Decode(&said))
	return response.StatusCode, said.Reason
}

// onceAnswered fails the test unless there is one reply, one promotion, and these reactions.
func (s *story) onceAnswered(pull *githubtest.PullRequest, comment *githubtest.Comment, reactions ...string) {
	s.t.Helper()
	replies := slices.DeleteFunc(pull.Comments(), func(other *githubtest.Comment) bool { return other.Author() != s.GitHub.AppBot() })
	if len(replies) != 1 {
		s.t.Errorf("%d replies, expected one", len(replies))
	}
	s.reacted(comment, reactions...)
	if states := s.states(); !slices.Equal(states, []string{"succeeded"}) {
		s.t.Errorf("promotions %v, expected one that succeeded", states)
	}
}

// stuckWrite is a registry whose first write of the tag "production" does not go out before it is released.
type stuckWrite struct {
	registry promotion.Registry
	reached  chan struct{} // closed when the first write waits
	release  chan struct{}
	over     chan struct{} // closed when it is over
	made     atomic.Int64
}

func newStuckWrite(t *testing.T) *stuckWrite {
	t.Helper()
	mock, genuine := failing(t)
	w := &stuckWrite{registry: mock, reached: make(chan struct{}), release: make(chan struct{}), over: make(chan struct{})}
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	var others atomic.Bool
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), "production").
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			if others.CompareAndSwap(false, true) {
				close(w.reached)
				<-w.release
				defer close(w.over)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			w.made.Add(1)
			return genuine.SetTag(ctx, repository, manifest, tag)
		}).AnyTimes()
	return w
}
