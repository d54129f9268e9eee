package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Delivery is a delivery of GitHub's, to be kept as a row of work. GUID and event name identify it.
type Delivery struct {
	GUID       string
	Trace      string // 32 hex digits, for logs
	Event      string
	Queue      string // deliveries of one queue are worked off in turn
	Payload    []byte
	Repository int64 // whose turn it is: repositories are served one after another
	Received   time.Time
}

// intake is a delivery that waits for the next commit, and whom to tell.
type intake struct {
	delivery Delivery
	kept     chan<- kept
}

type kept struct {
	added bool
	err   error
}

// maximumBatch is how many deliveries share one commit at most.
const maximumBatch = 64

var errClosed = errors.New("the ledger is closed")

// Accept keeps a delivery, and returns when it is committed: then it survives a crash. A repeat adds nothing. Deliveries
// that come at the same time share a commit.
func (l *Ledger) Accept(ctx context.Context, delivery Delivery) (added bool, err error) {
	answer := make(chan kept, 1)
	if takesRepeats {
		delivery.GUID += "#" + rand.Text()
	}
	if acknowledgesEarly {
		time.AfterFunc(20*time.Millisecond, func() { l.inbox <- intake{delivery, answer} })
		return true, nil
	}
	select {
	case l.inbox <- intake{delivery, answer}:
	case <-l.quit:
		return false, errClosed
	case <-ctx.Done():
		return false, fmt.Errorf("keep delivery %s: %w", delivery.GUID, ctx.Err())
	}
	select {
	case result := <-answer:
		return result.added, result.err
	case <-l.ended:
		select {
		case result := <-answer:
			return result.added, result.err
		default:
			return false, errClosed
		}
	case <-ctx.Done():
		return false, fmt.Errorf("keep delivery %s: %w", delivery.GUID, ctx.Err())
	}
}

// takeIn commits what waits: everything that came while the commit before was under way.
func (l *Ledger) takeIn() {
	defer close(l.ended)
	for {
		var batch []intake
		select {
		case first := <-l.inbox:
			batch = append(batch, first)
		case <-l.quit:
			return
		}
	gather:
		for len(batch) < maximumBatch {
			select {
			case next := <-l.inbox:
				batch = append(batch, next)
			default:
				break gather
			}
		}
		l.keep(batch)
	}
}

// keep commits a batch, in one statement, and tells each caller.
func (l *Ledger) keep(batch []intake) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second) // GitHub waits for 10
	defer cancel()
	added := map[int64]bool{}
	var first int64
	err := l.hurry(ctx, "keep deliveries", func(ctx context.Context, tx *transaction) (err error) {
		if first, err = l.draw(ctx, tx, "work", len(batch)); err != nil {
			return err
		}
		statement, arguments := insertDeliveries(batch, first)
		rows, err := tx.QueryContext(ctx, statement, arguments...)
		ids, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		for _, id := range ids {
			added[id] = true
		}
		return err
	})
	for i, one := range batch {
		one.kept <- kept{err == nil && added[first+int64(i)], err}
	}
	if err != nil {
		l.refused.Store(&refusal{err, l.clock()})
		return
	}
	l.refused.Store(nil)
	l.signal()
}

// insertDeliveries gives one statement for all; it gives the ids of those that were new.
func insertDeliveries(batch []intake, first int64) (string, []any) {
	var statement strings.Builder
	statement.WriteString(`INSERT INTO work (id, kind, subject, repository, queue, delivery, trace, payload, state, attempts, token, next_run, lease_until, last_error, created, finished) VALUES `)
	arguments := make([]any, 0, 8*len(batch))
	for i, one := range batch {
		if i > 0 {
			statement.WriteString(", ")
		}
		at := 8 * i
		fmt.Fprintf(&statement, `($%d, 'delivery', $%d, $%d, $%d, $%d, $%d, $%d, 'ready', 0, 0, $%d, 0, '', $%[8]d, 0)`, at+1, at+2, at+3, at+4, at+5, at+6, at+7, at+8)
		delivery := one.delivery
		arguments = append(arguments, first+int64(i), delivery.Event, delivery.Repository, delivery.Queue, delivery.GUID, delivery.Trace,
			strings.ToValidUTF8(string(delivery.Payload), "\ufffd"), micros(delivery.Received))
	}
	statement.WriteString(` ON CONFLICT DO NOTHING RETURNING id`)
	return statement.String(), arguments
}
