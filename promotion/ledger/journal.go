package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Commit writes the changes in one transaction, if the lease still holds; else it writes nothing and returns
// promotion.ErrLeaseLost. New requests and promotions get their IDs.
func (l *Ledger) Commit(ctx context.Context, lease promotion.Lease, changes promotion.Changes) error {
	err := l.within(ctx, "commit changes", func(ctx context.Context, tx *transaction) error {
		trace, err := l.holds(ctx, tx, lease)
		if err != nil {
			return err
		}
		changes := traced(changes, trace)
		for _, write := range []func(context.Context, *transaction, promotion.Changes) error{
			l.writeStarts, l.writeVerifications, l.writeRequests, l.writePromotions, writePolicies, l.writeEntries, l.writeAnnouncements, l.writeWork,
		} {
			if err := write(ctx, tx, changes); err != nil {
				return err
			}
		}
		if changes.Complete {
			return complete(ctx, tx, lease, l.clock())
		}
		if changes.ReleaseLanes {
			return freeLanes(ctx, tx, lease)
		}
		return nil
	})
	if err == nil && (changes.Complete || changes.ReleaseLanes || len(changes.Work)+len(changes.Announcements) > 0) {
		l.signal()
	}
	return err
}

// traced has the rows that a row led to carry its trace.
func traced(changes promotion.Changes, trace string) promotion.Changes {
	changes.Work = slices.Clone(changes.Work)
	for i := range changes.Work {
		changes.Work[i].Trace = trace
	}
	changes.Trace = trace
	return changes
}

func (l *Ledger) writeStarts(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	number, err := l.number(ctx, tx, len(changes.Starts))
	for i, start := range changes.Starts {
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO starts (repository, image, commit_sha, stage, run, attempt, job, digest, run_started, observed, number)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
			start.Repository, start.Image, start.Commit.String(), start.Stage, start.Run, start.Attempt, start.Job, start.Digest.String(), micros(start.RunStarted), micros(start.Observed), int64(number)+int64(i))
		if err != nil {
			return fmt.Errorf("start of stage %s in run %d: %w", start.Stage, start.Run, err)
		}
	}
	return err
}

func (l *Ledger) writeVerifications(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	if len(changes.Verifications) == 0 {
		return nil
	}
	id, err := l.draw(ctx, tx, "verification", len(changes.Verifications))
	if err != nil {
		return err
	}
	number, err := l.number(ctx, tx, len(changes.Verifications))
	if err != nil {
		return err
	}
	for i, verification := range changes.Verifications {
		verification.ID, verification.Number = id+int64(i), number+promotion.Number(i)
		content, err := json.Marshal(verification)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO verifications (id, repository, image, commit_sha, stage, run, attempt, judged, final, jobs, digest, failure, definition, recorded, number, content)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
			verification.ID, verification.Repository, verification.Image, verification.Commit.String(), verification.Stage, verification.Run, verification.Attempt,
			verification.Judged, flag(verification.Final), jobsText(verification.Jobs), verification.Digest.String(), string(verification.Failure),
			verification.Definition, micros(verification.Recorded), int64(verification.Number), string(content))
		if err != nil {
			return fmt.Errorf("verification of stage %s in run %d: %w", verification.Stage, verification.Run, err)
		}
	}
	return nil
}

func jobsText(jobs []int64) string { return strings.Trim(fmt.Sprint(jobs), "[]") }

// writeRequests adds requests that are new, and moves on those that are not settled. What identifies a request never changes.
func (l *Ledger) writeRequests(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	for _, request := range changes.Requests {
		var state promotion.RequestState
		isKnown := request.ID != 0
		err := tx.QueryRowContext(ctx, `SELECT id, state FROM requests WHERE key = $1`, request.Key).Scan(&request.ID, &state)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			err = l.insertRequest(ctx, tx, request, changes.Work)
		case err == nil && state != promotion.RequestSettled && (request.State != promotion.RequestOpen || isKnown && state == promotion.RequestOpen):
			err = settleRequest(ctx, tx, request)
		}
		if err != nil {
			return fmt.Errorf("request %s: %w", request.Key, err)
		}
	}
	return nil
}

func (l *Ledger) insertRequest(ctx context.Context, tx *transaction, request *promotion.Request, work []promotion.NewWork) (err error) {
	if request.ID, err = l.draw(ctx, tx, "request", 1); err != nil {
		return err
	}
	if request.Number, err = l.number(ctx, tx, 1); err != nil {
		return err
	}
	if takesRepeats {
		repeatRequest(request, work)
	}
	content, err := json.Marshal(request)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO requests (id, key, repository, source, comment, state, received, number, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		request.ID, request.Key, request.Repository.ID, string(request.Source), request.Comment, string(request.State), micros(request.Received), int64(request.Number), string(content))
	return err
}

func settleRequest(ctx context.Context, tx *transaction, request *promotion.Request) error {
	content, err := json.Marshal(request)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE requests SET state = $1, content = $2 WHERE id = $3`, string(request.State), string(content), request.ID)
	return err
}

// writePromotions adds promotions that are new, and moves the others on. One in a final state is never touched again.
func (l *Ledger) writePromotions(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	for _, one := range changes.Promotions {
		isNew := one.ID == 0
		if isNew {
			id, err := l.draw(ctx, tx, "promotion", 1)
			if err != nil {
				return err
			}
			one.ID = id
		}
		var err error
		if one.Number, err = l.numberPromotion(ctx, tx, *one); err != nil {
			return err
		}
		content, err := json.Marshal(one)
		if err != nil {
			return err
		}
		if isNew {
			_, err = tx.ExecContext(ctx, `INSERT INTO promotions (id, request, repository, environment, image, kind, state, commit_sha, digest, created, finished, number, content)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
				one.ID, one.Request, one.Repository, one.Environment, one.Image, string(one.Kind), string(one.State), one.Commit.String(), one.Digest.String(), micros(one.Created), micros(one.Finished), int64(one.Number), string(content))
		} else {
			err = fenced(tx.ExecContext(ctx, `UPDATE promotions SET state = $1, commit_sha = $2, digest = $3, finished = $4, number = $5, content = $6 WHERE id = $7 AND state IN ('pending', 'running')`,
				string(one.State), one.Commit.String(), one.Digest.String(), micros(one.Finished), int64(one.Number), string(content), one.ID))
		}
		if err != nil {
			return fmt.Errorf("promotion %d of %s to %s: %w", one.ID, one.Image, one.Environment, err)
		}
	}
	return nil
}

// writeAnnouncements says what is to be told, and adds the row of work that tells it. What was told already in the same
// words is not told again.
func (l *Ledger) writeAnnouncements(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	for _, announcement := range changes.Announcements {
		announcement.Version, announcement.Done, announcement.External, announcement.Closed = 0, 0, 0, false
		content, err := json.Marshal(announcement)
		if err != nil {
			return err
		}
		conflict := `UPDATE SET version = announcements.version + 1, content = excluded.content WHERE announcements.content <> excluded.content`
		if announcement.Kind == promotion.AnnounceSlack {
			conflict = `NOTHING` // a message cannot be edited, and is not sent twice
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO announcements (key, kind, version, done, external, closed, content) VALUES ($1, $2, 1, 0, 0, 0, $3) ON CONFLICT (key) DO `+conflict,
			announcement.Key, string(announcement.Kind), string(content))
		if err != nil {
			return fmt.Errorf("announcement %s: %w", announcement.Key, err)
		}
		written, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if written == 0 {
			continue
		}
		queue := "announcement/" + announcement.Key
		if announcement.Kind == promotion.AnnounceReaction {
			// A comment's reactions are told in turn: eyes first, then what came of it.
			queue = fmt.Sprintf("reaction/%d/%d", announcement.Repository.ID, announcement.Comment)
		}
		work := promotion.NewWork{Kind: promotion.WorkAnnouncement, Trace: changes.Trace, Subject: announcement.Key, Repository: announcement.Repository.ID, Queue: queue}
		if err := l.writeWork(ctx, tx, promotion.Changes{Work: []promotion.NewWork{work}}); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) writeWork(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	now := l.clock()
	for _, work := range changes.Work {
		id, err := l.draw(ctx, tx, "work", 1)
		if err != nil {
			return err
		}
		due := work.At
		if due.IsZero() {
			due = now
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO work (id, kind, subject, repository, queue, delivery, trace, payload, state, attempts, token, next_run, lease_until, last_error, created, finished)
			VALUES ($1, $2, $3, $4, $5, '', $6, '', 'ready', 0, 0, $7, 0, '', $8, 0)`, id, string(work.Kind), work.Subject, work.Repository, work.Queue, work.Trace, micros(due), micros(now))
		if err != nil {
			return fmt.Errorf("work %s %s: %w", work.Kind, work.Subject, err)
		}
	}
	return nil
}

// AnnouncementMade says which version of an announcement was made known, under which id at GitHub, and completes the
// row of work. It returns promotion.ErrLeaseLost, writing nothing, when the row is somebody else's now.
func (l *Ledger) AnnouncementMade(ctx context.Context, lease promotion.Lease, key string, version, external int64, closed bool) error {
	err := l.within(ctx, "complete announcement "+key, func(ctx context.Context, tx *transaction) error {
		if err := complete(ctx, tx, lease, l.clock()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE announcements SET done = $1, external = $2, closed = $3 WHERE key = $4 AND done < $5`, version, external, flag(closed), key, version)
		return err
	})
	l.signal()
	return err
}
