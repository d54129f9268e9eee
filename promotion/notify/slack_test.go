package notify_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/notify"
)

const secret = "/services/T0/B0/do-not-show-this"

var shop = promotion.Repository{ID: 42, Owner: "acme", Name: "shop"}

// hook starts a webhook that answers so, and gives a notifier that knows it as "default".
func hook(t *testing.T, answer http.HandlerFunc, repositories ...string) *notify.Notifier {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	notifier, err := notify.New(map[string]notify.Webhook{"default": {URL: server.URL + secret, Repositories: repositories}}, notify.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return notifier
}

func TestAMessageIsSentAsItIs(t *testing.T) {
	t.Parallel()
	var got, kind string
	notifier := hook(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, kind = string(body), r.Header.Get("Content-Type")
		_, _ = io.WriteString(w, "ok")
	})
	if err := notifier.Send(t.Context(), "default", shop, []byte(`{"text":"hello"}`)); err != nil {
		t.Fatal(err)
	}
	if got != `{"text":"hello"}` || !strings.HasPrefix(kind, "application/json") {
		t.Errorf("sent %q as %q", got, kind)
	}
}

func isPaused(err error) bool {
	paused, isPaused := promotion.Paused(err)
	return isPaused && paused.Fault == promotion.FaultSlackWebhook && paused.What == "default"
}

// Many messages may wait for an address that is gone: they do not ask Slack one by one, and go on once it is mended.
func TestARefusedAddressIsAskedForNowAndThen(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no_service", http.StatusNotFound)
	}))
	t.Cleanup(gone.Close)
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(well.Close)
	now := time.Unix(1_700_000_000, 0)
	notifier, err := notify.New(map[string]notify.Webhook{"default": {URL: gone.URL + secret}}, notify.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := notifier.Send(t.Context(), "default", shop, []byte("{}")); !isPaused(err) {
			t.Errorf("%v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("Slack was asked %d times", asked.Load())
	}
	now = now.Add(time.Minute)
	if err := notifier.Send(t.Context(), "default", shop, []byte("{}")); !isPaused(err) || asked.Load() != 2 {
		t.Errorf("%v after %d times", err, asked.Load())
	}
	if err := notifier.Replace(map[string]notify.Webhook{"default": {URL: well.URL + secret}}); err != nil {
		t.Fatal(err)
	}
	if err := notifier.Send(t.Context(), "default", shop, []byte("{}")); err != nil {
		t.Error(err)
	}
}

func TestWhatSlackAnswers(t *testing.T) {
	t.Parallel()
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) }
	}
	var permanent *promotion.PermanentError
	var delayed *promotion.DelayedError
	tests := map[string]struct {
		answer http.HandlerFunc
		check  func(error) bool
	}{
		"too many": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, func(err error) bool {
			return errors.As(err, &delayed) && delayed.After == 7*time.Second
		}},
		"its own failure": {status(500, "rollup_error"), func(err error) bool { return !errors.As(err, &permanent) }},
		"a bad payload": {status(400, "invalid_payload"), func(err error) bool {
			return errors.As(err, &permanent) && strings.Contains(err.Error(), "invalid_payload")
		}},
		"a hook removed":     {status(404, "no_service"), isPaused},
		"a channel archived": {status(410, "channel_is_archived"), isPaused},
		"posting prohibited": {status(403, "action_prohibited"), isPaused},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
		}, func(err error) bool { return errors.As(err, &permanent) }},
		"nothing": {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, func(err error) bool { return err != nil && !errors.As(err, &permanent) }},
		"a reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(err error) bool { return err != nil && !errors.As(err, &permanent) }},
	}
	for name, test := range tests {
		permanent, delayed = nil, nil
		notifier := hook(t, test.answer)
		err := notifier.Send(t.Context(), "default", shop, []byte("{}"))
		if err == nil || !test.check(err) {
			t.Errorf("%s: %v", name, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v %v %+v %#v", err, err, err, notifier, notifier, notifier); strings.Contains(shown, "do-not-show-this") {
			t.Errorf("%s: the address is shown: %s", name, shown)
		}
	}
}

func TestWhoMayUseAWebhook(t *testing.T) {
	t.Parallel()
	notifier := hook(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, "acme/*")
	var permanent *promotion.PermanentError
	if err := notifier.Send(t.Context(), "default", shop, nil); err != nil {
		t.Error(err)
	}
	if err := notifier.Send(t.Context(), "default", promotion.Repository{Owner: "other", Name: "shop"}, nil); !errors.As(err, &permanent) {
		t.Errorf("another owner's repository: %v", err)
	}
	if err := notifier.Send(t.Context(), "ops", shop, nil); !errors.As(err, &permanent) {
		t.Errorf("a webhook that there is not: %v", err)
	}
}

func TestOnlyHTTPSOrLoopback(t *testing.T) {
	t.Parallel()
	for address, allowed := range map[string]bool{
		"https://hooks.example.com/x": true, "http://127.0.0.1:1/x": true, "http://hooks.example.com/x": false, "": false, "ftp://x/y": false,
	} {
		if _, err := notify.New(map[string]notify.Webhook{"default": {URL: address}}, notify.Options{}); (err == nil) != allowed {
			t.Errorf("%q: %v", address, err)
		}
	}
}
