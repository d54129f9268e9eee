package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Where an unfinished row of work stands. A queue has at most one row that is head or held; the others are behind it, and
// the first of them takes its place when it ends or goes to the back. Only what changes its place is read then, so that no
// claim costs more because more waits.
//
// PostgreSQL lets two transactions place two heads of one queue at the same time, and a program of an older version knows no
// places: a claim takes one row of a queue all the same, and puts a second head behind it.
const (
	placeTimed  = "timed"  // until next_run
	placeHead   = "head"   // can be claimed
	placeBehind = "behind" // another row of its queue
	placeHeld   = "held"   // under a lease
)

// queued is a row and its queue.
type queued struct {
	id    int64
	queue string
}

func scanQueued(rows *sql.Rows) (one queued, err error) { return one, rows.Scan(&one.id, &one.queue) }

// placing says where rows that are due stand: of each queue that nobody is at work in the first is the head.
type placing struct {
	busy  map[string]bool
	heads int // how many it has made
}

// placesIn looks which of the queues have a head already. Of PostgreSQL the transactions that are about to end such a head are
// waited for: they would not see the row that is put behind it. Who calls it holds the lock of no row that is behind another:
// such a transaction may be about to let it advance.
func (l *Ledger) placesIn(ctx context.Context, tx *transaction, queues []string) (*placing, error) {
	placing := &placing{busy: map[string]bool{}}
	left := distinct(queues)
	if l.postgres == nil {
		return placing, l.headsOf(ctx, tx, left, "", placing.busy)
	}
	for range maximumLooks {
		if err := l.headsOf(ctx, tx, left, ` FOR SHARE`, placing.busy); err != nil {
			return nil, err
		}
		left = slices.DeleteFunc(left, func(queue any) bool {
			name, _ := queue.(string)
			return placing.busy[name]
		})
		// Whoever was waited for has made another row the head, which the statement that waited does not see
		// (https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED).
		others := map[string]bool{}
		if err := l.headsOf(ctx, tx, left, "", others); err != nil || len(others) == 0 {
			return placing, err
		}
	}
	return placing, l.headsOf(ctx, tx, left, "", placing.busy)
}

// maximumLooks is how often it is looked for a head that changes each time; what is stranded behind it then is found later.
const maximumLooks = 5

// distinct returns each queue that has a name once.
func distinct(queues []string) []any {
	var all []any
	seen := map[string]bool{"": true}
	for _, queue := range queues {
		if !seen[queue] {
			seen[queue] = true
			all = append(all, queue)
		}
	}
	return all
}

// headsOf notes which of the queues have a head, and locks those heads as the lock says.
func (l *Ledger) headsOf(ctx context.Context, tx *transaction, queues []any, lock string, busy map[string]bool) error {
	if len(queues) == 0 {
		return nil
	}
	places, arguments := l.list(queues, 0)
	rows, err := tx.QueryContext(ctx, `SELECT queue FROM work WHERE queue IN (`+places+`) AND place IN ('head', 'held')`+lock, arguments...)
	found, err := collect(rows, err, func(rows *sql.Rows) (queue string, err error) { return queue, rows.Scan(&queue) })
	for _, queue := range found {
		busy[queue] = true
	}
	return err
}

// next returns the place of the next row of the queue.
func (p *placing) next(queue string) string {
	if p.busy[queue] {
		return placeBehind
	}
	p.busy[queue] = queue != ""
	p.heads++
	return placeHead
}

// maximumPlaced is how many rows whose time has come one claim gives their places, so that no claim takes long.
const maximumPlaced = 256

const timedStatement = `SELECT id, queue FROM work WHERE place = 'timed' AND next_run <= $1 ORDER BY next_run, id LIMIT 256`

// place gives rows whose time has come their places.
func (l *Ledger) place(ctx context.Context, tx *transaction, now time.Time) error {
	rows, err := tx.QueryContext(ctx, timedStatement+l.skipping(), micros(now))
	due, err := collect(rows, err, scanQueued)
	if err != nil || len(due) == 0 {
		return err
	}
	queues := make([]string, len(due))
	for i, one := range due {
		queues[i] = one.queue
	}
	placing, err := l.placesIn(ctx, tx, queues)
	if err != nil {
		return err
	}
	placed := map[string][]any{}
	for _, one := range due {
		place := placing.next(one.queue)
		placed[place] = append(placed[place], one.id)
	}
	for _, place := range []string{placeHead, placeBehind} {
		if err := l.putAt(ctx, tx, place, placed[place]); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) putAt(ctx context.Context, tx *transaction, place string, ids []any) error {
	if len(ids) == 0 {
		return nil
	}
	places, arguments := l.list(ids, 1)
	_, err := tx.ExecContext(ctx, `UPDATE work SET place = $1 WHERE id IN (`+places+`) AND state = 'ready'`, append([]any{place}, arguments...)...)
	return err
}

// The first row behind takes its queue's head, unless there is one.
const advanceStatement = `UPDATE work SET place = 'head' WHERE id = (SELECT id FROM work WHERE queue = $1 AND place = 'behind' ORDER BY next_run, id LIMIT 1)
	AND NOT EXISTS (SELECT 1 FROM work WHERE queue = $1 AND place IN ('head', 'held'))`

// advance lets the next row of a queue be claimed, whose head has ended or waits for its next try.
func advance(ctx context.Context, tx *transaction, queue string) error {
	if queue == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, advanceStatement, queue)
	return err
}

const strandedStatement = `SELECT id, queue FROM work WHERE place = 'behind' ORDER BY next_run, id LIMIT 64`

// unstrand finds rows behind a head that a program of an older version has ended without letting them advance. It looks at
// a few rows, when there is nothing else to do, and waits for nobody: a row that somebody lets advance meanwhile is a head twice
// over, which harms nothing.
func (l *Ledger) unstrand(ctx context.Context, tx *transaction) error {
	rows, err := tx.QueryContext(ctx, strandedStatement)
	behind, err := collect(rows, err, scanQueued)
	if err != nil || len(behind) == 0 {
		return err
	}
	queues := make([]string, len(behind))
	for i, one := range behind {
		queues[i] = one.queue
	}
	placing := &placing{busy: map[string]bool{}}
	if err := l.headsOf(ctx, tx, distinct(queues), "", placing.busy); err != nil {
		return err
	}
	var stranded []any
	for _, one := range behind {
		if placing.next(one.queue) == placeHead {
			stranded = append(stranded, one.id)
		}
	}
	return l.putAt(ctx, tx, placeHead, stranded)
}

// skipping ends a statement that selects rows to be changed: of PostgreSQL those that another transaction changes are left out.
func (l *Ledger) skipping() string {
	if l.postgres == nil {
		return ""
	}
	return ` FOR UPDATE SKIP LOCKED`
}

// list returns placeholders for the values behind so many others, and the values. The last is repeated until there are 1, 8,
// 64 or 256 of them, so that few statements have to be prepared.
func (l *Ledger) list(values []any, after int) (string, []any) {
	length := len(values)
	for _, size := range []int{1, 8, 64, maximumPlaced} {
		if length <= size {
			length = size
			break
		}
	}
	values = slices.Clone(values)
	for len(values) < length {
		values = append(values, values[len(values)-1])
	}
	var places strings.Builder
	for i := range length {
		if i > 0 {
			places.WriteString(", ")
		}
		places.WriteString("$" + strconv.Itoa(after+i+1))
	}
	return places.String(), values
}
