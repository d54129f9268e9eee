package githubtest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options say how the stand-in is set up. The zero value is a good start.
type Options struct {
	// Clock gives the world's time: created_at, run_started_at, delivered_at and the like. Default: time.Now.
	Clock func() time.Time
	// AuthenticationClock gives the time against which application tokens (JWT), installation tokens and rate-limit
	// windows are judged. Clients sign with their own wall clock, so the default is time.Now whatever Clock is.
	AuthenticationClock func() time.Time
	// AppID is the app's numeric id. Default: 312204.
	AppID int64
	// AppSlug is the app's URL name; its bot is called "<slug>[bot]". Default: "verbatim".
	AppSlug string
	// WebhookSecret signs deliveries. Default: a fixed text that is not empty.
	WebhookSecret string
	// Permissions are what the app asks for and every installation grants at first. Default: DefaultPermissions().
	Permissions map[string]string
	// Events are what the app is subscribed to. Default: DefaultEvents().
	Events []string
	// RateLimit is the number of requests an hour that an installation (or the app) may make. Default: 5,000, as on
	// github.com for a small installation. Benchmarks set more.
	RateLimit int
	// DeliveryTimeout is how long a delivery may take to be answered. Default: 10 s, as on github.com.
	DeliveryTimeout time.Duration
	// Address is where to listen. Default: "127.0.0.1:0".
	Address string
	// WebURL is what html_url fields begin with. Default: URL().
	WebURL string
}

// DefaultPermissions gives the permissions that product.md has the app ask for, all features switched on.
func DefaultPermissions() map[string]string {
	return map[string]string{
		"actions": "write", "attestations": "read", "checks": "write", "contents": "write", "deployments": "write", "issues": "write",
		"members": "read", "metadata": "read", "pull_requests": "write", "statuses": "write",
	}
}

// DefaultEvents gives the events that the app is subscribed to. Installation events and ping need no subscription.
func DefaultEvents() []string {
	return []string{
		"check_run", "commit_comment", "issue_comment", "pull_request", "pull_request_review", "push", "repository",
		"workflow_job", "workflow_run",
	}
}

// Server is a GitHub with one app in it. Its methods may be called from several goroutines.
type Server struct {
	options  Options
	key      *rsa.PrivateKey
	base     string
	web      string
	listener net.Listener
	http     *http.Server
	client   *http.Client
	queue    *queue
	stopped  chan struct{} // closed when the listener's goroutine has ended

	mu            sync.Mutex // guards everything below, and everything reachable from it
	sequence      sequences
	app           *application
	accounts      map[string]*account // by lower-case login
	repositories  map[string]*Repository
	redirects     map[string]*Repository // old names
	installations map[int64]*Installation
	tokens        map[string]*installationToken
	limits        map[string]*rateWindow
	conversions   map[string]*ManifestConversion
	hook          hook
	outbox        []*Delivery
	muted         int
	capturing     []*capture
	deliveries    []*Delivery
	lost          int
	keptJobs      KeptJobs
	faults        []*Fault
	requests      []Request
	unknown       []string
	held          *OpenAPI
	report        func(error)
}

// New starts a stand-in on loopback. It panics when it cannot listen, as there is nothing sensible to do then.
func New(options Options) *Server {
	options = withDefaults(options)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", options.Address)
	if err != nil {
		panic(fmt.Sprintf("githubtest: listen on %s: %v", options.Address, err))
	}
	s := &Server{
		options:       options,
		key:           applicationKey(),
		base:          "http://" + listener.Addr().String(),
		listener:      listener,
		client:        newHookClient(options.DeliveryTimeout),
		sequence:      firstNumbers(),
		accounts:      map[string]*account{},
		repositories:  map[string]*Repository{},
		redirects:     map[string]*Repository{},
		installations: map[int64]*Installation{},
		tokens:        map[string]*installationToken{},
		limits:        map[string]*rateWindow{},
		conversions:   map[string]*ManifestConversion{},
		hook:          hook{secret: options.WebhookSecret},
	}
	s.web = options.WebURL
	if s.web == "" {
		s.web = s.base
	}
	s.app = newApplication(s)
	s.queue = newQueue(s.send)
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.stopped = make(chan struct{})
	go func() {
		defer close(s.stopped)
		_ = s.http.Serve(listener) // ends with Close
	}()
	return s
}

func withDefaults(options Options) Options {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.AuthenticationClock == nil {
		options.AuthenticationClock = time.Now
	}
	if options.AppID == 0 {
		options.AppID = 312204
	}
	if options.AppSlug == "" {
		options.AppSlug = "verbatim"
	}
	if options.WebhookSecret == "" {
		options.WebhookSecret = "a secret between GitHub and the app"
	}
	if options.Permissions == nil {
		options.Permissions = DefaultPermissions()
	}
	options.Permissions = maps.Clone(options.Permissions)
	options.Permissions["metadata"] = "read" // mandatory for every app
	if options.Events == nil {
		options.Events = DefaultEvents()
	}
	options.Events = slices.Clone(options.Events)
	if options.RateLimit == 0 {
		options.RateLimit = 5000
	}
	if options.DeliveryTimeout == 0 {
		options.DeliveryTimeout = deliveryTimeout
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	return options
}

// Close stops listening and delivering. Webhooks that are still queued are dropped.
func (s *Server) Close() {
	s.queue.close()
	_ = s.http.Close() // its error is that of a listener which is closed already
	s.client.CloseIdleConnections()
	<-s.stopped
}

// URL gives the base of the REST API: what go-githubapp takes as V3APIURL. The same paths answer under URL()+"/api/v3".
func (s *Server) URL() string { return s.base }

// AppID gives the app's numeric id.
func (s *Server) AppID() int64 { return s.options.AppID }

// WebhookSecret gives the secret that deliveries are signed with unless SetHook named another.
func (s *Server) WebhookSecret() string { return s.options.WebhookSecret }

// ReplaceKey makes the app a new private key, and deletes the one that it had.
func (s *Server) ReplaceKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make the app a key: %w", err)
	}
	s.look(func() { s.key = key })
	return nil
}

// PrivateKeyPEM gives the app's private key as GitHub hands it out: PKCS#1 in PEM.
func (s *Server) PrivateKeyPEM() string {
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.key)}
	return string(pem.EncodeToMemory(block))
}

// change runs a change of the world under the lock, and posts the webhooks that it announced before it returns.
func (s *Server) change(f func()) {
	s.send(s.locked(f))
}

// changeLater is change for requests to the API: the webhooks they cause go out after the answer, as GitHub's do.
func (s *Server) changeLater(f func()) {
	s.queue.add(s.locked(f))
}

func (s *Server) locked(f func()) []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	outgoing := s.outbox
	s.outbox = nil
	return outgoing
}

// look runs a reading of the world under the lock.
func (s *Server) look(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// now gives the world's time at GitHub's resolution: whole seconds.
func (s *Server) now() time.Time { return s.options.Clock().UTC().Truncate(time.Second) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
