package ledger

import (
	"context"
	"fmt"

	"github.com/verbatim-dev/verbatim/promotion"
)

// writePolicies keeps the policies by which promotions were judged, each once.
func writePolicies(ctx context.Context, tx *transaction, changes promotion.Changes) error {
	for _, policy := range changes.Policies {
		_, err := tx.ExecContext(ctx, `INSERT INTO kept_policies (repository, hash, source, content) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			policy.Repository, policy.Hash, policy.File.Source, string(policy.File.Content))
		if err != nil {
			return fmt.Errorf("policy %s of repository %d: %w", policy.Hash, policy.Repository, err)
		}
	}
	return nil
}

// KeptPolicy returns a policy by which a promotion was judged, or promotion.ErrNotFound.
func (l *Ledger) KeptPolicy(ctx context.Context, repository int64, hash string) ([]byte, error) {
	var content string
	err := l.read.QueryRowContext(ctx, `SELECT content FROM kept_policies WHERE repository = $1 AND hash = $2`, repository, hash).Scan(&content)
	if err != nil {
		return nil, notFound(fmt.Sprintf("policy %s of repository %d", hash, repository), err)
	}
	return []byte(content), nil
}
