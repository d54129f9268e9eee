package promotion

import (
	"context"
	"fmt"
	"maps"
)

// passage is how a commit came to its branch with a merged pull request.
type passage string

const (
	passedWhole  passage = ""                                   // it holds what was approved, and nothing else
	passedBeside passage = "it was pushed beside what"          // of which nobody saw it
	passedByHand passage = "it is a merge made by hand of what" // which may have anything in it
)

// passageOf tells whether the commit holds nothing but what the reviewers of the pull request saw. GitHub takes whatever came to
// the branch in one push with the head for the pull request's.
func (c *carrying) passageOf(ctx context.Context, commit ShippedCommit, pull PullRequest, shipped []ShippedCommit) (passage, error) {
	contents, err := c.commitsOf(ctx, pull.Number)
	if err != nil {
		return "", err
	}
	switch {
	case contents.has(commit.Commit), commit.merges(pull), commit.replays(pull, contents, shipped):
		return passedWhole, nil
	case len(commit.Parents) < 2:
		return passedBeside, nil
	}
	if len(commit.Parents) == 2 && commit.Parents[1] == pull.Head {
		if clean, err := c.cleanMerge(ctx, commit); clean || err != nil {
			return passedWhole, err
		}
	}
	return passedByHand, nil
}

// replays reports whether GitHub made the commit of the pull request's, by squashing or rebasing them: it is one of the last
// commits of the merged branch, of which there are at most as many, and the pull request's own head is not below them.
func (s ShippedCommit) replays(pull PullRequest, contents pullContents, shipped []ShippedCommit) bool {
	if !pull.Merged || len(s.Parents) > 1 {
		return false
	}
	known := map[Commit]ShippedCommit{s.Commit: s}
	for _, commit := range shipped {
		known[commit.Commit] = commit
	}
	if descends(known, pull.MergeCommit, pull.Head) {
		return false
	}
	at := pull.MergeCommit
	for range max(len(contents.commits), 1) {
		if at == s.Commit {
			return true
		}
		commit := known[at]
		if len(commit.Parents) != 1 {
			return false
		}
		at = commit.Parents[0]
	}
	return false
}

// descends reports whether the one commit is the other, or has it among its ancestors as far as they are known.
func descends(known map[Commit]ShippedCommit, from, ancestor Commit) bool {
	seen := map[Commit]bool{}
	for next := []Commit{from}; len(next) > 0; {
		at := next[0]
		next = next[1:]
		if at == ancestor {
			return true
		}
		if !seen[at] {
			seen[at] = true
			next = append(next, known[at].Parents...)
		}
	}
	return false
}

// cleanMerge reports whether a merge of two changes its branch by what the other side brings, file by file, and by nothing else.
// What both sides changed cannot be told. Two calls, for merges about which it matters: those of pull requests that GitHub did not
// sign (its Enterprise Server may not, and git on somebody's machine does not), and those of a branch with its base by a reviewer.
func (c *carrying) cleanMerge(ctx context.Context, commit ShippedCommit) (bool, error) {
	if clean, known := c.clean[commit.Commit]; known {
		return clean, nil
	}
	merge, err := c.detail(ctx, commit.Commit)
	if err != nil {
		return false, err
	}
	brought, err := c.Commits.Compare(ctx, c.request.Repository, commit.Parents[0].String(), commit.Parents[1].String())
	if err != nil {
		return false, fromGitHub(fmt.Errorf("compare what the merge %s holds with what it merges: %w", commit.Commit.Short(), err))
	}
	if c.clean == nil {
		c.clean = map[Commit]bool{}
	}
	c.clean[commit.Commit] = merge.AllFiles && brought.AllFiles && merge.Contents != nil && brought.Contents != nil &&
		maps.Equal(merge.Contents, brought.Contents)
	return c.clean[commit.Commit], nil
}
