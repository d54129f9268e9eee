package ledger_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// another opens a second ledger: in SQLite, whatever the first is in.
func (b *book) another() *ledger.Ledger {
	b.t.Helper()
	opened, err := ledger.Open(context.Background(), "sqlite:"+filepath.Join(b.t.TempDir(), "another.db"), b.clock.Now)
	b.must(err)
	b.t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// filled has something in most tables.
func (b *book) filled() {
	b.t.Helper()
	lease := b.leased("one")
	request := &promotion.Request{Key: "comment/42/1/0", Repository: shop, Comment: 1, State: promotion.RequestOpen}
	verification := promotion.Verification{Repository: 42, Image: "api", Commit: commit, Stage: "test", Run: 1, Attempt: 1, Digest: digest, Conclusion: "success", Recorded: b.clock.Now()}
	live := &promotion.Promotion{Request: 1, Repository: 42, Environment: "production", Image: "api", Kind: promotion.KindBaseline, State: promotion.Succeeded, Digest: digest, Finished: b.clock.Now()}
	b.must(b.complete(lease, promotion.Changes{
		Requests: []*promotion.Request{request}, Verifications: []promotion.Verification{verification}, Promotions: []*promotion.Promotion{live},
		Announcements: []promotion.Announcement{{Key: "reply/42/1", Kind: promotion.AnnounceReply, Repository: shop}},
		Entries:       []promotion.Entry{{Key: "hold/1", Kind: promotion.EntryHold, Repository: 42, Environment: "production", Reason: "quoted ' \"and\" \u00e9", At: b.clock.Now()}},
	}))
	for i := range 250 {
		b.accept(strings.Repeat("g", i+1), "push", "q")
	}
	b.must(b.CachePolicy(b.t.Context(), shop, promotion.PolicyFile{Head: commit, Found: true, Content: []byte("version: 1\n")}, b.clock.Now(), time.Time{}))
	_, err := b.ClaimRegistry(b.t.Context(), image, 42)
	b.must(err)
}

// When the tests have PostgreSQL, this goes from there to SQLite and back into another database.
func TestALedgerIsCopiedWhole(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.filled()
	target := b.another()
	copied, err := ledger.Copy(t.Context(), b.Ledger, target, false)
	b.must(err)
	rows := map[string]int64{}
	for _, table := range copied {
		rows[table.Name] = table.Rows
	}
	if rows["work"] != 252 || rows["verifications"] != 1 || rows["entries"] != 1 || rows["policies"] != 1 || rows["sequences"] != 6 {
		t.Errorf("copied %v", rows)
	}
	if _, err := ledger.Copy(t.Context(), b.Ledger, target, false); err == nil || !strings.Contains(err.Error(), "expected an empty ledger") {
		t.Errorf("copied into one that is not empty: %v", err)
	}
	entries, err := target.Entries(t.Context(), 42, promotion.EntryFilter{})
	if b.must(err); len(entries) != 1 || entries[0].Reason != "quoted ' \"and\" \u00e9" {
		t.Errorf("entries %+v", entries)
	}
	back := open(t)
	again, err := ledger.Copy(t.Context(), target, back.Ledger, false)
	b.must(err)
	for i, table := range again {
		if table != copied[i] {
			t.Errorf("%+v came back as %+v", copied[i], table)
		}
	}
	added, err := target.Accept(t.Context(), ledger.Delivery{GUID: "g", Event: "push", Received: b.clock.Now()})
	if b.must(err); added {
		t.Error("a delivery that was accepted before the copy was accepted again after it")
	}
}

func TestALedgerInUseIsNotCopied(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.leased("one")
	target := b.another()
	if _, err := ledger.Copy(t.Context(), b.Ledger, target, false); !errors.Is(err, ledger.ErrInUse) {
		t.Errorf("copied: %v", err)
	}
	if _, err := ledger.Copy(t.Context(), b.Ledger, target, true); err != nil {
		t.Errorf("not copied by force: %v", err)
	}
}
