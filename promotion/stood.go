package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A run that counts by its digest tests a commit with the files of another one. Whoever may write can run it again weeks later, over
// what is deployed by then, or start it where a tag of the branch's name is: with the workflow and the tests of then. So its commit
// has to be as new as what it tests: the branch's head at some moment since the first run of the tested commit began. What
// was that then stays it, however late the run is run again.

// onDefaultBranch are the events whose runs GitHub starts on the default branch's head, wherever they come from
// (https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows). The others that count by their
// digest run on whatever ref the person names who starts them.
var onDefaultBranch = []string{"workflow_run", "schedule", "repository_dispatch"}

// beganIn returns when the first of a commit's own runs began that is known; zero where none is.
func beganIn(records map[string]Records) time.Time {
	var began time.Time
	add := func(started time.Time) {
		if !started.IsZero() && (began.IsZero() || started.Before(began)) {
			began = started
		}
	}
	for _, of := range records {
		for i := range of.Verifications {
			if verification := &of.Verifications[i]; !ByDigest(verification.Event) {
				add(verification.RunStarted)
			}
		}
		for _, start := range of.Starts {
			if start.Stage != "" && !start.Commit.IsZero() {
				add(start.RunStarted)
			}
		}
	}
	return began
}

// fresh reports whether GitHub started the run on the default branch's head, no earlier than the tested commit's own first run.
func (a originAsker) fresh(run headedRun) bool {
	return slices.Contains(onDefaultBranch, run.event) && run.attempt == 1 && !run.started.Before(a.began)
}

// older says that a run's commit does not have the one that it tested, or "" when it has: what has it has its tests. It costs a call.
func (a originAsker) older(ctx context.Context, head Commit, branch string) (string, error) {
	has := head == a.commit
	var err error
	if !has {
		has, err = a.places.reader.Contains(ctx, a.places.repository, head, a.commit)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("ask whether %s has %s: %w", head.Short(), a.commit.Short(), err)
	}
	if has {
		return "", nil
	}
	return fmt.Sprintf("it does not have %s: its tests are older. Start the workflow anew on %s (an old run that is run again has the files of then)", a.commit.Short(), branch), nil
}

// stood notes that the commit of a run that counts by its digest is its branch's head while the run goes on: later the branch may
// have another one. A run that GitHub started on the default branch counts by its beginning, and needs that only when it is
// run again. It costs a call, once for each attempt.
func (o *Observer) stood(ctx context.Context, repository Repository, policy Policy, run Run) ([]Entry, error) {
	onDefault := slices.Contains(onDefaultBranch, run.Event)
	if run.HeadBranch == "" || onDefault && run.Attempt <= 1 || run.HeadRepository != repository.ID || !counts(policy, run) {
		return nil, nil
	}
	known, err := o.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryStood}, Commit: run.Commit})
	if err != nil {
		return nil, err
	}
	entry := Entry{Kind: EntryStood, Repository: repository.ID, Commit: run.Commit, Base: run.HeadBranch, Recorded: o.Clock()}
	since := func(at time.Time) bool {
		return slices.ContainsFunc(known, func(other Entry) bool { return other.Base == entry.Base && !other.At.Before(at) })
	}
	var entries []Entry
	if onDefault && !run.Created.IsZero() && !since(run.Created) {
		entries = append(entries, entry.stoodAt(run.Created))
	}
	if since(run.Started) {
		return entries, nil
	}
	now := o.GitHubTime(o.Clock())
	head, err := o.Branches.BranchHead(ctx, repository, run.HeadBranch)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fromGitHub(fmt.Errorf("ask for the head of %s: %w", run.HeadBranch, err))
	}
	if err == nil && head == run.Commit {
		entries = append(entries, entry.stoodAt(now))
	}
	return entries, nil
}

func (e Entry) stoodAt(at time.Time) Entry {
	e.Key, e.At = fmt.Sprintf("stood/%d/%s/%s/%d", e.Repository, e.Commit, e.Base, at.Unix()), at
	return e
}
