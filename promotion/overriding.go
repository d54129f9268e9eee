package promotion

import "context"

// OverridersFact says who of those that waived gates may do so at this moment.
type OverridersFact struct {
	May map[int64]bool // by person; who is not in it could not be looked up
	Err error
}

// counts reports whether a person's override counts, and whether that is known. Nobody is asked for a check run: there it is
// presumed, and looked up when it counts.
func (f *OverridersFact) counts(person Person, forCheck bool) (counts, known bool) {
	if f == nil {
		return forCheck, true
	}
	counts, known = f.May[person.ID]
	return counts, known
}

// overridersFact looks up whether those who waived gates for this very promotion may still do so, under the environment's
// rules. It costs calls only where there is such an override.
func (c *carrying) overridersFact(ctx context.Context, facts Facts) (*OverridersFact, error) {
	fact := &OverridersFact{May: map[int64]bool{}}
	rules := facts.Environment.Override
	for _, entry := range facts.Overrides {
		if _, known := fact.May[entry.Person.ID]; known || rules.Empty() || !entry.overrides(facts) {
			continue
		}
		may, err := c.personMay(ctx, rules.People(), entry.Person)
		if err == nil {
			fact.May[entry.Person.ID] = may
			continue
		}
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	return fact, nil
}
