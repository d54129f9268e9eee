package handlers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// PolicyWatch takes pushes and pull requests, which may change the policy.
type PolicyWatch interface {
	Pushed(ctx context.Context, event promotion.PushEvent) (promotion.Changes, error)
	Proposed(ctx context.Context, event promotion.PullRequestEvent) (promotion.Changes, error)
}

// Push handles push deliveries.
type Push struct {
	Watch PolicyWatch
	Clock func() time.Time
}

// Handles gives the event's name.
func (Push) Handles() []string { return []string{"push"} }

// Handle takes pushes to branches. It returns a promotion.PermanentError for a body that is no such event.
func (h Push) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.PushEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	branch, isBranch := strings.CutPrefix(event.GetRef(), "refs/heads/")
	if !isBranch {
		return nil
	}
	pushed := event.GetRepo()
	repository, err := repositoryOf(eventType, &github.Repository{
		ID: pushed.ID, Owner: pushed.GetOwner(), Name: pushed.Name, Private: pushed.Private, DefaultBranch: pushed.DefaultBranch,
	}, event.GetInstallation())
	if err != nil {
		return err
	}
	change := promotion.PushEvent{Repository: repository, Branch: branch, TouchesPolicy: touchesPolicy(event.Commits), Received: receivedAt(ctx, h.Clock)}
	change.Pusher, change.Commits, change.At = personOf(event.GetSender()), firstPushed(event.Commits), pushed.GetPushedAt().Time
	if !event.GetDeleted() {
		if change.After, err = promotion.ParseCommit(event.GetAfter()); err != nil {
			return malformed(eventType, "after: %w", err)
		}
	}
	changes, err := h.Watch.Pushed(ctx, change)
	return leave(ctx, changes, err)
}

// firstPushed returns the commits that nobody had pushed to the repository before.
func firstPushed(commits []*github.HeadCommit) []promotion.Commit {
	var first []promotion.Commit
	for _, listed := range commits {
		commit, err := promotion.ParseCommit(listed.GetID())
		if err == nil && (listed.Distinct == nil || listed.GetDistinct()) {
			first = append(first, commit)
		}
	}
	return first
}

func touchesPolicy(commits []*github.HeadCommit) bool {
	return slices.ContainsFunc(commits, func(commit *github.HeadCommit) bool {
		return slices.ContainsFunc(slices.Concat(commit.Added, commit.Modified, commit.Removed), func(path string) bool {
			return path == ".github/verbatim.yml"
		})
	})
}
