package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrAddress says that an address names no place where a ledger can be.
var ErrAddress = errors.New("the ledger's address is wrong")

// addressError is an error that is ErrAddress, in words of its own.
type addressError struct{ error }

// Unwrap returns the error.
func (e addressError) Unwrap() error { return e.error }

// Is reports whether the target is ErrAddress.
func (addressError) Is(target error) bool { return target == ErrAddress }

// ErrForeign says that a database holds tables, and that they are not a ledger's.
var ErrForeign = errors.New("it holds tables of something else")

func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// exists reports whether there is a file with something in it.
func exists(path string) bool {
	found, err := os.Stat(path)
	return err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && found.Size() > 0
}

// expectLedger returns ErrNoLedger when the database has none of our tables.
func (l *Ledger) expectLedger(ctx context.Context, name string) error {
	query := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'compatibility'`
	if l.postgres != nil {
		query = `SELECT COUNT(*) FROM (SELECT to_regclass('compatibility') AS found) AS looked WHERE found IS NOT NULL`
	}
	var count int
	err := l.write.QueryRowContext(ctx, query).Scan(&count)
	if err == nil && count == 0 {
		err = ErrNoLedger
	}
	if err != nil {
		return fmt.Errorf("open the ledger %s: %w", name, err)
	}
	return nil
}

// expectNothingElse returns ErrForeign when the database has tables, and none of ours: its address was mistyped. The first table
// that a migration makes is goose's.
func (l *Ledger) expectNothingElse(ctx context.Context, name string) error {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`
	if l.postgres != nil { // an extension's tables are nobody's
		query = `SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()
			AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ORDER BY c.relname`
	}
	rows, err := l.write.QueryContext(ctx, query)
	tables, err := collect(rows, err, func(rows *sql.Rows) (table string, err error) { return table, rows.Scan(&table) })
	if err == nil && len(tables) > 0 && !slices.Contains(tables, "goose_db_version") && !slices.Contains(tables, "compatibility") {
		err = fmt.Errorf("%w (%.200s): name a ledger, or an empty database (VERBATIM_DATABASE_URL)", ErrForeign, strings.Join(tables, ", "))
	}
	if err != nil {
		return fmt.Errorf("open the ledger %s: %w", name, inWords(err))
	}
	return nil
}
