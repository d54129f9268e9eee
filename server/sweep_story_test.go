package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// swept begins a story whose repository is known to have a policy, and whose server is down: something else answers 200 to
// its deliveries, so that none counts as failed and none can be asked for again.
func swept(t *testing.T, every time.Duration) *story {
	t.Helper()
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = every }})
	s.verified(s.Merged("Begin").MergeCommit(), "begin")
	s.settled()
	s.deaf()
	return s
}

// deaf stops the server. Something else answers its deliveries.
func (s *story) deaf() {
	s.t.Helper()
	s.must(s.StopServer())
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.t.Cleanup(other.Close)
	s.GitHub.SetHook(other.URL, "")
}

// returns starts the server again. Nothing is left that GitHub could deliver.
func (s *story) returns() {
	s.t.Helper()
	s.GitHub.Drain()
	s.must(s.StartServer(s.ctx))
}

// ours gives how many comments of the app there are.
func (s *story) ours(issue *githubtest.Issue) int {
	count := 0
	for _, comment := range issue.Comments() {
		if comment.Author() == s.GitHub.AppBot() {
			count++
		}
	}
	return count
}

// missed is a commit that passed all stages, and a command to promote it, of which no delivery told: the server is away.
func missed(t *testing.T) (s *story, pull *githubtest.PullRequest, comment *githubtest.Comment, digest string) {
	t.Helper()
	s = swept(t, time.Hour) // the sweep at the start alone
	pull = s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	return s, pull, pull.Comment(s.Alice, "/promote production"), digest
}

func TestASweepFindsWhatNoDeliveryToldOf(t *testing.T) {
	s, pull, comment, digest := missed(t)
	s.returns()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	s.reacted(comment, "eyes", "rocket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
	if asked := s.metrics()[`verbatim_catch_up_total{outcome="asked"}`]; asked > 0 {
		t.Errorf("%v deliveries were asked for again: the story is about none", asked)
	}
	if count := s.ours(pull.Issue); count != 1 {
		t.Errorf("%d replies, expected one", count)
	}
	if runs, comments := s.metrics()[`verbatim_sweep_total{outcome="run"}`], s.metrics()[`verbatim_sweep_total{outcome="comment"}`]; runs == 0 || comments != 1 {
		t.Errorf("the sweep counted %v runs and %v comments", runs, comments)
	}
}

func TestARunThatWasMissedIsRecordedWithoutACommand(t *testing.T) {
	s := swept(t, time.Hour)
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.returns()
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
}

func TestADeliveryAfterTheSweepChangesNothing(t *testing.T) {
	s := swept(t, time.Hour)
	pull := s.Merged("Add a basket")
	var comment *githubtest.Comment
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	late := s.GitHub.Capture(func() {
		s.Staged(pull.MergeCommit(), "success")
		comment = pull.Comment(s.Alice, "/promote production")
	})
	s.returns()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	reply := s.Reply(pull.Issue, comment)
	for _, delivery := range late {
		delivery.Send()
	}
	s.settled()
	s.names("production", digest)
	if again := s.Reply(pull.Issue, comment); again != reply || s.ours(pull.Issue) != 1 {
		t.Errorf("%d replies, and the first has become:\n%s\nfrom:\n%s", s.ours(pull.Issue), again, reply)
	}
}

func TestASweepAndADeliveryAtTheSameTimeLeaveTheNewestCheckRun(t *testing.T) {
	mock, genuine := failing(t)
	var armed atomic.Bool
	reached, release := make(chan struct{}), make(chan struct{})
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
			if armed.CompareAndSwap(true, false) {
				close(reached)
				<-release
			}
			return genuine.Resolve(ctx, repository, tag)
		}).AnyTimes()
	s := begin(t, scene.Options{Registry: mock, Settings: func(settings *config.Settings) { settings.CatchUpInterval = 50 * time.Millisecond }})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()

	// One of the two has read the records and waits for the registry. The other, which has not, does all that there is to do.
	armed.Store(true)
	s.Tested(run, "success")
	s.reaches(reached, "the first to look at the tag")
	s.Staged(pull.MergeCommit(), "success")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	close(release)
	s.settled()
	if title := s.CheckTitle(pull.MergeCommit()); !strings.Contains(title, "Ready to promote") {
		t.Errorf("the check run says %q, what the slower one knew", title)
	}
}

func TestASweptCommandPromotesNoOpenHead(t *testing.T) {
	s, bob := unmerged(t, time.Hour)
	pull := s.opened("Add a basket")
	s.onPull(pull, "basket")
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	s.must(s.StopServer())
	var comment *githubtest.Comment
	s.GitHub.Quietly(func() { comment = pull.Comment(s.Alice, "/promote") })
	s.returns()
	s.becomes(pull.Issue, comment, "Refused", "head_moved", "no delivery told of the comment")
	s.names("production", "")
}

func TestASweepTellsWhoAskedTooLongAgoToAskAgain(t *testing.T) {
	s := swept(t, 200*time.Millisecond)
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	old, ancient := pull.Comment(s.Alice, "/promote production"), pull.Comment(s.Alice, "/promote")
	stranger := pull.Comment(s.Stranger, "/promote production")
	old.Age(61 * time.Minute)
	stranger.Age(61 * time.Minute)
	ancient.Age(25 * time.Hour)
	s.returns()
	s.becomes(pull.Issue, old, "Verbatim was away when this was asked: nothing was done, ask again")
	s.reacted(old, "eyes", "+1")
	s.names("production", "")
	s.quiet()
	if count := s.ours(pull.Issue); count != 1 {
		t.Errorf("%d replies, expected that to the comment of an hour ago alone", count)
	}
	s.promotes(pull.Issue, s.Alice, "/promote production", digest)
}

func TestASweepLeavesAloneWhatTheDoorDoes(t *testing.T) {
	s := swept(t, 200*time.Millisecond)
	pull := s.Merged("Add a basket")
	edited := pull.Comment(s.Alice, "promote, please")
	edited.Age(time.Minute)
	edited.Edit(s.Alice, "/promote production")
	pull.Comment(s.GitHub.Bot("helper"), "/promote production")
	pull.Comment(s.Alice, "`/promote production`")
	plain := s.Repository.Issue("Not a pull request", s.Alice)
	plain.Comment(s.Alice, "/promote production")
	s.returns()
	s.quiet()
	for _, issue := range []*githubtest.Issue{pull.Issue, plain} {
		if count := s.ours(issue); count != 0 {
			t.Errorf("%d replies in #%d, expected none", count, issue.Number())
		}
	}
	if reactions := edited.Reactions(s.GitHub.AppBot()); len(reactions) > 0 {
		t.Errorf("the edited comment got reactions %v", reactions)
	}
}

func TestASweepDoesNotAnswerTwice(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = 50 * time.Millisecond }})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote production", digest)
	s.quiet()
	if count := s.ours(pull.Issue); count != 1 {
		t.Errorf("%d replies, expected one", count)
	}
}

// quiet waits until sweeps find nothing new: what they ask costs 304s alone, and nothing else is asked.
func (s *story) quiet() {
	s.t.Helper()
	var last []string
	err := s.Eventually(s.ctx, "sweeps that find nothing new", func() bool {
		last = nil
		calls := s.GitHub.Calls()
		fresh := true
		for i := len(calls) - 1; i >= 0 && len(last) < 8; i-- {
			if calls[i].Route != "/app/hook/deliveries" {
				last = append(last, calls[i].String())
				fresh = fresh && calls[i].Status == http.StatusNotModified
			}
		}
		return fresh && len(last) == 8
	})
	if err != nil {
		s.t.Fatalf("%v: the last calls were\n%s", err, strings.Join(last, "\n"))
	}
}
