package forge

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// presentAnswer is what GitHub says of a repository.
// (https://docs.github.com/rest/repos/repos#get-a-repository)
type presentAnswer struct {
	ID            int64         `json:"id"`
	Name          string        `json:"name"`
	Owner         *personAnswer `json:"owner"`
	Private       *bool         `json:"private"`
	Archived      bool          `json:"archived"`
	DefaultBranch string        `json:"default_branch"`
	Pushed        time.Time     `json:"pushed_at"` // null: never
}

// Present finds the repository by its id. It asks for the name first: a renamed repository's old name leads to it, and what
// answers says which id it has. Where another repository has the name now, or none, it asks by the id. One call as long as
// the name is what it was, answered 304 when nothing about the repository changed; a few more when it is not.
// (https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects)
func (f *Forge) Present(ctx context.Context, repository promotion.Repository) (promotion.Repository, error) {
	gone := &promotion.GoneError{Repository: repository}
	named, err := f.repositoryAt(ctx, repository, inRepository(repository, ""))
	switch {
	case err == nil && named.ID == repository.ID:
		return f.reachable(ctx, repository, named)
	case err == nil:
		gone.Taken = named.ID
	case !errors.Is(err, promotion.ErrNotFound):
		return promotion.Repository{}, err
	}
	// A server that has no such address answers 404 too: then nobody knows where the repository is.
	named, err = f.repositoryAt(ctx, repository, at("repositories/{id}", number(repository.ID)))
	if err == nil && named.ID == repository.ID {
		return f.reachable(ctx, repository, named)
	}
	if err != nil && !errors.Is(err, promotion.ErrNotFound) {
		return promotion.Repository{}, err
	}
	if gone.Taken != 0 {
		return promotion.Repository{}, gone
	}
	return f.transferred(ctx, repository, gone)
}

// transferred looks whether the repository was transferred to an owner through whose installation we may act on it.
func (f *Forge) transferred(ctx context.Context, repository promotion.Repository, gone *promotion.GoneError) (promotion.Repository, error) {
	installation, err := f.lookUpInstallation(ctx, repository)
	if isNotInstalled(err) || err == nil && installation == repository.Installation {
		return promotion.Repository{}, gone
	}
	if err != nil {
		return promotion.Repository{}, err
	}
	repository.Installation = installation
	named, err := f.repositoryAt(ctx, repository, inRepository(repository, ""))
	switch {
	case err == nil && named.ID == repository.ID:
		return f.reachable(ctx, repository, named)
	case err == nil:
		gone.Taken = named.ID
	case !errors.Is(err, promotion.ErrNotFound):
		return promotion.Repository{}, err
	}
	return promotion.Repository{}, gone
}

// reachable makes what GitHub says of the repository ours. One that has another owner now has another installation, or none.
func (f *Forge) reachable(ctx context.Context, before, now promotion.Repository) (promotion.Repository, error) {
	if strings.EqualFold(before.Owner, now.Owner) {
		now.Installation = before.Installation
		return now, nil
	}
	var err error
	now.Installation, err = f.lookUpInstallation(ctx, now)
	if isNotInstalled(err) {
		return promotion.Repository{}, &promotion.GoneError{Repository: before}
	}
	return now, err
}

func isNotInstalled(err error) bool { return errors.Is(err, errNotInstalled) }

// LastPush returns when the repository was last pushed to, whatever branch; zero where GitHub does not say. One call, answered 304
// when nothing about the repository changed.
func (f *Forge) LastPush(ctx context.Context, repository promotion.Repository) (time.Time, error) {
	read, err := f.readRepository(ctx, repository, inRepository(repository, ""))
	if err != nil {
		return time.Time{}, err
	}
	if read.repository.ID != repository.ID {
		return time.Time{}, notFound("read the repository "+repository.FullName(), "another one has its name")
	}
	return read.pushed, nil
}

// repositoryAt reads the repository at an address. One call, conditional when it was read from there before.
func (f *Forge) repositoryAt(ctx context.Context, repository promotion.Repository, where address) (promotion.Repository, error) {
	read, err := f.readRepository(ctx, repository, where)
	return read.repository, err
}

func (f *Forge) readRepository(ctx context.Context, repository promotion.Repository, where address) (repositoryRead, error) {
	operation := "read the repository " + repository.FullName()
	known := f.repositoryRead(where.path)
	validator := &validator{tag: known.tag}
	var answer presentAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, address: where, permission: "metadata: read", validator: validator,
	}, &answer)
	switch {
	case err != nil:
		return repositoryRead{}, err
	case validator.unchanged:
		return known, nil
	case answer.ID <= 0:
		return repositoryRead{}, lacking(operation, "id")
	case answer.DefaultBranch == "":
		return repositoryRead{}, lacking(operation, "default_branch")
	case checkSegment(answer.Name) != nil || checkSegment(answer.Owner.person().Login) != nil:
		return repositoryRead{}, lacking(operation, "name")
	}
	found := promotion.Repository{
		ID: answer.ID, Owner: answer.Owner.person().Login, Name: answer.Name, Private: repository.Private, DefaultBranch: answer.DefaultBranch,
	}
	if answer.Private != nil {
		found.Private = *answer.Private
	}
	read := repositoryRead{tag: validator.tag, repository: found, pushed: answer.Pushed}
	f.keepRepository(where.path, read)
	return read, nil
}

// repositoryRead is a repository as it was last read, and the tag of that answer.
type repositoryRead struct {
	tag        string
	repository promotion.Repository
	pushed     time.Time
}

func (f *Forge) repositoryRead(path string) repositoryRead {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.repositories[path]
}

func (f *Forge) keepRepository(path string, read repositoryRead) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.repositories) >= maximumLookups {
		clear(f.repositories)
	}
	f.repositories[path] = read
}
