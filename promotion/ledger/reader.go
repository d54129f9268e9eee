package ledger

import (
	"context"
	"database/sql"
	"sync"
)

// reader reads outside of transactions. Of SQLite it keeps statements prepared, as the writer does.
type reader struct {
	*sql.DB
	prepares bool
	mutex    sync.RWMutex
	kept     map[string]*sql.Stmt
}

func newReader(database *sql.DB, prepares bool) *reader {
	return &reader{DB: database, prepares: prepares, kept: map[string]*sql.Stmt{}}
}

// QueryContext runs a statement that gives rows.
func (r *reader) QueryContext(ctx context.Context, statement string, arguments ...any) (*sql.Rows, error) {
	if prepared := r.prepared(ctx, statement); prepared != nil {
		return prepared.QueryContext(ctx, arguments...)
	}
	return r.DB.QueryContext(ctx, statement, arguments...)
}

// QueryRowContext runs a statement that gives one row.
func (r *reader) QueryRowContext(ctx context.Context, statement string, arguments ...any) *sql.Row {
	if prepared := r.prepared(ctx, statement); prepared != nil {
		return prepared.QueryRowContext(ctx, arguments...)
	}
	return r.DB.QueryRowContext(ctx, statement, arguments...)
}

func (r *reader) prepared(ctx context.Context, statement string) *sql.Stmt {
	if !r.prepares {
		return nil
	}
	r.mutex.RLock()
	prepared := r.kept[statement]
	full := len(r.kept) >= maximumStatements
	r.mutex.RUnlock()
	if prepared != nil || full {
		return prepared
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if prepared := r.kept[statement]; prepared != nil {
		return prepared
	}
	prepared, err := r.PrepareContext(context.WithoutCancel(ctx), statement)
	if err != nil {
		return nil // it runs unprepared, and says what is wrong
	}
	r.kept[statement] = prepared
	return prepared
}
