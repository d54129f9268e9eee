package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// How far back, and how many, deliveries are compared with the ledger. Finished work is kept for a day at least; the rest of it
// is for clocks that differ.
const (
	restoredReach = 23 * time.Hour
	restoredMost  = 200
	// A delivery that was accepted this long before the ledger was made was accepted by another ledger, however clocks differ.
	lostMargin = time.Hour
)

// How long a ledger that may be a lost one's successor waits for GitHub's list of deliveries before anything is worked on, and
// how often it asks.
const (
	lookBackPatience = 2 * time.Minute
	lookBackEvery    = 2 * time.Second
)

// Every version keeps each delivery of these events.
var alwaysKept = []string{"workflow_run", "issue_comment", "push"}

// holdIfBehind holds everything when GitHub was told that deliveries are kept which the ledger does not have: it was restored from
// a backup, or it is a new one in the place of one that was lost. Others than it knows may be live, held or approved.
func (s *Server) holdIfBehind(ctx context.Context, deliveries []forge.Delivery) error {
	begun, err := s.ledger.Begun(ctx)
	if err != nil {
		return err
	}
	everywhere, err := s.ledger.Everywhere(ctx)
	if err != nil || everywhere.Hold != nil {
		return err
	}
	recent := s.options.Clock().Add(-restoredReach)
	var answered []string
	at := map[string]time.Time{}
	for _, delivery := range deliveries {
		kept := delivery.Delivered.After(recent) || delivery.Delivered.Before(begun.Add(-lostMargin)) // else it may be done, and removed
		// What was answered before somebody lifted the hold was looked at then.
		if delivery.Status != http.StatusAccepted || !kept || !delivery.Delivered.After(everywhere.Resumed) || !slices.Contains(alwaysKept, delivery.Event) {
			continue
		}
		if len(answered) < restoredMost || delivery.Delivered.Before(begun) {
			answered, at[delivery.GUID] = append(answered, delivery.GUID), delivery.Delivered
		}
	}
	for some := range slices.Chunk(answered, restoredMost) {
		unknown, err := s.ledger.UnknownDeliveries(ctx, some)
		if err != nil {
			return err
		}
		if len(unknown) > 0 {
			return s.holdEverything(ctx, "restored/"+unknown[0], ledgerLacks("deliveries that were accepted before", at[unknown[0]].Before(begun)), len(unknown), unknown[0])
		}
	}
	return nil
}

// ledgerLacks says why everything is held.
func ledgerLacks(what string, isNew bool) string {
	how := "restored from a backup"
	if isNew {
		how = "lost, and this were a new one"
	}
	return "the ledger lacks " + what + ", as if it had been " + how + "; promotions, holds and approvals since then are unknown to it"
}

// holdIfAnswered holds everything: GitHub has our answer to a comment of which the ledger knows nothing, so that another ledger did.
func (s *Server) holdIfAnswered(ctx context.Context, repository promotion.Repository, comment int64) error {
	everywhere, err := s.ledger.Everywhere(ctx)
	// What is that old was looked at when somebody lifted the hold: sweeps look at the comments of a day.
	if err != nil || everywhere.Hold != nil || s.options.Clock().Sub(everywhere.Resumed) < 25*time.Hour {
		return err
	}
	begun, err := s.ledger.Begun(ctx)
	if err != nil {
		return err
	}
	isNew := s.options.Clock().Sub(begun) < 25*time.Hour
	return s.holdEverything(ctx, fmt.Sprintf("restored/%d/%d", repository.ID, comment), ledgerLacks("commands that were answered before", isNew), 1, "")
}

func (s *Server) holdEverything(ctx context.Context, key, reason string, missing int, delivery string) error {
	added, err := s.ledger.HoldEverything(ctx, key, reason)
	if added {
		s.options.Logger.Error().Int("missing", missing).Str(LogDelivery, delivery).Str(LogReason, reason).
			Msg("the ledger seems to be restored from a backup, or a new one in the place of one that was lost: everything is held; compare what is live, then lift it with verbatim ledger resume")
	}
	return err
}

// heldEverywhere says why everything is held, and how that is lifted; "" when it is not.
func (s *Server) heldEverywhere(ctx context.Context) string {
	everywhere, err := s.ledger.Everywhere(ctx)
	if err != nil || everywhere.Hold == nil {
		return ""
	}
	return everywhere.Hold.String() + "; compare what is live, then lift it with verbatim ledger resume"
}

// lookBack is what a process does before it begins to work. When GitHub cannot be asked, a ledger that is old enough to be no
// lost one's successor is looked at again with each catching up; a new one waits a while for GitHub, because all that it does not
// know of may be held.
func (s *Server) lookBack(ctx context.Context) {
	begun, err := s.ledger.Begun(ctx)
	young := err == nil && s.options.Clock().Sub(begun) < catchUpReach
	hundreds, patience := restoredMost/100, time.Duration(0)
	if young {
		hundreds, patience = catchUpHundreds, lookBackPatience
	}
	for asked := time.Now(); ctx.Err() == nil; {
		err = s.lookBackOnce(ctx, hundreds)
		if err == nil {
			return
		}
		if time.Since(asked) >= patience || isAnswered(err) {
			break // GitHub answered, and will not say
		}
		s.options.Logger.Warn().Err(err).Msg("it could not be told whether there was another ledger before this new one; nothing is worked on until GitHub tells")
		timer := time.NewTimer(lookBackEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	if err != nil && ctx.Err() == nil {
		s.options.Logger.Warn().Err(err).Msg("it could not be told whether the ledger is the newest one; it is looked at again while catching up")
	}
}

func (s *Server) lookBackOnce(ctx context.Context, hundreds int) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	deliveries, err := s.delivered(ctx, hundreds)
	if err != nil {
		return err
	}
	return s.holdIfBehind(ctx, deliveries)
}

// delivered reads GitHub's list of deliveries. That GitHub answers, and does not give it, is named until it does.
func (s *Server) delivered(ctx context.Context, hundreds int) ([]forge.Delivery, error) {
	deliveries, err := s.forge.Deliveries(ctx, s.options.Clock().Add(-catchUpReach), hundreds)
	switch {
	case err == nil:
		s.board.Set(selfcheck.Finding{Name: selfcheck.GitHubDeliveries, State: selfcheck.OK})
	case isAnswered(err):
		s.board.Set(selfcheck.Finding{
			Name: selfcheck.GitHubDeliveries, State: selfcheck.Degraded,
			Found: "GitHub does not list the webhook's deliveries: what failed is not asked for again, and a ledger that was lost or restored may not be noticed: " + err.Error(),
			Mend:  "see that the webhook is set up at the app itself, and that VERBATIM's GITHUB_V3_API_URL leads to GitHub's whole API",
		})
	}
	return deliveries, err
}
