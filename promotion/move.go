package promotion

import (
	"fmt"
	"time"
)

// State is where a promotion stands. pending → running → succeeded, failed (the thing said no) or errored (we could not tell).
type State string

// The states of a promotion.
const (
	Pending   State = "pending"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Errored   State = "errored"
)

// Final reports whether nothing more will happen to a promotion in this state.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Errored }

// Kind says how a digest came to be live.
type Kind string

// The kinds of promotion.
const (
	KindPromotion Kind = "promotion"
	KindRollback  Kind = "rollback"
	KindBaseline  Kind = "baseline" // was there before Verbatim; unverified
)

// Promotion is one image's tags moved onto one digest: what was asked, decided and done.
type Promotion struct {
	ID          int64 // 0 until the ledger has it
	Request     int64 // the request it belongs to; 0 for a baseline
	Repository  int64
	Environment string
	Image       string
	Registry    RegistryRepository
	Kind        Kind
	Group       string // the policy's group with which it was promoted; "" for none
	State       State
	Commit      Commit // zero for a baseline of unknown origin
	Digest      Digest
	From        Digest // what the first tag named before; zero when it did not exist
	FromCommit  Commit
	Tags        []string
	Moves       []Move
	Requester   Person
	Reason      string     // --reason
	Policy      PolicyMark // by which it was judged
	Decision    Decision
	Ships       Shipment
	Created     time.Time
	Finished    time.Time // zero until final
	Number      Number    // the ledger's: rises with each step
}

// Move is what happened to one tag.
type Move struct {
	Tag      string
	From     Digest // zero: the tag did not exist
	ReadBack Digest // what the registry answered afterwards; zero: not set (yet)
}

// To gives the promotion in its next state. It returns an error for a step that the state machine does not have.
func (p Promotion) To(next State, now time.Time) (Promotion, error) {
	allowed := map[State][]State{
		Pending: {Running, Succeeded, Failed, Errored},
		Running: {Succeeded, Failed, Errored},
	}
	for _, state := range allowed[p.State] {
		if state == next {
			p.State = next
			if next.Final() {
				p.Finished = now
			}
			return p, nil
		}
	}
	return p, fmt.Errorf("promotion %d of %s to %s: no step from %s to %s", p.ID, p.Image, p.Environment, p.State, next)
}

// Shipment is what a promotion brings: the commits between what the environment has and what it gets.
type Shipment struct {
	Base         Commit // what the environment has; zero when unknown
	Head         Commit
	Total        int // commits in all; Commits may hold fewer
	Commits      []ShippedCommit
	PullRequests []ShippedPullRequest
	URL          string
}

// ShippedCommit is one commit that a promotion brings.
type ShippedCommit struct {
	Commit Commit
	Title  string
	Author string
	URL    string

	// Whose work it is: looked at while it is decided, and not kept.
	People     []Person // the author's and co-authors' accounts, as far as the commit tells; one without ID is known by login
	AskAuthors bool     // some co-author's address tells of no account by itself
	Parents    []Commit
	ByGitHub   bool // GitHub made it itself, by a button
}

// byTheirButton reports whether GitHub made and signed the commit for the person that git names as its author: who pressed a button.
// What GitHub signs for a bot any workflow can have made, of anything.
func (s ShippedCommit) byTheirButton() bool {
	return s.ByGitHub && len(s.People) > 0 && !s.People[0].Bot && s.People[0].Login == s.Author
}

// ShippedPullRequest is one pull request that a promotion brings.
type ShippedPullRequest struct {
	Number int
	Title  string
	Author string
	Commit Commit // its merge commit
	URL    string
}
