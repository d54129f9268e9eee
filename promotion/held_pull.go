package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// heldPull is a held pull request and its commits.
type heldPull struct {
	PullRequest
	contents pullContents
	heads    []Commit     // that it had when it was held, or later, and that a push took away
	former   []Commit     // the commits of those
	lowest   []Commit     // the first commit of each of those
	unread   []formerHead // those of heads that are too many to be looked at
	forcers  []Person     // who is known to have given it a head, and who opened it
}

func (h heldPull) has(commit Commit) bool {
	return commit == h.Head || h.Merged && commit == h.MergeCommit || h.contents.has(commit) || slices.Contains(h.heads, commit) || slices.Contains(h.former, commit)
}

// first returns the lowest of its commits.
func (h heldPull) first() Commit {
	if len(h.contents.commits) > 0 {
		return h.contents.commits[0].Commit
	}
	return h.Head
}

func (c *carrying) readHeld(ctx context.Context, hold Hold) (heldPull, error) {
	number := hold.PullRequest
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, number)
	if err != nil {
		return heldPull{}, fromGitHub(fmt.Errorf("read pull request #%d, which is held: %w", number, err))
	}
	held := heldPull{PullRequest: pull}
	if held.contents, err = c.commitsOf(ctx, number); err != nil || hold.Commit.IsZero() || held.has(hold.Commit) {
		return held, err
	}
	return held, c.readFormer(ctx, hold, &held)
}

// maximumFormerHeads is how many heads of a held pull request, that others replaced since, are looked at.
const maximumFormerHeads = 20

// formerHead is a head that a pull request had.
type formerHead struct {
	commit, base Commit
	seen         Number // when it was its head already
}

// readFormer adds what was held, or came to the pull request later, and was taken out of it by a push since: somebody held what it had
// then. It costs a call for each head that was replaced by one that is not on top of it, as far as these are not too many: see readUnread.
func (c *carrying) readFormer(ctx context.Context, hold Hold, held *heldPull) error {
	heads, err := c.formerHeads(ctx, hold, held)
	if err != nil {
		return err
	}
	asked := 0
	for _, head := range heads {
		if held.has(head.commit) {
			continue
		}
		if asked++; asked > maximumFormerHeads {
			held.unread = append(held.unread, head)
			continue
		}
		if err := c.addFormer(ctx, held, head); err != nil {
			return err
		}
	}
	return nil
}

// formerHeads returns the head that was held, and those that came later, the last of them first: it may have the others below it.
func (c *carrying) formerHeads(ctx context.Context, hold Hold, held *heldPull) ([]formerHead, error) {
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead, EntryBase}, PullRequest: held.Number})
	if err != nil {
		return nil, err
	}
	held.forcers = []Person{held.Author}
	heads, bases := []formerHead{{commit: hold.Commit, seen: hold.Number}}, map[Commit]Commit{}
	for _, entry := range entries {
		if entry.Kind == EntryHead && entry.Person.ID != 0 {
			held.forcers = append(held.forcers, entry.Person)
		}
		switch {
		case entry.Kind == EntryBase && !entry.BaseCommit.IsZero():
			bases[entry.Commit] = entry.BaseCommit
		case entry.Kind == EntryHead && entry.Number.After(hold.Number):
			if !slices.ContainsFunc(heads, func(known formerHead) bool { return known.commit == entry.Commit }) {
				heads = append(heads, formerHead{commit: entry.Commit, seen: entry.Number})
			}
		}
	}
	slices.Reverse(heads[1:])
	for i := range heads {
		heads[i].base = cmp.Or(bases[heads[i].commit], held.BaseCommit) // nothing tells of a fork's
	}
	return heads, nil
}

// addFormer adds a former head, and what it had and its base had not.
func (c *carrying) addFormer(ctx context.Context, held *heldPull, head formerHead) error {
	comparison, err := c.Commits.Compare(ctx, c.request.Repository, head.base.String(), head.commit.String())
	if errors.Is(err, ErrNotFound) {
		return nil // GitHub has it no more, so that nothing has it below it
	}
	if err != nil {
		return fromGitHub(fmt.Errorf("list what pull request #%d had when it was held: %w", held.Number, err))
	}
	commits, err := c.withoutBase(ctx, comparison.Commits, held.Base, head.seen)
	if err != nil || len(commits) == 0 {
		return err // it was set back to its base for a while
	}
	held.heads = append(held.heads, head.commit)
	held.former = append(held.former, commits...)
	held.lowest = append(held.lowest, commits[0])
	return nil
}

// withoutBase leaves out what the base had as its head by then, and what lies below that: GitHub may give a base of long before.
func (c *carrying) withoutBase(ctx context.Context, commits []ShippedCommit, base string, by Number) ([]Commit, error) {
	known := map[Commit]ShippedCommit{}
	var tips []Commit
	for _, commit := range commits {
		known[commit.Commit] = commit
		entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryTip, EntryMerge}, Commit: commit.Commit})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(entries, func(entry Entry) bool { return entry.Base == base && by.After(entry.Number) }) {
			tips = append(tips, commit.Commit)
		}
	}
	var rest []Commit
	for _, commit := range commits {
		if !slices.ContainsFunc(tips, func(tip Commit) bool { return descends(known, tip, commit.Commit) }) {
			rest = append(rest, commit.Commit)
		}
	}
	return rest, nil
}
