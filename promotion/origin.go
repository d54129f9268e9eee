package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maximumHeads is how many heads of runs that count by their digest are asked about for one stage.
const maximumHeads = 20

// Doubt says why runs of a stage do not count for a commit. Err means that it could not be told whether they do.
type Doubt struct {
	Why string
	Err error
}

// origins is what is known of where the runs of one commit are from. A run counts for a branch only if the commit whose
// workflow file ran is on it; a pull request's only if every pull request with its head went to such a branch.
type origins struct {
	repository Repository
	branches   map[originKey]BranchFact
	bases      map[Commit]basesFact
	former     map[originKey]Doubt  // heads of pull requests that were not merged as they were
	own        map[attemptKey]Doubt // whether runs on a branch are of its own workflow
	heads      map[int64]Commit     // of runs whose records do not say it
	unfit      map[string]string    // by stage: why runs that are not among the records do not count
	cut        map[string]bool      // by stage: its runs have more heads than were asked about, and none that was counts
}

type originKey struct {
	commit  Commit
	allowed string
}

// basesFact says where the pull requests went that had a commit as their head.
type basesFact struct {
	names []string
	err   error
}

func keyOf(commit Commit, allowed []string) originKey {
	return originKey{commit, strings.Join(allowed, "\x00")}
}

// doubt says why a run does not count for the stage; the zero value when it does.
func (o origins) doubt(stage Stage, one headedRun) Doubt {
	run, event, head := one.run, one.event, one.head
	allowed := stage.allowedBranches(o.repository)
	if ofPullRequest(event) {
		if doubt := o.bases[head].doubt(run, head, allowed); doubt != (Doubt{}) {
			return doubt
		}
		return o.former[keyOf(head, allowed)]
	}
	fact, asked := o.branches[keyOf(head, allowed)]
	switch {
	case head.IsZero():
		return Doubt{Err: fromGitHub(&PermanentError{Err: fmt.Errorf("it is not recorded which commit the workflow of run %d is of: run the stage again", run)})}
	case !asked && o.cut[stage.Name]:
		return Doubt{Err: fromGitHub(&PermanentError{Err: fmt.Errorf("the %d newest commits that runs of %s are of are not on %s, and older ones were not looked at",
			maximumHeads, stage.Name, strings.Join(allowed, ", "))})}
	case !asked:
		return Doubt{Why: fmt.Sprintf("run %d is older than those that were looked at", run)}
	case fact.Err != nil:
		return Doubt{Err: fact.Err}
	case fact.On:
		return o.stranger(stage, one)
	case fact.Unasked > 0:
		return Doubt{Err: fact.unasked(head)}
	}
	return Doubt{Why: fmt.Sprintf("run %d (%s) does not count: its commit %s is not on %s", run, event, head.Short(), strings.Join(allowed, ", "))}
}

// stranger says why a run of a commit on the branch does not count all the same.
func (o origins) stranger(stage Stage, run headedRun) Doubt {
	doubt, asked := o.own[run.keyFor(stage, o.repository)]
	if !asked {
		return Doubt{Why: fmt.Sprintf("run %d is older than those that were looked at", run.run)}
	}
	return doubt
}

func (f basesFact) doubt(run int64, head Commit, allowed []string) Doubt {
	if f.err != nil {
		return Doubt{Err: f.err}
	}
	if len(f.names) == 0 {
		return Doubt{Why: fmt.Sprintf("run %d does not count: no pull request with the head %s is known", run, head.Short())}
	}
	for _, base := range f.names {
		if !matchesAny(allowed, base) {
			return Doubt{Why: fmt.Sprintf("run %d does not count: a pull request with its head %s went to %s, which is not one of %s", run, head.Short(), base, strings.Join(allowed, ", "))}
		}
	}
	if len(f.names) > 1 {
		return Doubt{Why: fmt.Sprintf("run %d does not count: pull requests with its head %s went to %s, and with which of them the run was merged for the test cannot be told: close all but one, and push to it again",
			run, head.Short(), strings.Join(f.names, " and to "))}
	}
	return Doubt{}
}

// unasked is the error of a search that ended before its end.
func (f BranchFact) unasked(commit Commit) error {
	return fromGitHub(&PermanentError{Err: fmt.Errorf("%s is on none of the branches of %s that were asked, and %d more were not asked", commit.Short(), f.Branch, f.Unasked)})
}

// originOf returns what a verification's run is of: the event, and the commit whose workflow file ran.
func (o origins) originOf(verification *Verification) (event string, head Commit) {
	if !ByDigest(verification.Event) {
		return verification.Event, verification.Commit
	}
	head = verification.Head
	if head.IsZero() {
		head = o.heads[verification.Run]
	}
	return verification.Event, head
}

// counted is what is left of one image's records, and of the attempts that GitHub lists, without the runs that do not count.
type counted struct {
	records Records
	listed  []Attempt
	doubts  map[string]Doubt // by stage
}

// count leaves out whatever is of a run that does not count for its stage: it neither passes the stage, nor rules as its
// newest attempt, nor says which digest the commit stands for. Records of stages that the policy does not have are left out.
func (o origins) count(policy Policy, records Records, listed []Attempt) counted {
	kept := counted{doubts: map[string]Doubt{}}
	events := map[int64]string{}
	counts := func(name string, run headedRun) bool {
		stage, found := policy.Stage(name)
		if !found {
			return false
		}
		doubt := o.doubt(stage, run)
		if earlier := kept.doubts[name]; doubt.Err != nil || earlier == (Doubt{}) && doubt.Why != "" {
			kept.doubts[name] = doubt
		}
		return doubt == Doubt{}
	}
	for i := range records.Verifications {
		verification := &records.Verifications[i]
		event, head := o.originOf(verification)
		events[verification.Run] = event
		if counts(verification.Stage, headedRun{run: verification.Run, attempt: verification.Attempt, event: event, head: head}) {
			kept.records.Verifications = append(kept.records.Verifications, *verification)
		}
	}
	for _, attempt := range listed {
		events[attempt.Run] = attempt.Event
		if counts(attempt.Stage, headedRun{run: attempt.Run, attempt: attempt.Number, event: attempt.Event, head: attempt.Head}) {
			kept.listed = append(kept.listed, attempt)
		}
	}
	for _, start := range records.Starts {
		if start.Stage == "" || counts(start.Stage, headedRun{run: start.Run, attempt: start.Attempt, event: o.eventOf(policy, start, events), head: start.Commit}) {
			kept.records.Starts = append(kept.records.Starts, start)
		}
	}
	for name, why := range o.unfit {
		if _, doubted := kept.doubts[name]; !doubted {
			kept.doubts[name] = Doubt{Why: why}
		}
	}
	return kept
}

// eventOf returns the event of a start's run, which a start does not say: that of the run's other records, else the one that
// the stage asks for.
func (o origins) eventOf(policy Policy, start Start, events map[int64]string) string {
	if event := events[start.Run]; event != "" {
		return event
	}
	stage, _ := policy.Stage(start.Stage)
	if slices.Contains(stage.Events, "pull_request") && len(o.bases[start.Commit].names) > 0 {
		return "pull_request"
	}
	return "push"
}

// gates puts a doubt into what a stage's gates say.
func (d Doubt) gates(stage Stage, gates []Gate, seen bool) []Gate {
	switch {
	case d.Err != nil:
		return []Gate{{
			Name: gates[0].Name, Reason: reasonOf(d.Err), Expected: gates[0].Expected, Actual: "could not tell whether its runs count: " + d.Err.Error(),
			Next: remedy(d.Err) + "; or name the branches themselves in stages." + stage.Name + ".branches",
		}}
	case d.Why != "" && !seen:
		gates[0].Actual = d.Why
		gates[0].Next = "run the stage for a commit of the branches that it counts (stages." + stage.Name + ".branches), or add the branch there"
	}
	return gates
}

// originAsker asks for what origins rest on.
type originAsker struct {
	places *whereabouts
	book   Book
	landed bool                                                                // the commit is to count as one of a branch: not as an open head, nor for its files
	commit Commit                                                              // that runs which count by their digest tested
	began  time.Time                                                           // its own first run; zero: none is known
	pull   PullRequest                                                         // at hand; zero: none is
	likely []string                                                            // branches to look at first
	bases  func(ctx context.Context, head Commit, branches []string) basesFact // of pull requests
	again  func(error) error                                                   // returns the error that ends the asking, or nil for one that is told
}

// originsOf asks where the runs of a commit are from, as little as it takes: once for the commit and each set of branches, and
// of the runs that count by their digest the newest first, until one counts.
func originsOf(ctx context.Context, ask originAsker, policy Policy, commit Commit, records map[string]Records, listed []Attempt, heads map[int64]Commit) (origins, error) {
	of := origins{repository: ask.places.repository, branches: map[originKey]BranchFact{}, bases: map[Commit]basesFact{}, former: map[originKey]Doubt{}, own: map[attemptKey]Doubt{}, heads: heads, cut: map[string]bool{}}
	ask.commit, ask.began = commit, beganIn(records)
	for _, stage := range policy.Stages {
		seen := of.seen(stage, records, listed)
		if seen.onBranch {
			if _, err := of.counts(ctx, ask, stage, headedRun{event: "push", head: commit}); err != nil {
				return of, err
			}
		}
		for head, branches := range seen.pullRequests {
			if err := of.ofHead(ctx, ask, stage, head, branches, commit); err != nil {
				return of, err
			}
		}
		before := slices.ContainsFunc(policy.Stages, func(other Stage) bool { return slices.Contains(other.After, stage.Name) })
		of.cut[stage.Name] = seen.cut
		var found Commit
		for _, one := range seen.byDigest {
			if !found.IsZero() && one.head != found && !before {
				continue // the runs of one head are asked about together
			}
			count, err := of.counts(ctx, ask, stage, one)
			if err != nil {
				return of, err
			}
			if count {
				of.cut[stage.Name] = false
				found = one.head
			}
		}
	}
	return of, nil
}

// counts asks whether the run counts for the stage: whether its commit is on a branch, and its workflow the branch's own.
func (o origins) counts(ctx context.Context, ask originAsker, stage Stage, run headedRun) (bool, error) {
	fact, err := o.ask(ctx, ask, run.head, stage.allowedBranches(o.repository))
	if err != nil || !fact.On {
		return false, err
	}
	key := run.keyFor(stage, o.repository)
	if doubt, known := o.own[key]; known {
		return doubt == Doubt{}, nil
	}
	difference, err := ask.ownWorkflow(ctx, stage, run, fact.Branch)
	doubt := Doubt{}
	switch {
	case err != nil:
		doubt.Err = fromGitHub(err)
		if again := ask.again(doubt.Err); again != nil {
			return false, again
		}
	case difference != "":
		doubt.Why = run.strangerTo(fact.Branch, ask.commit, difference)
	}
	o.own[key] = doubt
	return doubt == Doubt{}, nil
}

func (o origins) ask(ctx context.Context, ask originAsker, commit Commit, allowed []string) (BranchFact, error) {
	key := keyOf(commit, allowed)
	if fact, known := o.branches[key]; known {
		return fact, nil
	}
	fact, err := ask.places.find(ctx, commit, allowed, ask.likely)
	if err != nil {
		fact.Err = fromGitHub(err)
		if again := ask.again(fact.Err); again != nil {
			return fact, again
		}
	}
	o.branches[key] = fact
	return fact, nil
}

// basesIn returns the bases that the ledger's entries and the records name for a head.
func basesIn(entries []Entry, head Commit, records map[string]Records) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, entry := range entries {
		if entry.Commit == head {
			add(entry.Base)
		}
	}
	for _, of := range records {
		for i := range of.Verifications {
			if verification := &of.Verifications[i]; ofPullRequest(verification.Event) && cmp.Or(verification.Head, verification.Commit) == head {
				for _, base := range verification.Bases {
					add(base)
				}
			}
		}
	}
	return names
}
