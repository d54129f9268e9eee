package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// transaction is a transaction that writes. Of SQLite it uses statements that are prepared once: preparing takes longer
// there than most of them run.
type transaction struct {
	*sql.Tx
	writer *writer // nil for PostgreSQL, whose driver keeps prepared statements itself
}

// ExecContext runs a statement without rows.
func (t *transaction) ExecContext(ctx context.Context, statement string, arguments ...any) (sql.Result, error) {
	if prepared := t.prepared(ctx, statement); prepared != nil {
		return prepared.ExecContext(ctx, arguments...)
	}
	return t.Tx.ExecContext(ctx, statement, arguments...)
}

// QueryContext runs a statement that gives rows.
func (t *transaction) QueryContext(ctx context.Context, statement string, arguments ...any) (*sql.Rows, error) {
	if prepared := t.prepared(ctx, statement); prepared != nil {
		return prepared.QueryContext(ctx, arguments...)
	}
	return t.Tx.QueryContext(ctx, statement, arguments...)
}

// QueryRowContext runs a statement that gives one row.
func (t *transaction) QueryRowContext(ctx context.Context, statement string, arguments ...any) *sql.Row {
	if prepared := t.prepared(ctx, statement); prepared != nil {
		return prepared.QueryRowContext(ctx, arguments...)
	}
	return t.Tx.QueryRowContext(ctx, statement, arguments...)
}

func (t *transaction) prepared(ctx context.Context, statement string) *sql.Stmt {
	if t.writer == nil {
		return nil
	}
	if prepared, found := t.writer.statements[statement]; found {
		return t.StmtContext(ctx, prepared)
	}
	t.writer.missing = append(t.writer.missing, statement)
	return nil
}

// within runs the function in one transaction that writes, and returns when it is committed. The function may run even
// after the context has ended, but not after within has returned.
func (l *Ledger) within(ctx context.Context, what string, act func(context.Context, *transaction) error) error {
	if err := l.unfit(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if l.writer != nil {
		return l.propose(&proposal{ctx: ctx, what: what, act: act, done: make(chan struct{})})
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.transact(ctx, what, act)
}

// hurry is within for what somebody outside waits for.
func (l *Ledger) hurry(ctx context.Context, what string, act func(context.Context, *transaction) error) error {
	if l.writer == nil || l.unfit() != nil {
		return l.within(ctx, what, act)
	}
	return l.propose(&proposal{hurry: true, ctx: ctx, what: what, act: act, done: make(chan struct{})})
}

// propose has SQLite's writer do it.
func (l *Ledger) propose(one *proposal) error {
	err := l.writer.propose(one)
	l.Notice(err)
	return inWords(err)
}

// transact is within for PostgreSQL, for as long as it takes.
func (l *Ledger) transact(ctx context.Context, what string, act func(context.Context, *transaction) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: begin: %w", what, err)
	}
	if err := act(ctx, &transaction{Tx: tx}); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", what, err), rollback(tx))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", what, err)
	}
	return nil
}

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

const (
	// maximumGroup is how many transactions share one commit at most.
	maximumGroup = 64
	// maximumStatements bounds how many statements are kept prepared; there are about a hundred.
	maximumStatements = 400
	// hurryLasts is how long after a delivery the next is expected, and longestGather how long it is waited for.
	hurryLasts    = 10 * time.Millisecond
	longestGather = 2 * time.Millisecond
)

// writer is the one place that writes to SQLite. Transactions that come while a commit is under way share the next one:
// what takes long is the disk, once a commit. Each is undone by itself when it fails.
type writer struct {
	database   *sql.DB
	waiting    chan *proposal
	quit       chan struct{}
	ended      chan struct{}
	hurried    time.Time            // when a delivery was last kept; only the writer's own goroutine touches this
	statements map[string]*sql.Stmt // and these
	missing    []string
}

// proposal is a transaction that waits for its group.
type proposal struct {
	hurry bool // somebody outside waits for it
	ctx   context.Context
	what  string
	act   func(context.Context, *transaction) error
	err   error
	done  chan struct{}
}

// ended says that whoever proposed it waits no more.
func (p *proposal) ended() error { return p.failed(p.ctx.Err()) }

func (p *proposal) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", p.what, err)
}

func newWriter(database *sql.DB) *writer {
	w := &writer{
		database: database, waiting: make(chan *proposal, maximumGroup), quit: make(chan struct{}), ended: make(chan struct{}),
		statements: map[string]*sql.Stmt{},
	}
	go w.run()
	return w
}

// propose has a transaction written, and returns when it is committed.
func (w *writer) propose(one *proposal) error {
	select {
	case w.waiting <- one:
	case <-one.ctx.Done():
		return fmt.Errorf("%s: %w", one.what, one.ctx.Err())
	case <-w.quit:
		return fmt.Errorf("%s: %w", one.what, errClosed)
	}
	select {
	case <-one.done:
		return one.err
	case <-w.ended:
	}
	select {
	case <-one.done:
		return one.err
	default:
		return fmt.Errorf("%s: %w", one.what, errClosed)
	}
}

// close lets what was proposed be written, and ends.
func (w *writer) close() {
	close(w.quit)
	<-w.ended
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		var group []*proposal
		select {
		case first := <-w.waiting:
			group = append(group, first)
		case <-w.quit:
			select {
			case last := <-w.waiting:
				group = append(group, last)
			default:
				return
			}
		}
		group = w.gather(group)
		w.commit(group)
		for _, one := range group {
			close(one.done)
		}
		w.prepare()
	}
}

// gather takes what else waits. While deliveries come, the workers' transactions wait a little for the next of them: a
// commit of their own would only keep those waiting.
func (w *writer) gather(group []*proposal) []*proposal {
	var patience <-chan time.Time
	gaveWay := false
	for len(group) < maximumGroup {
		if group[len(group)-1].hurry {
			w.hurried, patience = time.Now(), nil
		} else if patience == nil && len(group) == 1 && time.Since(w.hurried) < hurryLasts {
			timer := time.NewTimer(longestGather)
			defer timer.Stop()
			patience = timer.C
		}
		if patience == nil {
			select {
			case next := <-w.waiting:
				group, gaveWay = append(group, next), false
			default:
				if gaveWay {
					return group
				}
				gaveWay = true
				runtime.Gosched() // to those that are about to propose something
			}
			continue
		}
		select {
		case next := <-w.waiting:
			group = append(group, next)
		case <-patience:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction.
func (w *writer) commit(group []*proposal) {
	// Without an end: each statement would have to be watched for it, and the disk cannot be interrupted anyway.
	ctx := context.Background()
	fail := func(doing string, err error) {
		for _, one := range group {
			if one.err == nil {
				one.err = fmt.Errorf("%s: %s: %w", one.what, doing, err)
			}
		}
	}
	tx, err := w.database.BeginTx(ctx, nil)
	if err != nil {
		fail("begin", err)
		return
	}
	if len(group) == 1 {
		one := group[0]
		if one.err = one.ended(); one.err == nil {
			one.err = one.failed(w.act(ctx, tx, one))
		}
		if one.err != nil {
			_ = tx.Rollback() // a disk that is full or fails may have undone everything
			return
		}
	} else if !w.each(ctx, tx, group, fail) {
		return
	}
	if err := tx.Commit(); err != nil {
		fail("commit", err)
		_ = tx.Rollback()
	}
}

// each runs the transactions of a group. It reports false when all of it is lost.
func (w *writer) each(ctx context.Context, tx *sql.Tx, group []*proposal, fail func(string, error)) bool {
	for _, one := range group {
		if one.err = w.try(ctx, tx, one); errors.Is(one.err, errGroupLost) {
			// SQLite undoes everything by itself when a disk is full or fails (https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction).
			fail("its group", one.err)
			_ = tx.Rollback() // there may be nothing left to undo
			return false
		}
	}
	return true
}

var errGroupLost = errors.New("the transaction is gone")

// try runs one transaction of a group, and takes back what it did when it fails.
func (w *writer) try(ctx context.Context, tx *sql.Tx, one *proposal) error {
	if err := one.ended(); err != nil {
		return err
	}
	savepoints := &transaction{Tx: tx, writer: w}
	if _, err := savepoints.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("%s: %w: %w", one.what, errGroupLost, err)
	}
	failure := one.failed(w.act(ctx, tx, one))
	if failure != nil {
		if _, err := savepoints.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
			return fmt.Errorf("%w: %w: %w", failure, errGroupLost, err)
		}
	}
	if _, err := savepoints.ExecContext(ctx, "RELEASE one"); err != nil {
		return fmt.Errorf("%s: %w: %w", one.what, errGroupLost, err)
	}
	return failure
}

func (w *writer) act(ctx context.Context, tx *sql.Tx, one *proposal) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return one.act(ctx, &transaction{Tx: tx, writer: w})
}

// prepare prepares the statements that were missing: between transactions, because there is one connection.
func (w *writer) prepare() {
	for _, statement := range w.missing {
		if _, found := w.statements[statement]; found || len(w.statements) >= maximumStatements {
			continue
		}
		if prepared, err := w.database.PrepareContext(context.Background(), statement); err == nil { // else it runs unprepared, as it did
			w.statements[statement] = prepared
		}
	}
	w.missing = w.missing[:0]
}
