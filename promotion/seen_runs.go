package promotion

import (
	"fmt"
	"slices"
	"time"
)

// seenRuns is which questions a stage's runs ask.
type seenRuns struct {
	onBranch     bool                // runs of the commit itself, as a push or a merge group has
	pullRequests map[Commit][]string // heads of pull requests, and the branches that their runs name
	byDigest     []headedRun         // the newest attempt first
	cut          bool                // there are more
}

// headedRun is an attempt of a run, and the commit whose workflow file it ran.
type headedRun struct {
	run     int64
	attempt int
	event   string
	head    Commit
	started time.Time // the attempt
}

// attemptKey is what is asked once of a run: of what counts by its digest each attempt is asked about by itself, since each may
// have tested another commit.
type attemptKey struct {
	ownKey
	run     int64 // zero for all runs of a push
	attempt int
}

func (r headedRun) keyFor(stage Stage, repository Repository) attemptKey {
	key := attemptKey{ownKey: ownKey{originKey: keyOf(r.head, stage.allowedBranches(repository)), workflow: stage.Workflow}}
	if ByDigest(r.event) {
		key.run, key.attempt = r.run, r.attempt
	}
	return key
}

// strangerTo says that the run is none of the branch's own.
func (r headedRun) strangerTo(branch string, tested Commit, difference string) string {
	if !ByDigest(r.event) {
		return fmt.Sprintf("runs of %s do not count: it is on %s, but was not seen as its head, and %s", r.head.Short(), branch, difference)
	}
	return fmt.Sprintf("run %d, attempt %d, does not count: its commit %s is on %s, but was not seen as its head since %s was built, and %s",
		r.run, r.attempt, r.head.Short(), branch, tested.Short(), difference)
}

func (v *Verification) headed(event string, head Commit) headedRun {
	return headedRun{run: v.Run, attempt: v.Attempt, event: event, head: head, started: v.RunStarted}
}

// add keeps what the run asks.
func (s *seenRuns) add(run headedRun, branch string) {
	switch {
	case ofPullRequest(run.event):
		if !slices.Contains(s.pullRequests[run.head], branch) {
			s.pullRequests[run.head] = append(s.pullRequests[run.head], branch)
		}
	case !ByDigest(run.event):
		s.onBranch = true
	case !run.head.IsZero():
		s.byDigest = append(s.byDigest, run)
	}
}

func (o origins) seen(stage Stage, records map[string]Records, listed []Attempt) seenRuns {
	seen := seenRuns{pullRequests: map[Commit][]string{}}
	others := map[int64]bool{} // runs that do not ask where the commit is
	for _, of := range records {
		for i := range of.Verifications {
			if verification := &of.Verifications[i]; verification.Stage == stage.Name {
				event, head := o.originOf(verification)
				others[verification.Run] = ByDigest(event) || ofPullRequest(event)
				seen.add(verification.headed(event, head), verification.Branch)
			}
		}
	}
	for _, attempt := range listed {
		if attempt.Stage == stage.Name {
			others[attempt.Run] = ByDigest(attempt.Event) || ofPullRequest(attempt.Event)
			seen.add(headedRun{run: attempt.Run, attempt: attempt.Number, event: attempt.Event, head: attempt.Head, started: attempt.Started}, attempt.Branch)
		}
	}
	for _, of := range records {
		seen.onBranch = seen.onBranch || slices.ContainsFunc(of.Starts, func(start Start) bool { return start.Stage == stage.Name && !others[start.Run] })
	}
	seen.newest()
	return seen
}

// newest leaves the attempts of the newest heads, each once.
func (s *seenRuns) newest() {
	slices.SortStableFunc(s.byDigest, func(a, b headedRun) int {
		return compareAttempts(b.started, b.run, b.attempt, a.started, a.run, a.attempt)
	})
	heads := map[Commit]bool{}
	var kept []headedRun
	for _, run := range s.byDigest {
		if !heads[run.head] && len(heads) >= maximumHeads {
			s.cut = true
			continue
		}
		heads[run.head] = true
		if !slices.ContainsFunc(kept, func(other headedRun) bool { return other.run == run.run && other.attempt == run.attempt }) {
			kept = append(kept, run)
		}
	}
	s.byDigest = kept
}
