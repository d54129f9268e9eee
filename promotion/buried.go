package promotion

import (
	"context"
	"fmt"
	"slices"
)

// foreign says why runs of a commit, which is on the branch, are none of the branch's own, or "" when they are: the workflow is
// not the branch's, or the commit is one inside a merged pull request. Nobody reviewed what the files of such a one test.
func (w *whereabouts) foreign(ctx context.Context, commit Commit, branch string, allowed []string, file string) (string, error) {
	difference, err := w.workflowDiffers(ctx, commit, branch, file)
	if difference != "" || err != nil {
		return difference, err
	}
	return w.buried(ctx, commit, allowed)
}

// buried says which merged pull request brought the commit to a branch among others, so that it never was its head; "" when none
// did, or when it is what merging one made. The head of one is that only if it was seen: GitHub takes a pull request for merged
// when another one brings its head.
func (w *whereabouts) buried(ctx context.Context, commit Commit, allowed []string) (string, error) {
	pulls, err := w.pullsOf(ctx, commit)
	if err != nil {
		return "", err
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
	return why, nil
}

// buriedHead is buried for runs of pull requests, which are of a head whatever becomes of it. The head with which a pull request was
// merged was looked at as that, by whoever merged it; one that came before it was not. Which one it was, the merge tells: its second
// parent. What says "merged" with another head was brought by another pull request.
func (w *whereabouts) buriedHead(ctx context.Context, commit Commit, allowed []string) (string, error) {
	why, err := w.buried(ctx, commit, allowed)
	if why == "" || err != nil {
		return why, err
	}
	pulls, err := w.pullsOf(ctx, commit)
	if err != nil {
		return "", err
	}
	for _, pull := range pulls {
		if !pull.Merged || pull.Head != commit || pull.MergeCommit == commit {
			continue
		}
		merge, err := w.reviews.Detail(ctx, w.repository, pull.MergeCommit)
		if err != nil {
			return "", fmt.Errorf("read the merge of pull request #%d, %s: %w", pull.Number, pull.MergeCommit.Short(), err)
		}
		if len(merge.Parents) == 2 && merge.Parents[1] == commit {
			return "", nil
		}
	}
	return why, nil
}

// pullsOf returns the pull requests that brought a commit, once.
func (w *whereabouts) pullsOf(ctx context.Context, commit Commit) ([]PullRequest, error) {
	if known, found := w.pulls[commit]; found {
		return known, nil
	}
	pulls, err := w.reviews.PullRequestsOf(ctx, w.repository, commit)
	if err != nil {
		return nil, fmt.Errorf("find the pull requests that brought %s: %w", commit.Short(), err)
	}
	if w.pulls == nil {
		w.pulls = map[Commit][]PullRequest{}
	}
	w.pulls[commit] = pulls
	return pulls, nil
}

// comesFrom reports whether the pull request takes one of the branches somewhere else, as from main to a branch of releases: that
// says nothing of how its commits came to the branch.
func (p PullRequest) comesFrom(repository Repository, branches []string) bool {
	return p.HeadRepository == repository.ID && matchesAny(branches, p.HeadBranch)
}
