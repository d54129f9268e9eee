package promotion

import (
	"context"
	"fmt"
	"slices"
)

// readUnread looks at those former heads of the held pull request that are among the commits, where there are too many to look at
// all. Every other of the commits must be known to be no part of any: whoever forces a held pull request to ever more heads stops what
// they pushed themselves, and nobody else. It costs no call but for a head that is among the commits.
func (c *carrying) readUnread(ctx context.Context, held *heldPull, commits []ShippedCommit) error {
	if len(held.unread) == 0 {
		return nil
	}
	isOf := func(one ShippedCommit) bool { return held.has(one.Commit) }
	for _, head := range held.unread {
		isHead := func(one ShippedCommit) bool { return one.Commit == head.commit }
		if held.has(head.commit) || !slices.ContainsFunc(commits, isHead) {
			continue
		}
		if err := c.addFormer(ctx, held, head); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(commits, isOf) {
		return nil // that is enough to hold them
	}
	for _, one := range commits {
		byOthers, err := c.broughtByOthers(ctx, *held, one.Commit)
		if err != nil {
			return err
		}
		if !byOthers {
			return held.tooOften(fmt.Sprintf("whether it had %s, which is not known to be somebody else's, cannot be told", one.Commit.Short()))
		}
	}
	return nil
}

// broughtByOthers reports whether people who gave the held pull request no head pushed the commit, which nobody had before, and to other
// branches than its own. A fork's pushes tell nobody: what was in one first cannot be told.
func (c *carrying) broughtByOthers(ctx context.Context, held heldPull, commit Commit) (bool, error) {
	if held.HeadRepository != c.request.Repository.ID || held.HeadBranch == "" {
		return false, nil
	}
	pushes, err := c.pushesOf(ctx, commit)
	if err != nil || len(pushes) == 0 {
		return false, err
	}
	return !slices.ContainsFunc(pushes, func(push Entry) bool {
		return push.Base == held.HeadBranch || slices.ContainsFunc(held.forcers, push.Person.is)
	}), nil
}

func (h heldPull) tooOften(what string) error {
	return fmt.Errorf("pull request #%d was forced to another head more than %d times since it was held: %s; lift the hold and hold it again",
		h.Number, maximumFormerHeads, what)
}
