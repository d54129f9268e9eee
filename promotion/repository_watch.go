package promotion

import (
	"context"
	"errors"
)

// RepositoryWatch keeps up with what becomes of repositories: that they are renamed, transferred, deleted, archived, or have
// another default branch or visibility.
type RepositoryWatch struct {
	Presence *Presence
	Requests RequestReader
}

// RepositoryChanged takes the news that something about the repository changed. What changed is asked of GitHub, because news can be old:
// one call, and none for a repository that nothing is known of. What waits in the repository is looked at again.
func (w RepositoryWatch) RepositoryChanged(ctx context.Context, repository Repository) (Changes, error) {
	_, _, err := w.Presence.Names.Named(ctx, repository.ID)
	if errors.Is(err, ErrNotFound) {
		return Changes{}, nil
	}
	if err != nil {
		return Changes{}, err
	}
	if _, err := w.Presence.Now(ctx, repository); err != nil && !isGone(err) {
		return Changes{}, err
	}
	work, err := Wake(ctx, w.Requests, repository.ID, Commit{}, 0)
	return Changes{Work: work}, err
}

// isGone reports whether the error is that the repository is not there any more.
func isGone(err error) bool {
	gone := (*GoneError)(nil)
	return errors.As(err, &gone)
}
