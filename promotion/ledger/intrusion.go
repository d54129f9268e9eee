package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/verbatim-dev/verbatim/promotion"
)

// intrusionDepth is how many of the newest records are looked at: news may come in another order than what they tell of.
const intrusionDepth = 100

// Intrusion gives the newest time at which another digest of the image was in the stage; zero when none ever was.
func (l *Ledger) Intrusion(ctx context.Context, repository int64, image, stage string, digest promotion.Digest) (promotion.Intrusion, error) {
	var found promotion.Intrusion
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM verifications
		WHERE repository = $1 AND image = $2 AND stage = $3 AND digest <> '' AND digest <> $4 ORDER BY id DESC LIMIT $5`, repository, image, stage, digest.String(), intrusionDepth)
	others, err := collect(rows, err, readVerification)
	if err != nil {
		return found, fmt.Errorf("read what was in stage %s: %w", stage, err)
	}
	for _, verification := range others {
		if verification.Started.After(found.At) {
			found = promotion.Intrusion{Digest: verification.Digest, Commit: verification.Commit, At: verification.Started}
		}
	}
	return l.begun(ctx, found, repository, image, stage, digest)
}

// begun gives what last began in the stage, where that is later than what was found.
func (l *Ledger) begun(ctx context.Context, found promotion.Intrusion, repository int64, image, stage string, digest promotion.Digest) (promotion.Intrusion, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT commit_sha, digest, observed, run_started FROM starts
		WHERE repository = $1 AND image = $2 AND stage = $3 AND digest <> '' AND digest <> $4 ORDER BY number DESC LIMIT $5`, repository, image, stage, digest.String(), intrusionDepth)
	begun, err := collect(rows, err, readIntrusion)
	if err != nil {
		return found, fmt.Errorf("read what began in stage %s: %w", stage, err)
	}
	for _, other := range begun {
		if other.At.After(found.At) {
			found = other
		}
	}
	return found, nil
}

func readIntrusion(row *sql.Rows) (promotion.Intrusion, error) {
	var intrusion promotion.Intrusion
	var commit, digest string
	var observed, began int64
	if err := row.Scan(&commit, &digest, &observed, &began); err != nil {
		return intrusion, err
	}
	if intrusion.At = fromMicros(began); intrusion.At.IsZero() {
		intrusion.At = fromMicros(observed)
	}
	if err := intrusion.Digest.UnmarshalText([]byte(digest)); err != nil {
		return intrusion, err
	}
	return intrusion, intrusion.Commit.UnmarshalText([]byte(commit))
}
