package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// failing is a ledger that can be read, and then cannot.
type failing struct{ err error }

func (f *failing) Depth(context.Context) (ledger.Depth, error) {
	return ledger.Depth{Rows: []ledger.DepthRow{{Kind: "delivery", State: "set_aside", Count: 3}}, Held: true}, f.err
}

func TestALedgerThatCannotBeReadTellsNoZero(t *testing.T) {
	t.Parallel()
	reader := &failing{}
	handler := NewMetrics(nil).Handler(reader, nil, nil)
	scrape := func() string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		return recorder.Body.String()
	}
	fromLedger := []string{"\nverbatim_work_rows{", "\nverbatim_work_oldest_seconds ", "\nverbatim_lanes_held ", "\nverbatim_held_everywhere "}
	for _, readable := range []bool{true, false, true} {
		reader.err = nil
		if !readable {
			reader.err = errors.New("disk I/O error")
		}
		told := scrape()
		for _, name := range fromLedger {
			if strings.Contains(told, name) != readable {
				t.Errorf("readable %v: expected %q only of a ledger that can be read", readable, name[1:])
			}
		}
		if want := map[bool]string{true: "\nverbatim_ledger_readable 1\n", false: "\nverbatim_ledger_readable 0\n"}[readable]; !strings.Contains(told, want) {
			t.Errorf("expected %q", want)
		}
	}
}
