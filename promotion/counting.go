package promotion

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// runKinds returns the kinds of run that the policy's stages ask for and whose head is the commit that they ran on.
func runKinds(policy Policy) []RunKind {
	var kinds []RunKind
	for _, stage := range policy.Stages {
		for _, event := range stage.Events {
			kind := RunKind{Workflow: stage.Workflow, Event: event}
			if !ByDigest(event) && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// originsOf asks where the runs of the target's commit are from: at the moment at which they are to count.
func (c *carrying) originsOf(ctx context.Context, into *target, listed []Run, heads map[int64]Commit) (origins, error) {
	ask := originAsker{
		places: c.places(), book: c.Book, landed: into.head == nil && !into.sameTree, pull: into.pullRequest, likely: append([]string{into.pullRequest.Base}, pushedBranches(into.records)...), again: c.again,
		bases: func(ctx context.Context, head Commit, branches []string) basesFact {
			names, err := c.basesOf(ctx, into, head, branches, listed)
			return basesFact{names: names, err: err}
		},
	}
	of, err := originsOf(ctx, ask, c.policy.Policy, into.commit, into.records, into.listed, heads)
	if err != nil {
		return of, err
	}
	of.unfit, err = c.unfit(ctx, listed)
	return of, err
}

// unfit says of the stages why runs of their workflow and events do not count, by what the runs say of themselves.
func (c *carrying) unfit(ctx context.Context, listed []Run) (map[string]string, error) {
	why := map[string]string{}
	for _, run := range listed {
		for _, stage := range stagesOf(c.policy.Policy, run.Path) {
			if ByDigest(run.Event) || !slices.Contains(stage.Events, run.Event) {
				continue
			}
			if ofPullRequest(run.Event) {
				var err error
				if run, err = c.Observer.withKnownBases(ctx, c.request.Repository, run); err != nil {
					return why, err
				}
			}
			if fits, because := stage.Qualifies(c.request.Repository, run); !fits {
				why[stage.Name] = fmt.Sprintf("run %d (%s) does not count: %s", run.ID, run.Event, because)
			}
		}
	}
	return why, nil
}

// basesOf returns where every pull request went that ever had the commit as its head, as far as anybody knows: GitHub's
// deliveries when they came, the runs, and what GitHub has of the branches that the runs name, closed ones included.
func (c *carrying) basesOf(ctx context.Context, into *target, head Commit, branches []string, listed []Run) ([]string, error) {
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead, EntryBase}, Commit: head})
	if err != nil {
		return nil, err
	}
	names := basesIn(entries, head, into.records)
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var since time.Time
	for _, run := range listed {
		if run.Commit != head || !ofPullRequest(run.Event) {
			continue
		}
		if since.IsZero() || run.Created.Before(since) {
			since = run.Created
		}
		for _, base := range run.Bases {
			add(base)
		}
	}
	if pull := into.pullRequest; pull.Number != 0 && pull.Head == head {
		add(pull.Base)
	}
	for _, branch := range branches {
		if branch == "" {
			continue
		}
		pulls, err := c.Reviews.PullRequestsFrom(ctx, c.request.Repository, branch)
		if err != nil {
			return nil, fromGitHub(fmt.Errorf("find the pull requests of branch %q: %w", branch, err))
		}
		for _, pull := range pulls {
			if pull.had(head, since) {
				add(pull.Base)
			}
		}
	}
	return names, nil
}

// had reports whether the pull request has, or may have had, the commit as its head. One that was closed with another head,
// after runs of the commit had begun, may have had it before.
func (p PullRequest) had(head Commit, since time.Time) bool {
	return p.Head == head || !since.IsZero() && p.Closed.After(since)
}
