package server_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/server"
)

// gate lets nothing through until it is opened.
type gate struct {
	mutex  sync.Mutex
	opened chan struct{}
	bytes.Buffer
}

func (g *gate) Write(line []byte) (int, error) {
	<-g.opened
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.Buffer.Write(line)
}

func TestALogThatNobodyReadsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	pipe := &gate{opened: make(chan struct{})}
	writer := server.NewLogWriter(pipe)
	logger := zerolog.New(writer)
	told := make(chan int64, 1)
	writer.Flows(func(dropped int64) { told <- dropped })
	for range 10_000 {
		logger.Info().Msg("a line")
	}
	dropped := writer.Dropped()
	if dropped < 5_000 {
		t.Errorf("%d of 10,000 lines were dropped, expected that most could not wait", dropped)
	}
	close(pipe.opened)
	if got := <-told; got != dropped {
		t.Errorf("told of %d lines, expected %d", got, dropped)
	}
	writer.Close()
	if kept := int64(strings.Count(pipe.String(), "a line")); kept+dropped != 10_000 {
		t.Errorf("%d lines written and %d dropped, expected 10,000 in all", kept, dropped)
	}
}

func TestALogWhoseReaderHasGone(t *testing.T) {
	t.Parallel()
	reader, under := io.Pipe()
	if err := reader.CloseWithError(errors.New("broken pipe")); err != nil {
		t.Fatal(err)
	}
	writer := server.NewLogWriter(under)
	for range 3 {
		if _, err := writer.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
	}
	writer.Close()
	if writer.Dropped() != 3 {
		t.Errorf("%d lines are counted as dropped, expected 3", writer.Dropped())
	}
}

// fullDisk is a file on a full disk, until it has room.
type fullDisk struct {
	gate
	full chan struct{}
}

func (f *fullDisk) Write(line []byte) (int, error) {
	select {
	case <-f.full:
		return f.gate.Write(line)
	default:
		return 0, errors.New("no space left on device")
	}
}

// What is told of lost lines is a line too: while none can be written, there is no telling of it.
func TestALogThatCannotBeWrittenIsNotToldOfInItself(t *testing.T) {
	t.Parallel()
	disk := &fullDisk{gate: gate{opened: make(chan struct{})}, full: make(chan struct{})}
	close(disk.opened)
	writer := server.NewLogWriter(disk)
	logger := zerolog.New(writer)
	told := make(chan int64, 10)
	writer.Flows(func(dropped int64) {
		logger.Warn().Int64("dropped", dropped).Msg("lines were dropped")
		told <- dropped
	})
	for range 10 {
		logger.Info().Msg("a line")
	}
	for writer.Dropped() < 10 {
		runtime.Gosched()
	}
	if found := writer.Degraded(); len(found) != 1 || !strings.Contains(found[0].Found, "cannot be written") {
		t.Errorf("degraded: %v", found)
	}
	close(disk.full)
	logger.Info().Msg("there is room again")
	if got := <-told; got != 10 {
		t.Errorf("told of %d lines, expected 10", got)
	}
	writer.Close()
	if found := writer.Degraded(); len(found) > 0 || writer.Dropped() != 10 {
		t.Errorf("degraded: %v, %d dropped", found, writer.Dropped())
	}
}
