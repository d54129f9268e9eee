package server_test

import (
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// A webhook's secret that does not match is told where operators look, and costs no delivery.
func TestAWebhookSecretThatDoesNotMatchIsTold(t *testing.T) {
	var secret string
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.CatchUpInterval = 500 * time.Millisecond
		secret = settings.GitHub.App.WebhookSecret
	}})
	pull := s.Merged("Add a basket")
	s.settled()
	hook := "http://" + s.Server.Addr() + "/api/github/hook"
	s.GitHub.SetHook(hook, "another secret")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	comment := pull.Comment(s.Alice, "/promote production")
	s.GitHub.Drain()
	s.isDegraded(selfcheck.GitHubWebhook, "401", "GITHUB_APP_WEBHOOK_SECRET", "does not match")
	s.GitHub.SetHook(hook, secret)
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	s.isWell()
}
