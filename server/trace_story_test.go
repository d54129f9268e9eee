package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// lines keeps what is logged.
type lines struct {
	mutex   sync.Mutex
	content bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.content.Write(line)
}

// with gives the lines of a message, decoded.
func (l *lines) with(message string) (found []map[string]any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for line := range strings.Lines(l.content.String()) {
		var decoded map[string]any
		if json.Unmarshal([]byte(line), &decoded) == nil && decoded["message"] == message {
			found = append(found, decoded)
		}
	}
	return found
}

// What a delivery leads to, row by row, is logged under the trace that it came with.
func TestADecisionIsLoggedUnderTheTraceOfItsDelivery(t *testing.T) {
	log := &lines{}
	s := begin(t, scene.Options{Logger: zerolog.New(log)})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	var comment *githubtest.Comment
	for _, delivery := range s.GitHub.Capture(func() { comment = pull.Comment(s.Alice, "/promote production") }) {
		request := s.delivery(delivery.Event(), delivery.Body())
		request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if status, answer := s.post(request); status != http.StatusAccepted {
			t.Fatalf("answered %d %s", status, answer)
		}
	}
	s.becomes(pull.Issue, comment, "Promoted")
	s.must(s.Eventually(s.ctx, "the decision to be logged", func() bool { return len(log.with("request decided")) > 0 }))
	if decided := log.with("request decided")[0]; decided["trace_id"] != "0af7651916cd43dd8448eb211c80319c" || decided["kind"] != "request" {
		t.Errorf("logged %v", decided)
	}
	for _, recorded := range log.with("verification recorded") {
		if trace, _ := recorded["trace_id"].(string); len(trace) != 32 {
			t.Errorf("without a trace of its own: %v", recorded)
		}
	}
}

// A line for each delivery costs, and drowns what matters.
func TestADeliveryIsNoLineOfTheUsualLog(t *testing.T) {
	usual, all := &lines{}, &lines{}
	s := begin(t, scene.Options{Logger: zerolog.New(zerolog.MultiLevelWriter(
		&zerolog.FilteredLevelWriter{Writer: zerolog.LevelWriterAdapter{Writer: usual}, Level: zerolog.InfoLevel}, all))})
	s.verified(s.Merged("Add a basket").MergeCommit(), "basket")
	s.settled()
	if len(all.with("delivery kept")) == 0 {
		t.Error("no delivery is logged at all, with the level debug")
	}
	if found := usual.with("delivery kept"); len(found) != 0 {
		t.Errorf("logged %v, and %d more like it", found[0], len(found)-1)
	}
}
