// Package scene sets the stage for stories and for the demo: GitHub's stand-in, a registry, Slack's stand-in and the
// real server, all on loopback, with an organisation, a repository and people in it. It has no logic of its own.
package scene

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/ledgertest"
	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/internal/slacktest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/server"
)

// Options say how the scene is set. The zero value works.
type Options struct {
	Policy   string // the policy on the default branch; "": DefaultPolicy; "-": none
	Public   bool   // the repository
	Version  string
	Logger   zerolog.Logger
	Registry promotion.Registry     // replaces the real adapters, to inject failures
	Settings func(*config.Settings) // changes the settings before the server starts
	Clock    func() time.Time       // GitHub's and the server's; nil: the wall clock
	// Where the two differ, these come before Clock.
	ServerClock, GitHubClock func() time.Time
}

// Scene is a running server and the world around it.
type Scene struct {
	GitHub     *githubtest.Server
	Repository *githubtest.Repository
	Registry   *registrytest.Server
	Slack      *slacktest.Server
	Alice      *githubtest.User // maintain
	Walter     *githubtest.User // write
	Rita       *githubtest.User // read
	Stranger   *githubtest.User // none
	Server     *server.Server

	options  Options
	image    string // the registry repository's path
	settings config.Settings
	folder   string
	database string       // the ledger's URL
	removed  func() error // takes the database away
	stop     context.CancelFunc
	ended    chan error
}

// Image is the registry repository's path in the scene's registry.
const Image = "shop/api"

// Start sets the scene and runs the server until Close.
func Start(ctx context.Context, options Options) (*Scene, error) {
	folder, err := os.MkdirTemp("", "verbatim-")
	if err != nil {
		return nil, err
	}
	s := &Scene{options: options, image: Image, folder: folder}
	if s.database, s.removed, err = ledgertest.New(ctx, folder); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.Slack, err = slacktest.New(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.Registry, err = registrytest.InProcess(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.GitHub = githubtest.New(githubtest.Options{RateLimit: 1_000_000, Clock: firstClock(options.GitHubClock, options.Clock)})
	s.populate("acme/shop")
	if err := s.StartServer(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// On gives a scene without a server of its own, in a GitHub and a registry that are there already: the repository of the
// organisation acme, with that policy, its people, and the moves. Of the methods, those that concern the server do nothing.
func On(github *githubtest.Server, registry *registrytest.Server, repository, image, policy string) *Scene {
	s := &Scene{GitHub: github, Registry: registry, image: image, options: Options{Policy: policy}}
	s.populate(repository)
	return s
}

// populate makes the organisation acme, its repository and its people.
func (s *Scene) populate(repository string) {
	acme := s.GitHub.Organisation("acme")
	var visibility []githubtest.RepositoryOption
	if !s.options.Public {
		visibility = append(visibility, githubtest.Private)
	}
	s.Repository = s.GitHub.Repository(repository, visibility...)
	s.Alice, s.Walter, s.Rita, s.Stranger = s.GitHub.User("alice"), s.GitHub.User("walter"), s.GitHub.User("rita"), s.GitHub.User("mallory")
	for user, role := range map[*githubtest.User]string{s.Alice: "maintain", s.Walter: "write", s.Rita: "read"} {
		acme.Member(user)
		s.Repository.SetRole(user, role)
	}
	files := map[string]string{"README.md": "shop\n"}
	if policy := s.policy(); policy != "" {
		files[".github/verbatim.yml"] = policy
	}
	s.Repository.Commit("main", "Begin", s.Alice, files)
}

func (s *Scene) policy() string {
	switch s.options.Policy {
	case "":
		return DefaultPolicy(s.Registry.Host())
	case "-":
		return ""
	}
	return s.options.Policy
}

// DefaultPolicy is the policy of most stories: one workflow that builds and tests in two jobs, and another that
// deploys to staging.
func DefaultPolicy(registry string) string {
	return `version: 1
images:
  api:
    repository: ` + registry + `/shop/api
stages:
  build:
    workflow: .github/workflows/ci.yml
    job: build
    builds: true
  test:
    workflow: .github/workflows/ci.yml
    job: "test*"
    after: [build]
  staging:
    workflow: .github/workflows/deploy-staging.yml
    after: [test]
environments:
  production:
    requires: [test, staging]
    tags: [production]
    promoters: { permission: maintain }
`
}

// StartServer starts the server over the scene's ledger: again, after StopServer.
func (s *Scene) StartServer(ctx context.Context) error {
	settings := config.Settings{
		Addr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0", DatabaseURL: s.database,
		Workers: 8, Lease: time.Minute, ShutdownGrace: 10 * time.Second, ArtifactLimit: 32 << 20,
		GitHub: githubapp.Config{V3APIURL: s.GitHub.URL() + "/", V4APIURL: s.GitHub.URL() + "/graphql", WebURL: s.GitHub.URL()},
		Scope:  promotion.Scope{{Repositories: "acme/shop", Registry: s.Registry.Host() + "/shop/*"}},
		Slack:  map[string]config.SlackWebhook{"default": {URL: config.NewSecret(s.Slack.URL())}},
	}
	settings.GitHub.App.IntegrationID = s.GitHub.AppID()
	settings.GitHub.App.PrivateKey = s.GitHub.PrivateKeyPEM()
	settings.GitHub.App.WebhookSecret = s.GitHub.WebhookSecret()
	if s.options.Settings != nil {
		s.options.Settings(&settings)
	}
	s.settings = settings
	var err error
	if s.Server, err = s.Replica(ctx); err != nil {
		return err
	}
	s.GitHub.SetHook("http://"+s.Server.Addr()+"/api/github/hook", "")
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.ended = stop, make(chan error, 1)
	go func() { s.ended <- s.Server.Run(running) }()
	return nil
}

// Replica makes another server over the same ledger. It works once it is run.
func (s *Scene) Replica(ctx context.Context) (*server.Server, error) {
	return s.ReplicaAt(ctx, s.settings.DatabaseURL)
}

// ReplicaAt makes another server, which reaches the ledger at that URL. It works once it is run.
func (s *Scene) ReplicaAt(ctx context.Context, database string) (*server.Server, error) {
	return s.replicaAt(ctx, database, firstClock(s.options.ServerClock, s.options.Clock))
}

// ReplicaWith makes another server over the same ledger, with a clock of its own. It works once it is run.
func (s *Scene) ReplicaWith(ctx context.Context, clock func() time.Time) (*server.Server, error) {
	return s.replicaAt(ctx, s.settings.DatabaseURL, clock)
}

func (s *Scene) replicaAt(ctx context.Context, database string, clock func() time.Time) (*server.Server, error) {
	settings := s.settings
	settings.DatabaseURL = database
	return server.New(ctx, server.Options{
		Settings: settings, Version: s.options.Version, Logger: s.options.Logger, Registry: s.options.Registry, Clock: clock,
	})
}

func firstClock(first, second func() time.Time) func() time.Time {
	if first != nil {
		return first
	}
	return second
}

// StopServer stops the server as an operator does, and gives what it ended with.
func (s *Scene) StopServer() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	return <-s.ended
}

// Close ends everything and removes the scene's folder.
func (s *Scene) Close() error {
	err := s.StopServer()
	if s.GitHub != nil {
		s.GitHub.Close()
	}
	if s.Registry != nil {
		s.Registry.Close()
	}
	if s.Slack != nil {
		s.Slack.Close()
	}
	if s.removed != nil {
		err = errors.Join(err, s.removed())
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// patience is how long a story waits for what must come: long, because machines that run all stories at once are slow, and
// only a story that fails waits for its end.
const patience = 4 * time.Minute

// Eventually waits until the condition holds, and gives an error that names what was waited for when it does not.
func (s *Scene) Eventually(ctx context.Context, what string, condition func() bool) error {
	return s.EventuallyEvery(ctx, 2*time.Millisecond, what, condition)
}

// EventuallyEvery is Eventually where a look costs so much that it is taken only so often.
func (s *Scene) EventuallyEvery(ctx context.Context, every time.Duration, what string, condition func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("waited for %s, but the server ended: %w", what, err)
		case <-ticker.C:
		}
	}
	return nil
}

// DatabaseURL gives where the ledger is.
func (s *Scene) DatabaseURL() string { return s.database }

// MoveTo has the next server use the ledger at that URL: a failover. Whoever made it removes it.
func (s *Scene) MoveTo(database string) { s.database = database }
