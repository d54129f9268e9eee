package server

import (
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// What is known of a stage rests on what is known of the one before it: a key that is mended between the tries of two deliveries
// of one commit must not let the second go first.
func TestPausedDeliveriesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	row := func(id int64, queue string, age time.Duration) promotion.Work {
		return promotion.Work{Lease: promotion.Lease{Work: id}, Queue: queue, Created: now.Add(-age)}
	}
	var paused pauses
	first, second := row(1, "commit/42/abc", time.Minute), row(2, "commit/42/abc", time.Second)
	until := paused.begin(first, now)
	if want := now.Add(15 * time.Second); !until.Equal(want) {
		t.Errorf("the first is tried at %s, expected %s", until, want)
	}
	if waits := paused.behind(second, now.Add(time.Second)); !waits.Equal(until) {
		t.Errorf("the second waits until %s, expected %s, as the first: rows that are due at once are taken in their order", waits, until)
	}
	if waits := paused.behind(row(3, "commit/42/def", 0), now); !waits.IsZero() {
		t.Errorf("a row of another queue waits until %s", waits)
	}
	if waits := paused.behind(first, until); !waits.IsZero() {
		t.Errorf("the first waits until %s when its time has come", waits)
	}
	if waits := paused.behind(second, until.Add(time.Millisecond)); !waits.IsZero() {
		t.Errorf("the second waits until %s though the first went on", waits)
	}
}
