// Package notify sends messages to Slack's incoming webhooks, with net/http: a webhook's address is a secret, and no
// error, log or text shows it.
package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Webhook is where messages go, and which repositories may send there.
type Webhook struct {
	URL          string   // a secret
	Repositories []string // patterns of owner/repo in which * stands for anything but /; none: all
}

// Options are what a Notifier can be given. The zero value works.
type Options struct {
	Timeout   time.Duration     // of one message; 0: 10 seconds
	Transport http.RoundTripper // nil: http.DefaultTransport
	Now       func() time.Time  // nil: the wall clock
}

// Notifier sends messages to webhooks by their names. It is safe for concurrent use.
type Notifier struct {
	webhooks atomic.Pointer[map[string]Webhook]
	client   *http.Client
	now      func() time.Time

	mutex   sync.Mutex
	refused map[string]refusal // by the webhook's name
}

// refusal is what Slack answered of an address that it does not know, or not take messages at.
type refusal struct {
	err   error
	until time.Time
}

// refusedFor is for how long an address is believed to be refused. Many messages may wait for it: they do not ask one by one.
const refusedFor = 5 * time.Second

// New makes a Notifier. It returns an error for an address that is not https, or http on loopback; the error names the
// webhook, not the address.
func New(webhooks map[string]Webhook, options Options) (*Notifier, error) {
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	notifier := &Notifier{now: options.Now, client: &http.Client{
		Timeout: options.Timeout, Transport: options.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if err := notifier.Replace(webhooks); err != nil {
		return nil, err
	}
	return notifier, nil
}

// Replace has all messages from now on go to these webhooks. The error is New's, and then nothing is replaced.
func (n *Notifier) Replace(webhooks map[string]Webhook) error {
	for name, webhook := range webhooks {
		parsed, err := url.Parse(webhook.URL)
		if err != nil || parsed.Host == "" || parsed.Scheme != "https" && (parsed.Scheme != "http" || !isLoopback(parsed.Hostname())) {
			return fmt.Errorf("Slack webhook %s: expected an https address", name)
		}
	}
	n.webhooks.Store(&webhooks)
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.refused = map[string]refusal{}
	return nil
}

// String says how many webhooks there are, and nothing else.
func (n *Notifier) String() string {
	return fmt.Sprintf("notifier of %d Slack webhooks", len(*n.webhooks.Load()))
}

// GoString is String: the addresses are secrets.
func (n *Notifier) GoString() string { return n.String() }

// Allowed returns a *promotion.PermanentError when there is no such webhook, or the repository may not use it.
func (n *Notifier) Allowed(name string, repository promotion.Repository) error {
	_, err := n.webhook(name, repository)
	return err
}

func (n *Notifier) webhook(name string, repository promotion.Repository) (Webhook, error) {
	webhook, found := (*n.webhooks.Load())[name]
	if !found {
		return webhook, &promotion.PermanentError{Err: fmt.Errorf("Slack webhook %.80q: the server's settings have none of that name; add it there, or mend the policy", name)}
	}
	for _, pattern := range webhook.Repositories {
		if matches, err := path.Match(strings.ToLower(pattern), strings.ToLower(repository.FullName())); err == nil && matches {
			return webhook, nil
		}
	}
	if len(webhook.Repositories) == 0 {
		return webhook, nil
	}
	return webhook, &promotion.PermanentError{Err: fmt.Errorf("Slack webhook %.80q: %s may not use it; let it in the server's settings", name, repository.FullName())}
}

// Send posts a JSON message. It returns a *promotion.DelayedError when Slack says when to come back, a *promotion.PausedError when
// it does not know the webhook's address, or takes no messages there, until the settings are mended, a
// *promotion.PermanentError when it does not want the message, and other errors when trying again may help
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors).
func (n *Notifier) Send(ctx context.Context, name string, repository promotion.Repository, body []byte) error {
	webhook, err := n.webhook(name, repository)
	if err != nil {
		return err
	}
	if err := n.refusal(name); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook.URL, bytes.NewReader(body))
	if err != nil {
		return &promotion.PermanentError{Err: fmt.Errorf("send to Slack webhook %s: its address cannot be used", name)}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := n.client.Do(request)
	if err != nil {
		return fmt.Errorf("send to Slack webhook %s: %w", name, withoutAddress(err))
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // what could not be read only makes the message shorter
	failure := fmt.Errorf("send to Slack webhook %s: it answered %d %s", name, response.StatusCode, short(string(answer)))
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return nil
	case response.StatusCode == http.StatusTooManyRequests:
		return &promotion.DelayedError{Err: failure, After: retryAfter(response.Header.Get("Retry-After"))}
	case response.StatusCode >= 500:
		return failure
	case slices.Contains([]int{http.StatusForbidden, http.StatusNotFound, http.StatusGone}, response.StatusCode):
		return n.refuse(name, failure)
	}
	return &promotion.PermanentError{Err: failure}
}

// refuse notes that Slack refuses the webhook's address, which is a fault of the settings and not of the message.
func (n *Notifier) refuse(name string, failure error) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	paused := &promotion.PausedError{
		Fault: promotion.FaultSlackWebhook, What: name, Err: failure,
		Mend: "the webhook or its channel is gone, or an administrator keeps it from posting: make a new one in Slack and set its address for the webhook " + name + " in the server's settings",
	}
	n.refused[name] = refusal{err: paused, until: n.now().Add(refusedFor)}
	return paused
}

// refusal returns what Slack answered lately when it refused the webhook's address.
func (n *Notifier) refusal(name string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if last := n.refused[name]; n.now().Before(last.until) {
		return last.err
	}
	return nil
}

// withoutAddress takes the address out of an error of net/http, which would show it.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func retryAfter(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		return 30 * time.Second
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}

func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return text[:min(len(text), 200)]
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}
