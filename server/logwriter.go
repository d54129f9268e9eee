package server

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

const (
	// logLines is how many lines wait for a reader that is slow; what comes beyond is dropped.
	logLines = 4096
	// logPatience is how long a line may take to be written, before the log counts as blocked; and how long the end waits for
	// what is not written yet.
	logPatience = 2 * time.Second
)

// LogWriter writes log lines without ever keeping anybody waiting: while nobody reads them, lines are dropped and counted.
// (zerolog's diode does the like, but it can miss the last line until the next one comes, and reports its own trouble through
// the standard logger, which may block in turn.)
type LogWriter struct {
	under   io.Writer
	lines   chan *[]byte
	dropped atomic.Int64
	began   atomic.Int64 // when the write that is under way began, in nanoseconds; 0: none is
	failing atomic.Bool  // the last write failed: what is told of it would fail as well
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once
	flows   atomic.Pointer[func(dropped int64)]
}

// NewLogWriter makes a LogWriter. Nobody waits for under: it may block for ever, or fail.
func NewLogWriter(under io.Writer) *LogWriter {
	w := &LogWriter{under: under, lines: make(chan *[]byte, logLines), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// logLinePool has the copies of lines that wait (*[]byte): whoever logs uses the line's own memory again at once.
var logLinePool = sync.Pool{New: func() any { return new([]byte) }}

// Write takes a copy of a line, and returns at once.
func (w *LogWriter) Write(line []byte) (int, error) {
	kept, _ := logLinePool.Get().(*[]byte)
	*kept = append((*kept)[:0], line...)
	select {
	case w.lines <- kept:
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

func (w *LogWriter) run() {
	defer close(w.ended)
	var told int64
	for {
		select {
		case line := <-w.lines:
			w.put(line)
		case <-w.quit:
			for len(w.lines) > 0 {
				w.put(<-w.lines)
			}
			return
		}
		tell := w.flows.Load()
		if dropped := w.dropped.Load(); dropped > told && tell != nil && !w.failing.Load() && len(w.lines) < logLines/2 {
			(*tell)(dropped - told)
			told = dropped
		}
	}
}

func (w *LogWriter) put(line *[]byte) {
	w.began.Store(time.Now().UnixNano())
	_, err := w.under.Write(*line)
	w.began.Store(0)
	if w.failing.Store(err != nil); err != nil {
		w.dropped.Add(1) // the reader has gone: there is nobody to tell
	}
	if cap(*line) <= 64<<10 {
		logLinePool.Put(line)
	}
}

// Flows has somebody told how many lines were dropped, once lines flow again.
func (w *LogWriter) Flows(tell func(dropped int64)) { w.flows.Store(&tell) }

// Dropped returns how many lines nobody could read.
func (w *LogWriter) Dropped() int64 { return w.dropped.Load() }

// Degraded returns what is wrong with the log, if anything is.
func (w *LogWriter) Degraded() []selfcheck.Finding {
	if w.failing.Load() {
		return []selfcheck.Finding{{
			Name: "log", State: selfcheck.Degraded, Found: "the log cannot be written: its lines are dropped",
			Mend: "look at where the server's standard error goes: its reader has gone, or its disk is full",
		}}
	}
	began := w.began.Load()
	if began == 0 || time.Since(time.Unix(0, began)) < logPatience {
		return nil
	}
	return []selfcheck.Finding{{
		Name: "log", State: selfcheck.Degraded, Found: "nobody reads the log: lines wait, and are dropped when more come",
		Mend: "look at what reads the server's standard error",
	}}
}

// Close writes the lines that wait, and gives up when nobody reads them.
func (w *LogWriter) Close() {
	w.once.Do(func() { close(w.quit) })
	select {
	case <-w.ended:
	case <-time.After(logPatience):
	}
}
