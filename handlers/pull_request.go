package handlers

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// PullRequest handles pull_request deliveries.
type PullRequest struct{ Watch PolicyWatch }

// Handles gives the event's name.
func (PullRequest) Handles() []string { return []string{"pull_request"} }

// Handle takes pull requests with a new head. It returns a promotion.PermanentError for a body that is no such event.
func (h PullRequest) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.PullRequestEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	switch event.GetAction() {
	case "opened", "reopened", "synchronize":
	default:
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	head, err := promotion.ParseCommit(event.GetPullRequest().GetHead().GetSHA())
	if err != nil {
		return malformed(eventType, "pull_request.head.sha: %w", err)
	}
	changes, err := h.Watch.Proposed(ctx, promotion.PullRequestEvent{Repository: repository, Number: event.GetNumber(), Head: head})
	return leave(ctx, changes, err)
}
