package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// How far back, and how many, deliveries are compared with the ledger.
const (
	restoredReach = 24 * time.Hour // the shortest time for which finished work is kept
	restoredMost  = 200
)

// Every version keeps each delivery of these events.
var alwaysKept = []string{"workflow_run", "issue_comment", "push"}

// holdIfRestored holds everything when GitHub was told that deliveries are kept which the ledger does not have: then it
// was restored from a backup, and others than it knows may be live, held or approved.
func (s *Server) holdIfRestored(ctx context.Context, deliveries []forge.Delivery) error {
	var answered []string
	since, err := s.ledger.Begun(ctx)
	if err != nil {
		return err
	}
	// What was answered before this ledger was made, another one kept.
	if since = since.Add(time.Minute); since.Before(s.options.Clock().Add(-restoredReach)) {
		since = s.options.Clock().Add(-restoredReach)
	}
	for _, delivery := range deliveries {
		if delivery.Status == http.StatusAccepted && delivery.Delivered.After(since) && slices.Contains(alwaysKept, delivery.Event) && len(answered) < restoredMost {
			answered = append(answered, delivery.GUID)
		}
	}
	unknown, err := s.ledger.UnknownDeliveries(ctx, answered)
	if err != nil || len(unknown) == 0 {
		return err
	}
	added, err := s.ledger.HoldEverything(ctx, "restored/"+unknown[0],
		"the ledger lacks deliveries that were accepted before, as if it had been restored from a backup; promotions, holds and approvals since then are unknown to it")
	if added {
		s.options.Logger.Error().Int("missing", len(unknown)).Str(LogDelivery, unknown[0]).
			Msg("the ledger seems to be restored from a backup: everything is held; compare what is live, then lift it with verbatim ledger resume")
	}
	return err
}

// lookBack is what a process does before it begins to work. When GitHub cannot be asked, it is looked at again with each
// catching up.
func (s *Server) lookBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	deliveries, err := s.forge.Deliveries(ctx, s.options.Clock().Add(-restoredReach), restoredMost/100)
	if err == nil {
		err = s.holdIfRestored(ctx, deliveries)
	}
	if err != nil {
		s.options.Logger.Warn().Err(err).Msg("it could not be told whether the ledger is the newest one; it is looked at again while catching up")
	}
}
