package promotion

// Verb is what a command asks for.
type Verb string

// The verbs of the command grammar.
const (
	VerbPromote  Verb = "promote"
	VerbStatus   Verb = "status"
	VerbHelp     Verb = "help"
	VerbApprove  Verb = "approve"
	VerbRollback Verb = "rollback"
	VerbHold     Verb = "hold"
	VerbResume   Verb = "resume"
	VerbCancel   Verb = "cancel"
	VerbOverride Verb = "override"
)

// Command is one line of a comment, parsed but not yet resolved against a policy.
type Command struct {
	Line         string // as typed
	Verb         Verb
	Names        []string // positional words: an environment first if it names one, then images
	SHA          string   // --sha: hex digits, or "latest"
	To           string   // --to: a commit or digest
	Reason       string
	DryRun       bool
	WhenVerified bool
	PullRequest  bool     // --pull-request
	Gates        []string // --gates
	Problem      string   // not empty: the line is a command that cannot be understood, and why
	Suggestion   string   // what to type instead: the whole line, corrected, or /promote help
}
