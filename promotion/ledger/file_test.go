package ledger_test

import (
	"errors"
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
