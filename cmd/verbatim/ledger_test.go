package main

import (
	"bytes"
	"database/sql"
	"net"
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
	shows(0, "NEW LEDGER: there was none, and an empty one was made: "+filepath.Join(folder, "from.db"), "migrate")
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
	shows(2, "found the same twice", "ledger", "copy", from, from)
	shows(2, "found the same twice", "ledger", "copy", from, strings.Replace(from, "from.db", "./from.db", 1))
	shows(2, "expected sqlite:PATH", "ledger", "copy", "mysql:verbatim", to)
	shows(2, "expected sqlite:PATH", "ledger", "copy", from, "mysql:verbatim")
	shows(2, "there is no ledger", "ledger", "copy", "sqlite:"+filepath.Join(folder, "no-such.db"), to)
	shows(2, "its folder", "ledger", "copy", from, "sqlite:"+filepath.Join(folder, "none", "to.db"))
	t.Setenv("VERBATIM_DATABASE_URL", to)
	shows(0, "restored from a backup", "ledger", "resume")
	shows(0, "nothing is held everywhere", "ledger", "resume")
}

// A mistyped address leads to another program's database, or to none at all.
func TestMigrateOnWhatIsNoLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), `CREATE TABLE invoices (id INTEGER)`); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VERBATIM_DATABASE_URL", "sqlite:"+path)
	for _, arguments := range [][]string{{"migrate"}, {"work", "list"}} {
		var out bytes.Buffer
		if code := run(t.Context(), arguments, strings.NewReader(""), &out, &out); code != 2 {
			t.Errorf("%v: exit code %d, expected 2; it shows\n%s", arguments, code, out.String())
		}
		if arguments[0] == "migrate" && !strings.Contains(out.String(), "tables of something else (invoices)") {
			t.Errorf("it shows\n%s", out.String())
		}
	}
}

// A database that does not let us in is no wrong setting: trying again may help.
func TestAPostgresThatDoesNotAnswerCouldNotBeTold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	const refusal = "SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 1024))
			_, _ = connection.Write(append([]byte{'E', 0, 0, 0, byte(4 + len(refusal))}, refusal...))
			_ = connection.Close()
		}
	}()
	t.Setenv("VERBATIM_DATABASE_URL", "postgres://verbatim:sesame@"+listener.Addr().String()+"/verbatim?sslmode=disable")
	for _, arguments := range [][]string{{"work", "list"}, {"ledger", "resume"}, {"migrate"}} {
		var out bytes.Buffer
		if code := run(t.Context(), arguments, strings.NewReader(""), &out, &out); code != 3 || !strings.Contains(out.String(), "starting up") {
			t.Errorf("%v: exit code %d, expected 3; it shows\n%s", arguments, code, out.String())
		}
	}
}
