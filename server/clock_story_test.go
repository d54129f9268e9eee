package server_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// stepping is a clock that can be put forward and back. It goes wrong by less than the hour after which a command is too late.
type stepping struct{ by atomic.Int64 }

func (c *stepping) now() time.Time        { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *stepping) step(by time.Duration) { c.by.Store(int64(by)) }
func often(settings *config.Settings)     { settings.DriftInterval = 50 * time.Millisecond }
func (s *story) quietAbout(words ...string) { // fails when Slack heard them
	s.t.Helper()
	for _, message := range s.Slack.Messages() {
		for _, word := range words {
			if strings.Contains(message.Body, word) {
				s.t.Errorf("Slack heard: %s", message.Body)
			}
		}
	}
}

func TestAClockThatStepsMovesNothing(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][2]time.Duration{
		"back": {50 * time.Minute, 0}, "forward": {-50 * time.Minute, 0}, "further back": {0, -50 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &stepping{}
			clock.step(steps[0])
			s := begin(t, scene.Options{Policy: "-", ServerClock: clock.now, Settings: often})
			s.govern(s.defaultPolicy("drift: { restore: true }"))
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			older := s.verified(first.MergeCommit(), "basket")
			s.promotes(first.Issue, s.Alice, "/promote", older)
			s.settled()
			clock.step(steps[1])
			newer := s.verified(second.MergeCommit(), "voucher")
			s.promotes(second.Issue, s.Alice, "/promote", newer)
			s.settled()
			clock.step(55 * time.Minute) // what waits for its time comes up
			s.looks(3)
			s.names("production", newer)
			s.quietAbout("other hands")
			s.settled()
			clock.step(steps[1])
			_, reply := s.says(second.Issue, s.Alice, "/rollback")
			s.expect(reply, "Rolled back")
			s.names("production", older)
		})
	}
}

func TestReplicasWhoseClocksDifferMoveNothing(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 50 * time.Minute, "behind": -50 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-", Settings: often})
			s.govern(s.defaultPolicy("drift: { restore: true }"))
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			older := s.verified(first.MergeCommit(), "basket")
			newer := s.verified(second.MergeCommit(), "voucher")
			s.must(s.StopServer())
			other, err := s.ReplicaWith(s.ctx, func() time.Time { return time.Now().Add(ahead) })
			s.must(err)
			stop := s.run(other)
			s.hook(other.Addr())
			s.promotes(first.Issue, s.Alice, "/promote", older)
			s.must(stop())
			s.must(s.StartServer(s.ctx))
			s.promotes(second.Issue, s.Alice, "/promote", newer)
			other, err = s.ReplicaWith(s.ctx, func() time.Time { return time.Now().Add(ahead) })
			s.must(err)
			s.run(other)
			s.looks(3)
			s.names("production", newer)
			s.quietAbout("other hands")
			_, reply := s.says(second.Issue, s.Alice, "/rollback")
			s.expect(reply, "Rolled back")
			s.names("production", older)
		})
	}
}

// A cancellation ends what was asked for before it, whatever the clock does in between.
func TestACancellationCountsThoughTheClockSteps(t *testing.T) {
	clock := &stepping{}
	s := begin(t, scene.Options{Policy: "-", ServerClock: clock.now})
	s.govern(s.defaultPolicy())
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified")
	s.settled()
	clock.step(-50 * time.Minute)
	s.informs(pull.Issue, s.Alice, "/promote cancel", "cancelled")
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	clock.step(0)
	s.becomes(pull.Issue, comment, "cancelled by alice")
	s.names("production", "")
}
