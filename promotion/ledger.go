package promotion

import (
	"errors"
	"time"
)

// Lease is the right to carry on one row of work. Token rises with every claim, so that whoever lost the row cannot
// write any more.
type Lease struct {
	Work  int64
	Token int64
	Until time.Time
}

// ErrLeaseLost says that somebody else has the row now: stop, and write nothing.
var ErrLeaseLost = errors.New("the lease on this work was lost to another worker")

// RequestSource says where a request came from.
type RequestSource string

// The sources of a request.
const (
	FromComment RequestSource = "comment"
	FromCommit  RequestSource = "commit_comment"
	FromButton  RequestSource = "button"
)

// Request is one command that somebody gave: what makes it happen once. Key is its meaning ("comment/4711/0": comment
// id and line; "button/99/42": check run and sender), so that the same command under another delivery changes nothing.
type Request struct {
	ID          int64
	Number      Number // the ledger's, of when it was added
	Key         string
	Source      RequestSource
	Repository  Repository
	Issue       int   // the pull request's number; 0 for a button
	Comment     int64 // the comment's id; 0 for a button
	CheckRun    int64 // GitHub's id of the check run whose button was pressed; 0 for a comment
	Sequence    int64 // History.Sequence when the button was shown
	Commit      Commit
	Environment string // fixed by the button; "" for a comment
	Requester   Person
	Commented   time.Time // when the comment was made, by GitHub's clock; for a button zero
	Delivery    string    // the GUID under which a button's press came; "" for a comment
	Insider     bool      // GitHub associates the requester with the repository: says nothing of what they may
	Command     Command
	Received    time.Time
	Swept       bool // found by a sweep: other deliveries may have been missed as well
	Unmerged    bool // the pull request was not merged yet when GitHub told of the comment; false: it was, or nobody knows
	State       RequestState
	Answer      Answer   // once settled, or while it waits for its gates or for somebody who is down
	Named       *Named   // what it was found to be about; nil before
	Waiting     *Waiting // while it waits, and after
}

// RequestState says whether a request has its answer.
type RequestState string

// The states of a request.
const (
	RequestOpen    RequestState = "open"
	RequestWaiting RequestState = "waiting" // for a gate to fall: --when-verified
	RequestSettled RequestState = "settled"
)

// WorkKind says what a row of work is.
type WorkKind string

// The kinds of work.
const (
	WorkDelivery     WorkKind = "delivery"     // a GitHub delivery; Subject is the event name, Payload its body
	WorkRequest      WorkKind = "request"      // a request to carry on; Subject is its key
	WorkAnnouncement WorkKind = "announcement" // Subject is the announcement's key
	WorkCheck        WorkKind = "check"        // a check run to compute anew; Subject is its announcement's key
	WorkDrift        WorkKind = "drift"        // an environment's tags to compare with the ledger; Subject names it
	WorkSweep        WorkKind = "sweep"        // a repository in which to look for what no delivery told of; Subject is its id
)

// Work is one row of work.
type Work struct {
	Lease
	Kind       WorkKind
	Subject    string
	Repository int64  // on whose behalf; 0 for nobody's
	Queue      string // rows of one queue run one after another; "" for none
	Delivery   string // the GUID, for logs
	Trace      string // 32 hex digits that all work has which one delivery led to, for logs
	Payload    []byte
	Attempts   int // with this one
	Created    time.Time
	Due        time.Time // from when on it could be claimed
}

// NewWork is a row of work to be added.
type NewWork struct {
	Kind       WorkKind
	Subject    string
	Repository int64 // on whose behalf
	Queue      string
	At         time.Time // not before
	Trace      string    // of the row that led to it; the ledger fills it in
}

// AnnouncementKind says which kind of message an announcement is.
type AnnouncementKind string

// The kinds of announcement.
const (
	AnnounceReply    AnnouncementKind = "reply"
	AnnounceReaction AnnouncementKind = "reaction"
	AnnounceCheck    AnnouncementKind = "check"
	AnnounceSlack    AnnouncementKind = "slack"
)

// Announcement is something to be told outside. It is written in the transaction that decided it. Key is its meaning;
// writing the same key again replaces what is to be told, and an announcement already made is edited, not repeated.
type Announcement struct {
	Key        string
	Kind       AnnouncementKind
	Repository Repository
	Issue      int    // 0 for a comment on a commit
	Commit     Commit // that was commented on; zero for a comment on a pull request
	Comment    int64
	Reaction   string // eyes, rocket, +1, -1, confused
	Answers    []Answer
	Check      *Check
	Notice     *Notice

	// What became of it; kept by the ledger.
	Version  int64 // rises each time the key is written
	Done     int64 // the version that was made known
	External int64 // the comment's or check run's id at GitHub; 0 before
	Closed   bool  // the check run with that id has completed: GitHub does not reopen it
}

// Changes are what a step of work decided. They are committed in one transaction, together with the row's completion
// when Complete is set.
type Changes struct {
	Complete      bool // the row is done
	Starts        []Start
	Verifications []Verification
	Requests      []*Request   // by Key: with ID 0 added when new (ID is filled in); else state, answer and what was found are replaced
	Promotions    []*Promotion // ID 0: added, and filled in; else replaced
	Announcements []Announcement
	Work          []NewWork
	Entries       []Entry // by Key: one that is known already is left as it is
	Policies      []KeptPolicy
	ReleaseLanes  bool   // give back every lane held under this lease
	Trace         string // of the row that led to them; the ledger fills it in
}

// Add appends other's rows.
func (c *Changes) Add(other Changes) {
	c.Starts = append(c.Starts, other.Starts...)
	c.Verifications = append(c.Verifications, other.Verifications...)
	c.Requests = append(c.Requests, other.Requests...)
	c.Promotions = append(c.Promotions, other.Promotions...)
	c.Announcements = append(c.Announcements, other.Announcements...)
	c.Work = append(c.Work, other.Work...)
	c.Entries = append(c.Entries, other.Entries...)
	c.Policies = append(c.Policies, other.Policies...)
	c.ReleaseLanes = c.ReleaseLanes || other.ReleaseLanes
}
