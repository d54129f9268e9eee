package promotion

import (
	"context"
	"errors"
	"slices"
	"time"
)

// scopeSetting is the setting that names which repositories may use which registry repositories.
const scopeSetting = "VERBATIM_REGISTRY_SCOPE"

// Missing returns the registry repositories that the policy names and that no rule lets the repository use, each once.
func (s Scope) Missing(repository Repository, policy Policy) []RegistryRepository {
	var missing []RegistryRepository
	for _, image := range policy.Images {
		registry, err := image.Registry(repository)
		if err == nil && !s.Allows(repository, registry) && !slices.Contains(missing, registry) {
			missing = append(missing, registry)
		}
	}
	return missing
}

// pause returns the fault because of which a command pauses that lacks nothing but this scope.
func (f ScopeFact) pause(repository Repository) *PausedError {
	return &PausedError{
		Fault: FaultRegistryScope, What: f.Registry.String(), Err: errors.New(f.Detail),
		Mend: "let " + repository.FullName() + " use it (" + scopeSetting + ")",
	}
}

// pausesFor returns the error with which the command is tried again once the scope may have been mended; nil when something else
// refuses it, or it is to be answered now.
func (c *carrying) pausesFor(scope ScopeFact, decision Decision) error {
	refused := slices.ContainsFunc(decision.Unmet(), func(gate Gate) bool { return !gate.Pauses })
	if !scope.Missing || refused || c.request.Command.DryRun || c.waits(decision) {
		return nil
	}
	return c.again(scope.pause(c.request.Repository))
}

// pausesOf returns why a group pauses: some image lacks its scope, and nothing else refuses any.
func pausesOf(ready []prepared) error {
	var pauses error
	for _, made := range ready {
		switch {
		case made.pauses != nil:
			pauses = made.pauses
		case made.outcome == nil && len(made.decision.Unmet()) > 0:
			return nil
		}
	}
	return pauses
}

// pausesOn returns the error with which a command goes on pausing whose scope is still missing. It costs no call to GitHub beside
// a look whether the policy changed, once a minute for all that the repository has waiting.
func (c *carrying) pausesOn(ctx context.Context) error {
	missing := c.request.Answer.pauses()
	waiting := c.request.Waiting
	over := waiting != nil && !c.Clock().Before(waiting.Until)
	if len(missing) == 0 || c.isLate() || c.request.State == RequestWaiting && over {
		return nil
	}
	policy, err := c.Policies.Tolerant(ctx, c.request.Repository)
	if err != nil || !policy.Valid() {
		return nil // the whole look tells
	}
	var again error
	for _, image := range policy.Policy.Images {
		scope := scopeOf(ctx, c.Scope, c.Lanes, policy.Repository, image)
		if at := slices.IndexFunc(missing, func(gate Gate) bool { return scope.Missing && gate.Actual == scope.Detail }); at >= 0 {
			missing, again = slices.Delete(missing, at, at+1), c.again(scope.pause(policy.Repository))
		}
	}
	if len(missing) > 0 {
		return nil // something was mended
	}
	return again
}

// pauses returns the gates for which the command pauses, each once.
func (a Answer) pauses() []Gate {
	var pauses []Gate
	gates := slices.Clone(a.Gates)
	for _, outcome := range a.Outcomes {
		gates = append(gates, outcome.Decision.Unmet()...)
	}
	for _, gate := range gates {
		if gate.Pauses && !slices.ContainsFunc(pauses, func(other Gate) bool { return other.Actual == gate.Actual }) {
			pauses = append(pauses, gate)
		}
	}
	return pauses
}

// delayed returns the gate that says why a command is tried again.
func delayed(err error) Gate {
	gate := unclear("request", err)
	gate.Next = "nothing: it is tried again by itself, and this reply then says what came of it"
	if paused, isPaused := Paused(err); isPaused && paused.Fault == FaultRegistryScope {
		gate.Name, gate.Expected, gate.Actual, gate.Pauses = "registry scope", "a rule that lets the repository use "+paused.What, paused.Error(), true
		gate.Next = "whoever runs Verbatim can mend it: " + paused.Mend + "; or name another one in the policy. Then it goes on by itself"
	}
	return gate
}

// How soon, and for how long, a check run is computed anew whose scope is missing.
const (
	scopeSoonest = time.Minute
	scopeSlowest = 6 * time.Hour
	scopeLongest = 7 * 24 * time.Hour
)

// scopeAgain returns when a check run is computed anew whose scope is missing: the older its commit's news, the later, so that
// commits that nobody promotes cost little; zero when they are older than a week.
func (c Checks) scopeAgain(records map[string]Records) time.Time {
	var newest time.Time
	for _, of := range records {
		for _, verification := range of.Verifications {
			if verification.Recorded.After(newest) {
				newest = verification.Recorded
			}
		}
	}
	now := c.Clock()
	age := now.Sub(newest)
	if age > scopeLongest {
		return time.Time{}
	}
	return now.Add(min(max(age/4, scopeSoonest), scopeSlowest))
}
