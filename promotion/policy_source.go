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
	Presence *Presence
	Files    PolicyFiles
	Cache    PolicyCache
	Past     PolicyArchive
	Parse    ParsePolicy
	Floor    Floor
	Clock    func() time.Time
	Seen     func(LoadedPolicy) // told of each policy that is gone by; nil: nobody is

	mutex  sync.Mutex
	parsed map[int64]LoadedPolicy
}

// Tolerant gives a policy that was looked for within the last minute, with the repository as it was called then. It costs no
// call when there is one; one call when the default branch has not moved since, and two or three when it has; one more when
// it has not been asked for a minute what the repository is called. A repository that is gone has no policy.
func (s *PolicySource) Tolerant(ctx context.Context, repository Repository) (LoadedPolicy, error) {
	known, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return LoadedPolicy{}, err
	}
	age := s.Clock().Sub(known.Checked)
	if err == nil && known.sameAs(repository) && (age < policyTolerance || !known.File.Found && age < absenceTolerance) {
		return s.load(known.Repository, known.File), nil
	}
	find := s.Presence.Lately
	if err == nil && !known.sameAs(repository) {
		find = s.Presence.Now
	}
	present, err := find(ctx, repository)
	if isGone(err) {
		return LoadedPolicy{Repository: repository}, nil
	}
	if err != nil {
		return LoadedPolicy{}, errors.Join(err, s.neverRead(ctx, repository, known, err))
	}
	return s.Fresh(ctx, present)
}

// neverRead notes a repository whose policy could not be read yet, because of a fault of ours or of the settings: it may have one,
// and is swept until that is known.
func (s *PolicySource) neverRead(ctx context.Context, repository Repository, known KnownPolicy, err error) error {
	if _, paused := Paused(err); known.Repository.ID != 0 || !paused {
		return nil
	}
	return s.Cache.CachePolicy(ctx, repository, PolicyFile{}, time.Time{}, time.Time{})
}

// sameAs reports whether the policy was found under the repository's name, on the default branch that it comes with.
func (k KnownPolicy) sameAs(repository Repository) bool {
	sameBranch := repository.DefaultBranch == "" || repository.DefaultBranch == k.Repository.DefaultBranch
	return sameBranch && strings.EqualFold(k.Repository.FullName(), repository.FullName())
}

// Fresh gives the policy of the default branch's head at this moment. The repository is one as it was just found: its name and
// its default branch are believed (Presence.Now). It costs one call when the default branch has not moved, and two or three
// when it has.
func (s *PolicySource) Fresh(ctx context.Context, present Repository) (LoadedPolicy, error) {
	known, err := s.Cache.CachedPolicy(ctx, present.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return LoadedPolicy{}, err
	}
	asked := s.Clock()
	head, failure := s.Files.Head(ctx, present)
	if failure != nil {
		failure = fmt.Errorf("read the head of %s's default branch: %w", present.FullName(), failure)
		return LoadedPolicy{}, errors.Join(failure, s.neverRead(ctx, present, known, failure))
	}
	// The owner's file can change without this repository's head: it is read again each time. What was kept under another name
	// is another repository's, or was found by other rules.
	file := known.File
	own := strings.HasPrefix(file.Source, present.FullName()+":")
	if err != nil || !known.sameAs(present) || file.Head != head || !own {
		if file, err = s.Files.PolicyFile(ctx, present, head); err != nil {
			err = fmt.Errorf("read the policy of %s: %w", present.FullName(), err)
			return LoadedPolicy{}, errors.Join(err, s.neverRead(ctx, present, known, err))
		}
	}
	if err := s.Cache.CachePolicy(ctx, present, file, asked, known.Checked); err != nil {
		return LoadedPolicy{}, err
	}
	return s.load(present, file), nil
}

// Known gives the policy as it was last seen, without looking. It costs no call; ErrNotFound when none was ever looked for.
func (s *PolicySource) Known(ctx context.Context, repository Repository) (LoadedPolicy, error) {
	known, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if err != nil {
		return LoadedPolicy{}, err
	}
	return s.load(known.Repository, known.File), nil
}

// Changed makes the next reader look anew: the default branch was pushed to. A push to an owner's .github repository
// does so for all of the owner's repositories.
func (s *PolicySource) Changed(ctx context.Context, repository Repository) error {
	if repository.Name == ".github" {
		return s.Cache.ForgetPolicies(ctx, repository.Owner)
	}
	known, err := s.Cache.CachedPolicy(ctx, repository.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Cache.CachePolicy(ctx, known.Repository, known.File, time.Time{}, time.Time{})
}

// At reads and parses the policy file of any commit, without keeping it: for commits that change it.
func (s *PolicySource) At(ctx context.Context, repository Repository, commit Commit) (LoadedPolicy, error) {
	file, err := s.Files.PolicyFile(ctx, repository, commit)
	if err != nil {
		return LoadedPolicy{}, fmt.Errorf("read the policy of %s at %s: %w", repository.FullName(), commit.Short(), err)
	}
	return s.parse(repository, file), nil
}

// Kept gives a policy as it judged a promotion. No call, unless the ledger lacks it.
func (s *PolicySource) Kept(ctx context.Context, repository Repository, mark PolicyMark) (LoadedPolicy, error) {
	content, err := s.Past.KeptPolicy(ctx, repository.ID, mark.Hash)
	if errors.Is(err, ErrNotFound) && !mark.Head.IsZero() {
		return s.readAgain(ctx, repository, mark)
	}
	if err != nil {
		return LoadedPolicy{}, fmt.Errorf("read the policy by which %s was judged before: %w", repository.FullName(), err)
	}
	return s.parse(repository, PolicyFile{Head: mark.Head, Found: true, Source: mark.Source, Content: content}), nil
}

// readAgain reads a policy that the ledger lacks where it was when it judged. It counts only if it is the same, byte by byte.
func (s *PolicySource) readAgain(ctx context.Context, repository Repository, mark PolicyMark) (LoadedPolicy, error) {
	policy, err := s.At(ctx, repository, mark.Head)
	if err != nil {
		return LoadedPolicy{}, fromGitHub(err)
	}
	if policy.Hash() != mark.Hash {
		return LoadedPolicy{}, &PermanentError{Err: fmt.Errorf("the policy that judged what is there (%s as it was at %s) is not in the ledger, and GitHub has it no more: "+
			"put its text of then back as the policy, promote or roll back under it, and change it afterwards", mark.Source, mark.Head.Short())}
	}
	policy.File.Source = mark.Source
	return policy, nil
}

// load parses a file, once for as long as its content stays the same.
func (s *PolicySource) load(repository Repository, file PolicyFile) LoadedPolicy {
	loaded := s.parsedOnce(repository, file)
	if s.Seen != nil {
		s.Seen(loaded)
	}
	return loaded
}

func (s *PolicySource) parsedOnce(repository Repository, file PolicyFile) LoadedPolicy {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	known, found := s.parsed[repository.ID]
	if found && known.Repository == repository && known.File.Source == file.Source && bytes.Equal(known.File.Content, file.Content) && known.File.Found == file.Found {
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
	loaded := LoadedPolicy{File: file, Repository: repository}
	if file.Found {
		_, name, _ := strings.Cut(file.Source, ":")
		loaded.Policy, loaded.Problems, loaded.Environments = s.Parse(name, file.Content)
		loaded.Policy = s.Floor.Raise(repository, loaded.Policy)
	}
	return loaded
}
