package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// shifted is a server's clock that a story moves.
type shifted struct{ by atomic.Int64 }

func (c *shifted) now() time.Time         { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *shifted) move(by time.Duration)  { c.by.Add(int64(by)) }
func (c *shifted) options() scene.Options { return scene.Options{ServerClock: c.now} }
func stamped(at time.Time) string         { return at.UTC().Format(time.RFC3339) }

// came comments, and delivers the comment as one that was made that long ago.
func (s *story) came(issue *githubtest.Issue, author *githubtest.User, text string, ago time.Duration) *githubtest.Comment {
	s.t.Helper()
	return s.cameAs(issue, author, text, func(made time.Time) time.Time { return made.Add(-ago) })
}

// cameAs comments, and delivers the comment as one that was made at another time.
func (s *story) cameAs(issue *githubtest.Issue, author *githubtest.User, text string, when func(made time.Time) time.Time) *githubtest.Comment {
	s.t.Helper()
	var comment *githubtest.Comment
	deliveries := s.GitHub.Capture(func() { comment = issue.Comment(author, text) })
	var before struct {
		Comment struct {
			Created string `json:"created_at"`
		} `json:"comment"`
	}
	s.must(json.Unmarshal(deliveries[0].Body(), &before))
	made, err := time.Parse(time.RFC3339, before.Comment.Created)
	s.must(err)
	then := when(made)
	comment.Age(made.Sub(then))
	body := bytes.ReplaceAll(deliveries[0].Body(), []byte(before.Comment.Created), []byte(stamped(then)))
	if status := s.forged(deliveries[0], body); status != 202 {
		s.t.Fatalf("answered %d", status)
	}
	return comment
}

const wasAway = "Verbatim was away when this was asked: nothing was done, ask again"

func TestACommandThatComesLateDoesNothing(t *testing.T) {
	s, first, older := ready(t)
	s.promotes(first.Issue, s.Alice, "/promote", older)
	second := s.Merged("Add a voucher")
	newer := s.verified(second.MergeCommit(), "voucher")
	s.promotes(second.Issue, s.Alice, "/promote", newer)
	for _, text := range []string{"/rollback", "/promote --sha " + first.MergeCommit().SHA(), "/promote hold", "/promote status"} {
		comment := s.came(second.Issue, s.Alice, text, 61*time.Minute)
		s.becomes(second.Issue, comment, wasAway, "60 minutes")
		s.reacted(comment, "eyes", "+1")
		s.names("production", newer)
	}
	s.came(second.Issue, s.Stranger, "/rollback", 48*time.Hour)
	s.settled()
	s.names("production", newer)
	comment := s.came(second.Issue, s.Alice, "/rollback", 58*time.Minute)
	s.becomes(second.Issue, comment, "Rolled back")
	s.names("production", older)
}

func TestACommandWhoseTurnCameLateDoesNothing(t *testing.T) {
	clock := &shifted{}
	s := begin(t, clock.options())
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.GitHub.Hold(nil, nil)
	fault := s.GitHub.Inject(githubtest.Fault{Status: 502}.On("GET", permissionRoute))
	comment := pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "the first try", func() bool { return fault.Hits() > 0 }))
	clock.move(2 * time.Hour) // the server was down, or an operator took its work up again
	fault.Remove()
	s.becomes(pull.Issue, comment, wasAway)
	s.names("production", "")
	s.promotes(pull.Issue, s.Alice, "/promote", digest) // whatever the server's clock says: GitHub's tells the age
}

func TestAWrongClockMakesNoCommandLate(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		t.Run(fmt.Sprint(off), func(t *testing.T) {
			clock := &shifted{}
			clock.move(off)
			s := begin(t, clock.options())
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			comment := s.came(pull.Issue, s.Alice, "/promote", 2*time.Hour)
			s.becomes(pull.Issue, comment, wasAway)
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

func TestAWaitIsNotLate(t *testing.T) {
	clock := &shifted{}
	s := begin(t, clock.options())
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	clock.move(3 * time.Hour)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}

// presses clicks the button of the commit's check run, and returns the delivery, which nobody has got yet.
func (s *story) presses(commit *githubtest.Commit, by *githubtest.User) *githubtest.Delivery {
	s.t.Helper()
	check := s.CheckRun(commit)
	actions := check.State().Actions
	if len(actions) != 1 {
		s.t.Fatalf("expected one button, got %v", actions)
	}
	clicks := s.GitHub.Capture(func() { s.GitHub.Click(check, actions[0].Identifier, by) })
	if len(clicks) != 1 {
		s.t.Fatalf("%d deliveries of a click", len(clicks))
	}
	return clicks[0]
}

func TestAPressThatComesLateDoesNothing(t *testing.T) {
	world := &shifted{}
	s := begin(t, scene.Options{GitHubClock: world.now})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	press := s.presses(pull.MergeCommit(), s.Alice)
	world.move(-61 * time.Minute)
	s.GitHub.LoseDeliveries(1)
	press.Send()
	world.move(61 * time.Minute)
	press.Redeliver()
	s.must(s.Eventually(s.ctx, "the check run to say so", func() bool {
		return strings.Contains(s.CheckRun(pull.MergeCommit()).State().Summary+s.CheckRun(pull.MergeCommit()).State().Text, wasAway)
	}))
	s.settled()
	s.names("production", "")

	again := s.presses(pull.MergeCommit(), s.Alice) // the check run has a new button
	s.GitHub.LoseDeliveries(1)
	again.Send()
	world.move(time.Minute)
	again.Redeliver() // late, but in time
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
	s.names("production", digest)
}
