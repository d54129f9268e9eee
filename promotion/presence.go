package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// GoneError says that a repository is not there any more: neither under the name that it had, nor under its id. Nothing that
// was asked for it is done, whatever has its name now.
type GoneError struct {
	Repository Repository // as it was last called
	Taken      int64      // the id of the repository that has its name now; 0: none has
}

// Error says which repository is gone, and who has its name.
func (e *GoneError) Error() string {
	text := fmt.Sprintf("the GitHub repository with id %d, which was called %s, was deleted, or this app is not installed in it any more", e.Repository.ID, e.Repository.FullName())
	if e.Taken != 0 {
		text += fmt.Sprintf("; the name belongs to another repository now (id %d), for which this was not asked", e.Taken)
	}
	return text
}

// Unwrap returns a PermanentError: trying again cannot mend it.
func (e *GoneError) Unwrap() error { return &PermanentError{Err: errGone} }

var errGone = errors.New("the repository is gone")

// RepositoryFinder finds repositories by what they are: their ids.
type RepositoryFinder interface {
	// Present returns the repository with this id as GitHub has it now: its name, default branch and visibility, and the
	// installation through which we may act on it. It returns a *GoneError when neither the name nor the id leads to it.
	Present(ctx context.Context, repository Repository) (Repository, error)
}

// NameKeeper remembers what repositories with a policy are called.
type NameKeeper interface {
	// Named returns the repository with the id as it was last found, and whether it has a policy. ErrNotFound: nothing is known of it.
	Named(ctx context.Context, id int64) (repository Repository, governed bool, err error)
	// Rename keeps what the repository is called now. When that is news, the next reader of its policy looks anew.
	Rename(ctx context.Context, repository Repository) error
	// Forget keeps that GitHub has the repository no more: no policy governs it, until somebody finds one again.
	Forget(ctx context.Context, id int64) error
}

// latelyFound is how long it is believed what a repository is called, where nothing is decided by it: for telling people, and for
// events, which name their repository themselves.
const latelyFound = time.Minute

// Presence says what repositories are called now. A repository is its id: names are renamed, transferred, and taken by others.
type Presence struct {
	Finder RepositoryFinder
	Names  NameKeeper
	Clock  func() time.Time

	mutex sync.Mutex
	found map[nameOf]foundAt
}

// nameOf is a repository under a name that it has, or had.
type nameOf struct {
	id   int64
	name string // in lower case
}

type foundAt struct {
	repository Repository
	at         time.Time
}

// Now asks GitHub what the repository is called. It costs one call when its name is what it was. It returns a *GoneError when
// the repository is not there any more, and keeps that.
func (p *Presence) Now(ctx context.Context, repository Repository) (Repository, error) {
	present, err := p.Finder.Present(ctx, repository)
	gone := (*GoneError)(nil)
	if errors.As(err, &gone) {
		// A row of work may know an old name, where the ledger knows a newer one.
		known, _, failure := p.Names.Named(ctx, repository.ID)
		switch {
		case failure != nil && !errors.Is(failure, ErrNotFound):
			return Repository{}, failure
		case failure == nil && (known.FullName() != repository.FullName() || known.Installation != repository.Installation):
			present, err = p.Finder.Present(ctx, known)
		}
	}
	if errors.As(err, &gone) {
		p.forget(repository.ID)
		return Repository{}, errors.Join(err, p.Names.Forget(ctx, repository.ID))
	}
	if err != nil {
		return Repository{}, fmt.Errorf("find out what %s is called now: %w", repository.FullName(), err)
	}
	if err := p.rename(ctx, present); err != nil {
		return Repository{}, err
	}
	p.remember(repository, present)
	return present, nil
}

// Lately is Now, but for what was found within the last minute, which costs no call.
func (p *Presence) Lately(ctx context.Context, repository Repository) (Repository, error) {
	p.mutex.Lock()
	known, isKnown := p.found[nameOf{repository.ID, strings.ToLower(repository.FullName())}]
	p.mutex.Unlock()
	if age := p.Clock().Sub(known.at); isKnown && age >= 0 && age < latelyFound {
		return known.repository, nil
	}
	return p.Now(ctx, repository)
}

// rename keeps a name that is news.
func (p *Presence) rename(ctx context.Context, present Repository) error {
	known, _, err := p.Names.Named(ctx, present.ID)
	if errors.Is(err, ErrNotFound) || err == nil && known == present {
		return nil
	}
	if err != nil {
		return err
	}
	return p.Names.Rename(ctx, present)
}

// maximumFound bounds how many names are remembered.
const maximumFound = 10_000

func (p *Presence) remember(asked, present Repository) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.found == nil || len(p.found) >= maximumFound {
		p.found = map[nameOf]foundAt{}
	}
	for _, repository := range []Repository{asked, present} {
		p.found[nameOf{present.ID, strings.ToLower(repository.FullName())}] = foundAt{present, p.Clock()}
	}
}

func (p *Presence) forget(id int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for name := range p.found {
		if name.id == id {
			delete(p.found, name)
		}
	}
}
