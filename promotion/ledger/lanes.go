package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// TakeLanes takes all lanes of the claim, or none.
func (l *Ledger) TakeLanes(ctx context.Context, lease promotion.Lease, claim promotion.LaneClaim) (promotion.LaneAnswer, error) {
	answer := promotion.LaneAnswer{}
	err := l.within(ctx, "take lanes", func(ctx context.Context, tx *transaction) error {
		if err := l.alone(ctx, tx, lockLanes); err != nil {
			return err
		}
		if _, err := l.holds(ctx, tx, lease); err != nil {
			return err
		}
		now := l.clock()
		for _, lane := range claim.Lanes {
			state, err := laneState(ctx, tx, lane, lease, claim, now)
			if err != nil || !state.Taken {
				answer = state
				return err
			}
		}
		for _, lane := range claim.Lanes {
			_, err := tx.ExecContext(ctx, `INSERT INTO lanes (registry, tag, repository, environment, image, work, token, held_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
				ON CONFLICT (registry, tag) DO UPDATE SET work = excluded.work, token = excluded.token, held_until = excluded.held_until`,
				lane.Registry.String(), lane.Tag, claim.Repository, claim.Environment, claim.Image, lease.Work, lease.Token, micros(lease.Until))
			if err != nil {
				return err
			}
		}
		answer.Taken = true
		return nil
	})
	return answer, err
}

// laneState says whether the lane can be taken: it is nobody's, or this environment's and not held by other work.
func laneState(ctx context.Context, tx *transaction, lane promotion.Lane, lease promotion.Lease, claim promotion.LaneClaim, now time.Time) (promotion.LaneAnswer, error) {
	var repository, work, heldUntil int64
	var environment, image string
	err := tx.QueryRowContext(ctx, `SELECT repository, environment, image, work, held_until FROM lanes WHERE registry = $1 AND tag = $2`, lane.Registry.String(), lane.Tag).
		Scan(&repository, &environment, &image, &work, &heldUntil)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return promotion.LaneAnswer{Taken: true}, nil
	case err != nil:
		return promotion.LaneAnswer{}, err
	case repository != claim.Repository || environment != claim.Environment || image != claim.Image:
		owner := fmt.Sprintf("environment %s (image %s) of the GitHub repository with id %d", environment, image, repository)
		if repository == claim.Repository {
			owner = fmt.Sprintf("environment %s (image %s) of this repository", environment, image)
		}
		return promotion.LaneAnswer{Owner: owner, Owned: lane}, nil
	case work == 0 || work == lease.Work:
		return promotion.LaneAnswer{Taken: true}, nil
	case heldUntil > micros(now):
		return promotion.LaneAnswer{Busy: true}, nil
	}
	// Whoever held the lane may have been killed with the tag half moved. As long as that work is about to be taken up again,
	// nobody comes between.
	var pending int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM work WHERE id = $1 AND (state = 'leased' OR state = 'ready' AND (next_run <= $2 OR EXISTS (`+runningStatement+`)))`, work, micros(now)).Scan(&pending)
	return promotion.LaneAnswer{Taken: pending == 0, Busy: pending > 0}, err
}

// runningStatement finds promotions under way that the row $1 carries on.
const runningStatement = `SELECT 1 FROM promotions WHERE state = 'running' AND request = (
	SELECT id FROM requests WHERE key = (SELECT subject FROM work WHERE id = $1 AND kind = 'request'))`

// keepLanes frees the lanes of a row that is given back, unless a promotion is under way in them: its tag may have been moved,
// and nobody comes between until that is finished or reported.
func keepLanes(ctx context.Context, tx *transaction, lease promotion.Lease) error {
	var running int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (`+runningStatement+`) AS running`, lease.Work).Scan(&running); err != nil || running > 0 {
		return err
	}
	return freeLanes(ctx, tx, lease)
}

func freeLanes(ctx context.Context, tx *transaction, lease promotion.Lease) error {
	_, err := tx.ExecContext(ctx, `UPDATE lanes SET work = 0, token = 0, held_until = 0 WHERE work = $1 AND work <> 0 AND token = $2`, lease.Work, lease.Token)
	return err
}

// ClaimRegistry gives whose the registry repository is: the first that asked, for good.
func (l *Ledger) ClaimRegistry(ctx context.Context, registry promotion.RegistryRepository, repository int64) (owner int64, err error) {
	find := `SELECT repository FROM registry_owners WHERE registry = $1`
	err = l.read.QueryRowContext(ctx, find, registry.String()).Scan(&owner)
	if !errors.Is(err, sql.ErrNoRows) {
		return owner, err
	}
	err = l.within(ctx, "claim "+registry.String(), func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO registry_owners (registry, repository) VALUES ($1, $2) ON CONFLICT DO NOTHING`, registry.String(), repository)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, find, registry.String()).Scan(&owner)
	})
	return owner, err
}
