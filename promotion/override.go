package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// Empty reports whether nobody may waive anything.
func (o Override) Empty() bool { return len(o.Gates) == 0 || len(o.Teams)+len(o.Users) == 0 }

// People gives those who may waive gates.
func (o Override) People() People { return People{Teams: o.Teams, Users: o.Users} }

// allows reports whether the policy lets the gate be waived, and the gate is one that ever may be.
func (o Override) allows(reason Reason) bool {
	return slices.Contains(o.Gates, string(reason)) && slices.Contains(Waivable(), reason)
}

// waive marks the unmet gates that overrides waive. An override counts for its digest, commit and environment under the
// policy of its time, for gates that the policy lets be waived now; and where the policy wants a second person, from two.
func waive(facts Facts, decision *Decision) {
	override := facts.Environment.Override
	for i := range decision.Gates {
		gate := &decision.Gates[i]
		if gate.Met || !override.allows(gate.Reason) {
			continue
		}
		var people []int64
		var words []string
		for _, entry := range facts.Overrides {
			covers := !entry.Unreadable && entry.Kind == EntryOverride && strings.EqualFold(entry.Environment, facts.Environment.Name) &&
				entry.Commit == facts.Commit && entry.Policy == facts.PolicyHash && slices.Contains(entry.Gates, gate.Reason)
			digest, named := entry.Digests[facts.Image.Name]
			if !covers || !named || digest != decision.Digest || slices.Contains(people, entry.Person.ID) {
				continue
			}
			people = append(people, entry.Person.ID)
			words = append(words, fmt.Sprintf("%s: %s", entry.Person.Login, entry.Reason))
		}
		if len(people) == 0 || override.Second && len(people) < 2 {
			if len(people) == 1 {
				gate.Next = fmt.Sprintf("waived by %s; a second person of %s has to do the same: /promote override %s --gates %s --reason \"…\"",
					words[0], WhoMay(override.People()), facts.Environment.Name, gate.Reason)
			}
			continue
		}
		gate.Waived = strings.Join(words, "; ")
	}
}
