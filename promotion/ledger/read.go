package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/verbatim-dev/verbatim/promotion"
)

// notFound turns a missing row into promotion.ErrNotFound.
func notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, promotion.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// decoded reads a row whose one column is a JSON document.
func decoded[T any](rows *sql.Rows) (T, error) {
	var content string
	var value T
	if err := rows.Scan(&content); err != nil {
		return value, err
	}
	return value, json.Unmarshal([]byte(content), &value)
}

// Records gives all records of the commit, by image, oldest first.
func (l *Ledger) Records(ctx context.Context, repository int64, commit promotion.Commit) (map[string]promotion.Records, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT image, stage, run, attempt, job, digest, run_started, observed, number FROM starts WHERE repository = $1 AND commit_sha = $2 ORDER BY (number = 0), number, observed`, repository, commit.String())
	starts, err := collect(rows, err, func(rows *sql.Rows) (promotion.Start, error) {
		start := promotion.Start{Repository: repository, Commit: commit}
		var digest string
		var runStarted, observed int64
		if err := rows.Scan(&start.Image, &start.Stage, &start.Run, &start.Attempt, &start.Job, &digest, &runStarted, &observed, &start.Number); err != nil {
			return start, err
		}
		start.RunStarted, start.Observed = fromMicros(runStarted), fromMicros(observed)
		return start, start.Digest.UnmarshalText([]byte(digest))
	})
	if err != nil {
		return nil, fmt.Errorf("read the starts of %s: %w", commit.Short(), err)
	}
	rows, err = l.read.QueryContext(ctx, `SELECT number, content FROM verifications WHERE repository = $1 AND commit_sha = $2 ORDER BY id`, repository, commit.String())
	verifications, err := collect(rows, err, readVerification)
	if err != nil {
		return nil, fmt.Errorf("read the verifications of %s: %w", commit.Short(), err)
	}
	records := map[string]promotion.Records{}
	for _, start := range starts {
		of := records[start.Image]
		of.Starts = append(of.Starts, start)
		records[start.Image] = of
	}
	for _, verification := range verifications {
		of := records[verification.Image]
		of.Verifications = append(of.Verifications, verification)
		records[verification.Image] = of
	}
	return records, nil
}

// Origin gives the commit for which the digest was first recorded, or promotion.ErrNotFound.
func (l *Ledger) Origin(ctx context.Context, repository int64, image string, digest promotion.Digest) (promotion.Commit, error) {
	var text string
	err := l.read.QueryRowContext(ctx, `SELECT commit_sha FROM verifications WHERE repository = $1 AND image = $2 AND digest = $3 ORDER BY id LIMIT 1`, repository, image, digest.String()).Scan(&text)
	if err != nil {
		return promotion.Commit{}, notFound("the commit of "+digest.Short(), err)
	}
	return promotion.ParseCommit(text)
}

// liveDepth is how many promotions decide what an environment has: many more are only ever gone back to by name.
const liveDepth = 100

// Live gives the newest of what succeeded for an image in an environment, in the order of its numbers.
func (l *Ledger) Live(ctx context.Context, repository int64, environment, image string) ([]promotion.Promotion, error) {
	return l.live(ctx, repository, environment, image, liveDepth)
}

// EverLive gives all that succeeded, in the order of its numbers.
func (l *Ledger) EverLive(ctx context.Context, repository int64, environment, image string) ([]promotion.Promotion, error) {
	return l.live(ctx, repository, environment, image, math.MaxInt32)
}

func (l *Ledger) live(ctx context.Context, repository int64, environment, image string, most int) ([]promotion.Promotion, error) {
	var live []promotion.Promotion
	// What an older program wrote without a number, while replicas are replaced, is the newest.
	for _, of := range []string{`number = 0`, `number > 0`} {
		rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM promotions WHERE repository = $1 AND environment = $2 AND image = $3 AND state = 'succeeded' AND `+of+` ORDER BY number DESC, id DESC LIMIT $4`,
			repository, environment, image, most-len(live))
		some, err := collect(rows, err, readPromotion)
		if err != nil {
			return nil, fmt.Errorf("read what %s has of %s: %w", environment, image, err)
		}
		live = append(live, some...)
	}
	slices.Reverse(live)
	return live, nil
}

// LiveAnywhere gives the newest of what succeeded for each environment and image of the repository, by their names.
func (l *Ledger) LiveAnywhere(ctx context.Context, repository int64) ([]promotion.Promotion, error) {
	type place struct{ environment, image string }
	rows, err := l.read.QueryContext(ctx, `SELECT DISTINCT environment, image FROM promotions WHERE repository = $1 AND state = 'succeeded' ORDER BY environment, image`, repository)
	places, err := collect(rows, err, func(rows *sql.Rows) (of place, err error) { return of, rows.Scan(&of.environment, &of.image) })
	if err != nil {
		return nil, fmt.Errorf("read where something is live: %w", err)
	}
	var newest []promotion.Promotion
	for _, of := range places {
		live, err := l.live(ctx, repository, of.environment, of.image, 1)
		if err != nil {
			return nil, err
		}
		newest = append(newest, live...)
	}
	return newest, nil
}

// PromotionsOf gives the promotions of a request.
func (l *Ledger) PromotionsOf(ctx context.Context, request int64) ([]promotion.Promotion, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM promotions WHERE request = $1 ORDER BY id`, request)
	promotions, err := collect(rows, err, readPromotion)
	if err != nil {
		return nil, fmt.Errorf("read the promotions of request %d: %w", request, err)
	}
	return promotions, nil
}

// Sequence returns a number that rises with each promotion and rollback that succeeds in the environment.
func (l *Ledger) Sequence(ctx context.Context, repository int64, environment string) (int64, error) {
	var last sql.NullInt64
	err := l.read.QueryRowContext(ctx, `SELECT MAX(number) FROM promotions WHERE repository = $1 AND environment = $2 AND state = 'succeeded' AND kind <> 'baseline'`, repository, environment).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("read the last promotion to %s: %w", environment, err)
	}
	return last.Int64, nil
}

// Request gives one request, or promotion.ErrNotFound.
func (l *Ledger) Request(ctx context.Context, id int64) (promotion.Request, error) {
	return l.request(ctx, fmt.Sprintf("request %d", id), `SELECT number, content FROM requests WHERE id = $1`, id)
}

// RequestByKey gives one request, or promotion.ErrNotFound.
func (l *Ledger) RequestByKey(ctx context.Context, key string) (promotion.Request, error) {
	return l.request(ctx, "request "+key, `SELECT number, content FROM requests WHERE key = $1`, key)
}

func (l *Ledger) request(ctx context.Context, what, query string, argument any) (promotion.Request, error) {
	var content string
	var number promotion.Number
	var request promotion.Request
	if err := l.read.QueryRowContext(ctx, query, argument).Scan(&number, &content); err != nil {
		return request, notFound(what, err)
	}
	err := json.Unmarshal([]byte(content), &request)
	request.Number = number
	return request, err
}

// RequestsOfComment gives the requests of a comment, in the order of its lines.
func (l *Ledger) RequestsOfComment(ctx context.Context, repository int64, source promotion.RequestSource, comment int64) ([]promotion.Request, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM requests WHERE repository = $1 AND comment = $2 AND source = $3 ORDER BY id`, repository, comment, string(source))
	requests, err := collect(rows, err, readRequest)
	if err != nil {
		return nil, fmt.Errorf("read the requests of comment %d: %w", comment, err)
	}
	return requests, nil
}

// WaitingRequests gives the repository's requests that wait for a gate to fall, oldest first.
func (l *Ledger) WaitingRequests(ctx context.Context, repository int64) ([]promotion.Request, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM requests WHERE repository = $1 AND state = 'waiting' ORDER BY id`, repository)
	requests, err := collect(rows, err, readRequest)
	if err != nil {
		return nil, fmt.Errorf("read the requests of repository %d that wait: %w", repository, err)
	}
	return requests, nil
}

// Announcement gives one announcement, or promotion.ErrNotFound.
func (l *Ledger) Announcement(ctx context.Context, key string) (promotion.Announcement, error) {
	var announcement promotion.Announcement
	var content string
	var version, done, external, closed int64
	err := l.read.QueryRowContext(ctx, `SELECT version, done, external, closed, content FROM announcements WHERE key = $1`, key).Scan(&version, &done, &external, &closed, &content)
	if err != nil {
		return announcement, notFound("announcement "+key, err)
	}
	err = json.Unmarshal([]byte(content), &announcement)
	announcement.Version, announcement.Done, announcement.External, announcement.Closed = version, done, external, closed == 1
	return announcement, err
}
