package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// intrusionDepth is how many of the newest records are looked at: news may come in another order than what they tell of.
const intrusionDepth = 100

// Intrusions gives the newest runs of the stage in which another digest of the image was there.
func (l *Ledger) Intrusions(ctx context.Context, repository int64, image, stage string, digest promotion.Digest) ([]promotion.Intrusion, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM verifications
		WHERE repository = $1 AND image = $2 AND stage = $3 AND digest <> '' AND digest <> $4 ORDER BY id DESC LIMIT $5`, repository, image, stage, digest.String(), intrusionDepth)
	others, err := collect(rows, err, readVerification)
	if err != nil {
		return nil, fmt.Errorf("read what was in stage %s: %w", stage, err)
	}
	var found []promotion.Intrusion
	for _, one := range others {
		if one.Conclusion == "skipped" {
			continue // it deployed nothing
		}
		found = append(found, promotion.Intrusion{Digest: one.Digest, Commit: one.Commit, Run: one.Run, Attempt: one.Attempt, Began: one.Started, Ended: one.Ended})
	}
	rows, err = l.read.QueryContext(ctx, `SELECT commit_sha, run, attempt, job, digest, observed, run_started FROM starts
		WHERE repository = $1 AND image = $2 AND stage = $3 AND digest <> '' AND digest <> $4 ORDER BY number DESC LIMIT $5`, repository, image, stage, digest.String(), intrusionDepth)
	starts, err := collect(rows, err, readBeginning)
	if err != nil {
		return nil, fmt.Errorf("read what began in stage %s: %w", stage, err)
	}
	for _, start := range starts {
		ended, err := l.endOf(ctx, repository, image, stage, start, starts, others)
		if err != nil {
			return nil, fmt.Errorf("read the end of run %d in stage %s: %w", start.Run, stage, err)
		}
		began := start.RunStarted
		if began.IsZero() {
			began = start.Observed
		}
		found = append(found, promotion.Intrusion{Digest: start.Digest, Commit: start.Commit, Run: start.Run, Attempt: start.Attempt, Began: began, Ended: ended})
	}
	return found, nil
}

// endOf gives when what was seen to begin has ended; zero when that was not seen. What has no commit was noted at its end.
func (l *Ledger) endOf(ctx context.Context, repository int64, image, stage string, start promotion.Start, starts []promotion.Start, others []promotion.Verification) (time.Time, error) {
	noted := slices.IndexFunc(starts, func(other promotion.Start) bool {
		return other.Commit.IsZero() && other.Run == start.Run && other.Attempt == start.Attempt
	})
	if noted >= 0 {
		return starts[noted].Observed, nil
	}
	if ended := endIn(others, start); !ended.IsZero() {
		return ended, nil
	}
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM verifications WHERE repository = $1 AND commit_sha = $2 AND image = $3 AND stage = $4 AND run = $5`,
		repository, start.Commit.String(), image, stage, start.Run)
	of, err := collect(rows, err, readVerification)
	return endIn(of, start), err
}

// endIn gives the last end that the verifications tell of what was seen to begin. Where one job of several has failed, the others
// go on.
func endIn(verifications []promotion.Verification, start promotion.Start) time.Time {
	var ended time.Time
	for _, one := range verifications {
		of := one.Run == start.Run && one.Commit == start.Commit && one.Judged >= start.Attempt
		if of && (start.Job == 0 || one.Final || slices.Contains(one.Jobs, start.Job)) && one.Ended.After(ended) {
			ended = one.Ended
		}
	}
	return ended
}

func readBeginning(row *sql.Rows) (promotion.Start, error) {
	var start promotion.Start
	var commit, digest string
	var observed, began int64
	if err := row.Scan(&commit, &start.Run, &start.Attempt, &start.Job, &digest, &observed, &began); err != nil {
		return start, err
	}
	start.RunStarted, start.Observed = fromMicros(began), fromMicros(observed)
	if err := start.Digest.UnmarshalText([]byte(digest)); err != nil {
		return start, err
	}
	return start, start.Commit.UnmarshalText([]byte(commit))
}
