package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// onDefaultBranch are the events whose runs GitHub starts on the default branch's head, wherever they come from
// (https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows). The others that count by their
// digest run on whatever ref the person names who starts them.
var onDefaultBranch = []string{"workflow_run", "schedule", "repository_dispatch"}

// ofChosenRef reports whether the event's runs are of a ref that a person names, at any time.
func ofChosenRef(event string) bool {
	return ByDigest(event) && !ofPullRequest(event) && !slices.Contains(onDefaultBranch, event)
}

// ownKey is one question: whether runs of a commit's workflow file are ones of an allowed branch's own. Of a ref that a person names
// each run is asked about by itself, since the commit may have been the branch's head long ago.
type ownKey struct {
	originKey
	workflow string
	run      int64 // zero for all runs of a push
}

func ownKeyOf(run int64, event string, head Commit, allowed []string, workflow string) ownKey {
	key := ownKey{originKey: keyOf(head, allowed), workflow: workflow}
	if ofChosenRef(event) {
		key.run = run
	}
	return key
}

// ownWorkflow says why a run of a commit on the branch is not one of the branch's own, or "" when it is. A commit on a branch
// need never have been its head: those inside a merged pull request are on it as well, with workflow files that nobody merged, and
// whoever puts a tag of the branch's name on one gets runs that say the branch's name. So a run counts if its commit was seen as
// the head of a branch that counts, or if its workflow file is the one that the branch has and no pull request brought it there
// among others. It costs nothing for what was seen, else at least four calls.
func (a originAsker) ownWorkflow(ctx context.Context, stage Stage, run int64, event string, head Commit, branch string) (string, error) {
	allowed := stage.allowedBranches(a.places.repository)
	if event == "merge_group" || slices.Contains(onDefaultBranch, event) || a.places.isHead(head, allowed) || a.merged(event, head, allowed) {
		return "", nil
	}
	key := ownKeyOf(run, event, head, allowed, stage.Workflow)
	if difference, known := a.places.own[key]; known {
		return difference, nil
	}
	entries, err := a.book.Entries(ctx, a.places.repository.ID, EntryFilter{Kinds: []EntryKind{EntryTip, EntryMerge, EntryOwn}, Commit: head})
	if err != nil {
		return "", err
	}
	difference := ""
	if !slices.ContainsFunc(entries, func(entry Entry) bool { return entry.showsOwn(run, event, allowed) }) {
		if difference, err = a.places.foreign(ctx, head, branch, allowed, stage.Workflow, entries); err != nil {
			return "", err
		}
	}
	if a.places.own == nil {
		a.places.own = map[ownKey]string{}
	}
	a.places.own[key] = difference
	return difference, nil
}

// merged reports whether the commit is what merging the pull request at hand made: then it was its base's head. What was merged by
// pushing its commits is named by its own head, which need not have been that.
func (a originAsker) merged(event string, head Commit, allowed []string) bool {
	pull := a.pull
	return event == "push" && pull.Merged && pull.MergeCommit == head && pull.Head != head && matchesAny(allowed, pull.Base)
}

// showsOwn reports whether what is in the book tells that the run is one of a branch's own.
func (e Entry) showsOwn(run int64, event string, allowed []string) bool {
	if !matchesAny(allowed, e.Base) {
		return false
	}
	if e.Kind == EntryOwn {
		return e.Tag == strconv.FormatInt(run, 10)
	}
	return e.wasHead(allowed) && event == "push"
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

// noteOwn notes of an ended run of a ref that a person named, whether its workflow is the one that its branch has: later the branch
// may have another one. It costs nothing where the run is of the branch's newest commit as the policy was read, else a call, and
// four more where it is of an older one.
func (o *Observer) noteOwn(ctx context.Context, repository Repository, policy LoadedPolicy, run Run) ([]Entry, error) {
	if !ofChosenRef(run.Event) {
		return nil, nil
	}
	entry := Entry{
		Key:  fmt.Sprintf("own/%d/%d/%s", repository.ID, run.ID, run.HeadBranch),
		Kind: EntryOwn, Repository: repository.ID, Commit: run.Commit, Base: run.HeadBranch, Tag: strconv.FormatInt(run.ID, 10), At: run.Created, Recorded: o.Clock(),
	}
	known, err := o.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryTip, EntryMerge, EntryOwn}, Commit: run.Commit})
	if err != nil || slices.ContainsFunc(known, func(other Entry) bool { return other.Key == entry.Key }) {
		return nil, err
	}
	places := whereabouts{reader: o.Branches, trees: o.Trees, reviews: o.Reviews, repository: repository, tip: policy.File.Head, old: true}
	on, err := places.contains(ctx, run.HeadBranch, Commit{}, run.Commit)
	if err != nil {
		return nil, fromGitHub(err)
	}
	if !on {
		return nil, nil
	}
	if !places.isHead(run.Commit, []string{run.HeadBranch}) {
		difference, err := places.foreign(ctx, run.Commit, run.HeadBranch, []string{run.HeadBranch}, run.Path, known)
		if difference != "" || err != nil {
			return nil, fromGitHub(err)
		}
	}
	return []Entry{entry}, nil
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
