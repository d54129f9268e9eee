package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// How far back deliveries are looked at (GitHub keeps them for three days), and how often one is asked for.
const (
	catchUpReach    = 72 * time.Hour
	catchUpAttempts = 20 // also for whoever is restarted again and again
	catchUpHundreds = 50 // of deliveries
)

// Deliverer knows what GitHub could not deliver.
type Deliverer interface {
	Redeliver(ctx context.Context, delivery int64) error
}

// catchUp asks GitHub to deliver again what nobody answered 2xx: GitHub never does so by itself. The oldest come first, and at
// most so many. It gives how many it asked for, and how many were given up.
func catchUp(ctx context.Context, deliverer Deliverer, deliveries []forge.Delivery, most int) (asked, lost int, err error) {
	attempts := map[string]int{}
	succeeded := map[string]bool{}
	for _, delivery := range deliveries {
		if !refusedBySettings(delivery) {
			attempts[delivery.GUID]++
		}
		succeeded[delivery.GUID] = succeeded[delivery.GUID] || delivery.Succeeded
	}
	var failures []error
	seen := map[string]bool{}
	for _, delivery := range slices.Backward(deliveries) {
		if succeeded[delivery.GUID] || seen[delivery.GUID] {
			continue
		}
		if asked >= most {
			break
		}
		seen[delivery.GUID] = true
		if attempts[delivery.GUID] >= catchUpAttempts {
			lost++
			continue
		}
		switch err := deliverer.Redeliver(ctx, delivery.ID); {
		case errors.Is(err, promotion.ErrNotFound):
			lost++
		case err != nil:
			failures = append(failures, err)
			if ctx.Err() != nil || len(failures) > 10 {
				return asked, lost, errors.Join(failures...)
			}
		default:
			asked++
		}
	}
	return asked, lost, errors.Join(failures...)
}

// leadership gives how long a leader that died keeps others from leading, and how often one that lives says so: at most 30
// and 10 seconds, and less where work is taken over sooner.
func leadership(lease time.Duration) (leadFor, renewEvery time.Duration) {
	leadFor = min(lease/2, 30*time.Second)
	return leadFor, leadFor / 3
}

// periodically does something as soon as this process leads in it, and then every so often, as long as it does, or when soon asks
// for it. Of all processes on the database one leads; when it ends, another takes over, and does it at once.
func (s *Server) periodically(ctx context.Context, name, holder string, every time.Duration, soon <-chan struct{}, act func(context.Context) error) {
	if every <= 0 {
		return
	}
	leadFor, renewEvery := leadership(s.options.Settings.Lease)
	ticker := time.NewTicker(min(every, renewEvery))
	defer ticker.Stop()
	var due time.Time
	for ctx.Err() == nil {
		now := s.options.Clock()
		leads, err := s.ledger.Lead(ctx, name, holder, now.Add(leadFor))
		s.metrics.leads(name, leads)
		if !leads {
			due = time.Time{}
		} else if !now.Before(due) || due.Sub(now) > every { // the clock may have been put back
			due = now.Add(every)
			err = act(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.ledger.Notice(err)
			s.options.Logger.Error().Err(err).Str(LogTask, name).Msg("periodic task failed; it is tried again")
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-soon:
			due = time.Time{}
		}
	}
	// Whoever leads next need not wait.
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := s.ledger.Lead(leaving, name, holder, s.options.Clock()); err != nil {
		s.options.Logger.Warn().Err(err).Str(LogTask, name).Msg("leadership was not given up; it runs out by itself")
	}
}

// askAgain has GitHub deliver again what failed, and gives how much it asked for.
func (s *Server) askAgain(ctx context.Context) (int, error) {
	deliveries, err := s.delivered(ctx, catchUpHundreds)
	if err != nil {
		return 0, fmt.Errorf("catch up with deliveries: %w", err)
	}
	if err := s.holdIfBehind(ctx, deliveries); err != nil {
		return 0, err
	}
	most := len(deliveries)
	if s.webhook.look(deliveries) {
		most = 1 // whether it is refused still: each further one would be, too
	}
	asked, lost, err := catchUp(ctx, s.forge, deliveries, most)
	s.metrics.caughtUp.WithLabelValues("asked").Add(float64(asked))
	s.metrics.caughtUp.WithLabelValues("lost").Add(float64(lost))
	if asked > 0 || lost > 0 {
		s.options.Logger.Info().Int("asked", asked).Int("lost", lost).Msg("deliveries that failed were asked for again")
	}
	if err != nil {
		return asked, fmt.Errorf("catch up with deliveries: %w", err)
	}
	return asked, nil
}

// prune removes work that was done long ago.
func (s *Server) prune(ctx context.Context) error {
	removed, err := s.ledger.Prune(ctx, s.options.Clock().Add(-s.options.Settings.Retention))
	if removed > 0 {
		s.options.Logger.Info().Int64("rows", removed).Msg("finished work removed")
	}
	return err
}
