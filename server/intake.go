package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/handlers"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// MaximumPayload is how many bytes a delivery may have: GitHub caps payloads at 25 MB
// (https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap).
const MaximumPayload = 25 << 20

// Acceptor keeps a delivery. It returns only when the delivery is committed; added is false for a repeat.
type Acceptor interface {
	Accept(ctx context.Context, delivery ledger.Delivery) (added bool, err error)
}

// Intake is the webhook's door. It answers 202 once the delivery is kept, and refuses what GitHub would not send.
type Intake struct {
	secrets    atomic.Pointer[[][]byte] // the current one and, during a rotation, the previous one
	inner      []byte                   // what is dispatched is signed with it, for the dispatcher alone
	dispatcher http.Handler             // go-githubapp's
	unverified allowances
	metrics    *Metrics
	signed     func() // called for each delivery that is signed as it should be
}

// NewIntake makes the door. Secrets are the current one and, during a rotation, the previous one; an empty secret is an
// error, because go-github accepts unsigned deliveries with it.
func NewIntake(handle []githubapp.EventHandler, secrets []string, acceptor Acceptor, clock func() time.Time, metrics *Metrics) (*Intake, error) {
	intake := &Intake{metrics: metrics, signed: func() {}, unverified: allowances{newAllowance(maximumUsual), newAllowance(maximumLarge)}, inner: []byte(rand.Text())}
	if err := intake.Accept(secrets); err != nil {
		return nil, err
	}
	intake.dispatcher = githubapp.NewEventDispatcher(handle, string(intake.inner),
		githubapp.WithScheduler(scheduler{acceptor: acceptor, clock: clock}),
		githubapp.WithErrorCallback(refuseDispatch),
		githubapp.WithResponseCallback(func(w http.ResponseWriter, _ *http.Request, _ string, _ bool) {
			w.WriteHeader(http.StatusAccepted)
		}))
	return intake, nil
}

// Accept has the door accept what is signed with one of these secrets, from now on. An empty secret is an error.
func (i *Intake) Accept(secrets []string) error {
	if len(secrets) == 0 {
		return errors.New("webhook secret: expected at least one; set GITHUB_APP_WEBHOOK_SECRET")
	}
	var accepted [][]byte
	for _, secret := range secrets {
		if secret == "" {
			return errors.New("webhook secret: expected a secret, found an empty one; set GITHUB_APP_WEBHOOK_SECRET")
		}
		accepted = append(accepted, []byte(secret))
	}
	i.secrets.Store(&accepted)
	return nil
}

// refusal is an answer other than 202, and why.
type refusal struct {
	status int
	reason string
	after  string // the header Retry-After; "" for none
}

func (r refusal) Error() string { return r.reason }

// passage is what is known of a request on its way through the door.
type passage struct {
	trace   string
	logger  *zerolog.Logger
	refused error // why its delivery could not be scheduled
}

var silent = zerolog.Nop()

type passageKey struct{}

// ServeHTTP answers one delivery: 202 once it is kept, else 405, 415, 413, 400, 401 or 503 with the reason as text.
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	passing := &passage{trace: traceOf(r)}
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	if err := i.serve(recorder, r, passing); err != nil {
		var refused refusal
		if !errors.As(err, &refused) {
			refused = refusal{status: http.StatusServiceUnavailable, reason: err.Error()}
		}
		if refused.status == http.StatusMethodNotAllowed {
			recorder.Header().Set("Allow", http.MethodPost)
		}
		if refused.after != "" {
			recorder.Header().Set("Retry-After", refused.after)
		}
		zerolog.Ctx(r.Context()).Warn().Str(LogDelivery, cleanHeader(r.Header.Get("X-GitHub-Delivery"))).
			Str(LogEvent, cleanHeader(r.Header.Get("X-GitHub-Event"))).Int(LogStatus, refused.status).Str(LogReason, refused.reason).Str(LogTrace, passing.trace).Msg("delivery refused")
		http.Error(recorder, refused.reason, refused.status)
	}
	i.metrics.Delivery(r.Header.Get("X-GitHub-Event"), recorder.status, time.Since(began))
}

func (i *Intake) serve(w http.ResponseWriter, r *http.Request, passing *passage) error {
	if r.Method != http.MethodPost {
		return refusal{status: http.StatusMethodNotAllowed, reason: "expected POST"}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return refusal{status: http.StatusUnsupportedMediaType, reason: "expected Content-Type application/json: set the webhook's content type to it"}
	}
	sent, err := identified(r)
	if err != nil {
		return err
	}
	read, fits := newBody(i.unverified, *i.secrets.Load())
	if !fits {
		return errFull
	}
	defer read.release()
	if err := read.read(w, r); err != nil {
		return err
	}
	if !read.signed(sent) {
		return refusal{status: http.StatusUnauthorized, reason: "the signature is not of this body and the webhook's secret"}
	}
	read.verified()
	i.signed()
	essentials, err := handlers.Essentials(read.content)
	if err != nil {
		return refusal{status: http.StatusBadRequest, reason: err.Error()}
	}
	passing.logger = zerolog.Ctx(r.Context())
	i.dispatch(w, r.WithContext(silent.WithContext(context.WithValue(r.Context(), passageKey{}, passing))), essentials)
	if passing.refused == nil {
		passing.logger.Debug().Str(LogDelivery, r.Header.Get("X-GitHub-Delivery")).Str(LogEvent, r.Header.Get("X-GitHub-Event")).Str(LogTrace, passing.trace).Msg("delivery kept")
	}
	return passing.refused
}

// dispatch has go-githubapp's dispatcher schedule what is kept of the delivery. The dispatcher checks a signature of its own, of
// what is left of the body. Its line for each delivery costs, and drowns what matters.
func (i *Intake) dispatch(w http.ResponseWriter, r *http.Request, essentials []byte) {
	r.Header.Set(signatureHeader, signaturePrefix+hex.EncodeToString(sign(i.inner, essentials)))
	r.Body = io.NopCloser(bytes.NewReader(essentials))
	i.dispatcher.ServeHTTP(w, r)
}

const signatureHeader, signaturePrefix = "X-Hub-Signature-256", "sha256="

// identified gives the signature that the request carries. Both headers of a delivery's identity are part of what makes it
// one of a kind. Only SHA-256 counts (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
func identified(r *http.Request) (signature []byte, err error) {
	for _, name := range []string{"X-GitHub-Event", "X-GitHub-Delivery"} {
		value := r.Header.Get(name)
		if value == "" || len(value) > 128 || cleanHeader(value) != value {
			return nil, refusal{status: http.StatusBadRequest, reason: "expected the header " + name + ", of at most 128 plain characters"}
		}
	}
	digits, found := strings.CutPrefix(r.Header.Get(signatureHeader), signaturePrefix)
	signature, err = hex.DecodeString(digits)
	if !found || err != nil || len(signature) != sha256.Size {
		return nil, refusal{status: http.StatusUnauthorized, reason: "expected the header X-Hub-Signature-256: sha256=<64 hex digits>"}
	}
	return signature, nil
}

func sign(secret, content []byte) []byte {
	sum := hmac.New(sha256.New, secret)
	sum.Write(content)
	return sum.Sum(nil)
}

// cleanHeader keeps the letters, digits and marks that GUIDs and event names are made of.
func cleanHeader(value string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, value[:min(len(value), 128)])
}

// refuseDispatch leaves to the door what the dispatcher refuses, so that there is one place that answers.
func refuseDispatch(_ http.ResponseWriter, r *http.Request, err error) {
	passing, found := r.Context().Value(passageKey{}).(*passage)
	if !found {
		return
	}
	var refused refusal
	if !errors.As(err, &refused) {
		passing.logger.Error().Err(err).Str(LogTrace, passing.trace).Msg("delivery not kept")
		refused = refusal{status: http.StatusServiceUnavailable, reason: "the delivery could not be kept; it is to be delivered again", after: "10"}
		for _, why := range []error{ledger.ErrReplaced, ledger.ErrDamaged} {
			if errors.Is(err, why) {
				refused.reason += ": " + why.Error()
			}
		}
	}
	passing.refused = refused
}

// scheduler makes go-githubapp's scheduling one committed insert. The worker finds the handler again by the event's name.
type scheduler struct {
	acceptor Acceptor
	clock    func() time.Time
}

// keepWithin is how long a delivery may wait to be kept, the deliveries before it included: GitHub hangs up after 10 seconds
// (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/troubleshooting-webhooks#timed-out).
const keepWithin = 8 * time.Second

// Schedule keeps the essentials of a delivery, and returns when they are committed. It returns a refusal for those that are
// not such an event's.
func (s scheduler) Schedule(ctx context.Context, dispatch githubapp.Dispatch) error {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	shape, err := readShape(dispatch.EventType, dispatch.Payload)
	if err != nil {
		return refusal{status: http.StatusBadRequest, reason: err.Error()}
	}
	var trace string
	if passing, found := ctx.Value(passageKey{}).(*passage); found {
		trace = passing.trace
	}
	_, err = s.acceptor.Accept(ctx, ledger.Delivery{
		GUID: dispatch.DeliveryID, Trace: trace, Event: dispatch.EventType, Queue: shape.queue(dispatch.EventType), Payload: dispatch.Payload,
		Repository: shape.Repository.ID, Received: s.clock(),
	})
	if err != nil {
		return fmt.Errorf("keep delivery %s: %w", dispatch.DeliveryID, err)
	}
	return nil
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// Unwrap returns what it wraps, for http.ResponseController.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}
