package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Delivery is a delivery of GitHub's, to be kept as a row of work. GUID and event name identify it.
type Delivery struct {
	GUID       string
	Event      string
	Queue      string // deliveries of one queue are worked off in turn
	Payload    []byte
	Repository string // for logs
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

// keep commits a batch and tells each caller.
func (l *Ledger) keep(batch []intake) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second) // GitHub waits for 10
	defer cancel()
	added := make([]bool, len(batch))
	err := l.within(ctx, "keep deliveries", func(tx *sql.Tx) error {
		first, err := draw(ctx, tx, "work", len(batch))
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO work (id, kind, subject, queue, delivery, payload, state, attempts, token, next_run, lease_until, last_error, created, finished)
			VALUES ($1, 'delivery', $2, $3, $4, $5, 'ready', 0, 0, $6, 0, '', $7, 0) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for i, one := range batch {
			received := micros(one.delivery.Received)
			result, err := insert.ExecContext(ctx, first+int64(i), one.delivery.Event, one.delivery.Queue, one.delivery.GUID, strings.ToValidUTF8(string(one.delivery.Payload), "\ufffd"), received, received)
			if err != nil {
				return err
			}
			rows, err := result.RowsAffected()
			if err != nil {
				return err
			}
			added[i] = rows > 0
		}
		return nil
	})
	for i, one := range batch {
		one.kept <- kept{added[i] && err == nil, err}
	}
	if err == nil {
		l.signal()
	}
}
