package promotion

import (
	"bytes"
	"context"
	"errors"
)

// PushEvent is a push to a branch.
type PushEvent struct {
	Repository    Repository
	Branch        string
	After         Commit // zero: the branch was deleted
	TouchesPolicy bool   // one of the pushed commits adds, changes or removes a policy file
}

// PolicyWatch keeps up with changes of policy files, and says on a check run of the commit whether a new one is valid.
type PolicyWatch struct {
	Policies *PolicySource
	Checks   Checks
}

// Pushed takes a push. Only a push that touches a policy file costs calls: one, or two where the owner's file governs.
func (w PolicyWatch) Pushed(ctx context.Context, event PushEvent) (Changes, error) {
	if event.Branch == event.Repository.DefaultBranch {
		if err := w.Policies.Changed(ctx, event.Repository); err != nil {
			return Changes{}, err
		}
	}
	if !event.TouchesPolicy || event.After.IsZero() {
		return Changes{}, nil
	}
	return w.checked(ctx, event.Repository, event.After, nil)
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
