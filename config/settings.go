package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Settings are what the server runs with. Some of them are secrets that libraries want as plain text, so that settings
// as a whole write themselves as [redacted]: log the fields that are needed.
type Settings struct {
	Addr                  string
	MetricsAddr           string
	PublicURL             string // without a slash at the end
	DatabaseURL           string
	Connections           int // to PostgreSQL
	LogLevel              string
	Workers               int
	Lease                 time.Duration
	ShutdownGrace         time.Duration
	CatchUpInterval       time.Duration    // 0: never
	Retention             time.Duration    // 0: for ever
	DriftInterval         time.Duration    // 0: never
	Concurrency           int              // calls to GitHub at once, by installation
	Reserve               int              // percent of an hour's calls
	ECRPutRate            int              // PutImage calls a second, by account and region
	ArtifactLimit         int64            // bytes of a zip
	TrustedRootFile       string           // "": by TUF
	TrustCache            string           // "": none
	Floor                 promotion.Floor  // what no policy can undercut
	GitHub                githubapp.Config // holds the app's secrets: never to be shown
	PreviousWebhookSecret Secret           // still accepted while the secret is rotated
	Scope                 promotion.Scope
	Roles                 map[string]Role         // by registry host
	Slack                 map[string]SlackWebhook // by name
}

// Role is an AWS role to assume for a registry.
type Role struct {
	ARN        string
	ExternalID string
}

// SlackWebhook is where messages go, and which repositories may send there: patterns of owner/repo, none for all.
type SlackWebhook struct {
	URL          Secret
	Repositories []string
}

// AppConfigured reports whether there is a GitHub App to serve.
func (s Settings) AppConfigured() bool { return s.GitHub.App.IntegrationID != 0 }

// Format hides the settings, whatever the verb.
func (Settings) Format(state fmt.State, _ rune) { hide(state) }

// MarshalJSON hides the settings.
func (Settings) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalZerologObject hides the settings.
func (Settings) MarshalZerologObject(event *zerolog.Event) { event.Str("settings", redacted) }

// SettingsError says everything that is wrong with the settings: what, and how to set it. It never shows a secret.
type SettingsError struct{ Problems []string }

// Error gives one line a problem.
func (e *SettingsError) Error() string {
	if len(e.Problems) == 1 {
		return "a setting is missing or wrong: " + e.Problems[0]
	}
	return fmt.Sprintf("%d settings are missing or wrong:\n  %s", len(e.Problems), strings.Join(e.Problems, "\n  "))
}
