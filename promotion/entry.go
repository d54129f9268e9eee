package promotion

import (
	"context"
	"time"
)

// EntryKind says what an entry of the ledger's book is.
type EntryKind string

// The kinds of entry.
const (
	EntryApproval EntryKind = "approval" // somebody agreed to a promotion
	EntryHold     EntryKind = "hold"     // somebody stopped promotions
	EntryResume   EntryKind = "resume"   // somebody lifted a hold
	EntryOverride EntryKind = "override" // somebody waived gates
	EntryCancel   EntryKind = "cancel"   // somebody ended what was waiting
	EntryHead     EntryKind = "head"     // a pull request got a new head
	EntryBase     EntryKind = "base"     // a pull request with that head went to a base
	EntryRetarget EntryKind = "retarget" // a pull request was sent to another base
	EntryMerge    EntryKind = "merge"    // a pull request was merged
	EntryReview   EntryKind = "review"   // a pull request was reviewed; Reason is GitHub's word for how
	EntryDrift    EntryKind = "drift"    // a destination tag was found to be moved by other hands
	EntryRestore  EntryKind = "restore"  // and put back
	EntryRelease  EntryKind = "release"  // whoever runs the server gave a lane or a registry repository back
	EntryPush     EntryKind = "push"     // somebody pushed the commit, which nobody had before, to the branch in Base
	EntryTip      EntryKind = "tip"      // a branch had the commit as its head
	EntryArrival  EntryKind = "arrival"  // a push made the commit the head of the branch in Base, at the latest at At
	EntryStood    EntryKind = "stood"    // a branch had the commit as its head at At, while a run of it went on that counts by its digest
	EntryTold     EntryKind = "told"     // something that is said only once was said
)

// Entry is one line of the ledger's book: what somebody did or what was seen, beside runs and promotions. It is never
// changed. Key is its meaning, so that the same thing is entered once.
type Entry struct {
	ID          int64
	Key         string
	Kind        EntryKind
	Repository  int64
	Environment string
	PullRequest int
	Commit      Commit
	Image       string
	Person      Person
	Reason      string            // in the person's own words; for a review, GitHub's word for its state
	Digests     map[string]Digest // by image: what was approved or waived for; for drift, what was found
	Gates       []Reason          // what was waived
	Policy      string            // the hash of the policy under which it was done
	Tag         string
	Base        string    // of a pull request: the branch that it goes to
	BaseCommit  Commit    // what that branch named then; zero: it is not known
	At          time.Time // GitHub's time where it says one, else ours
	Recorded    time.Time
	Number      Number // the ledger's
	Unreadable  bool   // the ledger could not read it
}

// Book reads entries.
type Book interface {
	// Entries gives the repository's entries of the kinds, oldest first: those of the commit, unless it is zero; those of
	// the pull request, unless it is zero; those of the environment, unless it is empty. One that cannot be read is given
	// with what its columns say, and as unreadable.
	Entries(ctx context.Context, repository int64, filter EntryFilter) ([]Entry, error)
}

// EntryFilter says which entries are wanted. A zero field asks for all.
type EntryFilter struct {
	Kinds       []EntryKind
	Environment string
	PullRequest int
	Commit      Commit
}

// newestOf gives, of each person, the newest entry.
func newestOf(entries []Entry) []Entry {
	at := map[int64]int{}
	var newest []Entry
	for _, entry := range entries {
		if i, known := at[entry.Person.ID]; known {
			newest[i] = entry
			continue
		}
		at[entry.Person.ID] = len(newest)
		newest = append(newest, entry)
	}
	return newest
}
