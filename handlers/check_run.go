package handlers

import (
	"context"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ButtonDoor takes presses of check runs' buttons.
type ButtonDoor interface {
	Pressed(ctx context.Context, event promotion.PressEvent) (promotion.Changes, error)
}

// CheckRun handles check_run deliveries.
type CheckRun struct {
	Door  ButtonDoor
	Clock func() time.Time
}

// Handles gives the event's name.
func (CheckRun) Handles() []string { return []string{"check_run"} }

// Handle takes presses of a button (action requested_action, delivered only to the app that made the check run). It
// returns a promotion.PermanentError for a body that is no such event.
func (h CheckRun) Handle(ctx context.Context, eventType, delivery string, payload []byte) error {
	var event github.CheckRunEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	sender := personOf(event.GetSender())
	if event.GetAction() != "requested_action" || event.GetRequestedAction() == nil || sender.Bot {
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	commit, err := promotion.ParseCommit(event.GetCheckRun().GetHeadSHA())
	if err != nil || sender.ID <= 0 || event.GetCheckRun().GetID() <= 0 {
		return malformed(eventType, "expected a check run with id, head_sha and a sender, found %d, %.90q and %d", event.GetCheckRun().GetID(), event.GetCheckRun().GetHeadSHA(), sender.ID)
	}
	changes, err := h.Door.Pressed(ctx, promotion.PressEvent{
		Repository: repository, CheckRun: event.GetCheckRun().GetID(), Key: event.GetCheckRun().GetExternalID(),
		Identifier: event.GetRequestedAction().Identifier, Commit: commit, Sender: sender, Delivery: delivery, Received: receivedAt(ctx, h.Clock),
	})
	return leave(ctx, changes, err)
}
