package promotion

import (
	"context"
	"fmt"
	"slices"
)

// ofHead asks about runs of a pull request's head: where the pull requests went that had it, and where the commit is to count as
// one of a branch, whether it came there as what was merged. Who pushes to a pull request takes back what an earlier head tested.
func (o origins) ofHead(ctx context.Context, ask originAsker, stage Stage, head Commit, branches []string, commit Commit) error {
	if _, known := o.bases[head]; !known {
		o.bases[head] = ask.bases(ctx, head, branches)
		if err := o.bases[head].err; err != nil {
			if again := ask.again(err); again != nil {
				return again
			}
		}
	}
	allowed := stage.allowedBranches(o.repository)
	if _, known := o.former[keyOf(head, allowed)]; known || !ask.landed || head != commit {
		return nil
	}
	why, err := ask.formerHead(ctx, head, allowed)
	doubt := Doubt{}
	switch {
	case err != nil:
		doubt.Err = fromGitHub(err)
		if again := ask.again(doubt.Err); again != nil {
			return again
		}
	case why != "":
		doubt.Why = fmt.Sprintf("runs of %s do not count: it was a pull request's head for a time, but not the one that was merged, and %s", head.Short(), why)
	}
	o.former[keyOf(head, allowed)] = doubt
	return nil
}

// formerHead says why a head of a pull request is not what was merged; "" when it is, or was a branch's head.
func (a originAsker) formerHead(ctx context.Context, head Commit, allowed []string) (string, error) {
	if a.places.isHead(head, allowed) {
		return "", nil
	}
	entries, err := a.book.Entries(ctx, a.places.repository.ID, EntryFilter{Kinds: []EntryKind{EntryTip, EntryMerge}, Commit: head})
	if err != nil || slices.ContainsFunc(entries, func(entry Entry) bool { return entry.wasHead(allowed) }) {
		return "", err
	}
	return a.places.buriedHead(ctx, head, allowed)
}
