package server

import (
	"fmt"
	"net/http"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// Reload takes the secrets of settings that were read anew: the app's key, the webhook's secrets, the addresses of Slack. Either
// all of them hold from now on, or none, and the error says why. All other settings hold from the next start.
func (s *Server) Reload(settings config.Settings) error {
	if s.worker == nil || !settings.AppConfigured() {
		return fmt.Errorf("no app was configured at the start, or none is now: start the server again")
	}
	if before, after := s.options.Settings.GitHub.App.IntegrationID, settings.GitHub.App.IntegrationID; before != after {
		return fmt.Errorf("GITHUB_APP_INTEGRATION_ID: expected %d, as at the start, found %d: start the server again for another app", before, after)
	}
	creator, err := forge.NewClientCreator(settings.GitHub, s.clientOptions())
	if err != nil {
		return err
	}
	if err := s.notifier.Replace(slackWebhooks(settings)); err != nil {
		return err
	}
	if err := s.intake.Accept(webhookSecrets(settings)); err != nil {
		return err
	}
	s.forge.Replace(creator)
	s.check.soon()
	s.webhook.catchUp()
	return nil
}

// webhookSecrets returns the current secret and, during a rotation, the previous one.
func webhookSecrets(settings config.Settings) []string {
	secrets := []string{settings.GitHub.App.WebhookSecret}
	if previous := settings.PreviousWebhookSecret.Reveal(); previous != "" {
		secrets = append(secrets, previous)
	}
	return secrets
}

func (s *Server) clientOptions() forge.ClientOptions {
	return forge.ClientOptions{
		UserAgent: "verbatim/" + s.options.Version, Observe: s.metrics.Outside,
		Around: func(next http.RoundTripper) http.RoundTripper { return s.budget.Transport(next, forge.Identity) },
	}
}
