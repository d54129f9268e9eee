package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// Everywhere stands for all environments of all repositories in a hold that the server itself sets.
const Everywhere = "*"

// Hold is a stop on promotions that nobody has lifted.
type Hold struct {
	Environment string // Everywhere: all
	PullRequest int    // 0: all of the environment
	Commit      Commit // what the pull request stood for when it was held
	Person      Person
	Reason      string
	Since       string
	Policy      string // the hash of the policy under which it was set
	Number      Number // the ledger's
	Unreadable  bool
}

// HoldsOf replays who held and who lifted. Of the same environment and pull request, the first hold stays until it is
// lifted. One that cannot be read holds all of its environment.
func HoldsOf(entries []Entry) []Hold {
	var holds []Hold
	same := func(entry Entry) func(Hold) bool {
		return func(hold Hold) bool {
			return strings.EqualFold(hold.Environment, entry.Environment) && hold.PullRequest == entry.PullRequest
		}
	}
	for _, entry := range entries {
		switch {
		case entry.Kind == EntryResume:
			holds = slices.DeleteFunc(holds, same(entry))
		case entry.Kind == EntryHold && !slices.ContainsFunc(holds, same(entry)):
			holds = append(holds, Hold{
				Environment: entry.Environment, PullRequest: entry.PullRequest, Commit: entry.Commit, Person: entry.Person,
				Reason: entry.Reason, Since: clockText(entry.At), Policy: entry.Policy, Number: entry.Number, Unreadable: entry.Unreadable,
			})
		}
	}
	return holds
}

// Stops reports whether the hold stops a promotion to the environment of the commit, which concerns the pull requests: that in which
// it was asked for, and those that are held and of which something would ship.
func (h Hold) Stops(environment string, pulls []int, commit Commit) bool {
	if h.Environment == Everywhere {
		return true
	}
	if !strings.EqualFold(h.Environment, environment) {
		return false
	}
	return h.PullRequest == 0 || h.Unreadable || slices.Contains(pulls, h.PullRequest) || !h.Commit.IsZero() && h.Commit == commit
}

// String says for people what is held, by whom, since when and why.
func (h Hold) String() string {
	what := h.Environment
	if h.PullRequest != 0 {
		what = fmt.Sprintf("pull request #%d for %s", h.PullRequest, h.Environment)
	}
	if h.Environment == Everywhere {
		return "everything is held since " + h.Since + ": " + h.Reason
	}
	if h.Unreadable {
		return what + " is held by an entry of the ledger that cannot be read"
	}
	text := fmt.Sprintf("%s is held by %s since %s", what, h.Person.Login, h.Since)
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

// is reports whether the hold is what the entry set, and not one from before it.
func (h Hold) is(entry Entry) bool {
	return h.Person.ID == entry.Person.ID && h.Reason == entry.Reason && h.Since == clockText(entry.At)
}

// resumeCommand gives the command that lifts the hold.
func (h Hold) resumeCommand() string {
	if h.Environment == Everywhere {
		return "verbatim ledger resume, on the server"
	}
	if h.PullRequest != 0 {
		return "/promote resume " + h.Environment + " --pull-request"
	}
	return "/promote resume " + h.Environment
}

// holdGate refuses while somebody holds the environment or the pull request.
func holdGate(holds []Hold, environment Environment, pulls []int, commit Commit) Gate {
	gate := Gate{Name: "held", Reason: Held, Met: true, Expected: "nobody holds " + environment.Name, Actual: "nobody does"}
	var found, commands, next []string
	for _, hold := range holds {
		switch {
		case !hold.Stops(environment.Name, pulls, commit):
			continue
		case hold.Environment == Everywhere:
			next = append(next, "whoever runs the server looks at what is live, and lifts it with "+hold.resumeCommand())
		case !slices.Contains(commands, hold.resumeCommand()):
			commands = append(commands, hold.resumeCommand())
		}
		found = append(found, hold.String())
	}
	if len(found) == 0 {
		return gate
	}
	if len(commands) > 0 {
		next = append(next, "ask why; whoever may lift it ("+WhoMay(environment.Lifters())+") does so with "+strings.Join(commands, ", and "))
	}
	if len(found) > maximumHoldsTold {
		found = append(found[:maximumHoldsTold], fmt.Sprintf("%d more", len(found)-maximumHoldsTold))
	}
	gate.Met, gate.Actual, gate.Next = false, strings.Join(found, "; and "), strings.Join(next, "; ")
	return gate
}

// maximumHoldsTold is how many holds a gate names.
const maximumHoldsTold = 5

// Lifters gives who may lift a hold of the environment: those with the permission that the policy names, else whoever may promote.
func (e Environment) Lifters() People {
	if e.HoldsLift != "" {
		return People{Permission: e.HoldsLift}
	}
	return e.Promoters
}
