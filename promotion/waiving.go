package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// override answers /promote override: the requester waives gates for the commit's digests of now. It promotes nothing; the
// next promotion does without them, and says so.
func (c *carrying) override(ctx context.Context) error {
	what, gate, err := c.aboutCommit(ctx)
	if gate != nil || err != nil {
		return c.refuseGate(gate, err)
	}
	rules := what.environment.Override
	c.answer.WhoMay = WhoMay(rules.People())
	may, err := c.roleMay(ctx, rules.People(), c.request.Requester, c.role)
	if err != nil {
		return err
	}
	if rules.Empty() || !may {
		return c.refuse(c.notAllowed("override", rules.People()))
	}
	if strings.TrimSpace(c.request.Command.Reason) == "" {
		return c.refuse(Gate{Name: "reason", Reason: UnknownCommand, Expected: "a reason", Actual: "none", Next: c.request.Command.Line + " --reason \"…\""})
	}
	entry := c.entry(EntryOverride, what)
	for _, code := range c.request.Command.Gates {
		if !rules.allows(Reason(code)) {
			return c.refuse(Gate{
				Name: "override", Reason: NotAuthorised, Expected: "gates that the policy lets be waived: " + strings.Join(rules.Gates, ", "), Actual: code,
				Next: "meet the gate; those of identity, scope, digest and policy are never waived",
			})
		}
		entry.Gates = append(entry.Gates, Reason(code))
	}
	if len(what.digests) == 0 {
		return c.refuse(noDigest(what.commit, "a digest to waive gates for", "override once the image is built, and its first stage has ended: an override is of its digest"))
	}
	if err := c.enter(ctx, entry); err != nil {
		return err
	}
	waived := fmt.Sprintf("%s waives %s for %s of %s: %s", c.request.Requester.Login, strings.Join(c.request.Command.Gates, ", "), what.environment.Name, what.commit.Short(), c.request.Command.Reason)
	next := "ask again with /promote " + what.environment.Name + ": the promotion will do without these gates and say so"
	if rules.Second {
		others, err := c.alsoWaived(ctx, entry)
		switch {
		case err != nil:
			return err
		case len(others) == 0:
			next = fmt.Sprintf("a second person of %s has to do the same before it counts", WhoMay(rules.People()))
		default:
			next = strings.Join(others, ", ") + " waived the same: " + next + ", if both may override then"
		}
	}
	notes := []string{waived, next}
	if without := what.withoutDigest(); len(without) > 0 {
		notes = append(notes, "not for "+strings.Join(without, ", ")+": no stage has recorded a digest of it, and an override is of one")
	}
	return c.inform(notes...)
}

// withoutDigest returns the images of which no digest is recorded at the commit.
func (a about) withoutDigest() []string {
	var names []string
	for _, image := range a.images {
		if a.digests[image.Name].IsZero() {
			names = append(names, image.Name)
		}
	}
	return names
}

// noDigest refuses what people say of digests where there is none yet.
func noDigest(commit Commit, expected, next string) Gate {
	return Gate{Name: "digest", Reason: StageMissing, Expected: expected, Actual: "no stage has recorded one for " + commit.Short(), Next: next}
}

// alsoWaived gives who else waived all the gates that the entry waives, for the same digests under the same policy.
func (c *carrying) alsoWaived(ctx context.Context, entry Entry) ([]string, error) {
	entries, err := c.Book.Entries(ctx, entry.Repository, EntryFilter{Kinds: []EntryKind{EntryOverride}, Environment: entry.Environment, Commit: entry.Commit})
	if err != nil {
		return nil, err
	}
	var others []string
	for _, other := range entries {
		same := !other.Unreadable && other.Person.ID != entry.Person.ID && other.Policy == entry.Policy &&
			!slices.ContainsFunc(entry.Gates, func(gate Reason) bool { return !slices.Contains(other.Gates, gate) })
		for image, digest := range entry.Digests {
			waived, named := other.Digests[image]
			same = same && named && waived == digest
		}
		if same && !slices.Contains(others, other.Person.Login) {
			others = append(others, other.Person.Login)
		}
	}
	return others, nil
}
