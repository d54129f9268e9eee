package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// The pragmas under which a committed row survives power loss, and readers do not wait for the writer.
// (https://www.sqlite.org/pragma.html)
var sqlitePragmas = []struct{ name, set, want string }{
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"},
	{"foreign_keys", "1", "1"},
	{"busy_timeout", "10000", "10000"},
}

// openSQLite opens one connection that writes and several that read.
func openSQLite(ctx context.Context, path string) (write, read *sql.DB, err error) {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, nil, fmt.Errorf("open the ledger %s: its folder: %w", path, err)
	}
	values := url.Values{"_txlock": {"immediate"}}
	for _, pragma := range sqlitePragmas {
		values.Add("_pragma", pragma.name+"("+pragma.set+")")
	}
	source := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + values.Encode()
	if write, err = sql.Open("sqlite", source); err != nil {
		return nil, nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", source); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the ledger %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	for _, pragma := range sqlitePragmas {
		var found string
		err := write.QueryRowContext(ctx, "PRAGMA "+pragma.name).Scan(&found)
		if err == nil && found != pragma.want {
			err = fmt.Errorf("expected %s %s, found %s", pragma.name, pragma.want, found)
		}
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("open the ledger %s: %w", path, err), write.Close(), read.Close())
		}
	}
	return write, read, nil
}

// withRowIDs are the migrations as SQLite wants them: a column that is to be the row's own number, without an index beside
// the table, is called INTEGER there (https://www.sqlite.org/lang_createtable.html#rowid).
type withRowIDs struct{ fs.FS }

// Open opens a migration.
func (w withRowIDs) Open(name string) (fs.File, error) {
	file, err := w.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	content, err := io.ReadAll(file)
	return migration{file, strings.NewReader(strings.ReplaceAll(string(content), " BIGINT PRIMARY KEY", " INTEGER PRIMARY KEY"))}, err
}

type migration struct {
	fs.File
	content io.Reader
}

// Read reads.
func (m migration) Read(into []byte) (int, error) { return m.content.Read(into) }
