package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
)

// ErrWrongSettings says that GitHub answers that the settings are wrong. Run returns it when that is so at the start.
var ErrWrongSettings = errors.New("GitHub does not take what the settings name")

// How often it is looked whether what the server was given is still right, and how often while something is not; and how long
// the start waits for GitHub's answer.
const (
	checkEvery    = 5 * time.Minute
	checkDegraded = 10 * time.Second
	checkPatience = 10 * time.Second
)

// selfCheck looks whether what the server was given is right, and keeps what it finds on the board.
type selfCheck struct {
	app     selfcheck.AppReader
	greeter selfcheck.Greeter // nil: nobody greets registries
	needs   selfcheck.Needs
	hosts   []string // of registries
	board   *selfcheck.Board
	logger  zerolog.Logger
	last    map[string]selfcheck.State // as logged
	now     chan struct{}              // look at once
}

// soon has it look at once.
func (c *selfCheck) soon() {
	select {
	case c.now <- struct{}{}:
	default:
	}
}

// optional are the events without which everything that was promised works, and those that need no subscription.
var optional = []string{"commit_comment", "repository", "ping", "installation", "installation_repositories"}

// needsOf returns what the app needs on GitHub for what the settings switch on, and for the events that are handled.
func needsOf(settings config.Settings, handled []string) selfcheck.Needs {
	needs := selfcheck.Needs{AppID: settings.GitHub.App.IntegrationID, Permissions: selfcheck.BasePermissions()}
	for _, rule := range settings.Floor {
		if rule.Provenance == "attestation" {
			needs.Permissions["attestations"] = "read"
		}
	}
	for _, event := range handled {
		if !slices.Contains(optional, event) {
			needs.Events = append(needs.Events, event)
		}
	}
	return needs
}

// registryHosts returns the hosts of the registries that the settings name.
func registryHosts(settings config.Settings) []string {
	var hosts []string
	for _, rule := range settings.Scope {
		host, _, _ := strings.Cut(rule.Registry, "/")
		hosts = append(hosts, host)
	}
	for host := range settings.Roles {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// start asks GitHub who we are. It returns ErrWrongSettings when GitHub answers that the settings are wrong, and nil when it
// does not answer: then the server works as far as it can.
func (c *selfCheck) start(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	findings := selfcheck.App(asking, c.app, c.needs)
	c.keep(findings)
	for _, finding := range findings {
		if finding.State == selfcheck.Wrong {
			return fmt.Errorf("%w: %s", ErrWrongSettings, finding)
		}
	}
	return nil
}

// run looks again from time to time, until the context ends.
func (c *selfCheck) run(ctx context.Context) {
	c.greet(ctx)
	for {
		wait := checkEvery
		if slices.ContainsFunc(c.board.Degraded(), func(finding selfcheck.Finding) bool { return finding.Name != selfcheck.RegistryScope }) {
			wait = checkDegraded
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.now:
			timer.Stop()
		case <-timer.C:
		}
		asking, cancel := context.WithTimeout(ctx, checkPatience)
		c.keep(selfcheck.App(asking, c.app, c.needs))
		cancel()
		c.greet(ctx)
	}
}

func (c *selfCheck) greet(ctx context.Context) {
	if c.greeter == nil {
		return
	}
	asking, cancel := context.WithTimeout(ctx, 3*checkPatience)
	defer cancel()
	c.keep(selfcheck.Registries(asking, c.greeter, c.hosts))
}

// keep puts findings on the board, and logs those that stand otherwise than before.
func (c *selfCheck) keep(findings []selfcheck.Finding) {
	c.board.Set(findings...)
	for _, finding := range findings {
		before, known := c.last[finding.Name]
		if before == finding.State || !known && finding.State == selfcheck.OK {
			continue
		}
		c.last[finding.Name] = finding.State
		if finding.State == selfcheck.OK {
			c.logger.Info().Str(LogWhat, finding.Name).Msg("mended")
			continue
		}
		c.logger.Error().Str(LogWhat, finding.Name).Str(LogFound, finding.Found).Str(LogMend, finding.Mend).Msg("degraded: " + string(finding.State))
	}
}

// Faults keep why work pauses.
type Faults interface {
	// Paused notes that the work met the fault, and reports whether nobody had met it before.
	Paused(work string, paused *promotion.PausedError) (first bool)
	// Done notes that the work meets no fault any more.
	Done(work string)
}
