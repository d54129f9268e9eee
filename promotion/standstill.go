package promotion

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// holdsNow reads who holds what in the repository at this moment, and who holds everything.
func holdsNow(ctx context.Context, book Book, repository int64) ([]Hold, error) {
	entries, err := book.Entries(ctx, repository, EntryFilter{Kinds: []EntryKind{EntryHold, EntryResume}})
	if err != nil {
		return nil, err
	}
	return HoldsOf(entries), nil
}

// pullOf gives the pull request that was merged as the commit, as far as GitHub has told; 0 when it has not.
func pullOf(ctx context.Context, book Book, repository int64, commit Commit) (int, error) {
	if commit.IsZero() {
		return 0, nil
	}
	merges, err := book.Entries(ctx, repository, EntryFilter{Kinds: []EntryKind{EntryMerge}, Commit: commit})
	if err != nil || len(merges) == 0 {
		return 0, err
	}
	return merges[len(merges)-1].PullRequest, nil
}

// mayMove is asked right before a tag is set: the lease must still be this worker's in the ledger, whatever any clock says;
// and before the first tag of a promotion nobody may hold the environment, whoever began to in the meantime. What is half
// done is carried through.
func (m *moving) mayMove(ctx context.Context) (*stop, error) {
	if err := m.Journal.Commit(ctx, m.lease, Changes{}); err != nil {
		return nil, err
	}
	if m.kind == KindPromotion {
		// Also what is half done stops here: somebody went back meanwhile.
		if pinned, err := m.pinGate(ctx, m.environment.Name, m.image.Name); err != nil || pinned != nil {
			if err != nil {
				return nil, err
			}
			return &stop{Failed, *pinned}, nil
		}
	}
	if m.begun {
		return nil, nil
	}
	holds, err := holdsNow(ctx, m.Book, m.request.Repository.ID)
	if err != nil {
		return nil, err
	}
	commit, concerned := m.promotion.Commit, append([]int{m.request.Issue}, m.concerned...)
	if m.kind == KindRollback {
		commit = Commit{}
	} else if slices.ContainsFunc(holds, m.unknown) {
		return nil, &AgainError{Err: errors.New("a pull request was held meanwhile: whether something of it would ship has to be asked"), After: 100 * time.Millisecond, Uncounted: true}
	}
	if gate := holdGate(holds, m.environment, concerned, commit); !gate.Met {
		return &stop{Failed, gate}, nil
	}
	return nil, nil
}

// unknown reports whether the hold is one of a pull request of the environment that was made after the promotion was decided.
func (m *moving) unknown(hold Hold) bool {
	known := slices.ContainsFunc(m.knownHolds, func(other Hold) bool {
		return other.PullRequest == hold.PullRequest && strings.EqualFold(other.Environment, hold.Environment)
	})
	return hold.PullRequest != 0 && strings.EqualFold(hold.Environment, m.environment.Name) && !known
}

// started reports whether some tag names the promotion's digest by its doing.
func (m *moving) started(inspection Inspection) bool {
	for _, move := range m.promotion.Moves {
		if move.From != m.promotion.Digest && inspection.Tags[move.Tag].Digest == m.promotion.Digest {
			return true
		}
	}
	return false
}
