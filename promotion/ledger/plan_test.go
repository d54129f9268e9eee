package ledger

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The statements that run all the time must not read the whole table of work: most of its rows are done.
func TestHotStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	l, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "verbatim.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for name, statement := range map[string]string{"claim": claimStatement, "next": nextStatement} {
		rows, err := l.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "$"))...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := collect(rows, err, func(rows *sql.Rows) (string, error) {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			return detail, err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "INDEX") {
				t.Errorf("%s reads a whole table: %s\n%s", name, step, strings.Join(plan, "\n"))
			}
		}
	}
}
