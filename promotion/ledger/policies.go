package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

var _ promotion.NameKeeper = (*Ledger)(nil)

// CachedPolicy gives the policy file that is kept for the repository, under which name it was found, and when.
func (l *Ledger) CachedPolicy(ctx context.Context, repository int64) (promotion.KnownPolicy, error) {
	var known promotion.KnownPolicy
	var head, named, content string
	var found, checked int64
	err := l.read.QueryRowContext(ctx, `SELECT head, found, named, source, content, checked FROM policies WHERE repository = $1`, repository).
		Scan(&head, &found, &named, &known.File.Source, &content, &checked)
	if err != nil {
		return known, notFound(fmt.Sprintf("the policy of repository %d", repository), err)
	}
	known.File.Found, known.File.Content, known.Checked = found == 1, []byte(content), fromMicros(checked)
	return known, errors.Join(known.File.Head.UnmarshalText([]byte(head)), json.Unmarshal([]byte(named), &known.Repository))
}

// CachePolicy keeps a policy file, unless a later look was kept meanwhile. A zero time has the next reader look anew, and so does
// one that came after the look began, which knew another time.
func (l *Ledger) CachePolicy(ctx context.Context, repository promotion.Repository, file promotion.PolicyFile, checked, known time.Time) error {
	named, err := json.Marshal(repository)
	if err != nil {
		return err
	}
	return l.within(ctx, "keep the policy of "+repository.FullName(), func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO policies (repository, owner, checked, head, found, named, source, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (repository) DO UPDATE SET owner = excluded.owner, checked = CASE WHEN policies.checked = 0 AND $9 > policies.checked THEN 0 ELSE excluded.checked END, head = excluded.head, found = excluded.found, named = excluded.named, source = excluded.source, content = excluded.content
		WHERE excluded.checked = 0 OR excluded.checked >= policies.checked`,
			repository.ID, repository.Owner, micros(checked), file.Head.String(), flag(file.Found), string(named), file.Source, string(file.Content), micros(known))
		return err
	})
}

// Governed gives the repositories that have a policy, as far as is known: those too of which nobody could read it yet.
func (l *Ledger) Governed(ctx context.Context) ([]promotion.Repository, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT named FROM policies WHERE found = 1 OR head = '' ORDER BY repository`)
	repositories, err := collect(rows, err, decoded[promotion.Repository])
	if err != nil {
		return nil, fmt.Errorf("list the repositories that have a policy: %w", err)
	}
	return repositories, nil
}

// ForgetPolicies has the next readers of all of the owner's repositories look anew.
func (l *Ledger) ForgetPolicies(ctx context.Context, owner string) error {
	return l.within(ctx, "forget the policies of "+owner, func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE policies SET checked = 0 WHERE owner = $1`, owner)
		return err
	})
}

// Named gives the repository with the id as it was last found, and whether it has a policy, as far as is known; promotion.ErrNotFound when nothing is
// known of it.
func (l *Ledger) Named(ctx context.Context, id int64) (repository promotion.Repository, governed bool, err error) {
	var named, head string
	var found int64
	if err := l.read.QueryRowContext(ctx, `SELECT named, found, head FROM policies WHERE repository = $1`, id).Scan(&named, &found, &head); err != nil {
		return repository, false, notFound(fmt.Sprintf("the name of repository %d", id), err)
	}
	return repository, found == 1 || head == "", json.Unmarshal([]byte(named), &repository)
}

// Rename keeps what a repository is called now. When that is news, the next reader of its policy looks anew.
func (l *Ledger) Rename(ctx context.Context, repository promotion.Repository) error {
	named, err := json.Marshal(repository)
	if err != nil {
		return err
	}
	return l.within(ctx, "rename "+repository.FullName(), func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE policies SET owner = $1, named = $2, checked = 0 WHERE repository = $3 AND named <> $2`, repository.Owner, string(named), repository.ID)
		return err
	})
}

// Forget keeps that GitHub has the repository no more.
func (l *Ledger) Forget(ctx context.Context, id int64) error {
	return l.within(ctx, fmt.Sprintf("forget repository %d", id), func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE policies SET found = 0, source = '', content = '', checked = 0 WHERE repository = $1`, id)
		return err
	})
}
