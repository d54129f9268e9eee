// Package forge is what Verbatim asks of GitHub and tells GitHub, over its REST API, as a GitHub App.
//
// A Forge implements the domain's ports PolicyFiles, Runs, PeopleReader and Commits, and has the methods with which the
// server announces: comments, reactions and check runs. Each method says how many calls it makes; the token of an
// installation (one an hour) comes on top. Every call has its own deadline. Reads are repeated in place at most twice
// when GitHub fails; writes never are. What GitHub answers is checked before it is believed: an answer that lacks
// what it must have is an error, never a zero value.
//
// Errors are translated in one place (errors.go) into those of the domain: promotion.ErrNotFound,
// promotion.PermanentError, promotion.DelayedError, promotion.DownError, and everything else, which trying again may mend.
package forge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/promotion"
)

var (
	_ promotion.PolicyFiles  = (*Forge)(nil)
	_ promotion.Runs         = (*Forge)(nil)
	_ promotion.PeopleReader = (*Forge)(nil)
	_ promotion.Commits      = (*Forge)(nil)

	_ promotion.BranchReader      = (*Forge)(nil)
	_ promotion.ReviewReader      = (*Forge)(nil)
	_ promotion.AuthorReader      = (*Forge)(nil)
	_ promotion.TreeReader        = (*Forge)(nil)
	_ promotion.ArtifactReader    = (*Forge)(nil)
	_ promotion.AttestationReader = (*Forge)(nil)
	_ promotion.RecentReader      = (*Forge)(nil)
	_ promotion.RepositoryFinder  = (*Forge)(nil)
	_ promotion.DeliveryReader    = (*Forge)(nil)
)

// DefaultTimeout is how long one call may take, its answer's body included.
const DefaultTimeout = 10 * time.Second

// maximumLookups bounds how many repositories' installations are remembered.
const maximumLookups = 10_000

// Options are what a Forge can be given. The zero value works.
type Options struct {
	AppID   int64                                      // the app's own id; 0: asked of GitHub when it is first needed
	GraphQL string                                     // the GraphQL API's address
	Timeout time.Duration                              // of one call; 0: DefaultTimeout
	Now     func() time.Time                           // nil: time.Now
	Sleep   func(context.Context, time.Duration) error // waits between repeated reads, until the context ends; nil: a timer
}

// Forge asks GitHub and tells GitHub. It is safe for concurrent use.
type Forge struct {
	creator  githubapp.ClientCreator
	graphURL string
	timeout  time.Duration
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error

	mutex   sync.Mutex
	storage http.RoundTripper           // fetches from the signed addresses that GitHub gives: no credentials, no redirects
	clients map[identity]*github.Client // one for each identity: a client keeps its token and rate limits
	lookups map[string]int64            // installation by owner/name in lower case

	repositories map[string]repositoryRead // by the path at which they were read
	app          App                       // as far as known

	offset atomic.Int64 // of GitHub's clock from ours, in nanoseconds
}

// New makes a Forge. It makes no calls.
func New(creator githubapp.ClientCreator, options Options) *Forge {
	forge := &Forge{
		creator:  creator,
		graphURL: options.GraphQL,
		timeout:  options.Timeout,
		now:      options.Now,
		sleep:    options.Sleep,
		storage:  newTransport(),
		clients:  make(map[identity]*github.Client),
		lookups:  make(map[string]int64),

		repositories: make(map[string]repositoryRead),

		app: App{ID: options.AppID},
	}
	if forge.timeout <= 0 {
		forge.timeout = DefaultTimeout
	}
	if forge.now == nil {
		forge.now = time.Now
	}
	if forge.sleep == nil {
		forge.sleep = sleep
	}
	return forge
}

// identity is whom a call is made as: one of the app's installations, or the app itself.
type identity struct{ installation int64 }

// theApp is the app itself, which signs with its key.
var theApp = identity{}

// installed gives the installation through which to act on the repository: the one it came with, else the one that
// GitHub names, asked once.
func (f *Forge) installed(ctx context.Context, repository promotion.Repository) (identity, error) {
	if repository.Installation != 0 {
		return identity{installation: repository.Installation}, nil
	}
	key := strings.ToLower(repository.FullName())
	f.mutex.Lock()
	known := f.lookups[key]
	f.mutex.Unlock()
	if known != 0 {
		return identity{installation: known}, nil
	}
	found, err := f.lookUpInstallation(ctx, repository)
	if err != nil {
		return identity{}, err
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.lookups) >= maximumLookups {
		clear(f.lookups)
	}
	f.lookups[key] = found
	return identity{installation: found}, nil
}

// client gives the one client of an identity.
func (f *Forge) client(who identity) (*github.Client, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if client, found := f.clients[who]; found {
		return client, nil
	}
	var client *github.Client
	var err error
	if who == theApp {
		client, err = f.creator.NewAppClient()
	} else {
		client, err = f.creator.NewInstallationClient(who.installation)
	}
	if err != nil {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("make a GitHub client: %w", err)}
	}
	f.clients[who] = client
	return client, nil
}

// Replace has all calls from now on made by clients of another creator: the app's key was changed.
func (f *Forge) Replace(creator githubapp.ClientCreator) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.creator = creator
	clear(f.clients)
}

// forget drops a client whose token GitHub no longer takes, unless another call has replaced it already.
func (f *Forge) forget(who identity, client *github.Client) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.clients[who] == client {
		delete(f.clients, who)
	}
}

// forgetInstallation drops what is remembered of an installation that is gone.
func (f *Forge) forgetInstallation(who identity) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.clients, who)
	for name, installation := range f.lookups {
		if installation == who.installation {
			delete(f.lookups, name)
		}
	}
}

// backoff gives how long to wait before a read is repeated: about 0.2 s, then about 0.6 s.
func backoff(attempt int) time.Duration {
	wait := 200 * time.Millisecond
	for range attempt - 1 {
		wait *= 3
	}
	return wait/2 + rand.N(wait)
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
