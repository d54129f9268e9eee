package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/verbatim-dev/verbatim/promotion"
)

// intrusionDepth is how many of the newest records are looked at: news may come in another order than what they tell of.
const intrusionDepth = 100

// Intrusion gives the newest time at which another digest of the image was in the stage; zero when none ever was.
func (l *Ledger) Intrusion(ctx context.Context, repository int64, image, stage string, digest promotion.Digest) (promotion.Intrusion, error) {
	var found promotion.Intrusion
	var commit, other string
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
	var observed, began int64
	err = l.read.QueryRowContext(ctx, `SELECT commit_sha, digest, observed, run_started FROM starts
		WHERE repository = $1 AND image = $2 AND stage = $3 AND digest <> '' AND digest <> $4 ORDER BY number DESC LIMIT 1`, repository, image, stage, digest.String()).Scan(&commit, &other, &observed, &began)
	if errors.Is(err, sql.ErrNoRows) {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("read what began in stage %s: %w", stage, err)
	}
	at := fromMicros(began)
	if at.IsZero() {
		at = fromMicros(observed)
	}
	if !at.After(found.At) {
		return found, nil
	}
	found.At = at
	if err := found.Digest.UnmarshalText([]byte(other)); err != nil {
		return found, err
	}
	return found, found.Commit.UnmarshalText([]byte(commit))
}
