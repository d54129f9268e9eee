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
	metrics     *Metrics
}

// secretDispatcher is go-githubapp's dispatcher for one of the secrets that are accepted at the moment.
type secretDispatcher struct {
	secret  []byte
	handler http.Handler
}

// NewIntake makes the door. Secrets are the current one and, during a rotation, the previous one; an empty secret is an
// error, because go-github accepts unsigned deliveries with it.
func NewIntake(handlers []githubapp.EventHandler, secrets []string, acceptor Acceptor, clock func() time.Time, metrics *Metrics) (*Intake, error) {
	intake := &Intake{metrics: metrics}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("webhook secret: expected a secret, found an empty one; set GITHUB_APP_WEBHOOK_SECRET")
		}
		intake.dispatchers = append(intake.dispatchers, secretDispatcher{
			secret: []byte(secret),
			handler: githubapp.NewEventDispatcher(handlers, secret,
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
			Str(LogEvent, cleanHeader(r.Header.Get("X-GitHub-Event"))).Int(LogStatus, refused.status).Str(LogReason, refused.reason).Msg("delivery refused")
		http.Error(recorder, refused.reason, refused.status)
	}
	i.metrics.Delivery(r.Header.Get("X-GitHub-Event"), recorder.status)
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaximumPayload))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, "expected at most 25 MB"}
	}
	if err != nil {
		return refusal{http.StatusBadRequest, "the body could not be read to its end"}
	}
	dispatcher, err := i.signedBy(r.Header.Get("X-Hub-Signature-256"), body)
	if err != nil {
		return err
	}
	shape, err := readShape(event, body)
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	r = r.WithContext(context.WithValue(r.Context(), shapeKey{}, shape))
	r.Body = io.NopCloser(bytes.NewReader(body))
	dispatcher.ServeHTTP(w, r)
	return nil
}

// headers gives the event's name. Both headers are part of what makes a delivery one of a kind.
func headers(r *http.Request) (string, error) {
	for _, name := range []string{"X-GitHub-Event", "X-GitHub-Delivery"} {
		value := r.Header.Get(name)
		if value == "" || len(value) > 128 || cleanHeader(value) != value {
			return "", refusal{http.StatusBadRequest, "expected the header " + name + ", of at most 128 plain characters"}
		}
	}
	return r.Header.Get("X-GitHub-Event"), nil
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

// signedBy finds the dispatcher whose secret signed the body. Only SHA-256 counts
// (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
func (i *Intake) signedBy(signature string, body []byte) (http.Handler, error) {
	sent, err := hex.DecodeString(strings.TrimPrefix(signature, "sha256="))
	if !strings.HasPrefix(signature, "sha256=") || err != nil || len(sent) != sha256.Size {
		return nil, refusal{http.StatusUnauthorized, "expected the header X-Hub-Signature-256: sha256=<64 hex digits>"}
	}
	for _, dispatcher := range i.dispatchers {
		sum := hmac.New(sha256.New, dispatcher.secret)
		sum.Write(body)
		if hmac.Equal(sum.Sum(nil), sent) {
			return dispatcher.handler, nil
		}
	}
	return nil, refusal{http.StatusUnauthorized, "the signature is not of this body and the webhook's secret"}
}

func refuseDispatch(w http.ResponseWriter, r *http.Request, err error) {
	zerolog.Ctx(r.Context()).Error().Err(err).Msg("delivery not kept")
	if invalid := (githubapp.ValidationError{}); errors.As(err, &invalid) {
		http.Error(w, "the delivery is not valid", http.StatusBadRequest)
		return
	}
	w.Header().Set("Retry-After", "10")
	http.Error(w, "the delivery could not be kept; it is to be delivered again", http.StatusServiceUnavailable)
}

// scheduler makes go-githubapp's scheduling one committed insert. The worker finds the handler again by the event's name.
type scheduler struct {
	acceptor Acceptor
	clock    func() time.Time
}

// keepWithin is how long a delivery may wait to be kept, the deliveries before it included: GitHub hangs up after 10 seconds
// (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/troubleshooting-webhooks#timed-out).
const keepWithin = 8 * time.Second

// Schedule keeps the delivery, and returns when it is committed.
func (s scheduler) Schedule(ctx context.Context, dispatch githubapp.Dispatch) error {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	shape, _ := ctx.Value(shapeKey{}).(shape)
	_, err := s.acceptor.Accept(ctx, ledger.Delivery{
		GUID: dispatch.DeliveryID, Event: dispatch.EventType, Queue: shape.queue(dispatch.EventType), Payload: dispatch.Payload,
		Repository: shape.Repository.FullName, Received: s.clock(),
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
