package server

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

type askedFor struct{ deliveries []int64 }

func (a *askedFor) Redeliver(_ context.Context, delivery int64) error {
	a.deliveries = append(a.deliveries, delivery)
	return nil
}

// attempts lists a delivery that failed so often with the status, newest first.
func attempts(guid string, first int64, count, status int) []forge.Delivery {
	var listed []forge.Delivery
	for i := range count {
		listed = append(listed, forge.Delivery{ID: first + int64(i), GUID: guid, Status: status})
	}
	slices.Reverse(listed)
	return listed
}

func TestARefusedSignatureIsNoAttempt(t *testing.T) {
	t.Parallel()
	for status, expected := range map[int]struct{ asked, lost int }{
		http.StatusUnauthorized: {asked: 1}, http.StatusUnsupportedMediaType: {asked: 1}, http.StatusServiceUnavailable: {lost: 1},
	} {
		asked, lost, err := catchUp(t.Context(), &askedFor{}, attempts("a", 1, catchUpAttempts+5, status), 100)
		if err != nil || asked != expected.asked || lost != expected.lost {
			t.Errorf("after attempts that were answered %d: asked %d, lost %d, %v; expected %+v", status, asked, lost, err, expected)
		}
	}
}

func TestWhileTheSecretIsWrongOneDeliveryIsAskedFor(t *testing.T) {
	t.Parallel()
	listed := append(attempts("b", 10, 3, http.StatusUnauthorized), attempts("a", 1, 3, http.StatusUnauthorized)...)
	probe := &askedFor{}
	if asked, _, err := catchUp(t.Context(), probe, listed, 1); err != nil || asked != 1 || !slices.Equal(probe.deliveries, []int64{1}) {
		t.Errorf("asked for %v, %v; expected the oldest alone", probe.deliveries, err)
	}
}

func TestWhatTheNewestDeliveriesTellOfTheWebhook(t *testing.T) {
	t.Parallel()
	refused, unsupported, kept := attempts("a", 1, 1, 401), attempts("a", 1, 1, 415), []forge.Delivery{{ID: 1, GUID: "b", Status: 202, Succeeded: true}}
	for name, test := range map[string]struct {
		newest, older []forge.Delivery
		refuses       bool
	}{
		"none": {}, "refused": {newest: refused, older: kept, refuses: true}, "of another type": {newest: unsupported, older: kept, refuses: true},
		"mended": {newest: kept, older: refused}, "not kept since": {newest: attempts("c", 1, 2, 503), older: refused, refuses: true},
		"unanswered": {newest: attempts("c", 1, 2, 0), older: kept},
	} {
		webhook := newWebhookSecret(time.Now, time.Minute)
		refuses := webhook.look(append(slices.Clone(test.newest), test.older...))
		if refuses != test.refuses || len(webhook.Degraded()) > 0 != test.refuses {
			t.Errorf("%s: %v, told %v", name, refuses, webhook.Degraded())
		}
		webhook.signed()
		if told := webhook.Degraded(); len(told) > 0 {
			t.Errorf("%s: a delivery that was signed as it should be has come since, and %v is told", name, told)
		}
	}
}
