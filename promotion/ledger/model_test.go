package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// row is what the model thinks of a row of work.
type row struct {
	guid, queue string
	repository  int64
	state       string // ready, leased, done, set_aside
	next, until time.Time
	token       int64
	attempts    int
	work        int64
}

// model is a simple ledger, beside the real one: a list of rows and a map of lanes.
type model struct {
	book  *ledger.Ledger
	clock *clock
	rows  []*row
	held  []held // every lease that was ever given
	lanes map[string]laneModel
}

type held struct {
	lease promotion.Lease
	row   *row
}

type laneModel struct {
	environment string
	row         *row  // nil: free
	token       int64 // of the lease under which it is held
	until       time.Time
}

func newModel(t *rapid.T, url string) *model {
	m := &model{clock: newClock(), lanes: map[string]laneModel{}}
	var err error
	if m.book, err = ledger.Open(context.Background(), url, m.clock.Now); err != nil {
		t.Fatal(err)
	}
	return m
}

// claimable are the rows that could be claimed now, leaving aside that a queue gives one at a time.
func (m *model) claimable() []*row {
	now := m.clock.Now()
	var all []*row
	for _, one := range m.rows {
		if one.state == "leased" && !one.until.After(now) {
			one.state = "ready"
		}
	}
	for _, one := range m.rows {
		if one.state == "ready" && !one.next.After(now) && (one.queue == "" || !slices.ContainsFunc(m.rows, func(other *row) bool {
			return other.queue == one.queue && other.state == "leased"
		})) {
			all = append(all, one)
		}
	}
	return all
}

func (m *model) find(guid string) *row {
	for _, one := range m.rows {
		if one.guid == guid {
			return one
		}
	}
	return nil
}

// Accept delivers something, perhaps again.
func (m *model) Accept(t *rapid.T) {
	guid := fmt.Sprintf("g%d", rapid.IntRange(0, 30).Draw(t, "guid"))
	queue := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "queue")
	repository := rapid.Int64Range(1, 3).Draw(t, "repository")
	added, err := m.book.Accept(context.Background(), ledger.Delivery{GUID: guid, Event: "push", Queue: queue, Repository: repository, Received: m.clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if known := m.find(guid) != nil; added == known {
		t.Fatalf("%s: added %t, known %t", guid, added, known)
	}
	if added {
		m.rows = append(m.rows, &row{guid: guid, queue: queue, repository: repository, state: "ready", next: m.clock.Now()})
	}
}

// Claim takes rows: only such as can be, of a queue one, and as many as there are.
func (m *model) Claim(t *rapid.T) {
	limit := rapid.IntRange(1, 5).Draw(t, "limit")
	most := rapid.IntRange(0, 3).Draw(t, "most of one repository")
	claimable := m.claimable()
	claimed, err := m.book.Claim(context.Background(), limit, time.Minute, func(int64) int { return most })
	if err != nil {
		t.Fatal(err)
	}
	if len(claimed) > limit {
		t.Fatalf("%d rows, at most %d were wanted", len(claimed), limit)
	}
	queues, of := map[string]bool{}, map[int64]int{}
	for _, work := range claimed {
		one := m.find(work.Delivery)
		switch {
		case !slices.Contains(claimable, one):
			t.Fatalf("%s was claimed, and could not be: %+v", work.Delivery, one)
		case one.queue != "" && queues[one.queue]:
			t.Fatalf("two rows of queue %s at once", one.queue)
		case work.Token <= one.token || work.Attempts != one.attempts+1:
			t.Fatalf("%s: token %d after %d, attempt %d after %d", one.guid, work.Token, one.token, work.Attempts, one.attempts)
		}
		if of[one.repository]++; of[one.repository] > most {
			t.Fatalf("%d rows of repository %d, at most %d were wanted", of[one.repository], one.repository, most)
		}
		queues[one.queue] = true
		one.state, one.until, one.token, one.attempts, one.work = "leased", work.Until, work.Token, work.Attempts, work.Work
		m.held = append(m.held, held{work.Lease, one})
	}
	if len(claimed) == 0 && len(claimable) > 0 && most > 0 {
		t.Fatalf("nothing was claimed of %d rows", len(claimable))
	}
}

// lease gives one of the leases that were ever given, and whether it still holds.
func (m *model) lease(t *rapid.T) (held, bool) {
	if len(m.held) == 0 {
		t.Skip("nothing was claimed yet")
	}
	one := m.held[rapid.IntRange(0, len(m.held)-1).Draw(t, "lease")]
	return one, one.row.state == "leased" && one.row.token == one.lease.Token
}

// settle checks that what was done under the lease worked exactly if it holds, and frees its lanes.
func (m *model) settle(t *rapid.T, one held, holds bool, err error) bool {
	if holds != (err == nil) || !holds && !errors.Is(err, promotion.ErrLeaseLost) {
		t.Fatalf("lease %d of %s holds: %t, and the answer is: %v", one.lease.Token, one.row.guid, holds, err)
	}
	if holds {
		for name, lane := range m.lanes {
			if lane.row == one.row && lane.token == one.lease.Token {
				m.lanes[name] = laneModel{environment: lane.environment}
			}
		}
	}
	return holds
}

// Complete ends a row.
func (m *model) Complete(t *rapid.T) {
	one, holds := m.lease(t)
	if m.settle(t, one, holds, m.book.Commit(context.Background(), one.lease, promotion.Changes{Complete: true})) {
		one.row.state = "done"
	}
}

// Retry puts a row back, for later.
func (m *model) Retry(t *rapid.T) {
	one, holds := m.lease(t)
	counted := rapid.Bool().Draw(t, "counted")
	at := m.clock.Now().Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
	if m.settle(t, one, holds, m.book.Retry(context.Background(), one.lease, at, "later", counted)) {
		one.row.state, one.row.next = "ready", at
		if !counted {
			one.row.attempts--
		}
	}
}

// SetAside gives a row up.
func (m *model) SetAside(t *rapid.T) {
	one, holds := m.lease(t)
	if m.settle(t, one, holds, m.book.SetAside(context.Background(), one.lease, "never")) {
		one.row.state = "set_aside"
	}
}

// Extend makes leases last longer.
func (m *model) Extend(t *rapid.T) {
	one, holds := m.lease(t)
	until := m.clock.Now().Add(time.Minute)
	lost, err := m.book.Extend(context.Background(), []promotion.Lease{one.lease}, until)
	if err != nil || holds != (len(lost) == 0) {
		t.Fatalf("lease of %s holds: %t, lost: %v, %v", one.row.guid, holds, lost, err)
	}
	if holds {
		one.row.until = until
		for name, lane := range m.lanes {
			if lane.row == one.row && lane.token == one.lease.Token {
				lane.until = until
				m.lanes[name] = lane
			}
		}
	}
}

// TakeLane takes a lane, which belongs to the environment that took it first, and to one row of work at a time.
func (m *model) TakeLane(t *rapid.T) {
	one, holds := m.lease(t)
	tag := rapid.SampledFrom([]string{"production", "canary"}).Draw(t, "tag")
	environment := rapid.SampledFrom([]string{"east", "west"}).Draw(t, "environment")
	answer, err := m.book.TakeLanes(context.Background(), one.lease, promotion.LaneClaim{
		Repository: 42, Environment: environment, Image: "api", Lanes: []promotion.Lane{{Registry: image, Tag: tag}},
	})
	if !holds {
		if !errors.Is(err, promotion.ErrLeaseLost) {
			t.Fatalf("a lane without a lease: %+v %v", answer, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	lane, known := m.lanes[tag]
	now := m.clock.Now()
	free := lane.row == nil || lane.row == one.row || !lane.until.After(now) && lane.row.state != "leased" && (lane.row.state != "ready" || lane.row.next.After(now))
	switch {
	case known && lane.environment != environment:
		if answer.Owner == "" || answer.Taken {
			t.Fatalf("%s of %s was given to %s: %+v", tag, lane.environment, environment, answer)
		}
	case free != answer.Taken || free == answer.Busy:
		t.Fatalf("%s is free: %t, and the answer is %+v", tag, free, answer)
	case free:
		m.lanes[tag] = laneModel{environment: environment, row: one.row, token: one.lease.Token, until: one.lease.Until}
	}
}

// Pass lets time pass.
func (m *model) Pass(t *rapid.T) {
	m.clock.Pass(time.Duration(rapid.IntRange(1, 70).Draw(t, "seconds")) * time.Second)
}

// Check compares what is unfinished.
func (m *model) Check(t *rapid.T) {
	want := map[string]int64{}
	for _, one := range m.rows {
		if one.state != "done" {
			want[one.state]++
		}
	}
	depth, err := m.book.Depth(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, counted := range depth.Rows {
		got[strings.Replace(counted.State, "scheduled", "ready", 1)] += counted.Count
	}
	// A lease that has run out makes a row ready with the next claim.
	if want["ready"]+want["leased"] != got["ready"]+got["leased"] || want["set_aside"] != got["set_aside"] {
		t.Fatalf("unfinished %v, want %v", got, want)
	}
}

// Whatever is done in whatever order, rows of work and lanes are as a simple model has them.
func TestWorkAndLanesAreAsASimpleModelHasThem(t *testing.T) {
	t.Parallel()
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		count++
		url := "sqlite:" + filepath.Join(t.TempDir(), fmt.Sprintf("model-%d.db", count))
		if postgrestest.Available() {
			address, remove, err := postgrestest.New(context.Background())
			if err != nil {
				rt.Fatal(err)
			}
			defer func() { _ = remove() }()
			url = address
		}
		m := newModel(rt, url)
		defer func() { _ = m.book.Close() }()
		rt.Repeat(rapid.StateMachineActions(m))
	})
}
