package server_test

import (
	"net/http"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// A webhook that is gone is a fault of the settings: messages wait for it, and operators hear of it.
func TestAMessageWaitsForAWebhookThatIsGone(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.Slack.Fail(func(w http.ResponseWriter) bool { http.Error(w, "no_service", http.StatusNotFound); return true })
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.isDegraded(selfcheck.Slack, "404", "no_service", "default", "settings")
	s.nothingSetAside()
	s.Slack.Fail(nil)
	s.must(s.Eventually(s.ctx, "Slack to hear of it in the end", func() bool { return len(s.Slack.Messages()) == 1 }))
	s.isWell()
	s.nothingSetAside()
}
