// Package ledger keeps everything that Verbatim must not lose, in SQL: deliveries and other rows of work, records,
// requests, promotions, announcements, lanes. Plain statements serve both databases; what is SQLite's own is in
// sqlite.go, and what is PostgreSQL's in postgres.go. Times are UTC microseconds; 0 stands for no time.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/verbatim-dev/verbatim/promotion"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Ledger is the database. Its methods may be called from several goroutines.
type Ledger struct {
	write    *sql.DB // of SQLite one connection at a time
	read     *sql.DB
	postgres *postgres // nil for SQLite
	clock    func() time.Time
	added    chan struct{}
	inbox    chan intake
	quit     chan struct{}
	ended    chan struct{}
}

var (
	_ promotion.Journal            = (*Ledger)(nil)
	_ promotion.RecordReader       = (*Ledger)(nil)
	_ promotion.History            = (*Ledger)(nil)
	_ promotion.RequestReader      = (*Ledger)(nil)
	_ promotion.AnnouncementReader = (*Ledger)(nil)
	_ promotion.LaneKeeper         = (*Ledger)(nil)
	_ promotion.PolicyCache        = (*Ledger)(nil)
)

// Open opens the database, checks that it keeps what it is given, and migrates it. The URL is sqlite:PATH or
// postgres://…. The error names what is wrong: the folder, the file, the server, or a schema that a newer Verbatim wrote;
// never the URL, which may hold a password.
func Open(ctx context.Context, url string, clock func() time.Time) (*Ledger, error) {
	l := &Ledger{
		clock: clock, added: make(chan struct{}, 1), inbox: make(chan intake, maximumBatch), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	var err error
	name := "in PostgreSQL"
	path, isSQLite := strings.CutPrefix(url, "sqlite:")
	switch {
	case isSQLite && path != "":
		name = path
		l.write, l.read, err = openSQLite(ctx, path)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		l.postgres, l.write, err = openPostgres(ctx, url)
		l.read = l.write
	default:
		err = fmt.Errorf("open the ledger: expected VERBATIM_DATABASE_URL to be sqlite:PATH, such as sqlite:verbatim.db, or postgres://…")
	}
	if err != nil {
		return nil, err
	}
	if err := l.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate the ledger %s: %w", name, err), l.write.Close(), l.read.Close())
	}
	if l.postgres != nil {
		l.postgres.start(l.write, l.wake)
	}
	go l.takeIn()
	return l, nil
}

func (l *Ledger) migrate(ctx context.Context) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption(nil)
	if l.postgres != nil {
		dialect = goose.DialectPostgres
		// Replicas start together: one migrates, the others wait for it.
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, l.write, folder, options...)
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return fmt.Errorf("its schema has version %d, and this Verbatim knows versions up to %d: use a newer Verbatim", version, newest)
	}
	_, err = provider.Up(ctx)
	return err
}

// Healthy reports whether the ledger can be written to.
func (l *Ledger) Healthy(ctx context.Context) error {
	_, err := l.write.ExecContext(ctx, `UPDATE sequences SET last = last WHERE name = 'work'`)
	return err
}

// Close waits for the deliveries that are being kept, and closes the database.
func (l *Ledger) Close() error {
	close(l.quit)
	<-l.ended
	if l.postgres != nil {
		l.postgres.stop()
	}
	return errors.Join(l.write.Close(), l.read.Close())
}

// Added fires after rows of work were added or given back.
func (l *Ledger) Added() <-chan struct{} { return l.added }

// signal says that there may be something to do: to this process, and through PostgreSQL to the others.
func (l *Ledger) signal() {
	l.wake()
	if l.postgres != nil {
		l.postgres.tell()
	}
}

func (l *Ledger) wake() {
	select {
	case l.added <- struct{}{}:
	default:
	}
}

// within runs the function in one transaction that writes.
func (l *Ledger) within(ctx context.Context, what string, act func(*sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: begin: %w", what, err)
	}
	if err := act(tx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", what, err), rollback(tx))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", what, err)
	}
	return nil
}

// alone makes the rest of the transaction the only one of its kind: SQLite has one writer in any case.
func (l *Ledger) alone(ctx context.Context, tx *sql.Tx, what lockKind) error {
	if l.postgres == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, lockSpace, int(what))
	return err
}

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// draw draws the next numbers of a sequence, and gives the first.
func draw(ctx context.Context, tx *sql.Tx, sequence string, count int) (int64, error) {
	var last int64
	err := tx.QueryRowContext(ctx, `UPDATE sequences SET last = last + $1 WHERE name = $2 RETURNING last`, count, sequence).Scan(&last)
	return last - int64(count) + 1, err
}

func micros(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

func fromMicros(stored int64) time.Time {
	if stored == 0 {
		return time.Time{}
	}
	return time.UnixMicro(stored).UTC()
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
