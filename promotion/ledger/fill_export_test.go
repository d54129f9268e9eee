package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Waiting is a row of work that waits.
type Waiting struct {
	Repository int64
	Queue      string
	At         time.Time // in the future: it waits for its next try
}

// Fill adds rows of work as they stand after having been placed, many in one statement.
func (l *Ledger) Fill(ctx context.Context, count int, row func(i int) Waiting) error {
	now := l.clock()
	seen := map[string]bool{}
	const batch = 5_000
	for begin := 0; begin < count; begin += batch {
		var values []string
		first := int64(0)
		err := l.within(ctx, "fill", func(ctx context.Context, tx *transaction) (err error) {
			size := min(batch, count-begin)
			if first, err = l.draw(ctx, tx, "work", size); err != nil {
				return err
			}
			for i := range size {
				one := row(begin + i)
				place := placeHead
				switch {
				case one.At.After(now):
					place = placeTimed
				case one.Queue != "" && seen[one.Queue]:
					place = placeBehind
				}
				seen[one.Queue] = true
				at := max(micros(one.At), micros(now)-int64(count)+int64(begin+i))
				values = append(values, fmt.Sprintf("(%d, 'check', 'filled', %d, '%s', '', '', '', 'ready', 0, 0, %d, 0, '', %d, 0, '%s')",
					first+int64(i), one.Repository, one.Queue, at, micros(now), place))
			}
			_, err = tx.Tx.ExecContext(ctx, `INSERT INTO work (id, kind, subject, repository, queue, delivery, trace, payload, state, attempts, token, next_run, lease_until, last_error, created, finished, place) VALUES `+strings.Join(values, ", "))
			return err
		})
		if err != nil {
			return err
		}
	}
	if l.postgres != nil {
		_, err := l.write.ExecContext(ctx, "ANALYZE work")
		return err
	}
	return nil
}
