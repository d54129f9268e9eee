package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// writeEntries adds what is new to the book. What is there is never changed.
func (l *Ledger) writeEntries(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	for _, entry := range changes.Entries {
		id, err := l.draw(ctx, tx, "entry", 1)
		if err != nil {
			return err
		}
		entry.ID = id
		if entry.Number, err = l.number(ctx, tx, 1); err != nil {
			return err
		}
		content, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO entries (id, key, kind, repository, environment, pull_request, commit_sha, at, number, content)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO NOTHING`,
			entry.ID, entry.Key, string(entry.Kind), entry.Repository, entry.Environment, entry.PullRequest, entry.Commit.String(), micros(entry.At), int64(entry.Number), string(content))
		if err != nil {
			return fmt.Errorf("entry %s: %w", entry.Key, err)
		}
	}
	return nil
}

// Entries gives the repository's entries that the filter asks for, oldest first. One whose content cannot be read is given
// with what its columns say, and as unreadable.
func (l *Ledger) Entries(ctx context.Context, repository int64, filter promotion.EntryFilter) ([]promotion.Entry, error) {
	query, arguments := `SELECT id, key, kind, environment, pull_request, commit_sha, at, number, content FROM entries WHERE repository = $1`, []any{repository}
	if slices.Contains(filter.Kinds, promotion.EntryHold) {
		query = strings.Replace(query, `repository = $1`, `repository IN ($1, 0)`, 1) // what holds everything is in no repository
	}
	also := func(condition string, argument any) {
		arguments = append(arguments, argument)
		query += fmt.Sprintf(condition, len(arguments))
	}
	if !filter.Commit.IsZero() {
		also(` AND commit_sha = $%d`, filter.Commit.String())
	}
	if filter.PullRequest != 0 {
		also(` AND pull_request = $%d`, filter.PullRequest)
	}
	if filter.Environment != "" {
		also(` AND lower(environment) = $%d`, strings.ToLower(filter.Environment))
	}
	if len(filter.Kinds) > 0 {
		var places []string
		for _, kind := range filter.Kinds {
			arguments = append(arguments, string(kind))
			places = append(places, fmt.Sprintf("$%d", len(arguments)))
		}
		query += ` AND kind IN (` + strings.Join(places, ", ") + `)`
	}
	rows, err := l.read.QueryContext(ctx, query+` ORDER BY id`, arguments...)
	entries, err := collect(rows, err, func(rows *sql.Rows) (promotion.Entry, error) { return readEntry(rows, repository) })
	if err != nil {
		return nil, fmt.Errorf("read the entries of repository %d: %w", repository, err)
	}
	return entries, nil
}

func readEntry(rows *sql.Rows, repository int64) (promotion.Entry, error) {
	columns := promotion.Entry{Repository: repository}
	var commit, content string
	var at int64
	if err := rows.Scan(&columns.ID, &columns.Key, &columns.Kind, &columns.Environment, &columns.PullRequest, &commit, &at, &columns.Number, &content); err != nil {
		return columns, err
	}
	columns.At = fromMicros(at)
	var entry promotion.Entry
	known := columns.Commit.UnmarshalText([]byte(commit))
	if err := json.Unmarshal([]byte(content), &entry); err != nil || known != nil || entry.Key != columns.Key || entry.Kind != columns.Kind {
		columns.Unreadable = true
		return columns, nil
	}
	entry.Number = columns.Number
	entry.ID, entry.Repository, entry.Environment, entry.PullRequest, entry.Commit = columns.ID, repository, columns.Environment, columns.PullRequest, columns.Commit
	return entry, nil
}

// CommitsOf gives the commits for which the digest was recorded for the image, those of the newest records first, and at most twenty.
func (l *Ledger) CommitsOf(ctx context.Context, repository int64, image string, digest promotion.Digest) ([]promotion.Commit, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT commit_sha FROM verifications WHERE repository = $1 AND image = $2 AND digest = $3 GROUP BY commit_sha ORDER BY MAX(id) DESC LIMIT 20`, repository, image, digest.String())
	commits, err := collect(rows, err, readCommit)
	if err != nil {
		return nil, fmt.Errorf("read the commits of %s: %w", digest.Short(), err)
	}
	return commits, nil
}

// Deployments gives the newest records of the digest in the stage, whatever their commits, the newest first, and at most limit.
func (l *Ledger) Deployments(ctx context.Context, repository int64, image, stage string, digest promotion.Digest, limit int) ([]promotion.Verification, error) {
	// The newest thousand records are looked at, however many there are.
	rows, err := l.read.QueryContext(ctx, `SELECT number, content FROM (
			SELECT id, number, stage, content FROM verifications WHERE repository = $1 AND image = $2 AND digest = $3 ORDER BY id DESC LIMIT 1000) AS newest
		WHERE stage = $4 ORDER BY id DESC LIMIT $5`, repository, image, digest.String(), stage, limit)
	found, err := collect(rows, err, readVerification)
	if err != nil {
		return nil, fmt.Errorf("read where %s was in stage %s: %w", digest.Short(), stage, err)
	}
	return found, nil
}

// VerifiedCommits gives the commits for which a stage of the image passed, the newest record first, and at most limit.
func (l *Ledger) VerifiedCommits(ctx context.Context, repository int64, image string, limit int) ([]promotion.Commit, error) {
	// The newest thousand records are looked at, however many there are.
	rows, err := l.read.QueryContext(ctx, `SELECT commit_sha FROM (
			SELECT commit_sha, id FROM verifications WHERE repository = $1 AND image = $2 AND failure = '' ORDER BY id DESC LIMIT 1000) AS newest
		GROUP BY commit_sha ORDER BY MAX(id) DESC LIMIT $3`, repository, image, limit)
	commits, err := collect(rows, err, readCommit)
	if err != nil {
		return nil, fmt.Errorf("read the verified commits of %s: %w", image, err)
	}
	return commits, nil
}

func readCommit(rows *sql.Rows) (promotion.Commit, error) {
	var text string
	if err := rows.Scan(&text); err != nil {
		return promotion.Commit{}, err
	}
	return promotion.ParseCommit(text)
}

// AddWork adds rows of work that nobody's lease stands behind. A row whose subject has an unfinished one already is left out.
func (l *Ledger) AddWork(ctx context.Context, rows []promotion.NewWork) error {
	err := l.within(ctx, "add work", func(ctx context.Context, tx *transaction) error {
		for _, row := range rows {
			var waiting int
			err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM work WHERE queue = $1 AND place IS NOT NULL AND subject = $2 AND (state = 'ready' AND repository = $3 OR state = 'leased')`, row.Queue, row.Subject, row.Repository).Scan(&waiting)
			if err != nil {
				return err
			}
			if waiting > 0 {
				continue
			}
			if err := l.writeWork(ctx, tx, promotion.Changes{Work: []promotion.NewWork{row}}); err != nil {
				return err
			}
		}
		return nil
	})
	l.signal()
	return err
}

// Lead makes the holder the leader of what is named until then, unless another is leader now. It reports who leads.
func (l *Ledger) Lead(ctx context.Context, name, holder string, until time.Time) (bool, error) {
	var leader string
	err := l.within(ctx, "lead "+name, func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO leaders (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE leaders.holder = excluded.holder OR leaders.until <= $4`,
			name, holder, micros(until), micros(l.clock()))
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT holder FROM leaders WHERE name = $1`, name).Scan(&leader)
	})
	return err == nil && leader == holder, err
}
