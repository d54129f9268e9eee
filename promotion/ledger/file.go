package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// ErrReplaced says that the database's file was deleted or replaced while it was open: what is written into it is lost.
var ErrReplaced = errors.New("the ledger's file was deleted or replaced while the server had it open")

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
