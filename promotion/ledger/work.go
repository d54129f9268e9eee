package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Retry gives the row back, to be run at that time. Uncounted, the try does not count as one of its attempts.
func (l *Ledger) Retry(ctx context.Context, lease promotion.Lease, at time.Time, cause string, counted bool) error {
	return l.giveBack(ctx, lease, keepLanes, `UPDATE work SET state = 'ready', place = 'timed', lease_until = 0, next_run = $1, last_error = $2, attempts = attempts - $3 WHERE id = $4 AND token = $5 AND state = 'leased' RETURNING queue`,
		micros(at), cut(cause), flag(!counted), lease.Work, lease.Token)
}

// HandBack gives the row back as if it had not been claimed.
func (l *Ledger) HandBack(ctx context.Context, lease promotion.Lease) error {
	return l.giveBack(ctx, lease, keepLanes, `UPDATE work SET state = 'ready', place = 'head', lease_until = 0, attempts = attempts - 1 WHERE id = $1 AND token = $2 AND state = 'leased' RETURNING queue`, lease.Work, lease.Token)
}

// SetAside takes the row out of work, with why. It blocks nothing, and stays to be looked at.
func (l *Ledger) SetAside(ctx context.Context, lease promotion.Lease, cause string) error {
	return l.giveBack(ctx, lease, freeLanes, `UPDATE work SET state = 'set_aside', place = NULL, lease_until = 0, last_error = $1, finished = $2 WHERE id = $3 AND token = $4 AND state = 'leased' RETURNING queue`,
		cut(cause), micros(l.clock()), lease.Work, lease.Token)
}

func (l *Ledger) giveBack(ctx context.Context, lease promotion.Lease, lanes func(context.Context, *transaction, promotion.Lease) error, statement string, arguments ...any) error {
	err := l.within(ctx, "give back work", func(ctx context.Context, tx *transaction) error {
		if err := leave(ctx, tx, statement, arguments...); err != nil {
			return err
		}
		return lanes(ctx, tx, lease)
	})
	l.signal()
	return err
}

// leave runs a statement that takes a row out of its lease and returns its queue, whose next row can then be claimed. It
// returns ErrLeaseLost when no row was found under the lease.
func leave(ctx context.Context, tx *transaction, statement string, arguments ...any) error {
	var queue string
	err := tx.QueryRowContext(ctx, statement, arguments...).Scan(&queue)
	switch {
	case errors.Is(err, sql.ErrNoRows) && !isUnfenced:
		return promotion.ErrLeaseLost
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return advance(ctx, tx, queue)
}

// fenced turns a statement that found no row under the lease into ErrLeaseLost.
func fenced(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	rows, err := result.RowsAffected()
	if err == nil && rows == 0 && !isUnfenced {
		return promotion.ErrLeaseLost
	}
	return err
}

// Extend makes the leases, and the lanes held under them, last until that time. It gives those that are lost: their rows
// are somebody else's now, or done.
func (l *Ledger) Extend(ctx context.Context, leases []promotion.Lease, until time.Time) (lost []promotion.Lease, err error) {
	if isUnfenced {
		return nil, errClosed // nobody learns that a lease is lost
	}
	err = l.within(ctx, "extend leases", func(ctx context.Context, tx *transaction) error {
		for _, lease := range leases {
			err := fenced(tx.ExecContext(ctx, `UPDATE work SET lease_until = $1 WHERE id = $2 AND token = $3 AND state = 'leased'`, micros(until), lease.Work, lease.Token))
			if errors.Is(err, promotion.ErrLeaseLost) {
				lost = append(lost, lease)
				continue
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE lanes SET held_until = $1 WHERE work = $2 AND work <> 0 AND token = $3`, micros(until), lease.Work, lease.Token)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return lost, err
}

// holds gives the row's trace, or ErrLeaseLost unless the row is leased under the token. Until the transaction ends, nobody
// can claim it.
func (l *Ledger) holds(ctx context.Context, tx *transaction, lease promotion.Lease) (trace string, err error) {
	statement := `SELECT trace FROM work WHERE id = $1 AND token = $2 AND state = 'leased'`
	if l.postgres != nil {
		statement += ` FOR UPDATE`
	}
	err = tx.QueryRowContext(ctx, statement, lease.Work, lease.Token).Scan(&trace)
	if errors.Is(err, sql.ErrNoRows) {
		if isUnfenced {
			return "", nil
		}
		return "", promotion.ErrLeaseLost
	}
	return trace, err
}

func complete(ctx context.Context, tx *transaction, lease promotion.Lease, now time.Time) error {
	err := leave(ctx, tx, `UPDATE work SET state = 'done', place = NULL, payload = '', lease_until = 0, finished = $1, last_error = '' WHERE id = $2 AND token = $3 AND state = 'leased' RETURNING queue`,
		micros(now), lease.Work, lease.Token)
	if err != nil {
		return err
	}
	return freeLanes(ctx, tx, lease)
}

// cut bounds an error's text.
func cut(text string) string {
	runes := []rune(text)
	if len(runes) > 1000 {
		return string(runes[:1000])
	}
	return text
}
