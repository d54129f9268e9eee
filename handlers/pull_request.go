package handlers

import (
	"context"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// PullRequest handles pull_request deliveries.
type PullRequest struct {
	Watch    PolicyWatch
	Requests PullRequestWatch
	Clock    func() time.Time
}

// PullRequestWatch keeps what becomes of pull requests.
type PullRequestWatch interface {
	Changed(ctx context.Context, event promotion.PullRequestEvent) (promotion.Changes, error)
	Rebased(ctx context.Context, event promotion.PullRequestEvent) (promotion.Changes, error)
	Reviewed(ctx context.Context, event promotion.ReviewEvent) (promotion.Changes, error)
}

// Handles gives the event's name.
func (PullRequest) Handles() []string { return []string{"pull_request"} }

// Handle takes pull requests with a new head or another base, and those that were merged. It returns a promotion.PermanentError for a body that is no such event.
func (h PullRequest) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.PullRequestEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	merged := event.GetAction() == "closed" && event.GetPullRequest().GetMerged()
	rebased := event.GetAction() == "edited" && event.GetChanges().GetBase() != nil
	switch event.GetAction() {
	case "opened", "reopened", "synchronize":
	case "edited":
		if !rebased {
			return nil
		}
	default:
		if !merged {
			return nil
		}
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	head, err := promotion.ParseCommit(event.GetPullRequest().GetHead().GetSHA())
	if err != nil {
		return malformed(eventType, "pull_request.head.sha: %w", err)
	}
	kept := promotion.PullRequestEvent{Repository: repository, Number: event.GetNumber(), Head: head, At: event.GetPullRequest().GetUpdatedAt().Time}
	kept.Base, kept.Fork = event.GetPullRequest().GetBase().GetRef(), event.GetPullRequest().GetHead().GetRepo().GetID() != repository.ID
	kept.Pushed, kept.Received = event.GetPullRequest().GetHead().GetRepo().GetPushedAt().Time, receivedAt(ctx, h.Clock)
	if event.GetAction() == "opened" || event.GetAction() == "synchronize" {
		kept.Pusher = personOf(event.GetSender())
	}
	kept.BaseCommit, _ = promotion.ParseCommit(event.GetPullRequest().GetBase().GetSHA()) // none: it is looked up
	if rebased {
		kept.FormerBase = event.GetChanges().GetBase().GetRef().GetFrom()
		changes, err := h.Requests.Rebased(ctx, kept)
		return leave(ctx, changes, err)
	}
	if merged {
		kept.Merger = personOf(event.GetSender())
		if kept.Merged, err = promotion.ParseCommit(event.GetPullRequest().GetMergeCommitSHA()); err != nil {
			return malformed(eventType, "pull_request.merge_commit_sha: %w", err)
		}
	}
	changes, err := h.Requests.Changed(ctx, kept)
	if err := leave(ctx, changes, err); err != nil || merged {
		return err
	}
	changes, err = h.Watch.Proposed(ctx, kept)
	return leave(ctx, changes, err)
}
