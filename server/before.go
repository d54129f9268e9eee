package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

// promotedBefore holds everything when our own replies or check runs on GitHub tell of a promotion to the environment from before
// this ledger was made: another ledger knew of it, and of holds. It is asked where the environment's tag is there and the
// ledger does not know why. Once somebody has lifted such a hold, that was looked at.
func (s *Server) promotedBefore(ctx context.Context, repository promotion.Repository, environment promotion.Environment) (bool, error) {
	begun, err := s.ledger.Begun(ctx)
	if err != nil {
		return false, err
	}
	everywhere, err := s.ledger.Everywhere(ctx)
	if err != nil || everywhere.Hold != nil || !everywhere.Resumed.IsZero() {
		return everywhere.Hold != nil, err
	}
	then := s.forge.TimeOf(begun).Truncate(time.Second) // as GitHub tells times
	where, err := s.toldBefore(ctx, repository, environment.Name, then)
	if err != nil || where == "" {
		return false, err
	}
	reason := ledgerLacks("promotions to "+environment.Name+" of "+repository.FullName()+" that "+where+" tells of", true)
	return true, s.holdEverything(ctx, fmt.Sprintf("restored/%d/%s", repository.ID, environment.Name), reason, 1, "")
}

// toldBefore gives the address at which we told of a promotion to the environment before then; "" when we did nowhere that is
// looked at.
func (s *Server) toldBefore(ctx context.Context, repository promotion.Repository, environment string, then time.Time) (where string, err error) {
	comment, err := s.forge.OwnComment(ctx, repository, func(comment forge.Written) bool {
		return comment.At.Before(then) && report.Moved(comment.Text, environment)
	})
	where = comment.URL
	if where != "" || err != nil && !isAnswered(err) {
		return where, err
	}
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("it could not be told from comments whether there was another ledger")
	}
	err = s.forge.OwnCheckRuns(ctx, repository, CheckName(environment), func(check forge.Written) bool {
		if check.At.Before(then) && report.Promoted(check.Title) {
			where = check.URL
		}
		return where != ""
	})
	if isAnswered(err) {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("it could not be told from check runs whether there was another ledger")
		err = nil
	}
	return where, err
}

// isAnswered reports whether GitHub answered that it will not say: there are no issues, for one.
func isAnswered(err error) bool {
	permanent := (*promotion.PermanentError)(nil)
	return errors.As(err, &permanent) || errors.Is(err, promotion.ErrNotFound)
}
