package server

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/promotion"
)

// The keys of log lines.
const (
	LogDelivery    = "delivery"
	LogEvent       = "event"
	LogStatus      = "status"
	LogRepository  = "repository"
	LogCommit      = "commit"
	LogDigest      = "digest"
	LogImage       = "image"
	LogEnvironment = "environment"
	LogStage       = "stage"
	LogReason      = "reason"
	LogResult      = "result"
	LogRequester   = "requester"
	LogWork        = "work"
	LogKind        = "kind"
	LogTask        = "task"
	LogSubject     = "subject"
	LogAttempts    = "attempts"
	LogAfter       = "after"
	LogTrace       = "trace_id"
	LogWhat        = "what"
	LogFound       = "found"
	LogMend        = "mend"
)

// logChanges writes one line for each thing that was decided.
func logChanges(logger zerolog.Logger, changes promotion.Changes) {
	for _, verification := range changes.Verifications {
		logger.Info().Int64(LogRepository, verification.Repository).Str(LogCommit, verification.Commit.String()).Str(LogImage, verification.Image).
			Str(LogStage, verification.Stage).Str(LogDigest, verification.Digest.String()).Bool("passed", verification.Passed()).
			Str(LogReason, string(verification.Failure)).Int64("run", verification.Run).Int("attempt", verification.Attempt).Msg("verification recorded")
	}
	for _, request := range changes.Requests {
		if request.State == promotion.RequestSettled {
			logAnswer(logger, request.Answer)
		}
	}
}

func logAnswer(logger zerolog.Logger, answer promotion.Answer) {
	line := func(decision promotion.Decision, result promotion.Result, gates []promotion.Gate) {
		reasons := zerolog.Arr()
		for _, gate := range gates {
			reasons = reasons.Str(string(gate.Reason))
		}
		logger.Info().Str(LogRepository, answer.Repository.FullName()).Str(LogRequester, answer.Requester.Login).Str("command", string(answer.Command.Verb)).
			Str(LogEnvironment, answer.Environment).Str(LogCommit, answer.Commit.String()).Str(LogImage, decision.Image).Str(LogDigest, decision.Digest.String()).
			Str(LogResult, string(result)).Array(LogReason, reasons).Dur("took", answer.Duration.Round(time.Millisecond)).Msg("request decided")
	}
	if len(answer.Outcomes) == 0 {
		line(promotion.Decision{}, answer.Result, answer.Gates)
	}
	for _, outcome := range answer.Outcomes {
		line(outcome.Decision, outcome.Result, outcome.Decision.Unmet())
	}
}
