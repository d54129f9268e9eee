package promotion

import (
	"context"
	"fmt"
	"slices"
)

// foreign says why runs of a commit, which is on the branch, are none of the branch's own, or "" when they are: the workflow is
// not the branch's, or the commit is one inside a merged pull request. Nobody reviewed what the files of such a one test.
func (w *whereabouts) foreign(ctx context.Context, commit Commit, branch string, allowed []string, file string, known []Entry) (string, error) {
	difference, err := w.workflowDiffers(ctx, commit, branch, file)
	if difference != "" || err != nil || slices.ContainsFunc(known, func(entry Entry) bool { return entry.wasHead(allowed) }) {
		return difference, err
	}
	return w.buried(ctx, commit, allowed)
}

// buried says which merged pull request brought the commit to a branch among others, so that it never was its head; "" when none
// did, or when it is what merging one made. The head of one is that only if it was seen: GitHub takes a pull request for merged
// when another one brings its head.
func (w *whereabouts) buried(ctx context.Context, commit Commit, allowed []string) (string, error) {
	key := keyOf(commit, allowed)
	if why, known := w.inside[key]; known {
		return why, nil
	}
	pulls, err := w.reviews.PullRequestsOf(ctx, w.repository, commit)
	if err != nil {
		return "", fmt.Errorf("find the pull requests that brought %s: %w", commit.Short(), err)
	}
	why := ""
	if !slices.ContainsFunc(pulls, func(pull PullRequest) bool {
		return pull.Merged && pull.MergeCommit == commit && pull.Head != commit && matchesAny(allowed, pull.Base)
	}) {
		for _, pull := range pulls {
			if pull.Merged && !pull.comesFrom(w.repository, allowed) {
				why = fmt.Sprintf("pull request #%d brought it there among others", pull.Number)
			}
		}
	}
	if w.inside == nil {
		w.inside = map[originKey]string{}
	}
	w.inside[key] = why
	return why, nil
}

// comesFrom reports whether the pull request takes one of the branches somewhere else, as from main to a branch of releases: that
// says nothing of how its commits came to the branch.
func (p PullRequest) comesFrom(repository Repository, branches []string) bool {
	return p.HeadRepository == repository.ID && matchesAny(branches, p.HeadBranch)
}
