package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// looks looks again at what only time or other hands change.
type looks struct {
	ledger   *ledger.Ledger
	policies *promotion.PolicySource
	checks   promotion.Checks
	drift    *promotion.DriftWatch
	sweep    *promotion.Sweep
	swept    func(outcome string)
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
	return l.drift.Compare(ctx, lease, repository)
}

// governed gives the repository with the id, if it has a policy.
func (l *looks) governed(ctx context.Context, subject string) (promotion.Repository, bool, error) {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return promotion.Repository{}, false, &promotion.PermanentError{Err: fmt.Errorf("look at a repository: expected its id, found %.40q", subject)}
	}
	repositories, err := l.ledger.Governed(ctx)
	if err != nil {
		return promotion.Repository{}, false, err
	}
	for _, repository := range repositories {
		if repository.ID == id {
			return repository, true, nil
		}
	}
	return promotion.Repository{}, false, nil
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
