package server

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// webhookSecret knows whether GitHub's deliveries are refused because of the app's webhook settings. Only GitHub's own list of
// deliveries tells: anybody may send us what is not signed.
type webhookSecret struct {
	clock    func() time.Time
	forgotIn time.Duration // of another replica, which leads now
	soon     chan struct{} // catch up at once

	refuses atomic.Bool
	mutex   sync.Mutex
	refused forge.Delivery // the newest that tells
	seen    time.Time      // when it was listed last
}

func newWebhookSecret(clock func() time.Time, catchUpEvery time.Duration) *webhookSecret {
	return &webhookSecret{clock: clock, forgotIn: 2*catchUpEvery + time.Minute, soon: make(chan struct{}, 1)}
}

// refusedBySettings reports whether the attempt failed because of the webhook's settings: each further one fails likewise until
// they are mended, and none of them is the delivery's fault.
func refusedBySettings(delivery forge.Delivery) bool {
	return delivery.Status == http.StatusUnauthorized || delivery.Status == http.StatusUnsupportedMediaType
}

// look takes GitHub's list, newest first, and reports whether the newest delivery that tells was refused. One that nobody
// answered, or that could not be kept, does not tell.
func (w *webhookSecret) look(deliveries []forge.Delivery) (refuses bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.refuses.Store(false)
	for _, delivery := range deliveries {
		if delivery.Succeeded {
			return false
		}
		if refusedBySettings(delivery) {
			w.refused, w.seen = delivery, w.clock()
			w.refuses.Store(true)
			return true
		}
	}
	return false
}

// signed notes that a delivery came as it should: what was refused can be asked for again.
func (w *webhookSecret) signed() {
	if w.refuses.CompareAndSwap(true, false) {
		w.catchUp()
	}
}

// catchUp has the process that leads catch up at once.
func (w *webhookSecret) catchUp() {
	select {
	case w.soon <- struct{}{}:
	default:
	}
}

// Degraded names the webhook while its deliveries are refused.
func (w *webhookSecret) Degraded() []selfcheck.Finding {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !w.refuses.Load() || w.clock().Sub(w.seen) > w.forgotIn {
		return nil
	}
	finding := selfcheck.Finding{
		Name: selfcheck.GitHubWebhook, State: selfcheck.Degraded,
		Found: fmt.Sprintf("GitHub's newest delivery (%s, %s) was answered 401: the webhook's secret does not match", w.refused.GUID, w.refused.Delivered.Format(time.RFC3339)),
		Mend: "set GITHUB_APP_WEBHOOK_SECRET, and the secret on the app's settings page under Webhook, to the same text; where they are the same, look for " +
			"what stands before the server and asks for a login. What was refused is asked for again by itself",
	}
	if w.refused.Status == http.StatusUnsupportedMediaType {
		finding.Found = fmt.Sprintf("GitHub's newest delivery (%s, %s) was answered 415: the webhook's content type is not application/json", w.refused.GUID, w.refused.Delivered.Format(time.RFC3339))
		finding.Mend = "set the content type of the app's webhook to application/json. What was refused is asked for again by itself"
	}
	return []selfcheck.Finding{finding}
}
