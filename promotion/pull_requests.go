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
}

// PullRequestEvent is a pull request with a new head, or one that was merged.
type PullRequestEvent struct {
	Repository Repository
	Number     int
	Head       Commit
	Merged     Commit // the merge commit of one that was just merged; zero else
	At         time.Time
}

// Changed keeps a head or a merge, and looks again at what waits for the pull request. It costs no call.
func (w PullRequestWatch) Changed(ctx context.Context, event PullRequestEvent) (Changes, error) {
	if governed, err := w.governed(ctx, event.Repository); !governed || err != nil {
		return Changes{}, err
	}
	entry := headEntry(event.Repository.ID, event.Number, event.Head, event.At, "pushed")
	if !event.Merged.IsZero() {
		entry = Entry{
			Key: fmt.Sprintf("merge/%d/%d/%s", event.Repository.ID, event.Number, event.Merged), Kind: EntryMerge, Repository: event.Repository.ID,
			PullRequest: event.Number, Commit: event.Merged, Tag: event.Head.String(), At: event.At,
		}
	}
	entry.Recorded = w.Clock()
	work, err := Wake(ctx, w.Requests, event.Repository.ID, Commit{}, event.Number)
	return Changes{Entries: []Entry{entry}, Work: work}, err
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
	if governed, err := w.governed(ctx, event.Repository); !governed || err != nil {
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

// governed reports whether the repository may have a policy: what happens where there is none is not kept.
func (w PullRequestWatch) governed(ctx context.Context, repository Repository) (bool, error) {
	policy, err := w.Policies.Known(ctx, repository)
	if errors.Is(err, ErrNotFound) {
		return true, nil // nobody has looked yet
	}
	return policy.File.Found, err
}
