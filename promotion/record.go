package promotion

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Run is one GitHub workflow run as GitHub itself answers it, at its newest attempt.
type Run struct {
	ID             int64
	Attempt        int
	Commit         Commit
	Path           string // workflow path without @ref
	Event          string
	HeadBranch     string
	HeadRepository int64
	Repository     int64
	Status         string // completed, or anything else while unfinished
	Conclusion     string
	Created        time.Time
	Started        time.Time // of this attempt
	Updated        time.Time // of a completed run: when it ended
	URL            string
	Actor          Person
	Bases          []string // base branches of its pull requests, as far as GitHub lists them
}

// Finished reports whether the run's newest attempt has ended.
func (r Run) Finished() bool { return r.Status == "completed" }

// Job is one job of a run, in the attempt in which it ran.
type Job struct {
	ID         int64
	Run        int64
	Attempt    int
	Name       string
	Status     string
	Conclusion string
	Started    time.Time
	Completed  time.Time
	URL        string
}

// Start is what was seen when a stage's run (or job) began: which digest the commit's tag named. It is never changed.
type Start struct {
	Repository int64
	Image      string
	Commit     Commit // zero: no commit has the digest; the stage's run says that it deployed it
	Stage      string // "" for a look at the tag outside of any stage
	Run        int64
	Attempt    int
	Job        int64  // 0 for a stage that is a whole run
	Digest     Digest // zero: the tag did not exist yet
	RunStarted time.Time
	Observed   time.Time // by GitHub's clock
	Number     Number    // the ledger's
}

// Verification says that a digest passed, or did not pass, a stage in one attempt of a run. It is never changed.
type Verification struct {
	ID         int64
	Repository int64
	Image      string
	Registry   RegistryRepository
	Commit     Commit
	Stage      string
	Run        int64
	Attempt    int
	Judged     int     // the run's newest attempt when this was recorded; above Attempt when the stage's jobs did not run again
	Final      bool    // the run had finished when this was recorded
	Jobs       []int64 // the jobs that were judged; none for a stage that is a whole run
	Digest     Digest  // zero: the tag did not exist
	Failure    Reason  // "" when passed
	Detail     string  // why it failed, for people
	Conclusion string  // GitHub's word
	Workflow   string
	Event      string
	Branch     string
	Head       Commit    // of the run, whose workflow file ran; zero: the commit itself
	Bases      []string  // of a pull request's run: where the pull requests with its head went, as far as it was known then
	RunStarted time.Time // orders attempts; GitHub's time
	Started    time.Time // of the stage: the run, or its first job
	Ended      time.Time
	Pushed     time.Time // when the registry got the digest; zero where it does not know
	URL        string
	Definition string    // Stage.Definition at that time
	Source     string    // Image.Source at that time; "" in old records
	Evidence   *Evidence // what its artifacts said; nil when the stage asks for none
	Recorded   time.Time
	Number     Number // the ledger's
}

// Passed reports whether the digest passed the stage.
func (v *Verification) Passed() bool { return v.Failure == "" }

// Records are all records of one image at one commit, oldest first.
type Records struct {
	Starts        []Start
	Verifications []Verification
}

// before reports whether one of the records was written before the number was drawn.
func (r Records) before(number Number) bool {
	return slices.ContainsFunc(r.Starts, func(start Start) bool { return number.After(start.Number) }) ||
		slices.ContainsFunc(r.Verifications, func(verification Verification) bool { return number.After(verification.Number) })
}

// compareAttempts orders attempts as product.md does: by run start, run id, attempt.
func compareAttempts(aStarted time.Time, aRun int64, aAttempt int, bStarted time.Time, bRun int64, bAttempt int) int {
	return cmp.Or(aStarted.Compare(bStarted), cmp.Compare(aRun, bRun), cmp.Compare(aAttempt, bAttempt))
}

// WorkflowPath takes the "@ref" off a workflow's path, as GitHub answers it for some events. A file may itself be named
// "ci.yml@x.yml": what remains must be a workflow file's name, and only the last part goes, so that no file can pass for
// another.
func WorkflowPath(path string) string {
	end := strings.LastIndex(path, "@")
	if end < 0 || isWorkflowFile(path) || !isWorkflowFile(path[:end]) {
		return path
	}
	return path[:end]
}

func isWorkflowFile(path string) bool {
	return strings.HasSuffix(path, ".yml") || strings.HasSuffix(path, ".yaml")
}
