package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Rows whose lease has run out are ready again. Whoever held them is fenced out: their token rises with the next claim.
const expireStatement = `UPDATE work SET state = 'ready', lease_until = 0 WHERE state = 'leased' AND lease_until <= $1`

// The repositories that have work, one step through the index each.
const turnsStatement = `WITH RECURSIVE turns (repository) AS (
		SELECT (SELECT MIN(repository) FROM work WHERE state = 'ready')
		UNION ALL
		SELECT (SELECT MIN(repository) FROM work WHERE state = 'ready' AND repository > turns.repository) FROM turns WHERE turns.repository IS NOT NULL)
	SELECT repository FROM turns WHERE repository IS NOT NULL
	AND EXISTS (SELECT 1 FROM work WHERE state = 'ready' AND repository = turns.repository AND next_run <= $1)`

// A repository's rows that are due, of queues that nobody works on.
const dueStatement = `SELECT id, queue FROM work WHERE state = 'ready' AND repository = $1 AND next_run <= $2
	AND queue NOT IN (SELECT queue FROM work WHERE state = 'leased' AND queue <> '')
	ORDER BY next_run, id LIMIT 256`

const leaseStatement = `UPDATE work SET state = 'leased', token = token + 1, attempts = attempts + 1, lease_until = $1 WHERE id IN (%s)
	RETURNING id, kind, subject, repository, queue, delivery, trace, payload, attempts, token, created, next_run`

// Claim gives at most limit rows of work that are due, each under a lease: rows that are ready, and rows whose lease has
// run out. Of one queue it gives one row at a time. Repositories have their turns: one with much work does not keep the
// others waiting, and spare (nil: any number) says how many rows of a repository can be taken now. A row that waits to
// be tried again does not keep the rows behind it.
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
		rows, err := tx.QueryContext(ctx, turnsStatement, micros(now))
		repositories, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		if err != nil || len(repositories) == 0 {
			return err
		}
		due, err := l.due(ctx, tx, l.inTurn(repositories), limit, now, spare)
		if err != nil || len(due) == 0 {
			return err
		}
		claimed, err = leaseRows(ctx, tx, due, until)
		return err
	})
	return claimed, err
}

// inTurn has the claim begin behind the repository with which the last one ended.
func (l *Ledger) inTurn(repositories []int64) []int64 {
	begin := 0
	for begin < len(repositories) && repositories[begin] <= l.turn.Load() {
		begin++
	}
	return slices.Concat(repositories[begin:], repositories[:begin])
}

// due picks rows in turns: an equal share of each repository's.
func (l *Ledger) due(ctx context.Context, tx *transaction, repositories []int64, limit int, now time.Time, spare func(int64) int) ([]int64, error) {
	statement := dueStatement
	if l.postgres != nil {
		statement += ` FOR UPDATE SKIP LOCKED`
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
		rows, err := tx.QueryContext(ctx, statement, repository, micros(now))
		if err != nil {
			return nil, err
		}
		picked, err := firstOfQueues(rows, share, seen)
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

// firstOfQueues gives the first rows, and of each queue that was not seen yet one.
func firstOfQueues(rows *sql.Rows, most int, seen map[string]bool) ([]int64, error) {
	defer rows.Close()
	var picked []int64
	for len(picked) < most && rows.Next() {
		var id int64
		var queue string
		if err := rows.Scan(&id, &queue); err != nil {
			return nil, err
		}
		if queue == "" || !seen[queue] {
			seen[queue] = true
			picked = append(picked, id)
		}
	}
	return picked, rows.Err()
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

const nextLeaseStatement = `SELECT MIN(lease_until) FROM work WHERE state = 'leased'`

const nextReadyStatement = `SELECT MIN(next_run) FROM work WHERE state = 'ready' AND repository NOT IN (%s)
	AND queue NOT IN (SELECT queue FROM work WHERE state = 'leased' AND queue <> '')`

// NextRun gives when there may be something to claim next: a row's time comes, or a lease runs out. A row behind a leased
// one of its queue does not count: it is claimed when that one ends, of which Added tells. Nor do the rows of the
// repositories that have no worker to spare.
func (l *Ledger) NextRun(ctx context.Context, without []int64) (next time.Time, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var lease, ready sql.NullInt64
	places, arguments := []string{"-1"}, []any(nil)
	for i, repository := range without {
		places = append(places, fmt.Sprintf("$%d", i+1))
		arguments = append(arguments, repository)
	}
	if err = l.read.QueryRowContext(ctx, nextLeaseStatement).Scan(&lease); err == nil {
		err = l.read.QueryRowContext(ctx, fmt.Sprintf(nextReadyStatement, strings.Join(places, ", ")), arguments...).Scan(&ready)
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next work: %w", err)
	}
	earliest := ready
	if !ready.Valid || lease.Valid && lease.Int64 < ready.Int64 {
		earliest = lease
	}
	return fromMicros(earliest.Int64), earliest.Valid, nil
}
