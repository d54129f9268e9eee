package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Rows whose lease has run out can be claimed again, and stay the heads of their queues. Whoever held them is fenced out: their
// token rises with the next claim.
const expireStatement = `UPDATE work SET state = 'ready', place = 'head', lease_until = 0 WHERE state = 'leased' AND lease_until <= $1`

// Repositories that have rows to claim, from one on: one step through the index each, and no more of them than wanted.
const turnsStatement = `WITH RECURSIVE turns (repository) AS (
		SELECT (SELECT MIN(repository) FROM work WHERE place = 'head' AND repository > $1)
		UNION ALL
		SELECT (SELECT MIN(repository) FROM work WHERE place = 'head' AND repository > turns.repository) FROM turns WHERE turns.repository IS NOT NULL)
	SELECT repository FROM turns WHERE repository IS NOT NULL LIMIT $2`

// A repository's rows that can be claimed.
const headsStatement = `SELECT id, queue FROM work WHERE place = 'head' AND repository = $1 AND state = 'ready' ORDER BY next_run, id LIMIT $2`

const leaseStatement = `UPDATE work SET state = 'leased', place = 'held', token = token + 1, attempts = attempts + 1, lease_until = $1 WHERE id IN (%s)
	RETURNING id, kind, subject, repository, queue, delivery, trace, payload, attempts, token, created, next_run`

// Claim claims at most limit rows of work that are due, each under a lease: rows that are ready, and rows whose lease has
// run out. Of one queue it takes one row at a time. Repositories have their turns: one with much work does not keep the
// others waiting, and spare (nil: any number) says how many rows of a repository can be taken now. A row that waits to
// be tried again does not keep the rows behind it. What it costs does not depend on how much waits.
func (l *Ledger) Claim(ctx context.Context, limit int, lease time.Duration, spare func(repository int64) int) ([]promotion.Work, error) {
	now := l.clock()
	until := now.Add(lease)
	var claimed []promotion.Work
	err := l.within(ctx, "claim work", func(ctx context.Context, tx *transaction) error {
		if err := l.alone(ctx, tx, lockClaims); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, expireStatement, micros(now)); err != nil {
			return err
		}
		if err := l.place(ctx, tx, now); err != nil {
			return err
		}
		due, err := l.due(ctx, tx, limit, spare)
		if err != nil {
			return err
		}
		if len(due) == 0 {
			return l.unstrand(ctx, tx)
		}
		claimed, err = leaseRows(ctx, tx, due, until)
		return err
	})
	return claimed, err
}

// due picks rows in turns: an equal share of each repository's, from behind the one with which the last claim ended.
func (l *Ledger) due(ctx context.Context, tx *transaction, limit int, spare func(int64) int) ([]int64, error) {
	repositories, err := l.turns(ctx, tx, limit, spare)
	if err != nil {
		return nil, err
	}
	var due []int64
	seen := map[string]bool{}
	for i, repository := range repositories {
		left := len(repositories) - i
		share := (limit - len(due) + left - 1) / left
		if spare != nil {
			share = min(share, spare(repository))
		}
		if share <= 0 {
			continue
		}
		picked, err := l.heads(ctx, tx, repository, share, seen)
		if err != nil {
			return nil, err
		}
		if due = append(due, picked...); len(picked) > 0 {
			l.turn.Store(repository)
		}
		if len(due) >= limit {
			break
		}
	}
	return due, nil
}

// turns returns repositories that have rows to claim and workers to spare, in turn: at most so many.
func (l *Ledger) turns(ctx context.Context, tx *transaction, most int, spare func(int64) int) ([]int64, error) {
	begin := l.turn.Load()
	var repositories []int64
	ask := func(from, to int64) error {
		for len(repositories) < most {
			rows, err := tx.QueryContext(ctx, turnsStatement, from, most)
			found, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
			if err != nil {
				return err
			}
			for _, repository := range found {
				if repository > to || len(repositories) >= most {
					return nil
				}
				if spare == nil || spare(repository) > 0 {
					repositories = append(repositories, repository)
				}
			}
			if len(found) < most {
				return nil
			}
			from = found[len(found)-1] // some have no worker to spare: others may
		}
		return nil
	}
	err := ask(begin, math.MaxInt64)
	if err == nil {
		err = ask(-1, begin)
	}
	return repositories, err
}

// heads picks rows of a repository that can be claimed: of each queue one, if nobody is at work in it.
func (l *Ledger) heads(ctx context.Context, tx *transaction, repository int64, share int, seen map[string]bool) ([]int64, error) {
	var picked []int64
	for {
		rows, err := tx.QueryContext(ctx, headsStatement+l.skipping(), repository, share)
		heads, err := collect(rows, err, scanQueued)
		if err != nil {
			return nil, err
		}
		held, err := l.heldQueues(ctx, tx, heads)
		if err != nil {
			return nil, err
		}
		var second []any
		for _, one := range heads {
			switch {
			case one.queue != "" && (held[one.queue] || seen[one.queue]):
				second = append(second, one.id)
			default:
				seen[one.queue] = true
				picked = append(picked, one.id)
			}
		}
		if len(second) == 0 {
			return picked, nil
		}
		if err := l.putAt(ctx, tx, placeBehind, second); err != nil || len(picked) > 0 {
			return picked, err
		}
	}
}

// heldQueues looks in which of the rows' queues somebody is at work.
func (l *Ledger) heldQueues(ctx context.Context, tx *transaction, heads []queued) (map[string]bool, error) {
	held := map[string]bool{}
	var queues []any
	for _, one := range heads {
		if one.queue != "" {
			queues = append(queues, one.queue)
		}
	}
	if len(queues) == 0 {
		return held, nil
	}
	places, arguments := l.list(queues, 0)
	rows, err := tx.QueryContext(ctx, `SELECT queue FROM work WHERE state = 'leased' AND queue IN (`+places+`)`, arguments...)
	found, err := collect(rows, err, func(rows *sql.Rows) (queue string, err error) { return queue, rows.Scan(&queue) })
	for _, queue := range found {
		held[queue] = true
	}
	return held, err
}

func leaseRows(ctx context.Context, tx *transaction, due []int64, until time.Time) ([]promotion.Work, error) {
	places, arguments := make([]string, len(due)), []any{micros(until)}
	for i, id := range due {
		places[i] = fmt.Sprintf("$%d", i+2)
		arguments = append(arguments, id)
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(leaseStatement, strings.Join(places, ", ")), arguments...)
	claimed, err := collect(rows, err, func(rows *sql.Rows) (promotion.Work, error) {
		work := promotion.Work{Lease: promotion.Lease{Until: believed(until)}}
		var created, due int64
		err := rows.Scan(&work.Work, &work.Kind, &work.Subject, &work.Repository, &work.Queue, &work.Delivery, &work.Trace, &work.Payload, &work.Attempts, &work.Token, &created, &due)
		work.Created, work.Due = fromMicros(created), fromMicros(due)
		return work, err
	})
	slices.SortFunc(claimed, func(a, b promotion.Work) int { return cmp.Compare(a.Work, b.Work) })
	return claimed, err
}

const (
	nextLeaseStatement = `SELECT MIN(lease_until) FROM work WHERE state = 'leased'`
	nextTimedStatement = `SELECT MIN(next_run) FROM work WHERE place = 'timed'`
)

// NextRun returns when there may be something to claim next: now, when a row's time comes, or when a lease runs out. A row
// behind another of its queue does not count: it is claimed when that one ends, of which Added tells. Nor do the rows of the
// repositories that have no worker to spare.
func (l *Ledger) NextRun(ctx context.Context, without []int64) (next time.Time, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for _, statement := range []string{nextLeaseStatement, nextTimedStatement} {
		var earliest sql.NullInt64
		if err := l.read.QueryRowContext(ctx, statement).Scan(&earliest); err != nil {
			return time.Time{}, false, fmt.Errorf("look for the next work: %w", err)
		}
		if at := fromMicros(earliest.Int64); earliest.Valid && (!found || at.Before(next)) {
			next, found = at, true
		}
	}
	rows, err := l.read.QueryContext(ctx, turnsStatement, -1, len(without)+1)
	repositories, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next work: %w", err)
	}
	for _, repository := range repositories {
		if now := l.clock(); !slices.Contains(without, repository) && (!found || now.Before(next)) {
			next, found = now, true
		}
	}
	return next, found, nil
}
