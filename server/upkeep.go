package server

import (
	"context"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// Upkeep is what an operator does to the ledger, beside a server that runs or without one.
type Upkeep struct{ ledger *ledger.Ledger }

// OpenUpkeep opens the ledger of the settings. The error names what could not be opened.
func OpenUpkeep(ctx context.Context, settings config.Settings) (*Upkeep, error) {
	opened, err := ledger.Open(ctx, settings.DatabaseURL, time.Now)
	if err != nil {
		return nil, err
	}
	return &Upkeep{opened}, nil
}

// SetAside gives the rows of work that failed for good, oldest first.
func (u *Upkeep) SetAside(ctx context.Context) ([]ledger.SetAsideRow, error) {
	return u.ledger.SetAsideRows(ctx)
}

// Retry gives a row back to the workers. It returns promotion.ErrNotFound when no such row is set aside.
func (u *Upkeep) Retry(ctx context.Context, id int64) error { return u.ledger.RetrySetAside(ctx, id) }

// Discard ends a row without doing it. It returns promotion.ErrNotFound when no such row is set aside.
func (u *Upkeep) Discard(ctx context.Context, id int64) error {
	return u.ledger.DiscardSetAside(ctx, id)
}

// ResumeEverything lifts the hold that the server set when its ledger seemed to be restored from a backup, and gives it. It
// returns promotion.ErrNotFound when there is none.
func (u *Upkeep) ResumeEverything(ctx context.Context) (promotion.Hold, error) {
	return u.ledger.ResumeEverything(ctx)
}

// Close closes the ledger.
func (u *Upkeep) Close() error { return u.ledger.Close() }
