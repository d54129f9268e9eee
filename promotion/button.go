package promotion

import (
	"context"
	"slices"
	"strings"
)

// resolvedTitle begins the title of what GitHub's page for conflicts commits, in which the files may hold anything.
const resolvedTitle = "Merge branch '"

// merges reports whether the commit may be the clean merge of the pull request: GitHub made it, of the branch's head and the pull
// request's.
func (s ShippedCommit) merges(pull PullRequest) bool {
	return s.ByGitHub && len(s.Parents) == 2 && pull.Merged && pull.MergeCommit == s.Commit && s.Parents[1] == pull.Head
}

// byMergeButton reports whether the commit is the clean merge that the pull request's button makes, which GitHub does only where nothing
// conflicts. Its key signs more than that: what its page for conflicts commits, and what a workflow makes by the API for its bot. So no
// merge is the button's that was pushed to another branch first, or that git has for a bot's which did not merge the pull request.
func (c *carrying) byMergeButton(ctx context.Context, commit ShippedCommit, pull PullRequest) (bool, error) {
	if !commit.merges(pull) || strings.HasPrefix(commit.Title, resolvedTitle) {
		return false, nil
	}
	pushes, err := c.pushesOf(ctx, commit.Commit)
	if err != nil || slices.ContainsFunc(pushes, func(push Entry) bool { return push.Base != pull.Base }) {
		return false, err
	}
	if commit.byTheirButton() {
		return true, nil
	}
	merges, err := c.mergesOf(ctx, commit.Commit)
	return slices.ContainsFunc(merges, func(merge Entry) bool {
		return merge.PullRequest == pull.Number && len(commit.People) > 0 && commit.People[0].Login == commit.Author && merge.Person.is(commit.People[0])
	}), err
}

// byMergeButtonOf reports whether the commit is the clean merge of one of the pull requests.
func (c *carrying) byMergeButtonOf(ctx context.Context, commit ShippedCommit, pulls []PullRequest) (bool, error) {
	for _, pull := range pulls {
		if pressed, err := c.byMergeButton(ctx, commit, pull); pressed || err != nil {
			return pressed, err
		}
	}
	return false, nil
}

// byMergeButtonAmong reports whether one of the commits is the clean merge of the pull request.
func (c *carrying) byMergeButtonAmong(ctx context.Context, commits []ShippedCommit, pull PullRequest) (bool, error) {
	for _, commit := range commits {
		if pressed, err := c.byMergeButton(ctx, commit, pull); pressed || err != nil {
			return pressed, err
		}
	}
	return false, nil
}
