package selfcheck

import (
	"fmt"
	"strings"
)

// State says how something stands.
type State string

// The states of a finding.
const (
	OK       State = "ok"
	Degraded State = "degraded" // something does not work until somebody mends it
	Wrong    State = "wrong"    // the other side answers that the settings are wrong
	Unknown  State = "unknown"  // it could not be told: nobody answered
)

// Finding is what was found out about one thing.
type Finding struct {
	Name  string `json:"what"`
	State State  `json:"state"`
	Found string `json:"found,omitempty"`
	Mend  string `json:"mend,omitempty"` // empty when there is nothing to mend

	Permissions []string `json:"permissions,omitempty"` // of the app that are missing, each as "checks: write"
}

// String returns the finding as a sentence.
func (f Finding) String() string {
	text := f.Name + ": " + f.Found
	if f.Mend != "" && !strings.Contains(f.Found, f.Mend) {
		text += fmt.Sprintf(" (%s)", f.Mend)
	}
	return text
}

// The names of findings. A registry's is RegistryName of its host.
const (
	GitHub            = "github"
	GitHubCredentials = "github_credentials"
	GitHubPermissions = "github_permissions"
	GitHubEvents      = "github_events"
	GitHubWebhook     = "github_webhook"
	GitHubDeliveries  = "github_deliveries"
	RegistryScope     = "registry_scope"
	Slack             = "slack"
)

// RegistryName returns the name of the finding about a registry.
func RegistryName(host string) string { return "registry:" + host }
