package promotion

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// PushEvent is a push to a branch.
type PushEvent struct {
	Repository    Repository
	Branch        string
	After         Commit    // zero: the branch was deleted
	TouchesPolicy bool      // one of the pushed commits adds, changes or removes a policy file
	At            time.Time // when the repository was last pushed to, as the event says
	Received      time.Time // by our clock
	Pusher        Person
	Commits       []Commit // those that nobody had pushed before
}

// PolicyWatch keeps up with changes of policy files, and says on a check run of the commit whether a new one is valid.
type PolicyWatch struct {
	Policies *PolicySource
	Records  RecordReader
	Requests RequestReader
	Checks   Checks

	GitHubTime func(ours time.Time) time.Time // what GitHub's clock says when ours says so
}

// Pushed takes a push. Only a push that touches a policy file costs calls: one, or two where the owner's file governs.
func (w PolicyWatch) Pushed(ctx context.Context, event PushEvent) (Changes, error) {
	if event.Branch == event.Repository.DefaultBranch {
		if err := w.Policies.Changed(ctx, event.Repository); err != nil {
			return Changes{}, err
		}
	}
	if event.After.IsZero() {
		return Changes{}, nil
	}
	changes, err := w.arrived(ctx, event)
	if err != nil {
		return changes, err
	}
	named, err := w.named(ctx, event)
	changes.Entries = append(changes.Entries, named...)
	if err == nil {
		var pushed []Entry
		pushed, err = w.pushed(ctx, event)
		changes.Entries = append(changes.Entries, pushed...)
	}
	if err != nil || !event.TouchesPolicy {
		return changes, err
	}
	told, err := w.checked(ctx, event.Repository, event.After, nil)
	changes.Add(told)
	return changes, err
}

// arrived looks again at a commit of which runs are known and that is a branch's head now: what a merge queue tested counts
// once it is on the branch. It costs no call.
func (w PolicyWatch) arrived(ctx context.Context, event PushEvent) (Changes, error) {
	records, err := w.Records.Records(ctx, event.Repository.ID, event.After)
	if err != nil || len(records) == 0 {
		return Changes{}, err
	}
	policy, err := w.Policies.Known(ctx, event.Repository)
	if errors.Is(err, ErrNotFound) || err == nil && !policy.Valid() {
		return Changes{}, nil
	}
	if err != nil {
		return Changes{}, err
	}
	work, err := Wake(ctx, w.Requests, event.Repository.ID, event.After, 0)
	for _, environment := range policy.Policy.Environments {
		work = append(work, checkAgain(Check{Repository: event.Repository, Environment: environment.Name, Commit: event.After}, time.Time{}))
	}
	return Changes{Work: work}, err
}

// named keeps that a branch which some stage counts had the commit as its head, and since when. It costs no call.
func (w PolicyWatch) named(ctx context.Context, event PushEvent) ([]Entry, error) {
	policy, err := w.Policies.Known(ctx, event.Repository)
	unknown := errors.Is(err, ErrNotFound)
	if err != nil && !unknown {
		return nil, err
	}
	isDefault := event.Branch == event.Repository.DefaultBranch && (unknown || policy.File.Found || event.TouchesPolicy)
	if !isDefault && !policy.Policy.countsBranch(event.Repository, event.Branch) {
		return nil, nil
	}
	return []Entry{event.tipEntry(), event.arrivalEntry(w.GitHubTime(event.Received))}, nil
}

// pushed keeps who pushed commits to whichever branch, where there may be a policy: git's author and committer can be anybody. It
// costs no call.
func (w PolicyWatch) pushed(ctx context.Context, event PushEvent) ([]Entry, error) {
	if governed, err := mayBeGoverned(ctx, w.Policies, event.Repository); !governed || err != nil {
		return nil, err
	}
	return event.pushEntries(), nil
}

// Proposed takes a pull request's new head. It costs one call in a repository that has a policy, and none elsewhere.
func (w PolicyWatch) Proposed(ctx context.Context, event PullRequestEvent) (Changes, error) {
	known, err := w.Policies.Cache.CachedPolicy(ctx, event.Repository.ID)
	if errors.Is(err, ErrNotFound) || err == nil && !known.File.Found {
		return Changes{}, nil
	}
	if err != nil {
		return Changes{}, err
	}
	return w.checked(ctx, event.Repository, event.Head, known.File.Content)
}

// checked says on a check run whether the commit's policy file is valid, unless it is the one that governs now.
func (w PolicyWatch) checked(ctx context.Context, repository Repository, commit Commit, governing []byte) (Changes, error) {
	policy, err := w.Policies.At(ctx, repository, commit)
	if err != nil {
		return Changes{}, err
	}
	if !policy.File.Found || governing != nil && bytes.Equal(policy.File.Content, governing) {
		return Changes{}, nil
	}
	return Changes{Announcements: []Announcement{w.Checks.ForPolicy(repository, policy, commit)}}, nil
}
