package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// pruneBatch is how many rows are removed in one transaction, so that nobody waits for it.
const pruneBatch = 500

// Prune removes work that was done before then: deliveries with their payloads above all. What was set aside stays, and so
// does everything that is a record. It gives how many rows it removed.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (removed int64, err error) {
	for {
		var count int64
		err := l.within(ctx, "remove finished work", func(ctx context.Context, tx *transaction) error {
			result, err := tx.ExecContext(ctx, `DELETE FROM work WHERE id IN (SELECT id FROM work WHERE state = 'done' AND finished < $1 LIMIT $2)`, micros(before), pruneBatch)
			if err == nil {
				count, err = result.RowsAffected()
			}
			return err
		})
		removed += count
		if err != nil || count < pruneBatch {
			return removed, err
		}
	}
}

// SetAsideRow is a row of work that failed for good.
type SetAsideRow struct {
	ID       int64
	Kind     promotion.WorkKind
	Subject  string
	Delivery string // the GUID
	Attempts int
	Error    string
	Created  time.Time
	Finished time.Time
}

// SetAsideRows gives the rows that were set aside, oldest first.
func (l *Ledger) SetAsideRows(ctx context.Context) ([]SetAsideRow, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT id, kind, subject, delivery, attempts, last_error, created, finished FROM work WHERE state = 'set_aside' ORDER BY id`)
	all, err := collect(rows, err, func(rows *sql.Rows) (SetAsideRow, error) {
		var row SetAsideRow
		var created, finished int64
		err := rows.Scan(&row.ID, &row.Kind, &row.Subject, &row.Delivery, &row.Attempts, &row.Error, &created, &finished)
		row.Created, row.Finished = fromMicros(created), fromMicros(finished)
		return row, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the work that was set aside: %w", err)
	}
	return all, nil
}

// RetrySetAside gives a row that was set aside back to the workers, with all its attempts before it. It returns
// promotion.ErrNotFound when no such row is set aside.
func (l *Ledger) RetrySetAside(ctx context.Context, id int64) error {
	return l.changeSetAside(ctx, id, `UPDATE work SET state = 'ready', place = 'timed', attempts = 0, next_run = $1, finished = 0 WHERE id = $2 AND state = 'set_aside'`)
}

// RetryAllSetAside gives all rows that were set aside back to the workers, or those of one kind ("" for any), and returns how many.
func (l *Ledger) RetryAllSetAside(ctx context.Context, kind promotion.WorkKind) (count int64, err error) {
	err = l.within(ctx, "try again what was set aside", func(ctx context.Context, tx *transaction) error {
		count, err = affected(tx.ExecContext(ctx, `UPDATE work SET state = 'ready', place = 'timed', attempts = 0, next_run = $1, finished = 0
			WHERE state = 'set_aside' AND ($2 = '' OR kind = $2)`, micros(l.clock()), string(kind)))
		return err
	})
	l.signal()
	return count, err
}

// DiscardSetAside ends a row that was set aside: it is done, and stays undone. It returns promotion.ErrNotFound when no such
// row is set aside.
func (l *Ledger) DiscardSetAside(ctx context.Context, id int64) error {
	return l.changeSetAside(ctx, id, `UPDATE work SET state = 'done', finished = $1 WHERE id = $2 AND state = 'set_aside'`)
}

func (l *Ledger) changeSetAside(ctx context.Context, id int64, statement string) error {
	err := l.within(ctx, fmt.Sprintf("change work %d", id), func(ctx context.Context, tx *transaction) error {
		return fenced(tx.ExecContext(ctx, statement, micros(l.clock()), id))
	})
	if errors.Is(err, promotion.ErrLeaseLost) {
		return fmt.Errorf("work %d is not set aside: %w", id, promotion.ErrNotFound)
	}
	l.signal()
	return err
}
