package ledger_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// smallTables have few rows by nature: reading all of one costs nothing.
var smallTables = map[string]string{
	"compatibility": "one row",
	"sequences":     "one row a sequence",
	"leaders":       "one row a periodic task",
	"reservations":  "one row a rate",
	"policies":      "listed whole by what looks at every repository",
	"sqlite_master": "the schema",
}

// Each statement that a ledger runs in its life finds its rows by an index, on either database.
func TestEveryStatementUsesAnIndex(t *testing.T) {
	t.Parallel()
	b := &book{t: t, clock: newClock()}
	var err error
	b.url = "sqlite:" + filepath.Join(t.TempDir(), "verbatim.db")
	b.open()
	t.Cleanup(func() { _ = b.Close() })
	called := map[string]bool{}
	b.live(called)
	for i := range reflect.TypeFor[*ledger.Ledger]().NumMethod() {
		name := reflect.TypeFor[*ledger.Ledger]().Method(i).Name
		if !called[name] && name != "Close" && name != "Statements" && name != "Plan" && name != "Added" && name != "Versions" && name != "Fill" && name != "Notice" && name != "Place" {
			t.Errorf("the life of a ledger lacks %s", name)
		}
	}
	statements := b.Statements()
	if len(statements) < 60 {
		t.Errorf("%d statements were seen", len(statements))
	}
	books := map[string]*ledger.Ledger{"SQLite": b.Ledger}
	if postgrestest.Available() {
		address, remove, err := postgrestest.New(context.Background())
		b.must(err)
		t.Cleanup(func() { b.must(remove()) })
		books["PostgreSQL"], err = ledger.Open(context.Background(), address, time.Now)
		b.must(err)
		t.Cleanup(func() { _ = books["PostgreSQL"].Close() })
	}
	for name, book := range books {
		for _, statement := range statements {
			if strings.Contains(statement, "pragma_") {
				continue // of the copying: SQLite's own words
			}
			var plan []string
			if plan, err = book.Plan(t.Context(), statement); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, step := range plan {
				if table := wholeTable(step); table != "" && smallTables[table] == "" && !strings.HasPrefix(statement, "SELECT COUNT(*) FROM "+table) {
					t.Errorf("%s reads all of %s:\n%s\n%s", name, table, statement, strings.Join(plan, "\n"))
				}
			}
		}
	}
}

var (
	sqliteScan   = regexp.MustCompile(`^SCAN (\w+)(.*)$`)
	postgresScan = regexp.MustCompile(`Seq Scan on (\w+)`)
)

// wholeTable gives the table of which a step reads all rows. Of work, a partial index of what is unfinished is not all.
func wholeTable(step string) string {
	if found := postgresScan.FindStringSubmatch(step); found != nil {
		return found[1]
	}
	found := sqliteScan.FindStringSubmatch(step)
	if found == nil || regexp.MustCompile(`work_(leased|set_aside|timed|heads|behind)`).MatchString(found[2]) {
		return ""
	}
	switch found[1] {
	case "turns", "CONSTANT", "newest", "clock", "hurry", "counted":
		return "" // no table
	}
	return found[1]
}

// live leads the life of a ledger, twice: what runs often is prepared after its first time.
func (b *book) live(called map[string]bool) {
	b.t.Helper()
	ctx := b.t.Context()
	does := func(names ...string) {
		for _, name := range names {
			called[name] = true
		}
	}
	for range 3 {
		b.clock.Pass(time.Hour)
		suffix := b.clock.Now().Format(time.RFC3339)
		b.accept("one"+suffix, "push", "q")
		b.accept("two"+suffix, "push", "r")
		b.accept("three"+suffix, "push", "s")
		_, work := b.claims(10)
		lease, other, third := work[0].Lease, work[1].Lease, work[2].Lease
		does("Accept", "Claim")
		_, _, err := b.NextRun(ctx, nil)
		b.must(err)
		_, err = b.Extend(ctx, []promotion.Lease{lease}, b.clock.Now().Add(time.Minute))
		b.must(err)
		_, err = b.TakeLanes(ctx, lease, promotion.LaneClaim{Repository: 42, Environment: "production", Image: "api", Lanes: []promotion.Lane{{Registry: image, Tag: "production"}}})
		b.must(err)
		does("NextRun", "Extend", "TakeLanes", "Commit")
		request := &promotion.Request{Key: "comment/" + suffix, Repository: shop, Source: promotion.FromComment, Comment: 1, State: promotion.RequestOpen}
		running := &promotion.Promotion{Request: 1, Repository: 42, Environment: "production", Image: "api", Kind: promotion.KindPromotion, State: promotion.Running, Digest: digest, Commit: commit}
		b.must(b.Commit(ctx, lease, promotion.Changes{
			Requests: []*promotion.Request{request}, Promotions: []*promotion.Promotion{running},
			Policies:      []promotion.KeptPolicy{{Repository: 42, Hash: "0123", File: promotion.PolicyFile{Source: "acme/shop:.github/verbatim.yml", Content: []byte("version: 1\n")}}},
			Starts:        []promotion.Start{{Repository: 42, Image: "api", Commit: commit, Stage: "test", Run: 1, Attempt: 1, Digest: digest, Observed: b.clock.Now()}},
			Verifications: []promotion.Verification{{Repository: 42, Image: "api", Commit: commit, Stage: "test", Run: 1, Attempt: 1, Digest: digest, Conclusion: suffix, Definition: suffix}},
			Announcements: []promotion.Announcement{{Key: "reply/" + suffix, Kind: promotion.AnnounceReply, Repository: shop}, {Key: "slack/" + suffix, Kind: promotion.AnnounceSlack, Repository: shop}},
			Entries:       []promotion.Entry{{Key: "hold/" + suffix, Kind: promotion.EntryHold, Repository: 42, Environment: "production", Commit: commit, PullRequest: 7}},
			Work:          []promotion.NewWork{{Kind: promotion.WorkCheck, Subject: suffix, Repository: 42, Queue: "check"}},
		}))
		done := must(running.To(promotion.Succeeded, b.clock.Now()))
		request.State = promotion.RequestSettled
		b.must(b.Commit(ctx, lease, promotion.Changes{Requests: []*promotion.Request{request}, Promotions: []*promotion.Promotion{&done}, ReleaseLanes: true}))
		b.must(b.HandBack(ctx, lease))
		b.must(b.Retry(ctx, other, b.clock.Now(), "later", true))
		b.must(b.SetAside(ctx, third, "never"))
		does("HandBack", "Retry", "SetAside")
		b.reads(request, does)
		b.keeps(suffix, does)
	}
}

// reads asks everything that can be asked.
func (b *book) reads(request *promotion.Request, does func(...string)) {
	b.t.Helper()
	ctx := b.t.Context()
	asked := map[string]func() error{
		"Records":           func() error { _, err := b.Records(ctx, 42, commit); return err },
		"Origin":            func() error { _, err := b.Origin(ctx, 42, "api", digest); return err },
		"CommitsOf":         func() error { _, err := b.CommitsOf(ctx, 42, "api", digest); return err },
		"VerifiedCommits":   func() error { _, err := b.VerifiedCommits(ctx, 42, "api", 10); return err },
		"Intrusions":        func() error { _, err := b.Intrusions(ctx, 42, "api", "test", digest); return err },
		"Deployments":       func() error { _, err := b.Deployments(ctx, 42, "api", "test", digest, 5); return err },
		"Live":              func() error { _, err := b.Live(ctx, 42, "production", "api"); return err },
		"EverLive":          func() error { _, err := b.EverLive(ctx, 42, "production", "api"); return err },
		"LiveAnywhere":      func() error { _, err := b.LiveAnywhere(ctx, 42); return err },
		"PromotionsOf":      func() error { _, err := b.PromotionsOf(ctx, 1); return err },
		"Sequence":          func() error { _, err := b.Sequence(ctx, 42, "production"); return err },
		"Request":           func() error { _, err := b.Request(ctx, request.ID); return err },
		"RequestByKey":      func() error { _, err := b.RequestByKey(ctx, request.Key); return err },
		"RequestsOfComment": func() error { _, err := b.RequestsOfComment(ctx, 42, promotion.FromComment, 1); return err },
		"WaitingRequests":   func() error { _, err := b.WaitingRequests(ctx, 42); return err },
		"Announcement": func() error {
			_, err := b.Announcement(ctx, "reply/"+strings.TrimPrefix(request.Key, "comment/"))
			return err
		},
		"Governed":          func() error { _, err := b.Governed(ctx); return err },
		"Everywhere":        func() error { _, err := b.Everywhere(ctx); return err },
		"Begun":             func() error { _, err := b.Begun(ctx); return err },
		"Depth":             func() error { _, err := b.Depth(ctx); return err },
		"Healthy":           func() error { return b.Healthy(ctx) },
		"SetAsideRows":      func() error { _, err := b.SetAsideRows(ctx); return err },
		"UnknownDeliveries": func() error { _, err := b.UnknownDeliveries(ctx, []string{"one", "none"}); return err },
		"Entries": func() error {
			for _, filter := range []promotion.EntryFilter{
				{},
				{Kinds: []promotion.EntryKind{promotion.EntryHold, promotion.EntryResume}},
				{Kinds: []promotion.EntryKind{promotion.EntryMerge}, PullRequest: 7},
				{Kinds: []promotion.EntryKind{promotion.EntryApproval, promotion.EntryOverride}, Commit: commit},
				{Kinds: []promotion.EntryKind{promotion.EntryDrift}, Environment: "production"},
			} {
				if _, err := b.Entries(ctx, 42, filter); err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, ask := range asked {
		if err := ask(); err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
		does(name)
	}
}

// keeps writes what is written outside of work.
func (b *book) keeps(suffix string, does func(...string)) {
	b.t.Helper()
	ctx := b.t.Context()
	b.must(b.CachePolicy(ctx, shop, promotion.PolicyFile{Head: commit, Found: true, Content: []byte("version: 1\n")}, b.clock.Now(), time.Time{}))
	_, err := b.CachedPolicy(ctx, 42)
	b.must(err)
	_, _, err = b.Named(ctx, 42)
	b.must(err)
	b.must(b.Rename(ctx, shop))
	b.must(b.Forget(ctx, 42))
	_, err = b.KeptPolicy(ctx, 42, "0123")
	b.must(err)
	b.must(b.ForgetPolicies(ctx, "acme"))
	_, err = b.ClaimRegistry(ctx, image, 42)
	b.must(err)
	b.must(b.AddWork(ctx, []promotion.NewWork{{Kind: promotion.WorkDrift, Subject: "42", Repository: 42, Queue: "drift/42"}}))
	_, err = b.Lead(ctx, "drift", "me", b.clock.Now().Add(time.Minute))
	b.must(err)
	_, err = b.Reserve(ctx, "ecr", time.Second, 3)
	b.must(err)
	_, err = b.HoldEverything(ctx, "restored/"+suffix, "restored")
	b.must(err)
	_, err = b.ResumeEverything(ctx)
	b.must(err)
	for _, work := range b.expectAny(10) {
		if work.Kind == promotion.WorkAnnouncement {
			b.must(b.AnnouncementMade(ctx, work.Lease, work.Subject, 1, 9, false))
		} else {
			b.must(b.SetAside(ctx, work.Lease, "never"))
		}
	}
	rows, err := b.SetAsideRows(ctx)
	b.must(err)
	b.must(b.RetrySetAside(ctx, rows[0].ID))
	_, err = b.RetryAllSetAside(ctx, "none")
	b.must(err)
	b.must(b.DiscardSetAside(ctx, rows[1].ID))
	_, err = b.Prune(ctx, b.clock.Now().Add(-time.Minute))
	b.must(err)
	_, err = b.Owned(ctx, image, "production")
	b.must(err)
	_, err = b.Release(ctx, image, "canary", "root")
	if !errors.Is(err, promotion.ErrNotFound) {
		b.t.Errorf("a lane that is nobody's was given back: %v", err)
	}
	_, err = b.Release(ctx, image, "", "root")
	b.must(err)
	does("Owned", "Release")
	does("Named", "Rename", "Forget", "CachePolicy", "CachedPolicy", "KeptPolicy", "ForgetPolicies", "ClaimRegistry", "AddWork", "Lead", "Reserve", "HoldEverything", "ResumeEverything",
		"AnnouncementMade", "RetrySetAside", "RetryAllSetAside", "DiscardSetAside", "Prune")
}

// expectAny claims whatever there is.
func (b *book) expectAny(limit int) []promotion.Work {
	b.t.Helper()
	_, work := b.claims(limit)
	if len(work) == 0 {
		b.t.Fatal("nothing to claim")
	}
	return work
}
