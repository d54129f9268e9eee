package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// clock is a time that the test moves.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) Pass(duration time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(duration)
}

// book is a ledger with the test that reads it.
type book struct {
	*ledger.Ledger
	t     testing.TB
	clock *clock
	url   string
}

func open(t testing.TB) *book {
	t.Helper()
	b := &book{t: t, clock: newClock(), url: "sqlite:" + filepath.Join(t.TempDir(), "verbatim.db")}
	if postgrestest.Available() {
		address, remove, err := postgrestest.New(context.Background())
		b.must(err)
		b.url = address
		t.Cleanup(func() { b.must(remove()) })
	}
	b.open()
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func (b *book) open() {
	b.t.Helper()
	var err error
	b.Ledger, err = ledger.Open(context.Background(), b.url, b.clock.Now)
	b.must(err)
}

func (b *book) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *book) accept(guid, event, queue string) bool {
	b.t.Helper()
	added, err := b.Accept(b.t.Context(), ledger.Delivery{GUID: guid, Event: event, Queue: queue, Payload: []byte("{}"), Received: b.clock.Now()})
	b.must(err)
	return added
}

// claims gives what can be claimed now, by GUID, and the leases.
func (b *book) claims(limit int) ([]string, []promotion.Work) {
	b.t.Helper()
	work, err := b.Claim(b.t.Context(), limit, time.Minute, nil)
	b.must(err)
	var names []string
	for _, row := range work {
		names = append(names, row.Delivery)
	}
	return names, work
}

func (b *book) expectClaims(limit int, want string) []promotion.Work {
	b.t.Helper()
	names, work := b.claims(limit)
	if got := strings.Join(names, " "); got != want {
		b.t.Fatalf("claimed %q, want %q", got, want)
	}
	return work
}

func (b *book) complete(lease promotion.Lease, changes promotion.Changes) error {
	changes.Complete = true
	return b.Commit(b.t.Context(), lease, changes)
}

func TestADeliveryIsKeptOnce(t *testing.T) {
	t.Parallel()
	b := open(t)
	if !b.accept("one", "push", "") || b.accept("one", "push", "") {
		t.Error("a repeat was added")
	}
	if !b.accept("one", "issue_comment", "") {
		t.Error("the same GUID with another event was not added")
	}
	b.expectClaims(10, "one one")
}

func TestWhatWasKeptSurvivesAReopening(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("one", "push", "")
	b.must(b.Close())
	b.open()
	b.expectClaims(10, "one")
}

func TestManyDeliveriesAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t)
	var group sync.WaitGroup
	for i := range 64 {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := range 10 {
				if _, err := b.Accept(t.Context(), ledger.Delivery{GUID: fmt.Sprintf("%d-%d", i, j/2), Event: "push", Received: b.clock.Now()}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	claimed := 0
	for names, _ := b.claims(100); len(names) > 0; names, _ = b.claims(100) {
		claimed += len(names)
	}
	if claimed != 320 {
		t.Errorf("%d rows, want 320", claimed)
	}
}

func TestRowsOfAQueueRunInTurn(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("a1", "push", "a")
	b.accept("a2", "push", "a")
	b.accept("b1", "push", "b")
	b.accept("free", "push", "")
	first := b.expectClaims(10, "a1 b1 free")
	b.expectClaims(10, "")
	b.must(b.complete(first[0].Lease, promotion.Changes{}))
	b.expectClaims(10, "a2")
}

func TestARowThatWaitsDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("a1", "push", "a")
	b.accept("a2", "push", "a")
	b.accept("a3", "push", "a")
	first := b.expectClaims(1, "a1")
	b.must(b.Retry(t.Context(), first[0].Lease, b.clock.Now().Add(time.Hour), "not now", true))
	second := b.expectClaims(10, "a2")
	b.must(b.SetAside(t.Context(), second[0].Lease, "never"))
	third := b.expectClaims(10, "a3")
	b.must(b.complete(third[0].Lease, promotion.Changes{}))
	next, found, err := b.NextRun(t.Context(), nil)
	if b.must(err); !found || !next.Equal(b.clock.Now().Add(time.Hour)) {
		t.Errorf("next run %s %t", next, found)
	}
	b.clock.Pass(time.Hour)
	again := b.expectClaims(10, "a1")
	if again[0].Attempts != 2 {
		t.Errorf("attempts %d, want 2", again[0].Attempts)
	}
	depth, err := b.Depth(t.Context())
	if b.must(err); fmt.Sprint(depth.Rows) != "[{delivery leased 1} {delivery set_aside 1}]" {
		t.Errorf("depth %v", depth.Rows)
	}
}

func TestARowBehindALeasedOneIsNotWaitedForByTheClock(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("a1", "push", "a")
	b.accept("a2", "push", "a")
	b.expectClaims(10, "a1")
	next, found, err := b.NextRun(t.Context(), nil)
	if b.must(err); !found || !next.Equal(b.clock.Now().Add(time.Minute)) {
		t.Errorf("next run %s %t, want the lease's end", next, found)
	}
}

// While deliveries of one commit come by the thousand, nobody looks each time for work that cannot be claimed yet.
func TestADeliveryBehindAnotherWakesNobody(t *testing.T) {
	t.Parallel()
	b := &book{t: t, clock: newClock(), url: "sqlite:" + filepath.Join(t.TempDir(), "verbatim.db")} // PostgreSQL's news come late
	b.open()
	t.Cleanup(func() { _ = b.Close() })
	woken := func() bool {
		select {
		case <-b.Added():
			return true
		default:
			return false
		}
	}
	b.accept("one", "push", "queue")
	b.accept("two", "push", "queue") // whoever keeps it has told of the one before
	if !woken() {
		t.Error("nobody was told of a row that can be claimed")
	}
	b.accept("three", "push", "queue")
	b.accept("four", "push", "queue")
	if woken() {
		t.Error("somebody was told of rows that cannot be claimed")
	}
	work := b.expectClaims(10, "one")
	b.must(b.complete(work[0].Lease, promotion.Changes{}))
	if !woken() {
		t.Error("nobody was told that the next row can be claimed")
	}
	b.expectClaims(10, "two")
}

func TestWhoLostTheLeaseCanWriteNothing(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("a1", "push", "a")
	stale := b.expectClaims(1, "a1")[0]
	b.clock.Pass(2 * time.Minute)
	fresh := b.expectClaims(1, "a1")[0]
	if fresh.Token <= stale.Token {
		t.Errorf("token %d after %d", fresh.Token, stale.Token)
	}
	request := &promotion.Request{Key: "late", State: promotion.RequestOpen}
	lost, err := b.Extend(t.Context(), []promotion.Lease{stale.Lease, fresh.Lease}, b.clock.Now().Add(time.Hour))
	if b.must(err); len(lost) != 1 || lost[0] != stale.Lease {
		t.Errorf("lost %v, want the stale lease alone", lost)
	}
	for what, err := range map[string]error{
		"commit":    b.Commit(t.Context(), stale.Lease, promotion.Changes{Requests: []*promotion.Request{request}}),
		"complete":  b.complete(stale.Lease, promotion.Changes{}),
		"retry":     b.Retry(t.Context(), stale.Lease, b.clock.Now(), "", true),
		"set aside": b.SetAside(t.Context(), stale.Lease, ""),
		"hand back": b.HandBack(t.Context(), stale.Lease),
		"announce":  b.AnnouncementMade(t.Context(), stale.Lease, "x", 1, 1, false),
		"no lease":  b.Commit(t.Context(), promotion.Lease{}, promotion.Changes{}),
	} {
		if !errors.Is(err, promotion.ErrLeaseLost) {
			t.Errorf("%s with a lost lease: %v", what, err)
		}
	}
	if _, err := b.RequestByKey(t.Context(), "late"); !errors.Is(err, promotion.ErrNotFound) {
		t.Errorf("a late write is there: %v", err)
	}
	b.must(b.complete(fresh.Lease, promotion.Changes{}))
}

func TestWhatIsHandedBackIsNotATry(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("a1", "push", "a")
	b.must(b.HandBack(t.Context(), b.expectClaims(1, "a1")[0].Lease))
	second := b.expectClaims(1, "a1")[0]
	b.must(b.Retry(t.Context(), second.Lease, b.clock.Now(), "busy", false))
	if third := b.expectClaims(1, "a1")[0]; third.Attempts != 1 {
		t.Errorf("attempts %d, want 1", third.Attempts)
	}
}

var (
	shop   = promotion.Repository{ID: 42, Owner: "acme", Name: "shop", Installation: 7}
	digest = must(promotion.ParseDigest("sha256:" + strings.Repeat("1", 64)))
	commit = must(promotion.ParseCommit(strings.Repeat("a", 40)))
	image  = must(promotion.ParseRegistryRepository("registry.example.com/shop/api"))
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// leased gives a lease on a new row.
func (b *book) leased(guid string) promotion.Lease {
	b.t.Helper()
	b.accept(guid, "push", guid)
	names, work := b.claims(100)
	for i, name := range names {
		if name == guid {
			return work[i].Lease
		}
	}
	b.t.Fatalf("%s could not be claimed", guid)
	return promotion.Lease{}
}

func TestRecordsAreKeptAsTheyWere(t *testing.T) {
	t.Parallel()
	b := open(t)
	lease := b.leased("one")
	start := promotion.Start{Repository: 42, Image: "api", Commit: commit, Stage: "test", Run: 1, Attempt: 1, Digest: digest, Observed: b.clock.Now()}
	verification := promotion.Verification{Repository: 42, Image: "api", Commit: commit, Stage: "test", Run: 1, Attempt: 1, Judged: 1, Final: true, Digest: digest, Conclusion: "success", Recorded: b.clock.Now()}
	later := start
	later.Digest = promotion.Digest{}
	for range 2 {
		b.must(b.Commit(t.Context(), lease, promotion.Changes{Starts: []promotion.Start{start, later}, Verifications: []promotion.Verification{verification}}))
	}
	records, err := b.Records(t.Context(), 42, commit)
	b.must(err)
	if got := records["api"]; len(got.Starts) != 1 || got.Starts[0].Digest != digest || len(got.Verifications) != 1 || got.Verifications[0].Conclusion != "success" {
		t.Errorf("records: %+v", got)
	}
	origin, err := b.Origin(t.Context(), 42, "api", digest)
	if b.must(err); origin != commit {
		t.Errorf("origin %s", origin)
	}
	if _, err := b.Origin(t.Context(), 42, "other", digest); !errors.Is(err, promotion.ErrNotFound) {
		t.Errorf("origin of another image: %v", err)
	}
}

func TestARequestIsSettledOnce(t *testing.T) {
	t.Parallel()
	b := open(t)
	lease := b.leased("one")
	open := promotion.Request{Key: "comment/42/1/0", Repository: shop, Comment: 1, State: promotion.RequestOpen, Requester: promotion.Person{ID: 1, Login: "alice"}}
	first, second := open, open
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Requests: []*promotion.Request{&first}}))
	second.Requester.Login = "mallory"
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Requests: []*promotion.Request{&second}}))
	if first.ID == 0 || second.ID != first.ID {
		t.Errorf("ids %d and %d", first.ID, second.ID)
	}
	first.State, first.Answer.Result = promotion.RequestSettled, promotion.ResultPromoted
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Requests: []*promotion.Request{&first}}))
	first.Answer.Result = promotion.ResultRefused
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Requests: []*promotion.Request{&first}}))
	kept, err := b.RequestByKey(t.Context(), open.Key)
	if b.must(err); kept.Requester.Login != "alice" || kept.Answer.Result != promotion.ResultPromoted {
		t.Errorf("kept %+v", kept)
	}
	of, err := b.RequestsOfComment(t.Context(), 42, first.Source, 1)
	if b.must(err); len(of) != 1 {
		t.Errorf("%d requests of the comment", len(of))
	}
}

func TestAnErrorLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := open(t)
	lease := b.leased("one")
	broken := &promotion.Promotion{State: "confused", Kind: promotion.KindPromotion}
	request := &promotion.Request{Key: "half", State: promotion.RequestOpen}
	if err := b.complete(lease, promotion.Changes{Requests: []*promotion.Request{request}, Promotions: []*promotion.Promotion{broken}}); err == nil {
		t.Fatal("a state that does not exist was written")
	}
	if _, err := b.RequestByKey(t.Context(), "half"); !errors.Is(err, promotion.ErrNotFound) {
		t.Errorf("half of it is there: %v", err)
	}
	b.must(b.complete(lease, promotion.Changes{}))
}

func TestPromotionsInTheOrderInWhichTheyFinished(t *testing.T) {
	t.Parallel()
	b := open(t)
	lease := b.leased("one")
	add := func(state promotion.State, kind promotion.Kind, finished time.Time) *promotion.Promotion {
		row := &promotion.Promotion{Request: 5, Repository: 42, Environment: "production", Image: "api", Kind: kind, State: state, Digest: digest, Created: b.clock.Now(), Finished: finished}
		b.must(b.Commit(t.Context(), lease, promotion.Changes{Promotions: []*promotion.Promotion{row}}))
		return row
	}
	slow := add(promotion.Pending, promotion.KindPromotion, time.Time{})
	b.clock.Pass(time.Second)
	baseline := add(promotion.Succeeded, promotion.KindBaseline, b.clock.Now())
	add(promotion.Failed, promotion.KindPromotion, b.clock.Now())
	b.clock.Pass(time.Second)
	b.clock.Pass(-time.Hour) // no clock decides
	done := must(slow.To(promotion.Succeeded, b.clock.Now()))
	before := must(b.Sequence(t.Context(), 42, "production"))
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Promotions: []*promotion.Promotion{&done}}))
	live, err := b.Live(t.Context(), 42, "production", "api")
	if b.must(err); len(live) != 2 || live[0].ID != baseline.ID || live[1].ID != slow.ID {
		t.Errorf("live: %+v", live)
	}
	if sequence := must(b.Sequence(t.Context(), 42, "production")); sequence <= before || sequence != int64(live[1].Number) {
		t.Errorf("sequence %d after %d, want the number of the last one", sequence, before)
	}
	if of := must(b.PromotionsOf(t.Context(), 5)); len(of) != 3 {
		t.Errorf("%d promotions of the request", len(of))
	}
	done.State, done.Finished = promotion.Failed, b.clock.Now()
	if err := b.Commit(t.Context(), lease, promotion.Changes{Promotions: []*promotion.Promotion{&done}}); err == nil {
		t.Error("a promotion that had ended was changed")
	}
}

func TestAnnouncementsAreToldAgainOnlyWhenTheyChange(t *testing.T) {
	t.Parallel()
	b := open(t)
	lease := b.leased("one")
	say := func(result promotion.Result) {
		b.must(b.Commit(t.Context(), lease, promotion.Changes{Announcements: []promotion.Announcement{{
			Key: "reply/42/1", Kind: promotion.AnnounceReply, Repository: shop, Answers: []promotion.Answer{{Result: result}},
		}}}))
	}
	say(promotion.ResultRefused)
	say(promotion.ResultRefused)
	_, work := b.claims(10)
	if len(work) != 1 || work[0].Kind != promotion.WorkAnnouncement || work[0].Subject != "reply/42/1" {
		t.Fatalf("work %+v", work)
	}
	b.must(b.AnnouncementMade(t.Context(), work[0].Lease, "reply/42/1", 1, 99, false))
	say(promotion.ResultRefused)
	if _, work := b.claims(10); len(work) != 0 {
		t.Errorf("told again in the same words: %+v", work)
	}
	say(promotion.ResultPromoted)
	if _, work := b.claims(10); len(work) != 1 {
		t.Errorf("not told again in other words: %+v", work)
	}
	kept := must(b.Announcement(t.Context(), "reply/42/1"))
	if kept.Version != 2 || kept.Done != 1 || kept.External != 99 || kept.Answers[0].Result != promotion.ResultPromoted {
		t.Errorf("kept %+v", kept)
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	b := open(t)
	one, two := b.leased("one"), b.leased("two")
	claim := func(environment string, tags ...string) promotion.LaneClaim {
		claim := promotion.LaneClaim{Repository: 42, Environment: environment, Image: "api"}
		for _, tag := range tags {
			claim.Lanes = append(claim.Lanes, promotion.Lane{Registry: image, Tag: tag})
		}
		return claim
	}
	take := func(lease promotion.Lease, claim promotion.LaneClaim) string {
		t.Helper()
		answer := must(b.TakeLanes(t.Context(), lease, claim))
		switch {
		case answer.Taken:
			return "taken"
		case answer.Busy:
			return "busy"
		}
		return "owned"
	}
	steps := []struct {
		lease promotion.Lease
		claim promotion.LaneClaim
		want  string
	}{
		{one, claim("production", "production", "p-1"), "taken"},
		{one, claim("production", "production", "p-1"), "taken"},
		{two, claim("production", "production"), "busy"},
		{two, claim("production", "p-2", "p-1"), "busy"},
		{two, claim("canary", "production"), "owned"},
		{two, claim("canary", "p-2"), "taken"}, // none was taken by the busy claim
	}
	for i, step := range steps {
		if got := take(step.lease, step.claim); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	b.must(b.Commit(t.Context(), one, promotion.Changes{ReleaseLanes: true}))
	if got := take(two, claim("production", "production")); got != "taken" {
		t.Errorf("after the release: %s", got)
	}
	b.clock.Pass(2 * time.Minute)
	b.accept("three", "push", "three")
	leases := map[string]promotion.Lease{}
	names, work := b.claims(100)
	for i, name := range names {
		leases[name] = work[i].Lease
	}
	if got := take(leases["three"], claim("production", "production")); got != "busy" {
		t.Errorf("after the lease had ended, while the work under it is taken up again: %s", got)
	}
	b.must(b.Commit(t.Context(), leases["two"], promotion.Changes{Complete: true}))
	if got := take(leases["three"], claim("production", "production")); got != "taken" {
		t.Errorf("after the work was done: %s", got)
	}
	if _, err := b.TakeLanes(t.Context(), two, claim("production", "production")); !errors.Is(err, promotion.ErrLeaseLost) && err != nil {
		t.Errorf("with an old lease: %v", err)
	}
}

func TestARegistryRepositoryBelongsToWhoCameFirst(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, repository := range []int64{42, 43, 42} {
		if owner := must(b.ClaimRegistry(t.Context(), image, repository)); owner != 42 {
			t.Errorf("%d came: it belongs to %d", repository, owner)
		}
	}
}

func TestThePolicyIsKept(t *testing.T) {
	t.Parallel()
	b := open(t)
	if _, err := b.CachedPolicy(t.Context(), 42); !errors.Is(err, promotion.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	file := promotion.PolicyFile{Head: commit, Found: true, Source: "acme/shop:.github/verbatim.yml", Content: []byte("version: 1\n")}
	b.must(b.CachePolicy(t.Context(), shop, file, b.clock.Now(), time.Time{}))
	kept, err := b.CachedPolicy(t.Context(), 42)
	if b.must(err); kept.File.Head != commit || !kept.File.Found || string(kept.File.Content) != "version: 1\n" || !kept.Checked.Equal(b.clock.Now()) || kept.Repository != shop {
		t.Errorf("kept %+v", kept)
	}
	b.must(b.ForgetPolicies(t.Context(), "acme"))
	if kept, err = b.CachedPolicy(t.Context(), 42); err != nil || !kept.Checked.IsZero() {
		t.Errorf("after: %+v %v", kept, err)
	}
}

func TestWhatARepositoryIsCalledIsKept(t *testing.T) {
	t.Parallel()
	b := open(t)
	if _, _, err := b.Named(t.Context(), shop.ID); !errors.Is(err, promotion.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	b.must(b.CachePolicy(t.Context(), shop, promotion.PolicyFile{Head: commit, Found: true, Source: "acme/shop:.github/verbatim.yml"}, b.clock.Now(), time.Time{}))
	b.must(b.Rename(t.Context(), shop)) // no news
	if kept, err := b.CachedPolicy(t.Context(), shop.ID); err != nil || kept.Checked.IsZero() {
		t.Errorf("what is no news has the policy looked for anew: %v", err)
	}
	renamed := shop
	renamed.Name = "store"
	b.must(b.Rename(t.Context(), renamed))
	if named, governed, err := b.Named(t.Context(), shop.ID); err != nil || named != renamed || !governed {
		t.Errorf("renamed: %+v %t %v", named, governed, err)
	}
	if kept, err := b.CachedPolicy(t.Context(), shop.ID); err != nil || !kept.Checked.IsZero() {
		t.Errorf("after another name the policy is not looked for anew: %v", err)
	}
	b.must(b.Forget(t.Context(), shop.ID))
	if _, governed, err := b.Named(t.Context(), shop.ID); err != nil || governed {
		t.Errorf("forgotten, and still governed: %v", err)
	}
	if all, err := b.Governed(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("forgotten, and still listed: %v %v", all, err)
	}
}

// Whether a repository has a policy is not known as long as nobody could read it: it is swept, in case that it has one.
func TestARepositoryWhosePolicyCouldNeverBeReadIsSwept(t *testing.T) {
	b := open(t)
	swept := func(want int) {
		t.Helper()
		if repositories := must(b.Governed(t.Context())); len(repositories) != want {
			t.Errorf("%d repositories are swept, expected %d", len(repositories), want)
		}
	}
	b.must(b.CachePolicy(t.Context(), shop, promotion.PolicyFile{}, time.Time{}, time.Time{}))
	swept(1)
	b.must(b.CachePolicy(t.Context(), shop, promotion.PolicyFile{Head: commit}, b.clock.Now(), time.Time{}))
	swept(0)
}

func TestAPolicyThatChangesWhileItIsLookedForIsLookedForAgain(t *testing.T) {
	t.Parallel()
	b := open(t)
	began := b.clock.Now()
	absent := promotion.PolicyFile{Head: commit}
	b.must(b.CachePolicy(t.Context(), shop, absent, began, time.Time{}))
	known := func() time.Time {
		kept, err := b.CachedPolicy(t.Context(), shop.ID)
		b.must(err)
		return kept.Checked
	}
	b.clock.Pass(2 * time.Hour)
	looked := b.clock.Now()
	b.must(b.CachePolicy(t.Context(), shop, absent, time.Time{}, time.Time{})) // a push, while somebody looks who knows the first time
	b.must(b.CachePolicy(t.Context(), shop, absent, looked, began))
	if at := known(); !at.IsZero() {
		t.Errorf("what was looked for before the push counts as checked at %s", at)
	}
	b.clock.Pass(time.Second)
	b.must(b.CachePolicy(t.Context(), shop, promotion.PolicyFile{Head: commit, Found: true}, b.clock.Now(), time.Time{}))
	b.must(b.CachePolicy(t.Context(), shop, absent, looked, began)) // and one that took even longer
	if kept, err := b.CachedPolicy(t.Context(), shop.ID); err != nil || !kept.File.Found || !known().Equal(b.clock.Now()) {
		t.Errorf("the older look is kept: %+v %v", kept, err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"no path": "sqlite:", "another database": "mysql://x", "no such folder": "sqlite:" + filepath.Join(t.TempDir(), "nowhere", "verbatim.db"),
	} {
		if opened, err := ledger.Open(t.Context(), url, time.Now); err == nil {
			t.Errorf("%s was opened", name)
			_ = opened.Close()
		}
	}
}

func TestRepositoriesTakeTurns(t *testing.T) {
	t.Parallel()
	b := open(t)
	deliver := func(repository int64, count int) {
		for i := range count {
			guid := fmt.Sprintf("%d-%d", repository, i)
			_, err := b.Accept(t.Context(), ledger.Delivery{GUID: guid, Event: "push", Queue: guid, Repository: repository, Received: b.clock.Now()})
			b.must(err)
		}
	}
	deliver(1, 50) // a burst
	deliver(2, 1)
	deliver(3, 2)
	b.expectClaims(6, "1-0 1-1 2-0 3-0 3-1")
	b.expectClaims(2, "1-2 1-3")
	full, err := b.Claim(t.Context(), 5, time.Minute, func(repository int64) int {
		if repository == 1 {
			return 0
		}
		return 5
	})
	if b.must(err); len(full) != 0 {
		t.Errorf("%d rows of a repository that has no worker to spare", len(full))
	}
	if next, found, err := b.NextRun(t.Context(), []int64{1}); err != nil || !next.Equal(b.clock.Now().Add(time.Minute)) {
		t.Errorf("next run without the burst: %s %t %v, want the leases' end", next, found, err)
	}
}

func TestALaneStaysWithAPromotionThatIsUnderWay(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.must(b.Commit(t.Context(), b.leased("one"), promotion.Changes{
		Complete: true,
		Requests: []*promotion.Request{{Key: "first", Repository: shop, State: promotion.RequestOpen}},
		Work:     []promotion.NewWork{{Kind: promotion.WorkRequest, Subject: "first"}},
	}))
	_, work := b.claims(1)
	lease := work[0].Lease
	claim := promotion.LaneClaim{Repository: 42, Environment: "production", Image: "api", Lanes: []promotion.Lane{{Registry: image, Tag: "production"}}}
	if answer := must(b.TakeLanes(t.Context(), lease, claim)); !answer.Taken {
		t.Fatalf("%+v", answer)
	}
	request := must(b.RequestByKey(t.Context(), "first"))
	running := &promotion.Promotion{Request: request.ID, Repository: 42, Environment: "production", Image: "api", Kind: promotion.KindPromotion, State: promotion.Running, Digest: digest}
	b.must(b.Commit(t.Context(), lease, promotion.Changes{Promotions: []*promotion.Promotion{running}}))
	b.must(b.Retry(t.Context(), lease, b.clock.Now().Add(time.Hour), "the registry asks to wait", true)) // the tag may have been moved
	other := b.leased("two")
	if answer := must(b.TakeLanes(t.Context(), other, claim)); !answer.Busy {
		t.Errorf("somebody comes between a tag and its record: %+v", answer)
	}
	b.clock.Pass(time.Hour)
	_, work = b.claims(10)
	for _, again := range work {
		if again.Subject == "first" {
			done := must(running.To(promotion.Succeeded, b.clock.Now()))
			b.must(b.complete(again.Lease, promotion.Changes{Promotions: []*promotion.Promotion{&done}}))
		}
	}
	if answer := must(b.TakeLanes(t.Context(), b.leased("three"), claim)); !answer.Taken {
		t.Errorf("the lane is not free afterwards: %+v", answer)
	}
}

// While replicas are replaced one after another, one of the version before starts on the newer one's schema.
func TestASchemaOfANewerVersion(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.accept("one", "push", "")
	b.must(b.Close())
	driver, source := "sqlite", strings.TrimPrefix(b.url, "sqlite:")
	if postgrestest.Available() {
		driver, source = "pgx", b.url
	}
	database, err := sql.Open(driver, source)
	b.must(err)
	t.Cleanup(func() { _ = database.Close() })
	for _, statement := range []string{
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`, // a newer version's migration, that adds something
		`ALTER TABLE work ADD COLUMN newer TEXT NOT NULL DEFAULT ''`,
	} {
		_, err := database.ExecContext(t.Context(), statement)
		b.must(err)
	}
	b.open()
	if b.accept("one", "push", "") || !b.accept("two", "push", "") {
		t.Error("it does not know what was accepted, or accepts nothing")
	}
	b.expectClaims(10, "one two")
	b.must(b.Close())
	_, err = database.ExecContext(t.Context(), `UPDATE compatibility SET works_from = 99`)
	b.must(err)
	if opened, err := ledger.Open(t.Context(), b.url, b.clock.Now); err == nil || !strings.Contains(err.Error(), "use a newer Verbatim") {
		t.Errorf("opened a schema that needs a newer version: %v", err)
		if opened != nil {
			_ = opened.Close()
		}
	}
	_, err = database.ExecContext(t.Context(), `UPDATE compatibility SET works_from = 1`)
	b.must(err)
	b.open()
}
