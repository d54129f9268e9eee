package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

func TestMigrateCopyAndResume(t *testing.T) {
	folder := t.TempDir()
	from, to := "sqlite:"+filepath.Join(folder, "from.db"), "sqlite:"+filepath.Join(folder, "to.db")
	t.Setenv("VERBATIM_DATABASE_URL", from)
	t.Setenv("TARGET", to)
	shows := func(code int, words string, arguments ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), arguments, strings.NewReader(""), &out, &out); got != code || !strings.Contains(out.String(), words) {
			t.Errorf("%v: exit code %d, expected %d and %q; it shows\n%s", arguments, got, code, words, out.String())
		}
	}
	shows(0, "from schema version 0 to ", "migrate")
	shows(0, "nothing to do", "migrate")
	shows(0, "nothing is held everywhere", "ledger", "resume")

	book, err := ledger.Open(t.Context(), from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Accept(t.Context(), ledger.Delivery{GUID: "guid-1", Event: "push", Received: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := book.HoldEverything(t.Context(), "restored/1", "restored from a backup"); err != nil {
		t.Fatal(err)
	}
	claimed, err := book.Claim(t.Context(), 1, time.Minute, nil)
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %d: %v", len(claimed), err)
	}
	shows(1, "stop it first", "ledger", "copy", from, "env:TARGET")
	if err := book.HandBack(t.Context(), claimed[0].Lease); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	shows(0, "copied, and found again in full", "ledger", "copy", from, "env:TARGET")
	shows(3, "expected an empty ledger", "ledger", "copy", from, to)
	shows(2, "expected the variable NOWHERE", "ledger", "copy", "env:NOWHERE", to)
	shows(3, "found the same twice", "ledger", "copy", from, from)
	t.Setenv("VERBATIM_DATABASE_URL", to)
	shows(0, "restored from a backup", "ledger", "resume")
	shows(0, "nothing is held everywhere", "ledger", "resume")
}
