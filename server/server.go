package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/handlers"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/budget"
	"github.com/verbatim-dev/verbatim/promotion/evidence"
	"github.com/verbatim-dev/verbatim/promotion/forge"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/promotion/notify"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// Options are what a Server is made from.
type Options struct {
	Settings config.Settings
	Version  string
	Logger   zerolog.Logger
	Clock    func() time.Time // nil: the wall clock
	Log      *LogWriter       // what the logger writes to; nil: nothing is known of it
	// Registry replaces the registries of the settings, for tests that inject failures. nil: ECR and OCI.
	Registry promotion.Registry
}

// Server is Verbatim, put together: it listens as soon as New returns and works once Run is called.
type Server struct {
	options  Options
	ledger   *ledger.Ledger
	forge    *forge.Forge
	metrics  *Metrics
	budget   *budget.Budget
	worker   *Worker
	looks    *looks
	board    *selfcheck.Board
	check    *selfCheck
	intake   *Intake
	webhook  *webhookSecret
	notifier *notify.Notifier
	public   net.Listener
	private  net.Listener
	handlers []githubapp.EventHandler
}

// ErrLedger says that the ledger could not be opened.
var ErrLedger = errors.New("the ledger cannot be used")

// New opens the ledger, binds the listeners and puts the parts together. It makes no call to GitHub or a registry. The
// error names what could not be opened or which setting is wrong.
func New(ctx context.Context, options Options) (*Server, error) {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	s := &Server{options: options, board: selfcheck.NewBoard(options.Clock)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	settings := s.options.Settings
	if s.public, err = listen(ctx, "VERBATIM_ADDR", settings.Addr); err != nil {
		return err
	}
	if s.private, err = listen(ctx, "VERBATIM_METRICS_ADDR", settings.MetricsAddr); err != nil {
		return err
	}
	if s.ledger, err = ledger.Open(ctx, settings.DatabaseURL, s.options.Clock, ledger.Connections(settings.Connections)); err != nil {
		return fmt.Errorf("%w: %w", ErrLedger, err)
	}
	s.metrics = NewMetrics([]string{"workflow_run", "workflow_job", "issue_comment", "check_run", "push", "pull_request", "pull_request_review", "commit_comment", "repository", "ping"})
	s.watchLog()
	if !settings.AppConfigured() {
		return nil
	}
	return s.compose()
}

// watchLog counts the lines that are dropped while nobody reads the log, and says so once they flow again.
func (s *Server) watchLog() {
	lines := s.options.Log
	if lines == nil {
		return
	}
	dropped := lines.Dropped
	s.metrics.logsDropped.Store(&dropped)
	s.board.Ask(lines.Degraded)
	lines.Flows(func(dropped int64) {
		s.options.Logger.Warn().Int64("dropped", dropped).Msg("lines of the log were dropped while nobody read it")
	})
}

func listen(ctx context.Context, setting, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (%s): %w", address, setting, err)
	}
	return listener, nil
}

// compose makes the domain's parts and gives each the adapters it asks for.
func (s *Server) compose() error {
	settings, clock := s.options.Settings, s.options.Clock
	s.budget = budget.New(budget.Options{Clock: clock, Reserver: s.ledger, Waited: s.metrics.Waited, Concurrency: settings.Concurrency, Reserve: float64(settings.Reserve) / 100})
	s.board.Ask(s.unanswering)
	s.webhook = newWebhookSecret(clock, settings.CatchUpInterval)
	s.board.Ask(s.webhook.Degraded)
	creator, err := forge.NewClientCreator(settings.GitHub, s.clientOptions())
	if err != nil {
		return err
	}
	s.forge = forge.New(creator, forge.Options{AppID: settings.GitHub.App.IntegrationID, GraphQL: settings.GitHub.V4APIURL, Now: clock})
	var images promotion.ImageReader
	var greeter selfcheck.Greeter
	registries := s.options.Registry
	if replaced, reads := registries.(promotion.ImageReader); reads {
		images = replaced
	} else {
		options := registryOptions(settings, s.options.Version, s.metrics, s.budget)
		options.Now = clock // leases are by the same
		genuine := registry.New(options)
		images, greeter = genuine, genuine
		if registries == nil {
			registries = genuine
		}
	}
	if s.notifier, err = notify.New(slackWebhooks(settings), notify.Options{Transport: s.budget.Transport(http.DefaultTransport, nil)}); err != nil {
		return err
	}
	presence := &promotion.Presence{Finder: s.forge, Names: s.ledger, Clock: clock}
	missing := &scopes{rules: settings.Scope, clock: clock, logger: s.options.Logger}
	s.board.Ask(missing.Degraded)
	policies := &promotion.PolicySource{
		Presence: presence, Files: s.forge, Cache: s.ledger, Past: s.ledger, Parse: parsePolicy, Floor: settings.Floor, Clock: clock, Seen: missing.see,
	}
	checks := promotion.Checks{
		History: s.ledger, Book: s.ledger, Stages: s.ledger, Branches: s.forge, Trees: s.forge, Reviews: s.forge, Scope: settings.Scope, Lanes: s.ledger, Clock: clock,
	}
	slack := slackOf(settings)
	artifacts := promotion.EvidenceSource{Artifacts: s.forge, Read: evidence.Reader{}, Limit: settings.ArtifactLimit}
	observer := &promotion.Observer{
		Policies: policies, Runs: s.forge, Attempts: s.forge, Registry: registries, Records: s.ledger, Lanes: s.ledger, Requests: s.ledger,
		Evidence: artifacts, Trees: s.forge, Reviews: s.forge, Branches: s.forge, Book: s.ledger, Checks: checks,
		Scope: settings.Scope, Clock: clock, GitHubTime: s.forge.TimeOf, Slack: slack,
	}
	promoter := &promotion.Promoter{
		Journal: s.ledger, Policies: policies, Observer: observer, Runs: s.forge, People: s.forge, Commits: s.forge, Registry: registries,
		Records: s.ledger, History: s.ledger, Requests: s.ledger, Announcements: s.ledger, Lanes: s.ledger, Book: s.ledger,
		Stages: s.ledger, Branches: s.forge, Reviews: s.forge, Authors: s.forge, Images: images, Attestations: s.forge, Provenance: verifier(settings),
		Deliveries: s.forge, Comments: s.forge, Checks: checks,
		Scope: settings.Scope, Clock: clock, GitHubTime: s.forge.TimeOf, Slack: slack, WebURL: settings.GitHub.WebURL,
		Before: s.promotedBefore,
	}
	door := promotion.Door{Requests: s.ledger, Announcements: s.ledger}
	watch := promotion.PolicyWatch{Policies: policies, Records: s.ledger, Requests: s.ledger, Checks: checks, GitHubTime: s.forge.TimeOf}
	pulls := promotion.PullRequestWatch{Policies: policies, Requests: s.ledger, Records: s.ledger, Book: s.ledger, Checks: checks, Clock: clock, GitHubTime: s.forge.TimeOf}
	s.looks = &looks{
		swept: s.metrics.Swept, faults: s.board,
		ledger: s.ledger, names: s.ledger, policies: policies, checks: checks,
		drift: &promotion.DriftWatch{
			Journal: s.ledger, Policies: policies, History: s.ledger, Book: s.ledger, Registry: registries, Records: s.ledger, Lanes: s.ledger,
			Checks: checks, Scope: settings.Scope, Clock: clock, Slack: slack,
		},
		sweep: &promotion.Sweep{
			Journal: loggedJournal{s.ledger}, Policies: policies, Recent: s.forge, Observer: observer, Records: s.ledger, Requests: s.ledger,
			Door: door, Answered: s.answered, Parse: handlers.ParseComment, Clock: clock, Found: s.metrics.Swept,
		},
	}
	s.handlers = []githubapp.EventHandler{
		handlers.WorkflowRun{Observer: observer},
		handlers.WorkflowJob{Observer: observer},
		handlers.IssueComment{Door: door, Clock: clock},
		handlers.CheckRun{Door: door, Clock: clock},
		handlers.Push{Watch: watch, Clock: clock},
		handlers.PullRequest{Watch: watch, Requests: pulls, Clock: clock},
		handlers.PullRequestReview{Requests: pulls},
		handlers.CommitComment{Door: door, Clock: clock},
		handlers.Repository{Watch: promotion.RepositoryWatch{Presence: presence, Requests: s.ledger}},
	}
	s.worker = &Worker{
		Ledger: s.ledger, Handlers: s.handlers, Requests: promoter,
		Teller: &Announcer{Ledger: s.ledger, Comments: s.forge, OnCommits: s.forge, Checks: s.forge, Messenger: s.notifier, Presence: presence},
		Looker: s.looks, Faults: s.board,
		Clock: clock, Metrics: s.metrics, Logger: s.options.Logger, Parallel: settings.Workers, Lease: settings.Lease,
	}
	var handled []string
	for _, handler := range s.handlers {
		handled = append(handled, handler.Handles()...)
	}
	s.check = &selfCheck{
		app: s.forge, greeter: greeter, needs: needsOf(settings, handled), hosts: registryHosts(settings), board: s.board, logger: s.options.Logger, last: map[string]selfcheck.State{},
		now: make(chan struct{}, 1),
	}
	if s.intake, err = NewIntake(s.handlers, webhookSecrets(settings), s.ledger, clock, s.metrics); err != nil {
		return err
	}
	s.intake.signed = s.webhook.signed
	return nil
}

// parsePolicy reads a policy file for the domain: the problems instead of an error, and the environments in either case.
func parsePolicy(file string, content []byte) (promotion.Policy, []promotion.Problem, []string) {
	policy, err := config.ParsePolicy(file, content)
	var invalid *config.PolicyError
	switch {
	case errors.As(err, &invalid):
		return promotion.Policy{}, invalid.Problems, config.EnvironmentNames(content)
	case err != nil:
		return promotion.Policy{}, []promotion.Problem{{File: file, Line: 1, Column: 1, Message: err.Error()}}, config.EnvironmentNames(content)
	}
	return policy, nil, config.EnvironmentNames(content)
}

// slackOf gives which webhook an environment's notices go to: the one that the policy names, else the default one if
// the server has it; "" where nobody is to hear of it.
func slackOf(settings config.Settings) func(promotion.Environment) string {
	_, hasDefault := settings.Slack[defaultWebhook]
	return func(environment promotion.Environment) string {
		switch {
		case strings.EqualFold(environment.Slack, config.NoWebhook):
			return ""
		case environment.Slack == "" && hasDefault:
			return defaultWebhook
		}
		return environment.Slack
	}
}

const defaultWebhook = "default"

// Addr gives the address at which the server listens for GitHub and people.
func (s *Server) Addr() string { return s.public.Addr().String() }

// MetricsAddr gives the address at which /metrics is served.
func (s *Server) MetricsAddr() string { return s.private.Addr().String() }

// Run serves until the context ends, then finishes or hands back what is under way.
func (s *Server) Run(ctx context.Context) error {
	settings := s.options.Settings
	group, running := errgroup.WithContext(ctx)
	base := s.options.Logger.WithContext(context.WithoutCancel(ctx))
	serve := func(listener net.Listener, handler http.Handler) {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
			ErrorLog:       log.New(s.options.Logger, "", 0), // the standard one may block
			MaxHeaderBytes: 64 << 10, BaseContext: func(net.Listener) context.Context { return base },
		}
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", listener.Addr(), err)
			}
			return nil
		})
		group.Go(func() error {
			<-running.Done()
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Settings.ShutdownGrace)
			defer cancel()
			if err := server.Shutdown(stopping); err != nil {
				// Whoever is still connected has had its time; what was accepted is in the ledger.
				return server.Close()
			}
			return nil
		})
	}
	serve(s.public, s.routes())
	serve(s.private, s.metricsRoutes())
	if s.worker != nil {
		group.Go(func() error {
			if err := s.check.start(running); err != nil {
				return err
			}
			group.Go(func() error { s.check.run(running); return nil })
			s.lookBack(running)
			s.worker.Run(running, s.options.Settings.ShutdownGrace)
			return nil
		})
		holder := rand.Text()
		for _, task := range []struct {
			name  string
			every time.Duration
			soon  <-chan struct{}
			act   func(context.Context) error
		}{
			{"drift", settings.DriftInterval, nil, s.lookForDrift},
			{"catch_up", settings.CatchUpInterval, s.webhook.soon, s.catchUp},
			{"prune", min(settings.Retention, time.Hour), nil, s.prune},
		} {
			group.Go(func() error {
				s.periodically(running, task.name, holder, task.every, task.soon, task.act)
				return nil
			})
		}
	}
	s.options.Logger.Info().Str("addr", s.Addr()).Str("metrics_addr", s.MetricsAddr()).Str("version", s.options.Version).
		Bool("app_configured", s.worker != nil).Msg("verbatim is listening")
	began := time.Time{}
	group.Go(func() error {
		<-running.Done()
		began = time.Now()
		s.options.Logger.Info().AnErr("cause", context.Cause(running)).Dur("grace", settings.ShutdownGrace).
			Msg("shutting down: no connection is taken any more, and what is under way is finished or handed back")
		return nil
	})
	err := group.Wait()
	s.options.Logger.Info().Dur("took", time.Since(began)).AnErr("error", err).Msg("verbatim has ended")
	return errors.Join(err, s.close())
}

func (s *Server) close() error {
	var failures []error
	for _, listener := range []net.Listener{s.public, s.private} {
		if listener != nil {
			if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				failures = append(failures, err)
			}
		}
	}
	if s.ledger != nil {
		failures = append(failures, s.ledger.Close())
	}
	return errors.Join(failures...)
}
