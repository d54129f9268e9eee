package promotion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// How long a stage event goes by a policy that was not looked for anew. Absence is kept longer: a push ends it, and
// every command looks anew, so that a repository without a policy costs nothing.
const (
	policyTolerance  = time.Minute
	absenceTolerance = time.Hour
)

// ParsePolicy reads a policy file: the policy, or what is wrong with it, and in either case the environments it names.
type ParsePolicy func(file string, content []byte) (policy Policy, problems []Problem, environments []string)

// PolicySource gives the policy that governs a repository: that of the default branch's head commit.
type PolicySource struct {
	Files PolicyFiles
	Cache PolicyCache
	Parse ParsePolicy
	Floor Floor
	Clock func() time.Time

	mutex  sync.Mutex
	parsed map[int64]LoadedPolicy
}

// Tolerant gives a policy that was looked for within the last minute. It costs no call when there is one, one call when
// the default branch has not moved since, and two or three when it has.
func (s *PolicySource) Tolerant(ctx context.Context, repository Repository) (LoadedPolicy, error) {
	file, checked, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return LoadedPolicy{}, err
	}
	age := s.Clock().Sub(checked)
	if err == nil && (age < policyTolerance || !file.Found && age < absenceTolerance) {
		return s.load(repository, file), nil
	}
	return s.look(ctx, repository, file, checked, err == nil)
}

// Fresh gives the policy of the default branch's head at this moment. It costs one call when the default branch has not
// moved, and two or three when it has.
func (s *PolicySource) Fresh(ctx context.Context, repository Repository) (LoadedPolicy, error) {
	file, checked, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return LoadedPolicy{}, err
	}
	return s.look(ctx, repository, file, checked, err == nil)
}

func (s *PolicySource) look(ctx context.Context, repository Repository, cached PolicyFile, checked time.Time, isCached bool) (LoadedPolicy, error) {
	asked := s.Clock()
	head, err := s.Files.Head(ctx, repository)
	if err != nil {
		return LoadedPolicy{}, fmt.Errorf("read the head of %s's default branch: %w", repository.FullName(), err)
	}
	// The owner's file can change without this repository's head: it is read again each time.
	own := strings.HasPrefix(cached.Source, repository.FullName()+":")
	if !isCached || cached.Head != head || !own {
		if cached, err = s.Files.PolicyFile(ctx, repository, head); err != nil {
			return LoadedPolicy{}, fmt.Errorf("read the policy of %s: %w", repository.FullName(), err)
		}
	}
	if err := s.Cache.CachePolicy(ctx, repository, cached, asked, checked); err != nil {
		return LoadedPolicy{}, err
	}
	return s.load(repository, cached), nil
}

// Known gives the policy as it was last seen, without looking. It costs no call; ErrNotFound when none was ever looked for.
func (s *PolicySource) Known(ctx context.Context, repository Repository) (LoadedPolicy, error) {
	file, _, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if err != nil {
		return LoadedPolicy{}, err
	}
	return s.load(repository, file), nil
}

// Changed makes the next reader look anew: the default branch was pushed to. A push to an owner's .github repository
// does so for all of the owner's repositories.
func (s *PolicySource) Changed(ctx context.Context, repository Repository) error {
	if repository.Name == ".github" {
		return s.Cache.ForgetPolicies(ctx, repository.Owner)
	}
	file, _, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Cache.CachePolicy(ctx, repository, file, time.Time{}, time.Time{})
}

// At reads and parses the policy file of any commit, without keeping it: for commits that change it.
func (s *PolicySource) At(ctx context.Context, repository Repository, commit Commit) (LoadedPolicy, error) {
	file, err := s.Files.PolicyFile(ctx, repository, commit)
	if err != nil {
		return LoadedPolicy{}, fmt.Errorf("read the policy of %s at %s: %w", repository.FullName(), commit.Short(), err)
	}
	return s.parse(repository, file), nil
}

// load parses a file, once for as long as its content stays the same.
func (s *PolicySource) load(repository Repository, file PolicyFile) LoadedPolicy {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	known, found := s.parsed[repository.ID]
	if found && known.File.Source == file.Source && bytes.Equal(known.File.Content, file.Content) && known.File.Found == file.Found {
		known.File = file
		return known
	}
	if s.parsed == nil || len(s.parsed) >= 1000 {
		s.parsed = map[int64]LoadedPolicy{}
	}
	loaded := s.parse(repository, file)
	s.parsed[repository.ID] = loaded
	return loaded
}

func (s *PolicySource) parse(repository Repository, file PolicyFile) LoadedPolicy {
	loaded := LoadedPolicy{File: file}
	if file.Found {
		_, name, _ := strings.Cut(file.Source, ":")
		loaded.Policy, loaded.Problems, loaded.Environments = s.Parse(name, file.Content)
		loaded.Policy = s.Floor.Raise(repository, loaded.Policy)
	}
	return loaded
}
