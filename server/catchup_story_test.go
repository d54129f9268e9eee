package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/server"
)

func TestDeliveriesThatWereMissedAreAskedForAgain(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = 200 * time.Millisecond }})
	pull := s.Merged("Add a basket")
	s.settled()
	s.must(s.StopServer()) // everything that happens now is answered by nobody
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	comment := pull.Comment(s.Alice, "/promote production")
	s.GitHub.Drain()
	s.must(s.StartServer(s.ctx))
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	s.reacted(comment, "eyes", "rocket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
}

func TestFiveHundredMissedDeliveriesAreCaughtUpInOneSweep(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = time.Hour }}) // the sweep at the start alone
	s.must(s.StopServer())
	issue := s.Merged("Add a basket").Issue
	for i := range 500 {
		issue.Comment(s.Walter, fmt.Sprintf("comment %d", i))
	}
	s.GitHub.Drain()
	s.must(s.StartServer(s.ctx))
	asked := 0.0
	if err := s.Eventually(s.ctx, "every delivery to be asked for", func() bool {
		asked = s.metrics()[`verbatim_catch_up_total{outcome="asked"}`]
		return asked >= 500
	}); err != nil {
		t.Fatalf("%v: %v were", err, asked)
	}
	s.settled()
	if lost := s.metrics()[`verbatim_catch_up_total{outcome="lost"}`]; lost > 0 {
		t.Errorf("%v deliveries were given up", lost)
	}
}

func TestTwoReplicasShareTheWork(t *testing.T) {
	s := begin(t, scene.Options{})
	other, stop := s.replica()
	for i := range 6 {
		pull := s.Merged(fmt.Sprintf("Change %d", i))
		hook := s.Server.Addr()
		if i%2 == 1 {
			hook = other.Addr()
		}
		s.GitHub.SetHook("http://"+hook+"/api/github/hook", "")
		digest := s.verified(pull.MergeCommit(), fmt.Sprintf("change %d", i))
		s.promotes(pull.Issue, s.Alice, "/promote", digest)
		if count := len(pull.Comments()); count != 2 {
			t.Errorf("%d comments, expected the person's and one reply", count)
		}
	}
	s.GitHub.SetHook("http://"+s.Server.Addr()+"/api/github/hook", "")
	s.must(stop())
	pull := s.Merged("After the other has gone")
	digest := s.verified(pull.MergeCommit(), "gone")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// replica starts another server on the same ledger.
func (s *story) replica() (*server.Server, func() error) {
	s.t.Helper()
	other, err := s.Replica(s.ctx)
	s.must(err)
	return other, s.run(other)
}

// run runs another server until the story ends, or until what it gives is called.
func (s *story) run(other *server.Server) func() error {
	running, cancel := context.WithCancel(context.WithoutCancel(s.ctx))
	ended := make(chan error, 1)
	go func() { ended <- other.Run(running) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	s.t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("stop the other server: %v", err)
		}
	})
	return stop
}
