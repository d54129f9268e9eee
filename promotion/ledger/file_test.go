package ledger_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// A file that is deleted or replaced while it is open is noticed within seconds, and nothing is kept in it.
func TestAFileThatIsNotTheOneThatWasOpened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verbatim.db")
	opened, err := ledger.Open(t.Context(), "sqlite:"+path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	becomes := func(wanted error) {
		t.Helper()
		ticker, late := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
		defer ticker.Stop()
		for !errors.Is(opened.Healthy(t.Context()), wanted) {
			select {
			case <-ticker.C:
			case <-late:
				t.Fatalf("health is %v, expected %v", opened.Healthy(t.Context()), wanted)
			}
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	becomes(ledger.ErrReplaced)
	if _, err := opened.Accept(t.Context(), ledger.Delivery{GUID: "guid-1", Event: "push", Received: time.Now()}); !errors.Is(err, ledger.ErrReplaced) {
		t.Errorf("a delivery was kept in a file that is gone: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	becomes(nil)
}

// Health is told by a write that reaches the disk: one that changes nothing would not, and a full disk would look well again as soon
// as no delivery has been refused for a while.
func TestHealthIsAWriteThatReachesTheDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verbatim.db")
	opened, err := ledger.Open(t.Context(), "sqlite:"+path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	written := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := written()
	if err := opened.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := written(); after <= before {
		t.Errorf("the write-ahead log has %d bytes after it was looked at, %d before: nothing was written", after, before)
	}
}

// Pages that a connection remembers let a damaged file take deliveries that nobody can work on afterwards. Once work has met the damage,
// health says so, and no more are kept.
func TestADamagedFileTakesNothingMore(t *testing.T) {
	t.Parallel()
	opened, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "verbatim.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	opened.Notice(errors.New("GitHub answered 500"))
	if err := opened.Healthy(t.Context()); err != nil {
		t.Errorf("something else that went wrong is held against the file: %v", err)
	}
	opened.Notice(fmt.Errorf("read the policy: %w", damaged(t)))
	if err := opened.Healthy(t.Context()); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("health is %v, expected that the file is damaged", err)
	}
	if _, err := opened.Accept(t.Context(), ledger.Delivery{GUID: "guid-1", Event: "push", Received: time.Now()}); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("a delivery was kept in a damaged file: %v", err)
	}
}

// damaged gives what SQLite says of a file whose pages are nonsense.
func damaged(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	database, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = database.ExecContext(t.Context(), `CREATE TABLE work (id INTEGER)`); err == nil {
		err = database.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt(bytes.Repeat([]byte{0xaa}, 4096), 4096)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if database, err = sql.Open("sqlite", "file:"+path); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = database.Close() }()
	var count int
	err = database.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM work`).Scan(&count)
	if err == nil {
		t.Fatal("a file of nonsense could be read")
	}
	return err
}
