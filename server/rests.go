package server

import (
	"sync"
	"time"
)

// How a repository rests whose work fails again and again: from the third failure in a row on, longer with each, and never for
// long. However many fail, at most so many rest.
const (
	restsAfter     = 3
	firstRest      = 10 * time.Millisecond
	longestRest    = time.Second
	maximumResting = 64
)

// rests keeps workers from going through all the work of a repository while nothing of it can be done: GitHub is down, or a
// limit is reached. Each row waits for its next try by itself; but while many wait, trying one after another takes the
// processor from the intake. One success ends it. It goes by the wall clock, because it is about the processor.
type rests struct {
	mutex    sync.Mutex
	failures map[int64]int
	until    map[int64]time.Time
	now      func() time.Time
}

func newRests() *rests {
	return &rests{failures: map[int64]int{}, until: map[int64]time.Time{}, now: time.Now}
}

// ended notes what became of a row of the repository.
func (r *rests) ended(repository int64, outcome string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch outcome {
	case "done":
		delete(r.failures, repository)
		delete(r.until, repository)
	case "retried", "delayed", "paused", "set_aside":
		r.prune()
		known, found := r.failures[repository]
		if !found && len(r.failures) >= maximumResting {
			return
		}
		known++
		r.failures[repository] = known
		if known >= restsAfter {
			r.until[repository] = r.now().Add(min(firstRest<<min(known-restsAfter, 10), longestRest))
		}
	}
}

// prune forgets those who rested long ago.
func (r *rests) prune() {
	now := r.now()
	for repository, until := range r.until {
		if now.Sub(until) > 10*longestRest {
			delete(r.failures, repository)
			delete(r.until, repository)
		}
	}
}

// resting returns the repositories that rest now, and how long it is until the first of them does not; 0 when none rests.
func (r *rests) resting() (repositories []int64, first time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.now()
	for repository, until := range r.until {
		if left := until.Sub(now); left > 0 {
			repositories = append(repositories, repository)
			if first == 0 || left < first {
				first = left
			}
		}
	}
	return repositories, first
}
