package server

import (
	"slices"
	"testing"
	"time"
)

func TestARepositoryWhoseWorkFailsRests(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	r := newRests()
	r.now = func() time.Time { return now }
	expect := func(when string, first time.Duration, want ...int64) {
		t.Helper()
		resting, soonest := r.resting()
		slices.Sort(resting)
		if !slices.Equal(resting, want) || soonest != first {
			t.Errorf("%s: %v rest, the first for %s; expected %v, %s", when, resting, soonest, want, first)
		}
	}
	for range restsAfter - 1 {
		r.ended(1, "retried")
	}
	expect("before the third failure", 0)
	r.ended(1, "delayed")
	expect("after the third failure", firstRest, 1)
	for range 20 {
		r.ended(1, "paused")
	}
	expect("after many failures", longestRest, 1)
	now = now.Add(longestRest)
	expect("when it has rested", 0)
	r.ended(1, "retried")
	expect("when it fails again", longestRest, 1)
	r.ended(1, "done")
	expect("after a success", 0)
	for repository := range int64(10 * maximumResting) {
		for range restsAfter {
			r.ended(repository, "retried")
		}
	}
	if resting, _ := r.resting(); len(resting) != maximumResting {
		t.Errorf("%d rest, expected %d at most", len(resting), maximumResting)
	}
	now = now.Add(20 * longestRest)
	r.ended(7000, "retried")
	if len(r.failures) != 1 {
		t.Errorf("%d are remembered long after they rested", len(r.failures))
	}
}
