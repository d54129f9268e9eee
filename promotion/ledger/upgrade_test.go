package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// A migration that was released is never changed: ledgers that went through it would not be what the next one expects. A new
// one is added to the list.
func TestMigrationsOnlyGrow(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("testdata/migrations.sum")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		known[name] = sum
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(content)
		sum, name := hex.EncodeToString(digest[:]), filepath.Base(file)
		switch was, listed := known[name]; {
		case !listed:
			t.Errorf("testdata/migrations.sum: add the new migration\n%s  %s", sum, name)
		case was != sum:
			t.Errorf("%s was changed: put it back as it was, and add a migration that does the rest", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("%s is gone: ledgers that went through it cannot be opened", name)
	}
}

// testdata/version-1.ledger was written by the server at ac3d244: two promotions, a hold on pull request 2, and a command that
// waits. It is opened, and the work goes on.
func TestALedgerOfAnOlderVersionIsOpened(t *testing.T) {
	t.Parallel()
	const repository = 1296269
	content, err := os.ReadFile("testdata/version-1.ledger")
	if err != nil {
		t.Fatal(err)
	}
	b := &book{t: t, clock: &clock{now: time.Now().UTC()}, url: "sqlite:" + filepath.Join(t.TempDir(), "verbatim.db")}
	b.must(os.WriteFile(strings.TrimPrefix(b.url, "sqlite:"), content, 0o600))
	b.open()
	t.Cleanup(func() { _ = b.Close() })
	if before, after := b.Versions(); before != 1 || after <= before {
		t.Errorf("it was migrated from version %d to %d", before, after)
	}
	live := must(b.Live(t.Context(), repository, "production", "api"))
	if len(live) != 2 || !strings.HasPrefix(live[1].Digest.String(), "sha256:fc9ac604a4fc") {
		t.Fatalf("%d promotions are live, expected two, the second with sha256:fc9ac604a4fc…", len(live))
	}
	records := must(b.Records(t.Context(), repository, live[1].Commit))["api"]
	if len(records.Verifications) < 3 || !records.Verifications[0].Passed() {
		t.Errorf("%d verifications", len(records.Verifications))
	}
	if holds := promotion.HoldsOf(must(b.Entries(t.Context(), repository, promotion.EntryFilter{Kinds: []promotion.EntryKind{promotion.EntryHold, promotion.EntryResume}}))); len(holds) != 1 || holds[0].Reason != "look at it first" {
		t.Errorf("holds: %+v", holds)
	}
	waiting := must(b.WaitingRequests(t.Context(), repository))
	if len(waiting) != 1 || !waiting[0].Command.WhenVerified {
		t.Errorf("waiting: %+v", waiting)
	}
	if governed := must(b.Governed(t.Context())); len(governed) != 1 || governed[0].FullName() != "acme/shop" {
		t.Errorf("repositories: %+v", governed)
	}

	// What waits for its time is claimed when it comes, and what is new takes its turn.
	b.accept("guid-new", "push", "push/1")
	b.clock.Pass(100 * 365 * 24 * time.Hour)
	kinds := map[promotion.WorkKind]promotion.Lease{}
	for range 5 { // of one queue one row at a time
		_, work := b.claims(10)
		for _, row := range work {
			kinds[row.Kind] = row.Lease
			b.must(b.complete(row.Lease, promotion.Changes{}))
		}
	}
	if len(kinds) != 2 || kinds[promotion.WorkRequest].Work == 0 || kinds[promotion.WorkDelivery].Work == 0 {
		t.Errorf("claimed %v, expected the old request and the new delivery", kinds)
	}
	if repeated, err := b.Accept(t.Context(), ledger.Delivery{GUID: "guid-new", Event: "push", Queue: "push/1", Received: b.clock.Now()}); repeated || err != nil {
		t.Errorf("a repeat was taken: %t %v", repeated, err)
	}
}
