package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

// How long what GitHub delivers again has, before what it did not deliver is looked for, and how far apart two
// repositories are swept.
const (
	deliveriesFirst = time.Minute
	sweepApart      = 250 * time.Millisecond
)

// catchUp is the task that catches up with what was missed: deliveries that failed, and after them whatever else there is
// at GitHub and not in the ledger.
func (s *Server) catchUp(ctx context.Context) error {
	asked, failure := s.askAgain(ctx)
	after := time.Duration(0)
	if asked > 0 {
		after = deliveriesFirst
	}
	return errors.Join(failure, s.addSweeps(ctx, after))
}

// addSweeps adds a row of work for each repository that has a policy, one a little after the other.
func (s *Server) addSweeps(ctx context.Context, after time.Duration) error {
	repositories, err := s.ledger.Governed(ctx)
	if err != nil {
		return err
	}
	apart := sweepApart
	if len(repositories) > 0 {
		apart = min(apart, s.options.Settings.CatchUpInterval/time.Duration(2*len(repositories)))
	}
	at := s.options.Clock().Add(after)
	var rows []promotion.NewWork
	for i, repository := range repositories {
		subject := strconv.FormatInt(repository.ID, 10)
		rows = append(rows, promotion.NewWork{Kind: promotion.WorkSweep, Subject: subject, Repository: repository.ID, Queue: "sweep/" + subject, Trace: newTrace(), At: at.Add(time.Duration(i) * apart)})
	}
	return s.ledger.AddWork(ctx, rows)
}

// untilNext leaves to the next look what trying again now cannot mend: each look would add one more row about the same.
func (l *looks) untilNext(ctx context.Context, look string, err error) error {
	paused, isPaused := promotion.Paused(err)
	if isPaused {
		l.faults.Paused(look, paused)
	} else {
		l.faults.Done(look)
	}
	if permanent := (*promotion.PermanentError)(nil); isPaused || errors.As(err, &permanent) {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("not all of the repository was looked at; the next look tries again")
		return nil
	}
	return err
}

// Sweep looks in a repository, under the name that it has now, for what no delivery told of. What cannot be mended by trying again is only logged: each sweep
// would set aside one more row about the same.
func (l *looks) Sweep(ctx context.Context, lease promotion.Lease, subject string) (promotion.Changes, error) {
	repository, found, err := l.governed(ctx, subject)
	if err != nil || !found {
		return promotion.Changes{}, err
	}
	present, err := l.policies.Presence.Now(ctx, repository)
	if gone := (*promotion.GoneError)(nil); errors.As(err, &gone) {
		// What waits in it looks once more, and ends.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the repository is swept no more")
		work, err := promotion.Wake(ctx, l.ledger, repository.ID, promotion.Commit{}, 0)
		return promotion.Changes{Work: work}, err
	}
	if err == nil {
		err = l.sweep.Repository(ctx, lease, present)
	}
	if err != nil {
		l.swept("failed")
	} else {
		l.swept("done")
	}
	return promotion.Changes{}, l.untilNext(ctx, "sweep/"+subject, err)
}

// loggedJournal logs what is committed before a row of work ends, as the worker does what is committed with its end.
type loggedJournal struct{ *ledger.Ledger }

// Commit commits, and logs what it committed.
func (j loggedJournal) Commit(ctx context.Context, lease promotion.Lease, changes promotion.Changes) error {
	if err := j.Ledger.Commit(ctx, lease, changes); err != nil {
		return err
	}
	logChanges(*zerolog.Ctx(ctx), changes)
	return nil
}

// answered reports whether our reply to the comment is there.
func (s *Server) answered(ctx context.Context, repository promotion.Repository, issue int, comment int64) (bool, error) {
	_, found, err := s.forge.FindComment(ctx, repository, issue, report.Marker(promotion.ReplyKey(repository.ID, comment)), time.Time{})
	if found && err == nil {
		err = s.holdIfAnswered(ctx, repository, comment)
	}
	return found, err
}
