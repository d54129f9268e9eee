package promotion

import (
	"errors"
	"time"
)

// Fault says what has to be mended before work that pauses can go on.
type Fault string

// The faults of ours or of the settings.
const (
	FaultGitHubCredentials   Fault = "github_credentials"   // GitHub does not take the app's key, id or tokens
	FaultGitHubPermission    Fault = "github_permission"    // the app, or its installation, lacks a permission
	FaultRegistryCredentials Fault = "registry_credentials" // a registry does not take, or not allow, the credentials
	FaultRegistryScope       Fault = "registry_scope"       // no rule of the settings lets the repository use a registry repository
	FaultSlackWebhook        Fault = "slack"                // Slack does not know, or not take messages at, an address of the settings
)

// PausedError wraps an error that is a fault of ours or of the settings. Work that meets it pauses: it is kept, none of its
// attempts is used up, and it goes on by itself once the fault is mended. It is never a verdict.
type PausedError struct {
	Fault Fault
	What  string // what is concerned, for people and metrics: a permission or a host; "" where the fault says it all
	Mend  string // who can mend it, and how
	Err   error
}

// Error returns the wrapped error's text.
func (e *PausedError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *PausedError) Unwrap() error { return e.Err }

// Paused returns the fault because of which work pauses, if the error is of that kind.
func Paused(err error) (*PausedError, bool) {
	paused := (*PausedError)(nil)
	return paused, errors.As(err, &paused)
}

const (
	shortestPause = time.Second
	longestPause  = 30 * time.Second
)

// PauseAfter returns how long work waits that has been paused for that long, before it is tried again: a quarter of it, at
// least a second, and at most half a minute, so that a mended fault is noticed soon.
func PauseAfter(paused time.Duration) time.Duration {
	return min(max(paused/4, shortestPause), longestPause)
}
