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

// Depth is what work is unfinished.
type Depth struct {
	Rows   []DepthRow
	Oldest time.Duration // since the row that has been due for the longest time was due
	Lanes  int64         // in which something is under way
	Held   bool          // everything is held
}

// DepthRow counts the rows of one kind in one state: ready, scheduled, leased or set_aside.
type DepthRow struct {
	Kind  promotion.WorkKind
	State string
	Count int64
}

// MaximumCounted is how many rows of one place are looked at: counting more would cost more the more wait.
const MaximumCounted = 10_000

// Rows are counted by place, in one statement: one that changes its place meanwhile is counted once.
var depthStatement = strings.Join([]string{
	depthOf(placeTimed, `next_run, id`), depthOf(placeHead, `repository, next_run, id`), depthOf(placeBehind, `next_run, id`),
	`SELECT kind, state, COUNT(*), 0 FROM work WHERE state = 'leased' GROUP BY kind, state`,
	`SELECT kind, state, COUNT(*), 0 FROM (SELECT kind, state FROM work WHERE state = 'set_aside' ORDER BY id LIMIT 10000) AS counted GROUP BY kind, state`,
}, ` UNION ALL `)

// depthOf counts the rows of a place, in the order of its index.
func depthOf(place, order string) string {
	return `SELECT kind, CASE WHEN next_run > $1 AND attempts = 0 THEN 'scheduled' ELSE 'ready' END AS stands, COUNT(*), MIN(next_run)
		FROM (SELECT kind, attempts, next_run FROM work WHERE place = '` + place + `' ORDER BY ` + order + ` LIMIT 10000) AS counted GROUP BY kind, stands`
}

// Depth counts the unfinished rows of work: of those that wait for their time, can be claimed, are behind others or are set
// aside at most MaximumCounted each.
func (l *Ledger) Depth(ctx context.Context) (Depth, error) {
	now := l.clock()
	var depth Depth
	counted := map[DepthRow]int64{} // by kind and state
	rows, err := l.read.QueryContext(ctx, depthStatement, micros(now))
	_, err = collect(rows, err, func(rows *sql.Rows) (none struct{}, err error) {
		var row DepthRow
		var count, due int64
		if err := rows.Scan(&row.Kind, &row.State, &count, &due); err != nil {
			return none, err
		}
		counted[row] += count
		if due > 0 {
			depth.Oldest = max(depth.Oldest, now.Sub(fromMicros(due)))
		}
		return none, nil
	})
	if err != nil {
		return Depth{}, fmt.Errorf("count the unfinished work: %w", err)
	}
	for row, count := range counted {
		row.Count = count
		depth.Rows = append(depth.Rows, row)
	}
	slices.SortFunc(depth.Rows, func(a, b DepthRow) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State)) })
	err = l.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM lanes WHERE work <> 0 AND held_until > $1`, micros(now)).Scan(&depth.Lanes)
	if err != nil {
		return depth, fmt.Errorf("count the lanes: %w", err)
	}
	everywhere, err := l.Everywhere(ctx)
	depth.Held = everywhere.Hold != nil
	return depth, err
}
