package ledger

import (
	"context"
	"fmt"
	"time"
)

// farthest is how far ahead moments can be reserved, in microseconds: nobody waits for so long. What lies further ahead was
// written by a clock that was wrong.
const farthest = 10 * 60 * 1_000_000

// The next free moment is read and moved on in one statement. PostgreSQL's own clock counts there: those of replicas differ.
const reserveStatement = `INSERT INTO reservations (name, next) SELECT $1, now + $2 FROM (SELECT %[1]s AS now) AS clock WHERE true
	ON CONFLICT (name) DO UPDATE SET next = CASE WHEN reservations.next - %[1]s BETWEEN 0 AND %[2]d THEN reservations.next ELSE %[1]s END + $2
	RETURNING next - $2, %[1]s`

const postgresClock = `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`

// Reserve reserves so many moments for what is named, at least interval apart from each other and from all that were
// reserved before by anybody on the database, and gives how long it is until the first. A moment more than ten minutes ahead
// is taken for a clock's mistake, and the next is now.
func (l *Ledger) Reserve(ctx context.Context, name string, interval time.Duration, count int) (wait time.Duration, err error) {
	span := (interval * time.Duration(count)).Microseconds()
	statement, arguments := fmt.Sprintf(reserveStatement, "CAST($3 AS BIGINT)", farthest), []any{name, span, micros(l.clock())}
	if l.postgres != nil {
		statement, arguments = fmt.Sprintf(reserveStatement, postgresClock, farthest), []any{name, span}
	}
	err = l.within(ctx, "reserve moments for "+name, func(ctx context.Context, tx *transaction) error {
		var first, now int64
		if err := tx.QueryRowContext(ctx, statement, arguments...).Scan(&first, &now); err != nil {
			return err
		}
		wait = time.Duration(max(first-now, 0)) * time.Microsecond
		return nil
	})
	return wait, err
}
