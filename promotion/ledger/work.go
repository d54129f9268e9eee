package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// unfinished is the condition of the partial indexes, word for word: a query has to repeat it to be served by them.
const unfinished = `(state = 'ready' OR state = 'leased')`

const claimStatement = `UPDATE work SET state = 'leased', token = token + 1, attempts = attempts + 1, lease_until = $1
	WHERE id IN (
		SELECT id FROM work AS due
		WHERE ` + unfinished + ` AND (state = 'ready' AND next_run <= $2 OR state = 'leased' AND lease_until <= $3)
		AND (queue = '' OR NOT EXISTS (
			SELECT 1 FROM work AS other WHERE ` + unfinished + ` AND other.queue = due.queue AND other.id <> due.id
			AND (other.state = 'leased' AND other.lease_until > $4
				OR other.id < due.id AND (other.state = 'ready' AND other.next_run <= $5 OR other.state = 'leased' AND other.lease_until <= $6))))
		ORDER BY id LIMIT $7)
	RETURNING id, kind, subject, queue, delivery, payload, attempts, token, created`

// Claim gives at most limit rows of work that are due, oldest first, each under a lease: rows that are ready, and rows
// whose lease has run out. Of one queue it gives one row at a time. A row that waits to be tried again does not keep
// the rows behind it.
func (l *Ledger) Claim(ctx context.Context, limit int, lease time.Duration) ([]promotion.Work, error) {
	now := l.clock()
	until := now.Add(lease)
	var claimed []promotion.Work
	err := l.within(ctx, "claim work", func(tx *sql.Tx) error {
		if err := l.alone(ctx, tx, lockClaims); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, claimStatement, micros(until), micros(now), micros(now), micros(now), micros(now), micros(now), limit)
		claimed, err = collect(rows, err, func(rows *sql.Rows) (promotion.Work, error) {
			work := promotion.Work{Lease: promotion.Lease{Until: until}}
			var created int64
			err := rows.Scan(&work.Work, &work.Kind, &work.Subject, &work.Queue, &work.Delivery, &work.Payload, &work.Attempts, &work.Token, &created)
			work.Created = fromMicros(created)
			return work, err
		})
		slices.SortFunc(claimed, func(a, b promotion.Work) int { return cmp.Compare(a.Work, b.Work) })
		return err
	})
	return claimed, err
}

const nextStatement = `SELECT MIN(CASE WHEN state = 'ready' THEN next_run ELSE lease_until END) FROM work AS due
	WHERE ` + unfinished + ` AND (state = 'leased' OR queue = '' OR NOT EXISTS (
		SELECT 1 FROM work AS held WHERE ` + unfinished + ` AND held.queue = due.queue AND held.state = 'leased'))`

// NextRun gives when there may be something to claim next: a row's time comes, or a lease runs out. A row behind a leased
// one of its queue does not count: it is claimed when that one ends, of which Added tells.
func (l *Ledger) NextRun(ctx context.Context) (next time.Time, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var at sql.NullInt64
	err = l.read.QueryRowContext(ctx, nextStatement).Scan(&at)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next work: %w", err)
	}
	return fromMicros(at.Int64), at.Valid, nil
}

// Retry gives the row back, to be run at that time. Uncounted, the try does not count as one of its attempts.
func (l *Ledger) Retry(ctx context.Context, lease promotion.Lease, at time.Time, cause string, counted bool) error {
	return l.giveBack(ctx, lease, `UPDATE work SET state = 'ready', lease_until = 0, next_run = $1, last_error = $2, attempts = attempts - $3 WHERE id = $4 AND token = $5 AND state = 'leased'`,
		micros(at), cut(cause), flag(!counted), lease.Work, lease.Token)
}

// HandBack gives the row back as if it had not been claimed.
func (l *Ledger) HandBack(ctx context.Context, lease promotion.Lease) error {
	return l.giveBack(ctx, lease, `UPDATE work SET state = 'ready', lease_until = 0, attempts = attempts - 1 WHERE id = $1 AND token = $2 AND state = 'leased'`, lease.Work, lease.Token)
}

// SetAside takes the row out of work, with why. It blocks nothing, and stays to be looked at.
func (l *Ledger) SetAside(ctx context.Context, lease promotion.Lease, cause string) error {
	return l.giveBack(ctx, lease, `UPDATE work SET state = 'set_aside', lease_until = 0, last_error = $1, finished = $2 WHERE id = $3 AND token = $4 AND state = 'leased'`,
		cut(cause), micros(l.clock()), lease.Work, lease.Token)
}

func (l *Ledger) giveBack(ctx context.Context, lease promotion.Lease, statement string, arguments ...any) error {
	err := l.within(ctx, "give back work", func(tx *sql.Tx) error {
		if err := fenced(tx.ExecContext(ctx, statement, arguments...)); err != nil {
			return err
		}
		return freeLanes(ctx, tx, lease)
	})
	l.signal()
	return err
}

// fenced turns a statement that found no row under the lease into ErrLeaseLost.
func fenced(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	rows, err := result.RowsAffected()
	if err == nil && rows == 0 {
		return promotion.ErrLeaseLost
	}
	return err
}

// Extend makes the lease, and the lanes held under it, last until that time.
func (l *Ledger) Extend(ctx context.Context, lease promotion.Lease, until time.Time) (promotion.Lease, error) {
	err := l.within(ctx, "extend a lease", func(tx *sql.Tx) error {
		err := fenced(tx.ExecContext(ctx, `UPDATE work SET lease_until = $1 WHERE id = $2 AND token = $3 AND state = 'leased'`, micros(until), lease.Work, lease.Token))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE lanes SET held_until = $1 WHERE work = $2 AND token = $3`, micros(until), lease.Work, lease.Token)
		return err
	})
	lease.Until = until
	return lease, err
}

// holds reports ErrLeaseLost unless the row is leased under the token. Until the transaction ends, nobody can claim it.
func (l *Ledger) holds(ctx context.Context, tx *sql.Tx, lease promotion.Lease) error {
	statement := `SELECT 1 FROM work WHERE id = $1 AND token = $2 AND state = 'leased'`
	if l.postgres != nil {
		statement += ` FOR UPDATE`
	}
	var one int
	err := tx.QueryRowContext(ctx, statement, lease.Work, lease.Token).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return promotion.ErrLeaseLost
	}
	return err
}

func complete(ctx context.Context, tx *sql.Tx, lease promotion.Lease, now time.Time) error {
	err := fenced(tx.ExecContext(ctx, `UPDATE work SET state = 'done', lease_until = 0, finished = $1, last_error = '' WHERE id = $2 AND token = $3 AND state = 'leased'`, micros(now), lease.Work, lease.Token))
	if err != nil {
		return err
	}
	return freeLanes(ctx, tx, lease)
}

// Depth is what work is unfinished.
type Depth struct {
	Rows   []DepthRow
	Oldest time.Duration // since the oldest row that is due was added
}

// DepthRow counts the rows of one kind in one state: ready, leased or set_aside.
type DepthRow struct {
	Kind  promotion.WorkKind
	State string
	Count int64
}

// Depth counts the unfinished rows of work.
func (l *Ledger) Depth(ctx context.Context) (Depth, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT kind, CASE WHEN state = 'ready' AND attempts = 0 AND next_run > $1 THEN 'scheduled' ELSE state END AS stands, COUNT(*) FROM work WHERE `+unfinished+` GROUP BY kind, stands
		UNION ALL SELECT kind, state, COUNT(*) FROM work WHERE state = 'set_aside' GROUP BY kind, state ORDER BY 1, 2`, micros(l.clock()))
	counted, err := collect(rows, err, func(rows *sql.Rows) (DepthRow, error) {
		var row DepthRow
		err := rows.Scan(&row.Kind, &row.State, &row.Count)
		return row, err
	})
	if err != nil {
		return Depth{}, err
	}
	var oldest sql.NullInt64
	now := l.clock()
	err = l.read.QueryRowContext(ctx, `SELECT MIN(created) FROM work WHERE `+unfinished+` AND state = 'ready' AND next_run <= $1`, micros(now)).Scan(&oldest)
	depth := Depth{Rows: counted}
	if oldest.Valid {
		depth.Oldest = now.Sub(fromMicros(oldest.Int64))
	}
	return depth, err
}

// cut bounds an error's text.
func cut(text string) string {
	runes := []rune(text)
	if len(runes) > 1000 {
		return string(runes[:1000])
	}
	return text
}
