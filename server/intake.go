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
	"strings"
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
	dispatchers []secretDispatcher
	handled     map[string]bool
	metrics     *Metrics
}

// secretDispatcher is go-githubapp's dispatcher for one of the secrets that are accepted at the moment.
type secretDispatcher struct {
	secret  []byte
	handler http.Handler
}

// NewIntake makes the door. Secrets are the current one and, during a rotation, the previous one; an empty secret is an
// error, because go-github accepts unsigned deliveries with it.
func NewIntake(handle []githubapp.EventHandler, secrets []string, acceptor Acceptor, clock func() time.Time, metrics *Metrics) (*Intake, error) {
	intake := &Intake{metrics: metrics, handled: map[string]bool{}}
	for _, handler := range handle {
		for _, event := range handler.Handles() {
			intake.handled[event] = true
		}
	}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("webhook secret: expected a secret, found an empty one; set GITHUB_APP_WEBHOOK_SECRET")
		}
		intake.dispatchers = append(intake.dispatchers, secretDispatcher{
			secret: []byte(secret),
			handler: githubapp.NewEventDispatcher(handle, secret,
				githubapp.WithScheduler(scheduler{acceptor: acceptor, clock: clock}),
				githubapp.WithErrorCallback(refuseDispatch),
				githubapp.WithResponseCallback(func(w http.ResponseWriter, _ *http.Request, _ string, _ bool) {
					w.WriteHeader(http.StatusAccepted)
				})),
		})
	}
	if len(intake.dispatchers) == 0 {
		return nil, errors.New("webhook secret: expected at least one; set GITHUB_APP_WEBHOOK_SECRET")
	}
	return intake, nil
}

// refusal is an answer other than 202, and why.
type refusal struct {
	status int
	reason string
}

func (r refusal) Error() string { return r.reason }

// ServeHTTP answers one delivery: 202 once it is kept, else 405, 415, 413, 400, 401 or 503 with the reason as text.
func (i *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	r = r.WithContext(withTrace(r))
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	if err := i.serve(recorder, r); err != nil {
		var refused refusal
		if !errors.As(err, &refused) {
			refused = refusal{http.StatusServiceUnavailable, err.Error()}
		}
		if refused.status == http.StatusMethodNotAllowed {
			recorder.Header().Set("Allow", http.MethodPost)
		}
		zerolog.Ctx(r.Context()).Warn().Str(LogDelivery, cleanHeader(r.Header.Get("X-GitHub-Delivery"))).
			Str(LogEvent, cleanHeader(r.Header.Get("X-GitHub-Event"))).Int(LogStatus, refused.status).Str(LogReason, refused.reason).Str(LogTrace, traceOf(r.Context())).Msg("delivery refused")
		http.Error(recorder, refused.reason, refused.status)
	}
	i.metrics.Delivery(r.Header.Get("X-GitHub-Event"), recorder.status, time.Since(began))
}

func (i *Intake) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return refusal{http.StatusMethodNotAllowed, "expected POST"}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return refusal{http.StatusUnsupportedMediaType, "expected Content-Type application/json: set the webhook's content type to it"}
	}
	if r.ContentLength > MaximumPayload {
		return refusal{http.StatusRequestEntityTooLarge, "expected at most 25 MB"}
	}
	event, err := headers(r)
	if err != nil {
		return err
	}
	received := &body{ReadCloser: http.MaxBytesReader(w, r.Body, MaximumPayload)}
	r.Body = received
	dispatcher := i.dispatchers[0].handler
	if len(i.dispatchers) > 1 || !i.handled[event] {
		if dispatcher, err = i.look(r); err != nil {
			return received.explain(err)
		}
	}
	// The dispatcher reads the body, checks the signature, and has the delivery scheduled.
	var refused error
	dispatcher.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), refusedKey{}, &refused)))
	if refused != nil {
		return received.explain(refused)
	}
	return nil
}

// body is a delivery's body, which remembers why it could not be read.
type body struct {
	io.ReadCloser
	failure error
}

// Read reads.
func (b *body) Read(into []byte) (int, error) {
	read, err := b.ReadCloser.Read(into)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failure = err
	}
	return read, err
}

// explain gives what the sender is told: that the body could not be read, if it could not.
func (b *body) explain(refused error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(b.failure, &tooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, "expected at most 25 MB"}
	}
	if b.failure != nil {
		return refusal{http.StatusBadRequest, "the body could not be read to its end"}
	}
	return refused
}

// look reads the body beforehand, to find by which secret it is signed, or that an event which nobody handles is one.
func (i *Intake) look(r *http.Request) (http.Handler, error) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	dispatcher, err := i.signedBy(r.Header.Get("X-Hub-Signature-256"), content)
	if err != nil {
		return nil, err
	}
	if _, err := handlers.Essentials(content); err != nil {
		return nil, refusal{http.StatusBadRequest, err.Error()}
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	return dispatcher, nil
}

// headers gives the event's name. Both headers of a delivery's identity are part of what makes it one of a kind.
func headers(r *http.Request) (string, error) {
	for _, name := range []string{"X-GitHub-Event", "X-GitHub-Delivery"} {
		value := r.Header.Get(name)
		if value == "" || len(value) > 128 || cleanHeader(value) != value {
			return "", refusal{http.StatusBadRequest, "expected the header " + name + ", of at most 128 plain characters"}
		}
	}
	if _, err := signatureOf(r.Header.Get("X-Hub-Signature-256")); err != nil {
		return "", err
	}
	return r.Header.Get("X-GitHub-Event"), nil
}

// signatureOf reads the signature. Only SHA-256 counts
// (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
func signatureOf(header string) ([]byte, error) {
	sent, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if !strings.HasPrefix(header, "sha256=") || err != nil || len(sent) != sha256.Size {
		return nil, refusal{http.StatusUnauthorized, "expected the header X-Hub-Signature-256: sha256=<64 hex digits>"}
	}
	return sent, nil
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

// signedBy finds the dispatcher whose secret signed the body.
func (i *Intake) signedBy(signature string, content []byte) (http.Handler, error) {
	sent, err := signatureOf(signature)
	if err != nil {
		return nil, err
	}
	for _, dispatcher := range i.dispatchers {
		sum := hmac.New(sha256.New, dispatcher.secret)
		sum.Write(content)
		if hmac.Equal(sum.Sum(nil), sent) {
			return dispatcher.handler, nil
		}
	}
	return nil, errSignature
}

var errSignature = refusal{http.StatusUnauthorized, "the signature is not of this body and the webhook's secret"}

type refusedKey struct{}

// refuseDispatch leaves to the door what the dispatcher refuses, so that there is one place that answers. The headers
// were found good before, so that what is not valid is the signature.
func refuseDispatch(w http.ResponseWriter, r *http.Request, err error) {
	var refused refusal
	switch invalid := (githubapp.ValidationError{}); {
	case errors.As(err, &refused):
	case errors.As(err, &invalid):
		refused = errSignature
	default:
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("delivery not kept")
		w.Header().Set("Retry-After", "10")
		refused = refusal{http.StatusServiceUnavailable, "the delivery could not be kept; it is to be delivered again"}
	}
	if left, found := r.Context().Value(refusedKey{}).(*error); found {
		*left = refused
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

// Schedule keeps what is essential of the delivery, and returns when it is committed. It returns a refusal for a body
// that is not such an event's.
func (s scheduler) Schedule(ctx context.Context, dispatch githubapp.Dispatch) error {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	essentials, err := handlers.Essentials(dispatch.Payload)
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	shape, err := readShape(dispatch.EventType, essentials)
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	_, err = s.acceptor.Accept(ctx, ledger.Delivery{
		GUID: dispatch.DeliveryID, Trace: traceOf(ctx), Event: dispatch.EventType, Queue: shape.queue(dispatch.EventType), Payload: essentials,
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
