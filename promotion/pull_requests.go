package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PullRequestWatch keeps what becomes of pull requests: their heads, merges and reviews, as GitHub tells of them.
type PullRequestWatch struct {
	Policies *PolicySource
	Requests RequestReader
	Records  RecordReader
	Book     Book
	Checks   Checks
	Clock    func() time.Time

	GitHubTime func(ours time.Time) time.Time // what GitHub's clock says when ours says so
}

// PullRequestEvent is a pull request with a new head, or one that was merged.
type PullRequestEvent struct {
	Repository Repository
	Number     int
	Head       Commit
	Fork       bool      // the head is of another repository
	Base       string    // the branch that it goes to
	BaseCommit Commit    // what that branch named, as the event says; zero: it does not
	FormerBase string    // of one that goes elsewhere now
	Merged     Commit    // the merge commit of one that was just merged; zero else
	At         time.Time // when the pull request was last changed, as the event says
	Pushed     time.Time // when the head's repository was last pushed to, as the event says
	Received   time.Time // by our clock
	Pusher     Person    // who pushed the head; zero: the event tells of no push
	Merger     Person    // who merged it, if somebody did
}

// Changed keeps a head or a merge, and looks again at what waits for the pull request. It costs no call.
func (w PullRequestWatch) Changed(ctx context.Context, event PullRequestEvent) (Changes, error) {
	if governed, err := mayBeGoverned(ctx, w.Policies, event.Repository); !governed || err != nil {
		return Changes{}, err
	}
	entry := headEntry(event.Repository.ID, event.Number, event.Head, event.pushedBy(w.GitHubTime(event.Received)), "pushed")
	entry.Person = event.Pusher
	if !event.Merged.IsZero() {
		entry = Entry{
			Key: fmt.Sprintf("merge/%d/%d/%s", event.Repository.ID, event.Number, event.Merged), Kind: EntryMerge, Repository: event.Repository.ID,
			PullRequest: event.Number, Commit: event.Merged, Base: event.Base, Tag: event.Head.String(), At: event.At,
			Person: event.Merger,
		}
	}
	entry.Recorded = w.Clock()
	work, err := Wake(ctx, w.Requests, event.Repository.ID, Commit{}, event.Number)
	return Changes{Entries: append([]Entry{entry}, w.basesOf(event)...), Work: work}, err
}

// Rebased keeps where a pull request goes from now on, and where it went before. Its head stays: it is no push. It costs no call.
func (w PullRequestWatch) Rebased(ctx context.Context, event PullRequestEvent) (Changes, error) {
	if governed, err := mayBeGoverned(ctx, w.Policies, event.Repository); !governed || err != nil {
		return Changes{}, err
	}
	return Changes{Entries: append(w.basesOf(event), w.retargetOf(event))}, nil
}

// basesOf returns entries of where a pull request goes, or went, with its head. A run of that head may be one of any of them.
// One whose head is a fork's has runs of its own, which never count.
func (w PullRequestWatch) basesOf(event PullRequestEvent) []Entry {
	if event.Fork {
		return nil
	}
	var entries []Entry
	add := func(base string, at Commit) {
		if base == "" {
			return
		}
		entries = append(entries, Entry{
			Key:  fmt.Sprintf("base/%d/%d/%s/%s/%s", event.Repository.ID, event.Number, event.Head, base, at),
			Kind: EntryBase, Repository: event.Repository.ID, PullRequest: event.Number, Commit: event.Head, Base: base, BaseCommit: at,
			At: event.At, Recorded: w.Clock(),
		})
	}
	add(event.Base, event.BaseCommit)
	add(event.FormerBase, Commit{})
	return entries
}

// ReviewEvent is a review that was submitted or dismissed.
type ReviewEvent struct {
	Repository Repository
	Number     int
	Review     Review
	ID         int64
	Dismissed  bool
	Merged     Commit // of a merged pull request; zero else
	Head       Commit
}

// Reviewed keeps a review, so that the check run counts it, and looks again at what waits for the pull request. It costs
// no call; what counts when somebody promotes is read from GitHub then.
func (w PullRequestWatch) Reviewed(ctx context.Context, event ReviewEvent) (Changes, error) {
	if governed, err := mayBeGoverned(ctx, w.Policies, event.Repository); !governed || err != nil {
		return Changes{}, err
	}
	now := w.Clock()
	entry := Entry{
		Key:  fmt.Sprintf("review/%d/%d/%s/%t", event.Repository.ID, event.ID, event.Review.State, event.Dismissed),
		Kind: EntryReview, Repository: event.Repository.ID, PullRequest: event.Number, Commit: event.Review.Commit, Person: event.Review.Person,
		Reason: event.Review.State, At: event.Review.Submitted, Recorded: now,
	}
	if event.Dismissed {
		entry.At = now
	}
	work, err := Wake(ctx, w.Requests, event.Repository.ID, Commit{}, event.Number)
	changes := Changes{Entries: []Entry{entry}, Work: work}
	if err != nil {
		return changes, err
	}
	commit := event.Head
	if !event.Merged.IsZero() {
		commit = event.Merged
	}
	records, err := w.Records.Records(ctx, event.Repository.ID, commit)
	if err != nil || len(records) == 0 {
		return changes, err
	}
	policy, err := w.Policies.Known(ctx, event.Repository)
	if err != nil || !policy.Valid() {
		return changes, err
	}
	// The check run is computed once the review is in the book: by a row of its own.
	for _, environment := range policy.Policy.Environments {
		changes.Work = append(changes.Work, checkAgain(Check{Repository: event.Repository, Environment: environment.Name, Commit: commit}, now))
	}
	return changes, nil
}

// mayBeGoverned reports whether the repository may have a policy: what happens where there is none is not kept.
func mayBeGoverned(ctx context.Context, policies *PolicySource, repository Repository) (bool, error) {
	policy, err := policies.Known(ctx, repository)
	if errors.Is(err, ErrNotFound) {
		return true, nil // nobody has looked yet
	}
	return policy.File.Found, err
}
