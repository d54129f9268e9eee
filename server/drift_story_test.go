package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// watched begins a story in which drift is looked for all the time.
func watched(t *testing.T, lines ...string) *story {
	t.Helper()
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.DriftInterval = 50 * time.Millisecond }})
	s.govern(s.defaultPolicy(lines...))
	return s
}

func (s *story) told(words ...string) {
	s.t.Helper()
	s.must(s.Eventually(s.ctx, fmt.Sprintf("Slack to hear %q", words), func() bool {
		for _, message := range s.Slack.Messages() {
			all := true
			for _, word := range words {
				all = all && strings.Contains(message.Body, word)
			}
			if all {
				return true
			}
		}
		return false
	}))
}

func TestATagThatOtherHandsMovedIsReported(t *testing.T) {
	s := watched(t)
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	stray, err := s.Registry.PushIndex(scene.Image, "production", "by hand")
	s.must(err)
	s.told("other hands moved the tag of production", stray, digest)
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Other hands moved the tag of production"))
	if conclusion := s.CheckRun(pull.MergeCommit()).State().Conclusion; conclusion != "failure" {
		t.Errorf("the check run ended with %s", conclusion)
	}
	s.names("production", stray) // reported, not put back
	heard := len(s.Slack.Messages())

	next := s.Merged("Add a voucher")
	newer := s.verified(next.MergeCommit(), "voucher")
	reply := s.promotes(next.Issue, s.Alice, "/promote", newer)
	s.expect(reply, "from `"+stray+"` to `"+newer+"`", "other hands moved it")
	if now := len(s.Slack.Messages()); now > heard+1 {
		t.Errorf("Slack heard %d more messages, expected the promotion alone", now-heard)
	}
}

func TestATagThatOtherHandsMovedIsPutBack(t *testing.T) {
	s := watched(t, "drift: { restore: true }")
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	for i := range 2 {
		stray, err := s.Registry.PushIndex(scene.Image, "production", fmt.Sprintf("by hand, %d", i))
		s.must(err)
		s.told("other hands moved the tag of production", stray, "it was put back")
		s.must(s.Eventually(s.ctx, "the tag to be put back", func() bool { return s.Tag("production") == digest }))
	}
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
}

func TestADriftThatWentAway(t *testing.T) {
	s := watched(t)
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	_, err := s.Registry.PushIndex(scene.Image, "production", "by hand")
	s.must(err)
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Other hands moved"))
	_, err = s.Registry.PushIndex(scene.Image, "production", "basket")
	s.must(err)
	s.names("production", digest)
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
}
