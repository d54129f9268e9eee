package promotion

import (
	"context"
	"fmt"
	"slices"
)

// makersWithin returns who has a part in the pull requests that were merged into the one: where that is squashed, nothing else tells
// of them. The ledger says which they are; reading one that nothing else needed costs two calls.
func (c *carrying) makersWithin(ctx context.Context, outer PullRequest, contents pullContents, of authorship) ([]contribution, error) {
	of.within = append(slices.Clone(of.within), outer.Number)
	var made []contribution
	for _, commit := range contents.commits {
		merges, err := c.mergesOf(ctx, commit.Commit)
		if err != nil {
			return nil, err
		}
		for _, merge := range merges {
			// One into the same base came with the base.
			if merge.Base == outer.Base || slices.Contains(of.within, merge.PullRequest) {
				continue
			}
			inner, err := c.innerPull(ctx, merge.PullRequest)
			if err != nil {
				return nil, err
			}
			more, err := c.makersOfPull(ctx, inner, of)
			if err != nil {
				return nil, err
			}
			of.within = append(of.within, merge.PullRequest)
			made = append(made, more...)
		}
	}
	return made, nil
}

// mergesOf reads as what pull requests' merges the commit is known, once.
func (c *carrying) mergesOf(ctx context.Context, commit Commit) ([]Entry, error) {
	if known, found := c.merges[commit]; found {
		return known, nil
	}
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryMerge}, Commit: commit})
	if err != nil {
		return nil, err
	}
	if c.merges == nil {
		c.merges = map[Commit][]Entry{}
	}
	c.merges[commit] = entries
	return entries, nil
}

// innerPull gives a pull request that is within another one, which may have been read for what would ship.
func (c *carrying) innerPull(ctx context.Context, number int) (PullRequest, error) {
	if known, found := c.inner[number]; found {
		return known, nil
	}
	for _, pulls := range c.pulls {
		for _, pull := range pulls {
			if pull.Number == number {
				return pull, nil
			}
		}
	}
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, number)
	if err != nil {
		return pull, fromGitHub(fmt.Errorf("read pull request #%d, which was merged into another: %w", number, err))
	}
	if c.inner == nil {
		c.inner = map[int]PullRequest{}
	}
	c.inner[number] = pull
	return pull, nil
}
