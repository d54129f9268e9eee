package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strconv"
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
	added, err = l.accept(ctx, delivery)
	if takesRepeats && !added && err == nil {
		delivery.GUID += "#" + rand.Text()
		return l.accept(ctx, delivery)
	}
	return added, err
}

func (l *Ledger) accept(ctx context.Context, delivery Delivery) (added bool, err error) {
	answer := make(chan kept, 1)
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
	var pace pace
	for {
		select {
		case first := <-l.inbox:
			l.keep(pace.gather(first, l.inbox))
		case <-l.quit:
			return
		}
	}
}

// pace says how many deliveries are worth waiting for before a commit. A commit costs as much as keeping ten of them: while
// they come thick and fast a little patience lets more of them share it, and else nobody waits.
type pace struct{ target int }

const (
	worthwhile = 8                      // fewer are not waited for
	mostTarget = 48                     // more are not waited for
	longestGap = 500 * time.Microsecond // between two of them
)

func (p *pace) gather(first intake, inbox <-chan intake) []intake {
	batch := []intake{first}
	for gaveWay := false; len(batch) < maximumBatch; {
		select {
		case next := <-inbox:
			batch, gaveWay = append(batch, next), false
			continue
		default:
		}
		if !gaveWay {
			gaveWay = true
			runtime.Gosched() // to those that have nearly come through the door
			continue
		}
		if p.target < worthwhile || len(batch) >= p.target {
			break
		}
		gap := time.NewTimer(longestGap)
		select {
		case next := <-inbox:
			gap.Stop()
			batch = append(batch, next)
		case <-gap.C:
			p.target = len(batch) * 3 / 4
			return batch
		}
	}
	p.target = min(len(batch)+1+len(batch)/8, mostTarget)
	return batch
}

// keep commits a batch, in one statement, and tells each caller.
func (l *Ledger) keep(batch []intake) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second) // GitHub waits for 10
	defer cancel()
	added := map[int64]bool{}
	var first int64
	claimable := false
	err := l.hurry(ctx, "keep deliveries", func(ctx context.Context, tx *transaction) (err error) {
		if first, err = l.draw(ctx, tx, "work", len(batch)); err != nil {
			return err
		}
		queues := make([]string, len(batch))
		for i, one := range batch {
			queues[i] = one.delivery.Queue
		}
		placing, err := l.placesIn(ctx, tx, queues)
		if err != nil {
			return err
		}
		added, err = l.insertDeliveries(ctx, tx, batch, first, placing)
		claimable = placing.heads > 0 || added != nil
		return err
	})
	for i, one := range batch {
		one.kept <- kept{err == nil && (added == nil || added[first+int64(i)]), err}
	}
	if err != nil {
		l.refused.Store(&refusal{err, l.clock()})
		return
	}
	l.refused.Store(nil)
	if claimable { // else each is behind another of its queue, whose end tells of it
		l.signal()
	}
}

// insertDeliveries adds all of the batch in one statement, with ids from first on. It gives the ids of those that were new; nil:
// all were.
func (l *Ledger) insertDeliveries(ctx context.Context, tx *transaction, batch []intake, first int64, placing *placing) (added map[int64]bool, err error) {
	statement, arguments := insertStatement(len(batch), l.postgres == nil), make([]any, 0, 10*len(batch))
	for i, one := range batch {
		delivery := one.delivery
		received := micros(delivery.Received)
		arguments = append(arguments, first+int64(i), delivery.Event, delivery.Repository, delivery.Queue, delivery.GUID, delivery.Trace,
			strings.ToValidUTF8(string(delivery.Payload), "\ufffd"), received, received, placing.next(delivery.Queue))
	}
	inserted, err := affected(tx.ExecContext(ctx, statement, arguments...))
	if err != nil || inserted == int64(len(batch)) {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id FROM work WHERE id >= $1 AND id < $2`, first, first+int64(len(batch)))
	ids, err := collect(rows, err, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
	added = map[int64]bool{}
	for _, id := range ids {
		added[id] = true
	}
	for i, one := range batch {
		if err == nil && !added[first+int64(i)] {
			err = advance(ctx, tx, one.delivery.Queue) // what was put behind a repeat is behind nothing
		}
	}
	return added, err
}

func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insertStatement gives the statement for so many deliveries. SQLite's parameters have no names: it looks for those one by one
// (https://www.sqlite.org/c3ref/bind_parameter_name.html), and there are hundreds.
func insertStatement(count int, nameless bool) string {
	var statement strings.Builder
	statement.WriteString(`INSERT INTO work (id, kind, subject, repository, queue, delivery, trace, payload, state, attempts, token, next_run, lease_until, last_error, created, finished, place) VALUES `)
	next := 0
	place := func() string {
		if nameless {
			return "?"
		}
		next++
		return "$" + strconv.Itoa(next)
	}
	for i := range count {
		if i > 0 {
			statement.WriteString(", ")
		}
		fmt.Fprintf(&statement, `(%s, 'delivery', %s, %s, %s, %s, %s, %s, 'ready', 0, 0, %s, 0, '', %s, 0, %s)`,
			place(), place(), place(), place(), place(), place(), place(), place(), place(), place())
	}
	statement.WriteString(` ON CONFLICT DO NOTHING`)
	return statement.String()
}
