package server_test

import (
	"bytes"
	"errors"
	"io"
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
