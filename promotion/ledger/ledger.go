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
	"sync/atomic"
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
	read     *reader
	writer   *writer    // of SQLite; nil for PostgreSQL
	postgres *postgres  // nil for SQLite
	file     *fileWatch // of SQLite; nil for PostgreSQL
	clock    func() time.Time
	where    string
	before   int64 // the schema's version when it was opened
	after    int64 // and since
	refused  atomic.Pointer[refusal]
	damage   atomic.Pointer[error] // once SQLite said that the file is damaged
	turn     atomic.Int64          // the repository with which the last claim ended
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

// Option is a choice for Open.
type Option func(*choices)

type choices struct {
	connections int
	existing    bool
	alone       bool
}

// ErrNoLedger says that there is no ledger where one was expected.
var ErrNoLedger = errors.New("there is no ledger")

// Existing opens a ledger that is there, and makes none: Open returns ErrNoLedger instead.
func Existing(chosen *choices) { chosen.existing = true }

// Alone makes no ledger in a PostgreSQL database that holds tables of something else: Open returns ErrForeign. In a SQLite file it
// never does.
func Alone(chosen *choices) { chosen.alone = true }

// Connections is how many connections are kept to PostgreSQL; 0: 16.
func Connections(count int) Option {
	return func(chosen *choices) {
		if count > 0 {
			chosen.connections = count
		}
	}
}

// Open opens the database, checks that it keeps what it is given, and migrates it. The URL is sqlite:PATH or
// postgres://…. The error names what is wrong: the folder, the file, the server, or a schema that a newer Verbatim wrote;
// never the URL, which may hold a password.
func Open(ctx context.Context, url string, clock func() time.Time, options ...Option) (*Ledger, error) {
	chosen := choices{connections: postgresConnections}
	for _, choose := range options {
		choose(&chosen)
	}
	l := &Ledger{
		clock: clock, added: make(chan struct{}, 1), inbox: make(chan intake, maximumBatch), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	var err error
	var read *sql.DB
	name := "in PostgreSQL"
	l.where = name
	path, isSQLite := strings.CutPrefix(url, "sqlite:")
	switch {
	case isSQLite && path != "" && chosen.existing && !exists(path):
		return nil, fmt.Errorf("open the ledger %s: %w (VERBATIM_DATABASE_URL, or database_url in the settings, says where it is)", path, ErrNoLedger)
	case isSQLite && path != "":
		name, l.where = path, absolute(path)
		l.write, read, err = openSQLite(ctx, path)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		l.postgres, l.write, err = openPostgres(ctx, url, chosen.connections)
		read = l.write
	default:
		err = addressError{errors.New("open the ledger: expected sqlite:PATH, such as sqlite:verbatim.db, or postgres://… (VERBATIM_DATABASE_URL)")}
	}
	if err != nil {
		return nil, err
	}
	if l.postgres != nil {
		l.where = fmt.Sprintf("PostgreSQL at %s, database %s", l.postgres.config.Host, l.postgres.config.Database)
	}
	switch {
	case chosen.existing:
		err = l.expectLedger(ctx, name)
	case isSQLite || chosen.alone:
		err = l.expectNothingElse(ctx, name)
	}
	if err != nil {
		return nil, errors.Join(err, l.write.Close(), read.Close())
	}
	if err := l.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate the ledger %s: %w", name, err), l.write.Close(), read.Close())
	}
	l.read = newReader(read, isSQLite)
	if isSQLite {
		l.writer = newWriter(l.write)
	} else {
		l.postgres.start(l.write, l.wake)
	}
	go l.takeIn()
	if err := l.begin(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if isSQLite {
		l.file = watchFiles(path)
	}
	return l, nil
}

// begin notes when a new ledger was made.
func (l *Ledger) begin(ctx context.Context) error {
	begun, err := l.Begun(ctx)
	if err != nil || !begun.IsZero() {
		return err
	}
	return l.within(ctx, "begin the ledger", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE compatibility SET begun = $1 WHERE begun = 0`, micros(l.clock()))
		return err
	})
}

// Begun gives when the ledger was made. A copy was made when its original was.
func (l *Ledger) Begun(ctx context.Context) (time.Time, error) {
	var begun int64
	if err := l.read.QueryRowContext(ctx, `SELECT begun FROM compatibility`).Scan(&begun); err != nil {
		return time.Time{}, fmt.Errorf("read when the ledger was made: %w", err)
	}
	return fromMicros(begun), nil
}

func (l *Ledger) migrate(ctx context.Context) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect, source, options := goose.DialectSQLite3, fs.FS(withRowIDs{folder}), []goose.ProviderOption(nil)
	if l.postgres != nil {
		dialect, source = goose.DialectPostgres, folder
		// Replicas start together: one migrates, the others wait for it.
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, l.write, source, options...)
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	l.before, l.after = version, version
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return l.compatible(ctx, version, newest)
	}
	if _, err = provider.Up(ctx); err == nil {
		l.after, err = provider.GetDBVersion(ctx)
	}
	return err
}

// Place returns where the ledger is, for people: never the URL, which may hold a password.
func (l *Ledger) Place() string { return l.where }

// Versions gives the schema's version before the ledger was opened, and since. 0: there was none.
func (l *Ledger) Versions() (before, after int64) { return l.before, l.after }

// compatible reports whether this program can work with a schema that a newer one made: while replicas are replaced one
// after another, both work. Each migration says which schema's programs it leaves working.
func (l *Ledger) compatible(ctx context.Context, version, newest int64) error {
	var oldest int64
	if err := l.write.QueryRowContext(ctx, `SELECT works_from FROM compatibility`).Scan(&oldest); err != nil {
		return err
	}
	if newest < oldest {
		return fmt.Errorf("its schema has version %d, with which a Verbatim works that knows version %d, and this one knows versions up to %d: use a newer Verbatim", version, oldest, newest)
	}
	return nil
}

// refusal is the last delivery's that could not be kept.
type refusal struct {
	err error
	at  time.Time
}

// refusalCounts is how long a delivery that could not be kept counts against the ledger's health, unless one is kept after it:
// a disk may have room for a small write, and none for the next delivery.
const refusalCounts = 10 * time.Second

// Healthy reports whether the ledger can be written to, and could be when it was last tried. It returns the context's error
// when that cannot be told in time.
func (l *Ledger) Healthy(ctx context.Context) error {
	if err := l.unfit(); err != nil {
		return err
	}
	if last := l.refused.Load(); last != nil && l.clock().Sub(last.at) < refusalCounts {
		return last.err
	}
	written := make(chan error, 1)
	go func() {
		written <- l.within(ctx, "write to the ledger", func(ctx context.Context, tx *transaction) error {
			// There and back: SQLite writes no page for a row that stays as it is, and so would not notice that the disk is full.
			for _, change := range []string{`UPDATE compatibility SET works_from = works_from + 1`, `UPDATE compatibility SET works_from = works_from - 1`} {
				if _, err := tx.ExecContext(ctx, change); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write to the ledger: %w", ctx.Err())
	}
}

// Close waits for what is being written, and closes the database.
func (l *Ledger) Close() error {
	close(l.quit)
	<-l.ended
	l.file.stop()
	if l.postgres != nil {
		return errors.Join(l.postgres.stop(), l.write.Close())
	}
	l.writer.close()
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

// alone makes the rest of the transaction the only one of its kind: SQLite has one writer in any case.
func (l *Ledger) alone(ctx context.Context, tx *transaction, what lockKind) error {
	if l.postgres == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, lockSpace, int(what))
	return err
}

const drawStatement = `UPDATE sequences SET last = last + $1 WHERE name = $2 RETURNING last`

// draw draws the next numbers of a sequence, and gives the first. Of PostgreSQL they are drawn outside of the
// transaction: else all who draw would wait for each other's commits. Numbers that are drawn and not used are never used.
func (l *Ledger) draw(ctx context.Context, tx *transaction, sequence string, count int) (int64, error) {
	if l.postgres != nil {
		return l.postgres.draw(ctx, sequence, count)
	}
	var last int64
	err := tx.QueryRowContext(ctx, drawStatement, count, sequence).Scan(&last)
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
