package promotion

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// passage is how a commit came to its branch with a merged pull request.
type passage string

const (
	passedWhole  passage = ""                                   // it holds what was approved, and nothing else
	passedBeside passage = "it was pushed beside what"          // of which nobody saw it
	passedByHand passage = "it is a merge made by hand of what" // which may have anything in it
	passedUnseen passage = "it is a merge made by hand, beside more changes than GitHub lists, of what"
)

// passageOf tells whether the commit holds nothing but what the reviewers of the pull request saw. GitHub takes whatever came to
// the branch in one push with the head for the pull request's.
func (c *carrying) passageOf(ctx context.Context, commit ShippedCommit, pull PullRequest, shipped []ShippedCommit) (passage, error) {
	contents, err := c.commitsOf(ctx, pull.Number)
	if err != nil {
		return "", err
	}
	if contents.has(commit.Commit) || commit.replays(pull, contents, shipped) {
		return passedWhole, nil
	}
	if pressed, err := c.byMergeButton(ctx, commit, pull); pressed || err != nil {
		return passedWhole, err
	}
	if len(commit.Parents) < 2 {
		return passedBeside, nil
	}
	if len(commit.Parents) == 2 && commit.Parents[1] == pull.Head {
		return c.cleanMerge(ctx, commit)
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

// cleanMerge tells whether a merge of two changes its branch by what the other side brings, file by file, and by nothing else
// (passedWhole). What both sides changed cannot be told. Three calls at most, for merges about which it matters: those of pull requests
// that no button was seen to make (GitHub's Enterprise Server may not sign them, and git on somebody's machine does not), and those of a
// branch with its base by a reviewer.
func (c *carrying) cleanMerge(ctx context.Context, commit ShippedCommit) (passage, error) {
	if passed, known := c.passed[commit.Commit]; known {
		return passed, nil
	}
	passed, err := c.compareMerge(ctx, commit)
	if err != nil {
		return "", err
	}
	if c.passed == nil {
		c.passed = map[Commit]passage{}
	}
	c.passed[commit.Commit] = passed
	return passed, nil
}

func (c *carrying) compareMerge(ctx context.Context, commit ShippedCommit) (passage, error) {
	branch, head := commit.Parents[0], commit.Parents[1]
	merge, err := c.detail(ctx, commit.Commit)
	if err != nil {
		return "", err
	}
	brought, err := c.Commits.Compare(ctx, c.request.Repository, branch.String(), head.String())
	if err != nil {
		return "", fromGitHub(fmt.Errorf("compare what the merge %s holds with what it merges: %w", commit.Commit.Short(), err))
	}
	switch {
	case !merge.AllFiles || !brought.AllFiles:
		return passedUnseen, nil
	case merge.Contents == nil || brought.Contents == nil || !maps.Equal(merge.Contents, brought.Contents):
		return passedByHand, nil
	}
	// The other way round: what the branch changed in the same files, the merge has taken back.
	own, err := c.Commits.Compare(ctx, c.request.Repository, head.String(), branch.String())
	switch {
	case err != nil:
		return "", fromGitHub(fmt.Errorf("compare what the merge %s brings with what its branch has: %w", commit.Commit.Short(), err))
	case slices.ContainsFunc(brought.Files, func(file string) bool { return slices.Contains(own.Files, file) }):
		return passedByHand, nil
	case !own.AllFiles:
		return passedUnseen, nil
	}
	return passedWhole, nil
}
