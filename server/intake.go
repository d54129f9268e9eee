package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
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
	secrets    [][]byte     // the current one and, during a rotation, the previous one
	dispatcher http.Handler // go-githubapp's, under the current one
	metrics    *Metrics
}

// NewIntake makes the door. Secrets are the current one and, during a rotation, the previous one; an empty secret is an
// error, because go-github accepts unsigned deliveries with it.
func NewIntake(handle []githubapp.EventHandler, secrets []string, acceptor Acceptor, clock func() time.Time, metrics *Metrics) (*Intake, error) {
	if len(secrets) == 0 {
		return nil, errors.New("webhook secret: expected at least one; set GITHUB_APP_WEBHOOK_SECRET")
	}
	intake := &Intake{metrics: metrics}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("webhook secret: expected a secret, found an empty one; set GITHUB_APP_WEBHOOK_SECRET")
		}
		intake.secrets = append(intake.secrets, []byte(secret))
	}
	intake.dispatcher = githubapp.NewEventDispatcher(handle, secrets[0],
		githubapp.WithScheduler(scheduler{acceptor: acceptor, clock: clock}),
		githubapp.WithErrorCallback(refuseDispatch),
		githubapp.WithResponseCallback(func(w http.ResponseWriter, _ *http.Request, _ string, _ bool) {
			w.WriteHeader(http.StatusAccepted)
		}))
	return intake, nil
}

// refusal is an answer other than 202, and why.
type refusal struct {
	status int
	reason string
}

func (r refusal) Error() string { return r.reason }

// passage is what is known of a request on its way through the door.
type passage struct {
	trace   string
	refused error // why its delivery could not be scheduled
}

type passageKey struct{}

// ServeHTTP answers one delivery: 202 once it is kept, else 405, 415, 413, 400, 401 or 503 with the reason as text.
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	passing := &passage{trace: traceOf(r)}
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	if err := i.serve(recorder, r, passing); err != nil {
		var refused refusal
		if !errors.As(err, &refused) {
			refused = refusal{http.StatusServiceUnavailable, err.Error()}
		}
		if refused.status == http.StatusMethodNotAllowed {
			recorder.Header().Set("Allow", http.MethodPost)
		}
		zerolog.Ctx(r.Context()).Warn().Str(LogDelivery, cleanHeader(r.Header.Get("X-GitHub-Delivery"))).
			Str(LogEvent, cleanHeader(r.Header.Get("X-GitHub-Event"))).Int(LogStatus, refused.status).Str(LogReason, refused.reason).Str(LogTrace, passing.trace).Msg("delivery refused")
		http.Error(recorder, refused.reason, refused.status)
	}
	i.metrics.Delivery(r.Header.Get("X-GitHub-Event"), recorder.status, time.Since(began))
}

func (i *Intake) serve(w http.ResponseWriter, r *http.Request, passing *passage) error {
	if r.Method != http.MethodPost {
		return refusal{http.StatusMethodNotAllowed, "expected POST"}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return refusal{http.StatusUnsupportedMediaType, "expected Content-Type application/json: set the webhook's content type to it"}
	}
	sent, err := identified(r)
	if err != nil {
		return err
	}
	content, found := bodies.Get().(*bytes.Buffer)
	if !found {
		content = new(bytes.Buffer)
	}
	defer putAway(content)
	if err := readBody(content, w, r); err != nil {
		return err
	}
	if !slices.ContainsFunc(i.secrets, func(secret []byte) bool { return hmac.Equal(sign(secret, content.Bytes()), sent) }) {
		return refusal{http.StatusUnauthorized, "the signature is not of this body and the webhook's secret"}
	}
	essentials, err := handlers.Essentials(content.Bytes())
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	i.dispatch(w, r.WithContext(context.WithValue(r.Context(), passageKey{}, passing)), essentials)
	return passing.refused
}

// dispatch has go-githubapp's dispatcher schedule what is kept of the delivery. The dispatcher checks a signature of its own:
// under the current secret, of what is left of the body.
func (i *Intake) dispatch(w http.ResponseWriter, r *http.Request, essentials []byte) {
	r.Header.Set(signatureHeader, signaturePrefix+hex.EncodeToString(sign(i.secrets[0], essentials)))
	r.Body = io.NopCloser(bytes.NewReader(essentials))
	i.dispatcher.ServeHTTP(w, r)
}

// bodies are the buffers (*bytes.Buffer) that bodies are read into: a usual one has 20 KB, and is not needed any more when its
// essentials are taken out.
var bodies sync.Pool

// maximumKept is how large a buffer is kept for the next body.
const maximumKept = 256 << 10

func putAway(content *bytes.Buffer) {
	if content.Cap() <= maximumKept {
		content.Reset()
		bodies.Put(content)
	}
}

// readBody reads the body to its end. The length that the sender announced is believed only as far as it costs little.
func readBody(content *bytes.Buffer, w http.ResponseWriter, r *http.Request) error {
	tooLarge := refusal{http.StatusRequestEntityTooLarge, "expected at most 25 MB"}
	if r.ContentLength > MaximumPayload {
		return tooLarge
	}
	if r.ContentLength > 0 {
		content.Grow(int(min(r.ContentLength+bytes.MinRead, maximumKept)))
	}
	switch _, err := content.ReadFrom(http.MaxBytesReader(w, r.Body, MaximumPayload)); {
	case errors.As(err, new(*http.MaxBytesError)):
		return tooLarge
	case err != nil:
		return refusal{http.StatusBadRequest, "the body could not be read to its end"}
	}
	return nil
}

const signatureHeader, signaturePrefix = "X-Hub-Signature-256", "sha256="

// identified gives the signature that the request carries. Both headers of a delivery's identity are part of what makes it
// one of a kind. Only SHA-256 counts (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
func identified(r *http.Request) (signature []byte, err error) {
	for _, name := range []string{"X-GitHub-Event", "X-GitHub-Delivery"} {
		value := r.Header.Get(name)
		if value == "" || len(value) > 128 || cleanHeader(value) != value {
			return nil, refusal{http.StatusBadRequest, "expected the header " + name + ", of at most 128 plain characters"}
		}
	}
	digits, found := strings.CutPrefix(r.Header.Get(signatureHeader), signaturePrefix)
	signature, err = hex.DecodeString(digits)
	if !found || err != nil || len(signature) != sha256.Size {
		return nil, refusal{http.StatusUnauthorized, "expected the header X-Hub-Signature-256: sha256=<64 hex digits>"}
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
func refuseDispatch(w http.ResponseWriter, r *http.Request, err error) {
	var refused refusal
	if !errors.As(err, &refused) {
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("delivery not kept")
		w.Header().Set("Retry-After", "10")
		refused = refusal{http.StatusServiceUnavailable, "the delivery could not be kept; it is to be delivered again"}
	}
	if passing, found := r.Context().Value(passageKey{}).(*passage); found {
		passing.refused = refused
	}
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
		return refusal{http.StatusBadRequest, err.Error()}
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

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}
