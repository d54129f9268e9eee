package ledger_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// A database of something else is not made a ledger, and neither is it changed.
func TestADatabaseOfSomethingElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.db")
	databases := map[string]struct{ driver, source, url string }{"SQLite": {"sqlite", path, "sqlite:" + path}}
	if postgrestest.Available() {
		address, remove, err := postgrestest.New(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = remove() })
		databases["PostgreSQL"] = struct{ driver, source, url string }{"pgx", address, address}
	}
	for name, test := range databases {
		other, err := sql.Open(test.driver, test.source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.ExecContext(t.Context(), `CREATE TABLE invoices (id INTEGER)`); err != nil {
			t.Fatal(err)
		}
		opened, err := ledger.Open(t.Context(), test.url, time.Now, ledger.Alone)
		if !errors.Is(err, ledger.ErrForeign) || !strings.Contains(err.Error(), "invoices") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			t.Error(opened.Close())
		}
		if _, err := other.ExecContext(t.Context(), `DROP TABLE invoices`); err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // an empty one, and a ledger
			opened, err := ledger.Open(t.Context(), test.url, time.Now, ledger.Alone)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if place := opened.Place(); strings.Contains(place, "://") || name == "SQLite" && place != path {
				t.Errorf("%s: its place is %s", name, place)
			}
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
