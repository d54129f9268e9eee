package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// deliveryTimeout is how long GitHub waits for an answer ("Best practices for using webhooks").
const deliveryTimeout = 10 * time.Second

type hook struct {
	url, secret string
	id          int64
}

func newHookClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// SetHook says where the app's webhooks go. An empty secret leaves WebhookSecret() in place. Without a hook nothing is
// delivered and nothing recorded.
func (s *Server) SetHook(url, secret string) {
	s.look(func() {
		s.hook.url, s.hook.id = url, 451879323
		if secret != "" {
			s.hook.secret = secret
		}
	})
}

// Delivery is one attempt to deliver a webhook.
type Delivery struct {
	server       *Server
	id           int64
	guid         string
	event        string
	action       string
	installation int64
	repository   int64
	body         []byte
	redelivery   bool
	lost         bool

	sent           http.Header
	status         int
	statusText     string
	answerHeader   http.Header
	answerBody     []byte
	duration       time.Duration
	delivered      time.Time
	afterwardsDone bool
}

// ID gives the delivery's number. Each attempt has its own.
func (d *Delivery) ID() int64 { return d.id }

// GUID gives what X-GitHub-Delivery says: the same for every attempt.
func (d *Delivery) GUID() string { return d.guid }

// Event gives the event's name, such as workflow_run.
func (d *Delivery) Event() string { return d.event }

// Action gives the payload's action, such as completed. Push has none.
func (d *Delivery) Action() string { return d.action }

// Body gives the payload.
func (d *Delivery) Body() []byte { return slices.Clone(d.body) }

// Status gives the code that it was answered with: 0 before it is sent and when nobody answered.
func (d *Delivery) Status() int {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.status
}

// Answer gives the body that it was answered with.
func (d *Delivery) Answer() []byte {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return slices.Clone(d.answerBody)
}

// Header gives the headers, signed with the secret of now.
func (d *Delivery) Header() http.Header {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.header(d.server.hook)
}

// header gives GitHub's delivery headers ("Webhook events and payloads", section "Delivery headers").
func (d *Delivery) header(hook hook) http.Header {
	header := http.Header{}
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/2c7a3f1",
		"X-GitHub-Delivery": d.guid, "X-GitHub-Event": d.event, "X-GitHub-Hook-ID": fmt.Sprint(hook.id),
		"X-GitHub-Hook-Installation-Target-ID":   fmt.Sprint(d.server.options.AppID),
		"X-GitHub-Hook-Installation-Target-Type": "integration",
		"X-Hub-Signature":                        "sha1=" + sign(sha1.New, hook.secret, d.body),
		"X-Hub-Signature-256":                    "sha256=" + sign(sha256.New, hook.secret, d.body),
	} {
		header.Set(name, value)
	}
	return header
}

func sign(kind func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(kind, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Sign gives the value of X-Hub-Signature-256 for a body under a secret.
func Sign(secret string, body []byte) string { return "sha256=" + sign(sha256.New, secret, body) }

// Send posts the delivery now, waits for the answer and records it. A delivery that was sent already is posted once more as
// it was, as a network that repeats itself would; Redeliver is what GitHub does when asked.
func (d *Delivery) Send() int {
	d.server.deliver(d)
	return d.Status()
}

// Redeliver posts it again as GitHub does on request: same GUID and body, an attempt of its own.
func (d *Delivery) Redeliver() *Delivery {
	var again *Delivery
	d.server.look(func() { again = d.again() })
	d.server.deliver(again)
	return again
}

// again makes another attempt of the delivery. The lock is held.
func (d *Delivery) again() *Delivery {
	return &Delivery{
		server: d.server, id: next(&d.server.sequence.delivery), guid: d.guid, event: d.event, action: d.action,
		installation: d.installation, repository: d.repository, body: d.body, redelivery: true,
	}
}

func (s *Server) send(deliveries []*Delivery) {
	for _, delivery := range deliveries {
		s.deliver(delivery)
	}
}

// deliver posts one delivery and records how it went.
func (s *Server) deliver(d *Delivery) {
	var target hook
	var lost bool
	s.look(func() {
		target = s.hook
		if lost = d.lost || s.lost > 0; lost && !d.lost {
			s.lost--
		}
	})
	if target.url == "" {
		return
	}
	s.holdWebhook(d)
	header := d.header(target)
	started := time.Now()
	status, answerHeader, body, text := 0, http.Header(nil), []byte(nil), "failed to connect to host"
	if !lost {
		status, answerHeader, body, text = s.post(target.url, header, d.body)
	}
	s.look(func() {
		d.sent, d.status, d.statusText, d.answerHeader, d.answerBody = header, status, text, answerHeader, body
		d.duration, d.delivered = time.Since(started), s.now()
		if !d.afterwardsDone {
			d.afterwardsDone = true
			s.deliveries = append(s.deliveries, d)
		}
	})
}

func (s *Server) post(address string, header http.Header, body []byte) (int, http.Header, []byte, string) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, "failed to connect to host"
	}
	request.Header = header
	response, err := s.client.Do(request)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return http.StatusGatewayTimeout, nil, nil, "timed out"
		}
		return 0, nil, nil, "failed to connect to host"
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return response.StatusCode, response.Header, content, "failed to read response"
	}
	if response.StatusCode/100 == 2 {
		return response.StatusCode, response.Header, content, "OK"
	}
	return response.StatusCode, response.Header, content, fmt.Sprintf("Invalid HTTP Response: %d", response.StatusCode)
}

// PostHook posts anything to the hook, as somebody who is not GitHub may, and gives status and body of the answer. Nothing
// is recorded. Start from a delivery's Header and Body and change what the story needs.
func (s *Server) PostHook(header http.Header, body []byte) (int, []byte) {
	var target hook
	s.look(func() { target = s.hook })
	status, _, answer, _ := s.post(target.url, header, body)
	return status, answer
}

// Deliveries gives every delivery that was attempted, oldest first.
func (s *Server) Deliveries() []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// DeliveriesOf gives the attempted deliveries of an event and action (any action if it is empty), oldest first.
func (s *Server) DeliveriesOf(event, action string) []*Delivery {
	return slices.DeleteFunc(s.Deliveries(), func(d *Delivery) bool {
		return d.event != event || action != "" && d.action != action
	})
}

// Quietly lets f change the world without any webhook: events that GitHub never sent, or that fell out of its list.
func (s *Server) Quietly(f func()) {
	s.look(func() { s.muted++ })
	defer s.look(func() { s.muted-- })
	f()
}

// LoseDeliveries lets the next deliveries fail as if nobody listened. GitHub does not repeat them by itself, but lists them,
// so that the app can ask for them again.
func (s *Server) LoseDeliveries(count int) {
	s.look(func() { s.lost = count })
}

type capture struct{ deliveries []*Delivery }

// Capture lets f change the world and gives the webhooks that would have been sent, unsent: send them in another order,
// late, twice, or changed.
func (s *Server) Capture(f func()) []*Delivery {
	into := &capture{}
	s.look(func() { s.capturing = append(s.capturing, into) })
	func() {
		defer s.look(func() {
			s.capturing = slices.DeleteFunc(s.capturing, func(other *capture) bool { return other == into })
		})
		f()
	}()
	return into.deliveries
}

// Ping sends the ping event, as GitHub does when the hook is set up.
func (s *Server) Ping() {
	s.change(func() {
		s.enqueue("ping", "", 0, 0, s.pingPayload())
	})
}

// enqueue makes a delivery of a payload. The lock is held.
func (s *Server) enqueue(event, action string, installation, repository int64, payload object) {
	delivery := &Delivery{
		server: s, id: next(&s.sequence.delivery), guid: newGUID(), event: event, action: action, installation: installation,
		repository: repository, body: encode(payload),
	}
	if len(s.capturing) > 0 {
		into := s.capturing[len(s.capturing)-1]
		into.deliveries = append(into.deliveries, delivery)
		return
	}
	s.outbox = append(s.outbox, delivery)
}

func newGUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, by its documentation
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

func (d *Delivery) succeeded() bool { return d.status >= 200 && d.status < 300 }

// item gives the delivery as the list has it.
func (d *Delivery) item() object {
	numberOrNull := func(number int64) any {
		if number == 0 {
			return nil
		}
		return number
	}
	return object{
		"id": d.id, "guid": d.guid, "delivered_at": stamp(d.delivered), "redelivery": d.redelivery, "duration": d.duration.Seconds(),
		"status": d.statusText, "status_code": d.status, "event": d.event, "action": textOrNull(d.action),
		"installation_id": numberOrNull(d.installation), "repository_id": numberOrNull(d.repository), "throttled_at": nil,
	}
}

// document gives the delivery with request and response.
func (d *Delivery) document() object {
	document := d.item()
	flat := func(header http.Header) object {
		headers := object{}
		for name, values := range header {
			headers[name] = values[0]
		}
		return headers
	}
	document["url"] = d.server.hook.url
	document["request"] = object{"headers": flat(d.sent), "payload": json.RawMessage(d.body)}
	document["response"] = object{"headers": flat(d.answerHeader), "payload": string(d.answerBody)}
	return document
}
