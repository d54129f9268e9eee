package adversary

import (
	"slices"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// truth is what really happened, whatever anybody told the server.
type truth struct {
	mutex    sync.Mutex // of writes
	attempts []*attempt
	commands []*command
	reviews  []*review
	holds    []*hold
	live     []release // what the server set, in order; the last one is live
	baseline string    // the digest that was there before the server's first
	writes   []write   // not judged yet
	policies map[string]rules
	heads    map[string]map[*githubtest.Commit]bool // what each branch ever pointed to
}

// attempt is one attempt of a workflow run.
type attempt struct {
	run      int64
	number   int
	path     string
	content  string             // of the workflow's file that ran
	commit   *githubtest.Commit // head_sha
	event    string
	ref      string // head_branch: of a tag's push the tag's name
	started  time.Time
	ended    bool
	wasHead  bool   // the commit was the head of a branch that counts when the run began
	trusted  string // the default branch's file when it began
	conclude string
	jobs     []*jobRun // those that ran in this attempt
	kept     []*jobRun // those that ran in an earlier one and were not run again
	reported []string  // the digests that its artifacts name
}

// jobRun is a job that ran.
type jobRun struct {
	name       string
	does       string
	digest     string // built or pulled; "": none
	ended      time.Time
	conclusion string // "" while it runs
}

// command is a comment with a command in it.
type command struct {
	comment   *githubtest.Comment
	author    *githubtest.User
	pull      *githubtest.PullRequest
	text      string
	verb      string
	sha       string // of --sha
	waits     bool   // --when-verified
	ofPull    bool   // --pull-request
	created   time.Time
	delivered time.Time            // when GitHub first got a 202 for it; zero: not yet
	heads     []*githubtest.Commit // the default branch's head when it was written: what --sha latest means, whenever it is delivered
	head      *githubtest.Commit   // the pull request's when it was written
	targets   []*githubtest.Commit // what the pull request stood for when it was delivered
	swept     bool                 // it was looked for, and may have been found
	open      bool                 // the pull request was open then
	foreign   bool                 // in another repository
	consumed  bool
	ended     string // why its wait ended
}

// review is an approving review.
type review struct {
	author    *githubtest.User
	pull      *githubtest.PullRequest
	at        time.Time
	dismissed bool
	given     *githubtest.Review
}

// hold is a hold that surely stands: somebody who might hold said so, and it was delivered in time.
type hold struct {
	pull   *githubtest.PullRequest // nil: of the environment
	by     string
	lifted bool
}

// release is a digest that the server put into production.
type release struct {
	digest string
	commit *githubtest.Commit
}

// write is a tag that the server set.
type write struct {
	tag, digest, before string
	at                  time.Time
}

// production returns what is live by the server's doing.
func (t *truth) production() (release, bool) {
	if len(t.live) == 0 {
		return release{}, false
	}
	return t.live[len(t.live)-1], true
}

// wasLive finds a digest among what was live. Of the baseline nobody knows the commit.
func (t *truth) wasLive(digest string) (release, bool) {
	if digest == t.baseline && digest != "" {
		return release{digest: digest}, true
	}
	i := slices.IndexFunc(t.live, func(r release) bool { return r.digest == digest })
	if i < 0 {
		return release{}, false
	}
	return t.live[i], true
}

// newer reports whether a is newer than b: by start, run and attempt.
func (a *attempt) newer(b *attempt) bool {
	switch {
	case a.started.Truncate(time.Second) != b.started.Truncate(time.Second):
		return a.started.After(b.started)
	case a.run != b.run:
		return a.run > b.run
	}
	return a.number > b.number
}

// of returns the jobs of the attempt that belong to the stage: those that ran in it, and those it kept.
func (a *attempt) of(s stage) (ran, kept []*jobRun) {
	for _, j := range a.jobs {
		if s.matches(j.name) {
			ran = append(ran, j)
		}
	}
	for _, j := range a.kept {
		if s.matches(j.name) {
			kept = append(kept, j)
		}
	}
	return ran, kept
}

// add notes a write; requests come from several goroutines.
func (t *truth) add(w write) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.writes = append(t.writes, w)
}

// taken returns the writes that nobody has judged yet.
func (t *truth) taken() []write {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	writes := t.writes
	t.writes = nil
	return writes
}
