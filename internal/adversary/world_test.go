package adversary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// world is one scene in which a history happens.
type world struct {
	*scene.Scene
	rt    *rapid.T
	ctx   context.Context
	clock *clock
	truth *truth
	repo  *githubtest.Repository
	image string // the registry repository, with its host
	calm  rules  // the policy that the repository began with

	people    map[string]*githubtest.User
	team      *githubtest.Team // release
	pulls     []*githubtest.PullRequest
	fresh     []*githubtest.Commit // commits that somebody made, newest last
	open      []*openRun
	done      []*openRun
	kept      []*githubtest.Delivery // not delivered yet
	lossy     bool                   // deliveries are kept for later
	book      *ledger.Ledger         // only to add work
	database  *sql.DB                // only to see whether the server has something to do
	begun     time.Time
	stepped   bool   // the server's clock was wrong at some time
	saved     *known // what a copy of the ledger knows
	exchanged *known // a ledger was lost or put back, and nobody has looked: what the one that is there knows
	suspended bool   // it lacks something that matters, so that everything has to be held
	misplaced bool   // a ledger was lost or put back, at any time
	certain   bool   // every job succeeds
	number    int
	history   []string
	stalled   int // rows of work that wait for their next try
	issue     *githubtest.Issue
	other     *githubtest.Repository  // of the repository's former name
	foreign   *githubtest.PullRequest // in it
	owners    string                  // the owner's policy, for repositories that have none
	judged    int
}

// begin sets a scene under a policy. Everything that a request can change at the registry is noted.
func enter(ctx context.Context, rt *rapid.T, calm rules) *world {
	scope := func(settings *config.Settings) {
		both := settings.Scope[0]
		both.Repositories = "acme/shop-before"
		settings.Scope = append(settings.Scope, both)
	}
	w := &world{rt: rt, ctx: ctx, clock: &clock{}, calm: calm, truth: &truth{policies: map[string]rules{}, heads: map[string]map[*githubtest.Commit]bool{}}, people: map[string]*githubtest.User{}}
	set, err := scene.Start(ctx, scene.Options{Policy: "-", Version: "adversary", GitHubClock: w.clock.now, ServerClock: w.clock.servers, Settings: scope})
	if err != nil {
		rt.Fatalf("set the scene: %v", err)
	}
	w.Scene, w.repo = set, set.Repository
	w.begun = w.clock.servers()
	w.openBook()
	w.image = set.Registry.Host() + "/" + scene.Image
	acme := w.GitHub.Organisation("acme")
	w.team = acme.Team("release")
	for login, role := range map[string]string{"alice": "maintain", "bob": "maintain", "walter": "write", "wanda": "write", "rita": "read", "mallory": "none"} {
		w.people[login] = w.GitHub.User(login)
		if role != "none" {
			acme.Member(w.people[login])
		}
		w.repo.SetRole(w.people[login], role)
	}
	w.team.Add(w.people["bob"], "active")
	w.Registry.Inject(w.note)
	if w.chance("the owner has a policy", 25) {
		w.owners = w.policy(rules{Who: people{Permission: "write"}, Glob: true, Staging: calm.Staging})
		w.GitHub.Repository("acme/.github", githubtest.Private).Commit("main", "Begin", w.people["alice"], map[string]string{"verbatim.yml": w.owners})
	}
	w.commit("main", "alice", "Begin in earnest", map[string]string{
		ciFile: honestCI.render(), stagingFile: honestStaging.render(), policyFile: w.policy(calm),
	})
	return w
}

// policy renders a policy, and remembers what it means.
func (w *world) policy(r rules) string {
	text := r.render(w.image)
	w.truth.policies[text] = r
	return text
}

// do lets something happen, a second after what happened before, and waits until the server has made of it what it will.
// The server's writes are judged before anything else happens.
func (w *world) do(what string, happen func()) {
	w.clock.pass(time.Second)
	w.tell("%s", what)
	if w.lossy {
		w.kept = append(w.kept, w.GitHub.Capture(happen)...)
	} else {
		happen()
	}
	w.settle()
	w.heads()
	w.judgeWrites()
}

// heads notes what the branches point to.
func (w *world) heads() {
	for name, head := range w.repo.Branches() {
		if w.truth.heads[name] == nil {
			w.truth.heads[name] = map[*githubtest.Commit]bool{}
		}
		w.truth.heads[name][head] = true
	}
}

// settle waits until no work is left that is due, or soon will be.
func (w *world) settle() {
	began := time.Now()
	w.must(w.Eventually(w.ctx, "all work to be done", func() bool {
		w.GitHub.Drain()
		due, soon := w.unfinished()
		if due == 0 && soon == 0 {
			w.GitHub.Drain()
			due, soon = w.unfinished()
		}
		patience := nextTry
		if soon <= w.stalled {
			patience = knownToWait
		}
		return due == 0 && (soon == 0 || time.Since(began) > patience)
	}))
	_, w.stalled = w.unfinished()
}

// nextTry is how long work is waited for that will be due before that; knownToWait is how long, when as much waited before.
const (
	nextTry     = 2 * time.Second
	knownToWait = 100 * time.Millisecond
)

// unfinished returns how many rows of work are due or under way, and how many will be due soon.
func (w *world) unfinished() (due, soon int) {
	now := w.clock.servers()
	statement := `SELECT
		COALESCE(SUM(CASE WHEN state = 'leased' OR place <> 'behind' AND next_run <= $1 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN state <> 'leased' AND place <> 'behind' AND next_run > $1 AND next_run <= $2 THEN 1 ELSE 0 END), 0)
		FROM work WHERE state IN ('ready', 'leased')`
	w.must(w.database.QueryRowContext(w.ctx, statement, now.UnixMicro(), now.Add(nextTry).UnixMicro()).Scan(&due, &soon))
	return due, soon
}

// tell adds to the history.
func (w *world) tell(format string, arguments ...any) {
	w.history = append(w.history, fmt.Sprintf(format, arguments...))
}

// fail ends the history, and shows it. What differs from one try of it to the next is in the details: rapid makes a history
// shorter as long as the failure is the same.
func (w *world) fail(what, format string, details ...any) {
	w.rt.Logf("\n%s\n\n%s: %s", strings.Join(w.history, "\n"), what, fmt.Sprintf(format, details...))
	w.rt.Fatal(what)
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("the world does not do as it should", "%v", err)
	}
}

// note notes each tag that a request sets. The adversary's own pushes are no requests.
func (w *world) note(_ http.ResponseWriter, r *http.Request) bool {
	path, reference := strings.CutPrefix(r.URL.Path, "/v2/"+scene.Image+"/manifests/")
	if r.Method != http.MethodPut || !reference {
		return false
	}
	content, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(content))
	if err != nil {
		return false
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	tags := r.URL.Query()["tag"]
	if !strings.HasPrefix(path, "sha256:") {
		tags = append(tags, path)
	}
	for _, tag := range tags {
		w.truth.add(write{tag: tag, digest: digest, before: w.Tag(tag), at: w.clock.now()})
	}
	return false
}

// commit commits to a branch, pushes it, and has the workflows run that are for pushes.
func (w *world) commit(branch, author, message string, files map[string]string) *githubtest.Commit {
	if files == nil {
		w.number++
		files = map[string]string{fmt.Sprintf("code-%d.go", w.number): message}
	}
	var commit *githubtest.Commit
	w.do(fmt.Sprintf("%s pushes %q to %s: %s", author, message, branch, names(files)), func() {
		spec := githubtest.CommitSpec{Branch: branch, Message: message, Author: w.people[author], Files: files}
		if !w.certain && w.chance("under another name", 10) {
			w.tell("  under another name")
			spec.Author, spec.AuthorName, spec.AuthorEmail, spec.Pusher = nil, "Nobody", "nobody@example.com", w.people[author]
		}
		commit = w.repo.CommitWith(spec)
	})
	w.tell("  it is %s", commit.Short())
	w.fresh = append(w.fresh, commit)
	return commit
}

func names(files map[string]string) string {
	var all []string
	for name := range files {
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

// leave ends the world.
func (w *world) leave() error { return errors.Join(w.book.Close(), w.database.Close(), w.Close()) }
