package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// retargetOf returns the entry of a pull request that goes to another base from now on.
func (w PullRequestWatch) retargetOf(event PullRequestEvent) Entry {
	at := event.At
	if at.IsZero() {
		at = w.GitHubTime(event.Received)
	}
	return Entry{
		Key:  fmt.Sprintf("retarget/%d/%d/%s/%s", event.Repository.ID, event.Number, event.Base, at.UTC().Format(time.RFC3339Nano)),
		Kind: EntryRetarget, Repository: event.Repository.ID, PullRequest: event.Number, Commit: event.Head, Base: event.Base, At: at, Recorded: w.Clock(),
	}
}

// retargeted returns when the pull request was last known to be sent to its base, or to go to another one; zero: never.
func (c *carrying) retargeted(ctx context.Context, pull PullRequest) (time.Time, error) {
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryRetarget, EntryBase}, PullRequest: pull.Number})
	var last time.Time
	for _, entry := range entries {
		elsewhere := entry.Kind == EntryRetarget || entry.Base != pull.Base
		if elsewhere && entry.At.After(last) {
			last = entry.At
		}
	}
	return last, err
}

// withoutRetargeted strikes out the approvals from before the pull request went to its base: what they were shown is what differs
// from the base of then. GitHub's times have whole seconds.
func withoutRetargeted(reviews []Entry, base string, at time.Time) {
	for i := range reviews {
		if reviews[i].Reason == "APPROVED" && !at.IsZero() && !reviews[i].At.Truncate(time.Second).After(at.Truncate(time.Second)) {
			reviews[i].Reason = beforeRetarget(base)
		}
	}
}

// withoutRetargets returns the reviews among the entries, of which those before the last change of the base approve nothing.
func withoutRetargets(entries []Entry) []Entry {
	var reviews []Entry
	var last Entry
	for _, entry := range entries {
		if entry.Kind == EntryReview {
			reviews = append(reviews, entry)
		} else if entry.At.After(last.At) {
			last = entry
		}
	}
	withoutRetargeted(reviews, last.Base, last.At)
	return reviews
}

func beforeRetarget(base string) string { return "approval from before it went to " + base }

// shows reports whether those who review the pull request are shown what would ship: it goes to a branch that the environment
// promotes from. Any other can be moved between review and merge.
func (t target) shows(pull PullRequest, repository Repository) bool {
	return matchesAny(t.environment.allowedBranches(repository), pull.Base)
}

// carriage is a commit, and the pull requests that may have carried it along to the branch.
type carriage struct {
	commit  ShippedCommit
	own     []PullRequest // that brought it, says GitHub
	all     []PullRequest // that brought something of what would ship
	shipped []ShippedCommit
}

// uncarried says why a commit, whose own pull requests do not count, did not come through another approved one either: one that went
// to the branch with the commit among its own, as of a stack the lowest has those of the others. "" when it did.
func (c *carrying) uncarried(ctx context.Context, into target, of carriage, why string) (string, error) {
	through := slices.DeleteFunc(slices.Clone(of.own), func(pull PullRequest) bool { return !into.counts(pull) })
	isOwn := func(pull PullRequest) bool {
		return slices.ContainsFunc(of.own, func(own PullRequest) bool { return own.Number == pull.Number })
	}
	for _, pull := range of.all {
		if isOwn(pull) || !into.counts(pull) || !into.shows(pull, c.request.Repository) {
			continue
		}
		contents, err := c.commitsOf(ctx, pull.Number)
		if err != nil {
			return "", err
		}
		if !contents.has(of.commit.Commit) {
			continue
		}
		unapproved, err := c.unapproved(ctx, pull, authorship{commit: of.commit, own: of.own, through: append(slices.Clone(through), pull), shipped: of.shipped})
		if unapproved == "" || err != nil {
			return "", err
		}
		why += "; " + unapproved
		of.own = append(slices.Clone(of.own), pull) // once
	}
	return why, nil
}

// reviewsFor returns the reviews of the pull request that produced what would ship.
func (c *carrying) reviewsFor(ctx context.Context, into target, pull PullRequest) ([]Entry, error) {
	reviews, err := c.reviewsOf(ctx, pull)
	if into.shows(pull, c.request.Repository) {
		return reviews, err
	}
	reviews = slices.Clone(reviews)
	for i := range reviews {
		if reviews[i].Reason == "APPROVED" {
			reviews[i].Reason = "approval on its way to " + cmp.Or(pull.Base, "no branch")
		}
	}
	return reviews, err
}
