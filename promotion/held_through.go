package promotion

import (
	"context"
	"fmt"
	"slices"
)

// throughPull is a pull request through which something came that would ship, and its commits.
type throughPull struct {
	number   int
	contents pullContents
}

// along says through which other pull request commits of the held one came under other hashes: it had them, and was squashed or
// rebased. What the environment has already does not count.
func (s *heldSearch) along(ctx context.Context, held *heldPull) (string, error) {
	if err := s.lookThrough(ctx); err != nil {
		return "", err
	}
	for _, pull := range s.through {
		if err := s.readUnread(ctx, held, pull.contents.commits); err != nil {
			return "", err
		}
		at := slices.IndexFunc(pull.contents.commits, func(one ShippedCommit) bool { return held.has(one.Commit) })
		if at < 0 || held.stackedOn(pull) {
			continue
		}
		isLive, err := s.live(ctx, *held)
		if isLive || err != nil {
			return "", err
		}
		return fmt.Sprintf("%s, of pull request #%d, would ship with pull request #%d, which has it as well", pull.contents.commits[at].Commit.Short(), held.Number, pull.number), nil
	}
	return "", nil
}

// stackedOn reports whether the held pull request was opened on top of the other one, so that it lists that one's commits: the other
// one is older, and lacks the held one's last, that of when it was held included.
func (h heldPull) stackedOn(pull throughPull) bool {
	return pull.number < h.Number && !slices.ContainsFunc(append(slices.Clone(h.heads), h.Head), pull.contents.has)
}

// live reports whether the environment has what the held pull request was merged as.
func (s *heldSearch) live(ctx context.Context, held heldPull) (bool, error) {
	current := s.facts.Current
	if !held.Merged || held.MergeCommit.IsZero() || current == nil || current.Commit.IsZero() {
		return false, nil
	}
	isLive, err := s.contains(ctx, current.Commit, held.MergeCommit)
	if !isLive || err != nil || current.Ledger.IsZero() {
		return isLive, err
	}
	return s.contains(ctx, current.Ledger, held.MergeCommit)
}

// lookThrough reads, once, the pull requests through which what would ship came, and their commits. A merge needs no look: it keeps
// the hashes of what it merges, which are in the list themselves.
func (s *heldSearch) lookThrough(ctx context.Context) error {
	if s.looked {
		return nil
	}
	known := map[Commit]bool{}
	for _, commit := range s.what.commits {
		if known[commit.Commit] || len(commit.Parents) > 1 {
			continue
		}
		pulls, err := s.pullsOf(ctx, commit.Commit)
		if err != nil {
			return err
		}
		for _, pull := range pulls {
			if err := s.readThrough(ctx, pull, known); err != nil {
				return err
			}
		}
	}
	s.looked = true
	return nil
}

// readThrough reads the commits of a pull request, unless it was read or brought nothing, and notes that they are known.
func (s *heldSearch) readThrough(ctx context.Context, pull PullRequest, known map[Commit]bool) error {
	isRead := slices.ContainsFunc(s.through, func(one throughPull) bool { return one.number == pull.Number })
	if isRead || !s.into.counts(pull) {
		return nil
	}
	contents, err := s.commitsOf(ctx, pull.Number)
	if err != nil {
		return err
	}
	merged := slices.ContainsFunc(s.what.commits, func(one ShippedCommit) bool { return one.Commit == pull.MergeCommit && len(one.Parents) > 1 })
	if !contents.whole && !merged {
		return fmt.Errorf("pull request #%d has more commits than GitHub lists: whether one is of a held pull request cannot be told", pull.Number)
	}
	for _, one := range contents.commits {
		known[one.Commit] = true
	}
	s.through = append(s.through, throughPull{number: pull.Number, contents: contents})
	return nil
}
