package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// looks looks again at what only time or other hands change.
type looks struct {
	ledger   *ledger.Ledger
	names    promotion.NameKeeper
	policies *promotion.PolicySource
	checks   promotion.Checks
	drift    *promotion.DriftWatch
	sweep    *promotion.Sweep
	swept    func(outcome string)
	faults   Faults
}

// LookAtCheck computes the check run of an announcement anew.
func (l *looks) LookAtCheck(ctx context.Context, key string) (promotion.Changes, error) {
	return l.checks.Again(ctx, l.policies, l.ledger, l.ledger, key)
}

// LookForDrift compares the tags of a repository's environments with the ledger. A repository that has no policy any more
// leads to nothing.
func (l *looks) LookForDrift(ctx context.Context, lease promotion.Lease, subject string) (promotion.Changes, error) {
	repository, found, err := l.governed(ctx, subject)
	if err != nil || !found {
		return promotion.Changes{}, err
	}
	changes, err := l.drift.Compare(ctx, lease, repository)
	if _, isPaused := promotion.Paused(err); isPaused || err == nil {
		err = l.untilNext(ctx, "drift/"+subject, err)
	}
	return changes, err
}

// governed returns the repository with the id, if it has a policy. A row of work costs what its own repository costs, however many
// there are.
func (l *looks) governed(ctx context.Context, subject string) (promotion.Repository, bool, error) {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return promotion.Repository{}, false, &promotion.PermanentError{Err: fmt.Errorf("look at a repository: expected its id, found %.40q", subject)}
	}
	repository, governed, err := l.names.Named(ctx, id)
	if errors.Is(err, promotion.ErrNotFound) {
		return promotion.Repository{}, false, nil
	}
	return repository, governed, err
}

// lookForDrift adds a row of work for each repository that has a policy. The rows are worked off like any other.
func (s *Server) lookForDrift(ctx context.Context) error {
	repositories, err := s.ledger.Governed(ctx)
	if err != nil {
		return err
	}
	var rows []promotion.NewWork
	for _, repository := range repositories {
		subject := strconv.FormatInt(repository.ID, 10)
		rows = append(rows, promotion.NewWork{Kind: promotion.WorkDrift, Subject: subject, Repository: repository.ID, Queue: "drift/" + subject, Trace: newTrace()})
	}
	return s.ledger.AddWork(ctx, rows)
}
