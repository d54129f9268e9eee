package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ownKey is one question: whether runs of a commit's workflow file are ones of an allowed branch's own, though the commit was not
// seen as its head in time.
type ownKey struct {
	originKey
	workflow string
	tested   Commit // by a run that counts by its digest; zero: the commit itself
}

// ownWorkflow says why a run of a commit on the branch is not one of the branch's own, or "" when it is. A commit on a branch
// need never have been its head: those inside a merged pull request are on it as well, with workflow files that nobody merged, and
// whoever puts a tag of the branch's name on one gets runs that say the branch's name. So a run counts if its commit was seen as
// the head of a branch that counts, or if its workflow file is the one that the branch has and no pull request brought it there among
// others. Where it counts by its digest, it has to be as new as what it tested as well: seen as the head since that was built,
// or after it in the branch's history. It costs nothing for what was seen, a call for a former head, else at least four.
func (a originAsker) ownWorkflow(ctx context.Context, stage Stage, run headedRun, branch string) (string, error) {
	allowed := stage.allowedBranches(a.places.repository)
	if run.event == "merge_group" || a.places.isHead(run.head, allowed) || a.merged(run.event, run.head, allowed) || a.fresh(run) {
		return "", nil
	}
	key := ownKey{originKey: keyOf(run.head, allowed), workflow: stage.Workflow}
	if ByDigest(run.event) {
		key.tested = a.commit
	}
	if difference, known := a.places.own[key]; known {
		return difference, nil
	}
	entries, err := a.book.Entries(ctx, a.places.repository.ID, EntryFilter{Kinds: []EntryKind{EntryTip, EntryMerge, EntryStood}, Commit: run.head})
	if err != nil {
		return "", err
	}
	difference := ""
	if !slices.ContainsFunc(entries, func(entry Entry) bool { return a.shows(entry, run.event, allowed) }) {
		if difference, err = a.difference(ctx, stage, run, branch, entries); err != nil {
			return "", err
		}
	}
	if a.places.own == nil {
		a.places.own = map[ownKey]string{}
	}
	a.places.own[key] = difference
	return difference, nil
}

// difference says what tells a run from the branch's own ones, whose commit was not seen as the head in time. A former head is one of
// the branch's own, but what it has may be older than what it tested.
func (a originAsker) difference(ctx context.Context, stage Stage, run headedRun, branch string, known []Entry) (string, error) {
	allowed := stage.allowedBranches(a.places.repository)
	byDigest := ByDigest(run.event)
	if !byDigest || !slices.ContainsFunc(known, func(entry Entry) bool { return entry.wasHead(allowed) }) {
		difference, err := a.places.foreign(ctx, run.head, branch, allowed, stage.Workflow)
		if difference != "" || err != nil || !byDigest {
			return difference, err
		}
	}
	return a.older(ctx, run.head, branch)
}

// merged reports whether the commit is what merging the pull request at hand made: then it was its base's head. What was merged by
// pushing its commits is named by its own head, which need not have been that.
func (a originAsker) merged(event string, head Commit, allowed []string) bool {
	pull := a.pull
	return event == "push" && pull.Merged && pull.MergeCommit == head && pull.Head != head && matchesAny(allowed, pull.Base)
}

// shows reports whether what is in the book tells that runs of its commit are a branch's own.
func (a originAsker) shows(entry Entry, event string, allowed []string) bool {
	if ByDigest(event) {
		return entry.Kind == EntryStood && matchesAny(allowed, entry.Base) && !a.began.IsZero() && entry.At.Truncate(time.Second).After(a.began)
	}
	return entry.wasHead(allowed)
}

// wasHead reports whether what is in the book tells that the commit was the head of one of the branches.
func (e Entry) wasHead(allowed []string) bool {
	return matchesAny(allowed, e.Base) && (e.Kind == EntryTip || e.Kind == EntryMerge && e.Tag != e.Commit.String())
}

// tipEntry notes that a branch had the commit as its head.
func (e PushEvent) tipEntry() Entry {
	return Entry{
		Key:  fmt.Sprintf("tip/%d/%s/%s", e.Repository.ID, e.After, e.Branch),
		Kind: EntryTip, Repository: e.Repository.ID, Commit: e.After, Base: e.Branch, At: e.Received, Recorded: e.Received,
	}
}

// tips notes of which branches the commit was found to be the head.
func (w *whereabouts) tips(commit Commit, now time.Time) []Entry {
	var entries []Entry
	for at, on := range w.on {
		if on && at.commit == commit && w.isHead(commit, []string{at.branch}) {
			entries = append(entries, PushEvent{Repository: w.repository, Branch: at.branch, After: commit, Received: now}.tipEntry())
		}
	}
	return entries
}

// countsBranch reports whether some stage counts runs of the branch.
func (p Policy) countsBranch(repository Repository, branch string) bool {
	return slices.ContainsFunc(p.Stages, func(stage Stage) bool { return matchesAny(stage.allowedBranches(repository), branch) })
}

// isHead reports whether one of the branches was found to have the commit as its head.
func (w *whereabouts) isHead(commit Commit, allowed []string) bool {
	if commit == w.tip && matchesAny(allowed, w.repository.DefaultBranch) {
		return true
	}
	for branch, head := range w.heads {
		if head == commit && matchesAny(allowed, branch) {
			return true
		}
	}
	return false
}

// workflowDiffers says which part of the workflow in the commit is not what the branch has, or "" when none is.
func (w *whereabouts) workflowDiffers(ctx context.Context, commit Commit, branch, file string) (string, error) {
	base := w.tip
	if branch != w.repository.DefaultBranch || base.IsZero() {
		var err error
		base, err = w.headOf(ctx, branch)
		if errors.Is(err, ErrNotFound) {
			return branch + " is gone: whether its workflow was run cannot be seen any more", nil
		}
		if err != nil {
			return "", err
		}
	}
	if w.folders == nil {
		w.folders = map[string]map[string]TreeEntry{}
	}
	compared := comparing{trees: w.trees, repository: w.repository, head: commit, base: base, branch: branch, folders: w.folders}
	difference, err := compared.workflow(ctx, file)
	if err != nil {
		return "", fmt.Errorf("compare %s of %s with that of %s: %w", file, commit.Short(), branch, err)
	}
	return difference, nil
}
