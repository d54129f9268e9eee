package promotion

import "time"

// Decision is what was decided about one image: every gate, met or not, and what follows from them.
type Decision struct {
	Image       string
	Environment string
	Registry    RegistryRepository
	Commit      Commit
	Source      Commit // whose records and digest count: the commit itself, or one that stands for it
	Digest      Digest // the candidate; zero when there is none
	Tags        []string
	Gates       []Gate
	Evidence    []Verification // the verifications that the met stage gates rest on
	Approvers   []string       // whose approval counted
	FromCommit  Commit         // what the environment has, as far as the ledger knows
	Notes       []string       // said to people, refusing nothing: "production's commit is unknown (baseline)"
}

// Unmet gives the gates that refuse, in order. One that was waived refuses no more.
func (d Decision) Unmet() []Gate {
	var unmet []Gate
	for _, gate := range d.Gates {
		if !gate.Met && gate.Waived == "" {
			unmet = append(unmet, gate)
		}
	}
	return unmet
}

// Waived gives the gates that would refuse, had nobody waived them.
func (d Decision) Waived() []Gate {
	var waived []Gate
	for _, gate := range d.Gates {
		if !gate.Met && gate.Waived != "" {
			waived = append(waived, gate)
		}
	}
	return waived
}

// Result is the one word for what came of a command, or of one image of it.
type Result string

// The results.
const (
	ResultPromoted   Result = "promoted"
	ResultRolledBack Result = "rolled_back"
	ResultUnchanged  Result = "unchanged" // already there
	ResultRefused    Result = "refused"
	ResultErrored    Result = "errored" // could not tell, or our failure
	ResultReady      Result = "ready"   // a dry run with every gate met
	ResultWaiting    Result = "waiting" // for its gates
	ResultDelayed    Result = "delayed" // it is tried again: somebody outside does not answer
	ResultInformed   Result = "informed"
)

// Outcome is what came of one image of a command.
type Outcome struct {
	Result    Result
	Decision  Decision
	Promotion Promotion
}

// Answer is what one command is answered: the reply, the check run and Slack are rendered from it.
type Answer struct {
	Command        Command
	Result         Result // the worst of the outcomes, or of the command itself
	Gates          []Gate // unmet before any image came into it: an unknown environment, a bad policy …
	Repository     Repository
	PullRequest    int // 0: none
	Environment    string
	Commit         Commit
	CommitURL      string
	Outcomes       []Outcome
	Requester      Person
	PolicyCommit   Commit
	PolicySource   string
	PolicyProblems []Problem
	WhoMay         string        // who may run this command here, from the policy
	Duration       time.Duration // from the comment's receipt to the answer
	WaitsUntil     time.Time     // for how long it waits for its gates; zero when it does not
	Notes          []string      // what else there is to say, a sentence each
	Idle           bool          // the command had nothing to do, as to lift a hold that is not there
	Holds          []Hold        // that stop promotions to the environment now
	Pins           []Pin         // of a rollback
	Help           *Help
	Status         []EnvironmentStatus
}

// Help is what /promote help says, from the repository's own policy.
type Help struct {
	Environments []EnvironmentHelp
	Images       []string
	Default      string
	Enforced     bool // false: mode observe
}

// EnvironmentHelp is help for one environment.
type EnvironmentHelp struct {
	Name        string
	Requires    []string
	Branches    []string
	Tags        []string
	WhoMay      string
	NotEnforced []string // keys that are set but not enforced by this version: promotions are refused
	Approvals   string   // how many of whom have to agree; "" for none
	Rules       []string // what else is asked for, a few words each
	Overrides   string   // who may waive which gates; "" for nobody
	Lifters     string   // who may lift a hold
	Holds       []Hold
}

// EnvironmentStatus is what /promote status says of one environment.
type EnvironmentStatus struct {
	Environment string
	Live        []LiveImage
	Decisions   []Decision // for the pull request's commit; empty when there is none
	Holds       []Hold
}

// LiveImage is what an environment has of one image, as the ledger knows it.
type LiveImage struct {
	Image     string
	Promotion *Promotion // nil: nothing yet
}

// CheckState is the title line of a check run.
type CheckState string

// The states of the check run of a commit.
const (
	CheckWaiting  CheckState = "waiting"
	CheckReady    CheckState = "ready"
	CheckFailed   CheckState = "failed"
	CheckPromoted CheckState = "promoted"
)

// Check is what the check run "verbatim / <environment>" of a commit shows.
type Check struct {
	Repository     Repository
	Environment    string
	Commit         Commit
	State          CheckState
	Decisions      []Decision // one an image
	Promotions     []Promotion
	PolicyProblems []Problem
	PolicySource   string
	Pressed        *Answer // the answer to the last press of the button, when there was one
	Notes          []string
	Drifts         []Drift   // tags that other hands moved
	Again          time.Time // when it is computed anew, because nobody tells when a missing scope is mended; zero: never
	Button         string    // the identifier that a press of the button sends, at most 20 characters; "" for no button
}

// Notice is one message for Slack.
type Notice struct {
	Webhook    string // the name in the server's settings
	Kind       NoticeKind
	Repository Repository
	Answer     Answer       // for promoted, rolled back, refused
	Moved      Verification // for digest moved
	Drift      Drift        // for drift
}

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notice.
const (
	NoticePromoted    NoticeKind = "promoted"
	NoticeRolledBack  NoticeKind = "rolled_back"
	NoticeRefused     NoticeKind = "refused"
	NoticeDigestMoved NoticeKind = "digest_moved"
	NoticeOverridden  NoticeKind = "overridden"
	NoticeHeld        NoticeKind = "held"
	NoticeResumed     NoticeKind = "resumed"
	NoticeDrift       NoticeKind = "drift"
)
