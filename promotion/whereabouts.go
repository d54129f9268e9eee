package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maximumBranches is how many branches of a pattern are compared with one commit.
const maximumBranches = 20

// whereabouts finds out on which branches commits are. Each question is asked once, and by commits only: no tag, and no name
// that an event says, can stand in for a branch.
type whereabouts struct {
	reader     BranchReader
	trees      TreeReader
	reviews    ReviewReader
	repository Repository
	tip        Commit // of the default branch, as it was just read; zero: it has to be asked for
	old        bool   // the tip may be a minute old: a "no" that rests on it is asked again
	on         map[place]bool
	heads      map[string]Commit
	own        map[ownKey]string // why runs are none of a branch's own
	folders    map[string]map[string]TreeEntry
	pulls      map[Commit][]PullRequest
}

type place struct {
	commit Commit
	branch string
}

// told returns a branch that fits the patterns and that the commit is known to be on already.
func (w *whereabouts) told(commit Commit, allowed []string) (string, bool) {
	found := ""
	for at, on := range w.on {
		if on && at.commit == commit && matchesAny(allowed, at.branch) && (found == "" || at.branch < found) {
			found = at.branch
		}
	}
	return found, found != ""
}

// follows notes that a commit is an ancestor of another one: it is on every branch that the other is on.
func (w *whereabouts) follows(ancestor, commit Commit) {
	for at, on := range w.on {
		if on && at.commit == commit {
			w.on[place{ancestor, at.branch}] = true
		}
	}
}

// find asks on which of the branches, or patterns of branches, the commit is, the likeliest first. It costs nothing when that
// is known already, else one or two calls for each branch. It gives up on a pattern after comparing twenty branches: then the
// fact says how many were left.
func (w *whereabouts) find(ctx context.Context, commit Commit, allowed, likely []string) (BranchFact, error) {
	fact := BranchFact{Branch: strings.Join(allowed, ", ")}
	if branch, found := w.told(commit, allowed); found {
		fact.Branch, fact.On = branch, true
		return fact, nil
	}
	for _, name := range append(slices.Clone(likely), allowed...) {
		if strings.Contains(name, "*") || !matchesAny(allowed, name) {
			continue
		}
		found, err := w.contains(ctx, name, Commit{}, commit)
		if found {
			fact.Branch, fact.On = name, true
		}
		if found || err != nil {
			return fact, err
		}
	}
	return w.search(ctx, commit, allowed, fact)
}

// search compares the commit with the branches that fit the patterns.
func (w *whereabouts) search(ctx context.Context, commit Commit, allowed []string, fact BranchFact) (BranchFact, error) {
	asked := 0
	for _, pattern := range allowed {
		prefix, _, isPattern := strings.Cut(pattern, "*")
		if !isPattern {
			continue
		}
		branches, err := w.reader.Branches(ctx, w.repository, prefix)
		if err != nil {
			return fact, err
		}
		branches = slices.DeleteFunc(branches, func(branch Branch) bool { return !Matches(pattern, branch.Name) })
		slices.SortStableFunc(branches, func(a, b Branch) int { return boolRank(a.Head != commit) - boolRank(b.Head != commit) })
		for _, branch := range branches {
			if _, known := w.on[place{commit, branch.Name}]; known {
				continue // it was asked before: the commit is not on it
			}
			if asked >= maximumBranches {
				fact.Unasked++
				continue
			}
			asked++
			w.names(branch.Name, branch.Head)
			found, err := w.contains(ctx, branch.Name, branch.Head, commit)
			if found {
				fact.Branch, fact.On, fact.Unasked = branch.Name, true, 0
			}
			if found || err != nil {
				return fact, err
			}
		}
	}
	return fact, nil
}

func boolRank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// contains reports whether the commit is on the branch. A head that is not known is asked for.
func (w *whereabouts) contains(ctx context.Context, branch string, head, commit Commit) (bool, error) {
	at := place{commit, branch}
	if on, known := w.on[at]; known {
		return on, nil
	}
	isTip := false
	if branch == w.repository.DefaultBranch && !w.tip.IsZero() {
		head, isTip = w.tip, true
	}
	on, err := w.compare(ctx, branch, head, commit)
	if err == nil && !on && isTip && w.old {
		on, err = w.compare(ctx, branch, Commit{}, commit)
	}
	if err != nil {
		return false, err
	}
	if w.on == nil {
		w.on = map[place]bool{}
	}
	w.on[at] = on
	return on, nil
}

func (w *whereabouts) compare(ctx context.Context, branch string, head, commit Commit) (bool, error) {
	if head.IsZero() {
		var err error
		head, err = w.headOf(ctx, branch)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if head == commit {
		return true, nil
	}
	on, err := w.reader.Contains(ctx, w.repository, head, commit)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether %s is on %s: %w", commit.Short(), branch, err)
	}
	return on, nil
}

func (w *whereabouts) headOf(ctx context.Context, branch string) (Commit, error) {
	if head, known := w.heads[branch]; known {
		return head, nil
	}
	head, err := w.reader.BranchHead(ctx, w.repository, branch)
	if err == nil {
		w.names(branch, head)
	}
	return head, err
}

// names keeps what a branch was just read to name.
func (w *whereabouts) names(branch string, head Commit) {
	if w.heads == nil {
		w.heads = map[string]Commit{}
	}
	w.heads[branch] = head
}
