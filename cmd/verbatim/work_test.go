package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// A delivery that failed for good is listed, tried again, and discarded.
func TestWorkThatWasSetAside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verbatim.db")
	t.Setenv("VERBATIM_DATABASE_URL", "sqlite:"+file)
	book, err := ledger.Open(t.Context(), "sqlite:"+file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	setAside := func() {
		t.Helper()
		claimed, err := book.Claim(t.Context(), 1, time.Minute, nil)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %d rows: %v", len(claimed), err)
		}
		if err := book.SetAside(t.Context(), claimed[0].Lease, "GitHub's answer has no usable head"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := book.Accept(t.Context(), ledger.Delivery{GUID: "guid-1", Event: "push", Queue: "push/1", Payload: []byte("{}"), Received: time.Now()}); err != nil {
		t.Fatal(err)
	}
	setAside()
	shows := func(code int, words string, arguments ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), arguments, strings.NewReader(""), &out, &out); got != code || !strings.Contains(out.String(), words) {
			t.Errorf("%v: exit code %d, expected %d and %q; it shows\n%s", arguments, got, code, words, out.String())
		}
	}
	shows(0, "guid-1", "work", "list")
	shows(0, "no usable head", "work", "list")
	shows(0, "work 1 is tried again", "work", "retry", "1")
	shows(1, "is not set aside", "work", "retry", "1")
	setAside()
	shows(2, "expected one of", "work", "retry", "--all", "--kind", "deliveries")
	shows(2, "expected a row or --all", "work", "retry", "1", "--all")
	shows(2, "or --all", "work", "retry")
	shows(0, "0 rows are tried again", "work", "retry", "--all", "--kind", "sweep")
	shows(0, "1 rows are tried again", "work", "retry", "--all", "--kind", "delivery")
	setAside()
	shows(0, "1 rows are tried again", "work", "retry", "--all")
	setAside()
	shows(0, "work 1 is discarded", "work", "discard", "1")
	shows(0, "0 rows are set aside", "work", "list")
	shows(1, "is not set aside", "work", "discard", "99")
}
