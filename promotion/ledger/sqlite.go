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

	"modernc.org/sqlite" // the driver "sqlite", without cgo
	sqlite3 "modernc.org/sqlite/lib"
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
		err = fmt.Errorf("open the ledger %s: its folder: %w", path, err)
		if errors.Is(err, fs.ErrNotExist) {
			err = addressError{err}
		}
		return nil, nil, err
	}
	if err := ownersOnly(path); err != nil {
		return nil, nil, fmt.Errorf("open the ledger %s: %w", path, err)
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
			return nil, nil, errors.Join(fmt.Errorf("open the ledger %s: %w", path, inWords(err)), write.Close(), read.Close())
		}
	}
	return write, read, nil
}

// ownersOnly makes the file, if there is none, readable by its owner alone, whatever the umask; and one that others may read,
// with what SQLite keeps beside it. SQLite gives the files beside it the same mode (https://www.sqlite.org/wal.html).
func ownersOnly(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		found, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (found.Mode().Perm()&0o077 == 0 || !found.Mode().IsRegular()) {
			continue
		}
		if err == nil {
			err = os.Chmod(name, found.Mode().Perm()&0o700)
		}
		if err != nil {
			return fmt.Errorf("make it readable by its owner alone (chmod 600): %w", err)
		}
	}
	return nil
}

// sqliteWords say what SQLite's numbers mean, and what to do (https://www.sqlite.org/rescode.html).
var sqliteWords = map[int]string{
	sqlite3.SQLITE_FULL:     "the disk is full: make room",
	sqlite3.SQLITE_READONLY: "the file, its folder or the disk is read-only: make it writable for the server",
	sqlite3.SQLITE_BUSY:     "another process has locked it: end that one, or wait",
	sqlite3.SQLITE_LOCKED:   "another connection has locked it: wait",
	sqlite3.SQLITE_CORRUPT:  "the file is damaged: stop the server and see Corruption in docs/operations.md",
	sqlite3.SQLITE_NOTADB:   "the file is no SQLite database: check VERBATIM_DATABASE_URL, or restore it from a backup",
	sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check the path and who may write to its folder",
	sqlite3.SQLITE_IOERR:    "the disk fails to read or write: look at the system's log",
}

// inWords puts words before an error of SQLite that has only a number and its own short text.
func inWords(err error) error {
	var numbered *sqlite.Error
	if !errors.As(err, &numbered) {
		return err
	}
	if words, known := sqliteWords[numbered.Code()&0xff]; known {
		return fmt.Errorf("%s: %w", words, err)
	}
	return err
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
