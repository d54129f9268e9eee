package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrReplaced says that the database's file was deleted or replaced while it was open: what is written into it is lost.
var ErrReplaced = errors.New("the ledger's file was deleted or replaced while the server had it open")

// ErrDamaged says that the database's file was found to be damaged: what it holds cannot be trusted, and what is put into it may be
// lost.
var ErrDamaged = errors.New("the ledger's file is damaged")

// Notice takes what went wrong with work on the ledger. Once SQLite has said that its file is damaged, nothing more is kept in it
// until the server is started again: pages that a connection remembers let it take what nobody could read afterwards. A file that was
// put in its place is a matter of a start in any case.
func (l *Ledger) Notice(err error) {
	var numbered *sqlite.Error
	if !errors.As(err, &numbered) {
		return
	}
	if code := numbered.Code() & 0xff; code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB {
		damage := fmt.Errorf("%w: stop the server and see Corruption in docs/operations.md: %w", ErrDamaged, numbered)
		l.damage.CompareAndSwap(nil, &damage)
	}
}

// unfit returns why nothing may be kept in the file: ErrReplaced or ErrDamaged.
func (l *Ledger) unfit() error {
	if damage := l.damage.Load(); damage != nil {
		return *damage
	}
	return l.file.err()
}

// watchEvery is how often it is looked whether the file is still the one that was opened.
const watchEvery = time.Second

// fileWatch looks whether SQLite's files are still those that were opened: they stay open when their names are gone, and take
// whatever is written to them.
type fileWatch struct {
	opened map[string]os.FileInfo // by path
	lost   atomic.Pointer[error]
	quit   chan struct{}
	ended  chan struct{}
}

// watchFiles begins to watch the database and its write-ahead log, as they are now.
func watchFiles(path string) *fileWatch {
	watch := &fileWatch{opened: map[string]os.FileInfo{}, quit: make(chan struct{}), ended: make(chan struct{})}
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			watch.opened[name] = info
		}
	}
	go watch.run()
	return watch
}

func (w *fileWatch) run() {
	defer close(w.ended)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-ticker.C:
		}
		if err := w.look(); err != nil {
			w.lost.Store(&err)
		} else {
			w.lost.Store(nil)
		}
	}
}

// look compares the files that were opened with what their paths lead to now. What cannot be told is no news.
func (w *fileWatch) look() error {
	for name, opened := range w.opened {
		switch now, err := os.Stat(name); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is not there any more; put it back, or restart the server after a restore", ErrReplaced, name)
		case err == nil && !os.SameFile(opened, now):
			return fmt.Errorf("%w: %s is another file now; restart the server", ErrReplaced, name)
		}
	}
	return nil
}

// err returns ErrReplaced while the files are not those that were opened. A nil watch watches nothing.
func (w *fileWatch) err() error {
	if w == nil {
		return nil
	}
	if lost := w.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

func (w *fileWatch) stop() {
	if w != nil {
		close(w.quit)
		<-w.ended
	}
}
