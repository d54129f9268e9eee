package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Statements gives every statement that was run on SQLite so far: those are kept prepared.
func (l *Ledger) Statements() []string {
	var all []string
	_ = l.within(context.Background(), "look", func(context.Context, *transaction) error {
		for statement := range l.writer.statements {
			all = append(all, statement)
		}
		return nil
	})
	l.read.mutex.RLock()
	defer l.read.mutex.RUnlock()
	for statement := range l.read.kept {
		all = append(all, statement)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Plan gives the steps of a statement's plan, as the database words them. Of PostgreSQL the plan is that for any arguments,
// and reads whole tables only where no index will do.
func (l *Ledger) Plan(ctx context.Context, statement string) ([]string, error) {
	arguments := make([]any, strings.Count(statement, "$")+strings.Count(statement, "?")) // at least as many as there are
	if l.postgres == nil {
		rows, err := l.read.DB.QueryContext(ctx, "EXPLAIN QUERY PLAN "+statement, arguments...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return nil, err
			}
			plan = append(plan, detail)
		}
		return plan, rows.Err()
	}
	for number := 1; strings.Contains(statement, "?"); number++ {
		statement = strings.Replace(statement, "?", "$"+strconv.Itoa(number), 1) // as PostgreSQL gets it
	}
	return l.postgresPlan(ctx, statement)
}

var looked atomic.Int64

func (l *Ledger) postgresPlan(ctx context.Context, statement string) ([]string, error) {
	connection, err := l.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	name := fmt.Sprintf("looked_%d", looked.Add(1))
	for _, prepare := range []string{"SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off", "PREPARE " + name + " AS " + statement} {
		if _, err := connection.ExecContext(ctx, prepare); err != nil {
			return nil, fmt.Errorf("%s: %w", prepare, err)
		}
	}
	var count int
	if err := connection.QueryRowContext(ctx, `SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1`, name).Scan(&count); err != nil {
		return nil, err
	}
	execute := "EXPLAIN EXECUTE " + name
	if count > 0 {
		execute += "(NULL" + strings.Repeat(", NULL", count-1) + ")"
	}
	rows, err := connection.QueryContext(ctx, execute)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			return nil, err
		}
		plan = append(plan, step)
	}
	return plan, rows.Err()
}
