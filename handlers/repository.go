package handlers

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// RepositoryWatch takes the news that a repository is not what it was.
type RepositoryWatch interface {
	RepositoryChanged(ctx context.Context, repository promotion.Repository) (promotion.Changes, error)
}

// Repository handles repository deliveries.
type Repository struct{ Watch RepositoryWatch }

// Handles gives the event's name.
func (Repository) Handles() []string { return []string{"repository"} }

// Handle takes repositories that were renamed, transferred, deleted, edited (their default branch), archived, unarchived, made public
// or made private. It returns a promotion.PermanentError for a body that is no such event.
func (h Repository) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.RepositoryEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	switch event.GetAction() {
	case "renamed", "transferred", "deleted", "edited", "archived", "unarchived", "publicized", "privatized":
	default:
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	changes, err := h.Watch.RepositoryChanged(ctx, repository)
	return leave(ctx, changes, err)
}
