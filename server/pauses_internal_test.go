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
	row := func(id int64, queue string, age time.Duration, due time.Time) promotion.Work {
		return promotion.Work{Lease: promotion.Lease{Work: id}, Queue: queue, Created: now.Add(-age), Due: due}
	}
	var paused pauses
	first, second := row(2, "commit/42/abc", time.Minute, now), row(3, "commit/42/abc", time.Second, now)
	until := paused.begin(first, now)
	if want := now.Add(15 * time.Second); !until.Equal(want) {
		t.Errorf("the first is tried at %s, expected %s", until, want)
	}
	for what, behind := range map[string]promotion.Work{
		"the second":                      second,
		"one that comes meanwhile":        row(4, "commit/42/abc", 0, now.Add(time.Second)),
		"one claimed when its time comes": row(5, "commit/42/abc", 0, until.Add(-time.Microsecond)),
	} {
		if waits := paused.behind(behind); !waits.Equal(until) {
			t.Errorf("%s waits until %s, expected %s, as the first: rows that are due at once are taken in their order", what, waits, until)
		}
	}
	for what, other := range map[string]promotion.Work{"a row of another queue": row(6, "commit/42/def", 0, now), "one before it": row(1, "commit/42/abc", time.Minute, now)} {
		if waits := paused.behind(other); !waits.IsZero() {
			t.Errorf("%s waits until %s", what, waits)
		}
	}
	first.Due, second.Due = until, until
	if waits := paused.behind(first); !waits.IsZero() {
		t.Errorf("the first waits until %s when its time has come", waits)
	}
	if waits := paused.behind(second); !waits.IsZero() {
		t.Errorf("the second waits until %s though the first went on", waits)
	}
	paused.begin(first, now)
	if waits := paused.behind(second); !waits.IsZero() {
		t.Errorf("the second waits until %s, though it waited its time and the first is somebody else's by now", waits)
	}
}
