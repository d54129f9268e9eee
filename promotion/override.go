package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// Empty reports whether nobody may waive anything.
func (o Override) Empty() bool { return len(o.Gates) == 0 || len(o.Teams)+len(o.Users) == 0 }

// People gives those who may waive gates.
func (o Override) People() People { return People{Teams: o.Teams, Users: o.Users, Least: o.Least} }

// allows reports whether the policy lets the gate be waived, and the gate is one that ever may be.
func (o Override) allows(reason Reason) bool {
	return slices.Contains(o.Gates, string(reason)) && slices.Contains(Waivable(), reason)
}

// overrides reports whether the entry waives gates of this very promotion: of its commit, environment and image, under the policy
// that governs.
func (e Entry) overrides(facts Facts) bool {
	_, named := e.Digests[facts.Image.Name]
	return !e.Unreadable && e.Kind == EntryOverride && named && strings.EqualFold(e.Environment, facts.Environment.Name) &&
		e.Commit == facts.Commit && e.Policy == facts.PolicyHash
}

// waive marks the unmet gates that overrides waive. An override counts for its digest, commit and environment under the
// policy of its time, for gates that the policy lets be waived now, of people who may waive them now; and where the policy
// wants a second person, from two.
func waive(facts Facts, decision *Decision) {
	if decision.Digest.IsZero() {
		return // there is nothing that could be promoted, whatever is waived
	}
	override := facts.Environment.Override
	unclear := false
	for i := range decision.Gates {
		gate := &decision.Gates[i]
		if gate.Met || !override.allows(gate.Reason) {
			continue
		}
		waiving := waiversOf(facts, decision.Digest, gate.Reason)
		words := waiving.words
		switch {
		case len(words) == 0 || override.Second && len(words) < 2:
			unclear = unclear || waiving.unknown
			if len(words) == 1 {
				gate.Next = fmt.Sprintf("waived by %s; a second person of %s has to do the same: /promote override %s --gates %s --reason \"…\"",
					words[0], WhoMay(override.People()), facts.Environment.Name, gate.Reason)
			}
			if len(waiving.lapsed) > 0 {
				gate.Next = fmt.Sprintf("%s; the override by %s does not count: not one of %s any more", gate.Next, strings.Join(waiving.lapsed, ", "), WhoMay(override.People()))
			}
		default:
			gate.Waived = strings.Join(words, "; ")
		}
	}
	if unclear {
		decision.Gates = append(decision.Gates, Gate{
			Name: "override", Reason: GitHubError, Expected: "overrides by people who may waive gates now", Actual: "could not tell: " + facts.Overriders.Err.Error(), Next: remedy(facts.Overriders.Err),
		})
	}
}

// waivers are the people who waived one gate for one digest.
type waivers struct {
	words   []string // of those whose override counts: who and why
	lapsed  []string // those who may waive nothing any more
	unknown bool     // of somebody it could not be told
}

func waiversOf(facts Facts, digest Digest, reason Reason) waivers {
	var found waivers
	var people []int64
	for _, entry := range facts.Overrides {
		if !entry.overrides(facts) || entry.Digests[facts.Image.Name] != digest || !slices.Contains(entry.Gates, reason) || slices.Contains(people, entry.Person.ID) {
			continue
		}
		people = append(people, entry.Person.ID)
		counts, known := facts.Overriders.counts(entry.Person, facts.ForCheck)
		switch {
		case counts:
			found.words = append(found.words, fmt.Sprintf("%s: %s", entry.Person.Login, entry.Reason))
		case known:
			found.lapsed = append(found.lapsed, entry.Person.Login)
		default:
			found.unknown = true
		}
	}
	return found
}
