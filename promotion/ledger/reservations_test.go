package ledger_test

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// reserve reserves moments, and gives the wait in whole intervals: the clock of PostgreSQL goes on meanwhile.
func (b *book) reserve(name string, interval time.Duration, count int) int {
	b.t.Helper()
	wait, err := b.Reserve(b.t.Context(), name, interval, count)
	if err != nil {
		b.t.Error(err)
	}
	return int(wait.Round(interval) / interval)
}

func TestMomentsAreReservedOnce(t *testing.T) {
	t.Parallel()
	b := open(t)
	const interval = 10 * time.Second
	steps := []struct {
		name  string
		count int
		want  int
	}{{"ecr one", 3, 0}, {"ecr one", 2, 3}, {"ecr two", 1, 0}, {"ecr one", 1, 5}}
	for _, step := range steps {
		if got := b.reserve(step.name, interval, step.count); got != step.want {
			t.Errorf("%s: the first of %d moments is in %d intervals, want %d", step.name, step.count, got, step.want)
		}
	}
}

func TestMomentsAreReservedOnceByManyAtATime(t *testing.T) {
	t.Parallel()
	b := open(t)
	const callers = 16
	var group sync.WaitGroup
	found, want := make([]int, callers), make([]int, callers)
	for i := range callers {
		want[i] = 2 * i
		group.Go(func() { found[i] = b.reserve("ecr", 10*time.Second, 2) })
	}
	group.Wait()
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Errorf("reserved %v, want %v", found, want)
	}
}

func TestMomentsThatPassedAreNotMadeUpFor(t *testing.T) {
	t.Parallel()
	b := open(t)
	if got := b.reserve("ecr", time.Millisecond, 1); got != 0 {
		t.Errorf("the first moment is in %d ms, want 0", got)
	}
	b.clock.Pass(time.Minute)
	if got := b.reserve("ecr", time.Hour, 1); got != 0 {
		t.Errorf("the next moment is in %d hours, want 0", got)
	}
}

// A clock that was a year ahead for a moment must not keep everybody waiting for a year.
func TestAClockThatWasAheadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.reserve("ecr", 365*24*time.Hour, 1) // the next moment is in a year, whichever database's clock counts
	if got := b.reserve("ecr", time.Second, 4); got != 0 {
		t.Errorf("the next moment is in %d seconds, want 0", got)
	}
	if got := b.reserve("ecr", time.Second, 1); got != 4 {
		t.Errorf("the moment after that is in %d seconds, want 4", got)
	}
}
