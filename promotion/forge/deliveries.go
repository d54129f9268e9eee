package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Delivery is one attempt of GitHub's to deliver a webhook to the app.
type Delivery struct {
	ID        int64
	GUID      string // the same for each attempt
	Event     string
	Delivered time.Time

	Redelivered bool // somebody asked for this attempt: it is not the first
	Status      int  // that was answered; 0: nothing was
	Succeeded   bool // it was answered 2xx
}

// Deliveries gives the attempts to deliver since then, newest first, and at most so many hundreds. GitHub keeps them for
// three days. One call, with the app's own credentials, for each hundred.
func (f *Forge) Deliveries(ctx context.Context, since time.Time, hundreds int) ([]Delivery, error) {
	var deliveries []Delivery
	err := f.eachDelivery(ctx, hundreds, func(delivery Delivery) bool {
		if delivery.Delivered.Before(since) {
			return false
		}
		deliveries = append(deliveries, delivery)
		return true
	})
	if err != nil {
		return nil, err
	}
	return deliveries, nil
}

// firstHundreds is how many hundreds of deliveries are looked through for the first attempt of one.
const firstHundreds = 10

// FirstDelivered returns when GitHub first tried to deliver what has this GUID, looking back until then. One call, with the
// app's own credentials, where it was not delivered again.
func (f *Forge) FirstDelivered(ctx context.Context, guid string, since time.Time) (promotion.FirstDelivery, error) {
	var first promotion.FirstDelivery
	seen := 0
	err := f.eachDelivery(ctx, firstHundreds, func(delivery Delivery) bool {
		seen++
		if delivery.GUID == guid {
			first.Listed = true
			if !delivery.Redelivered {
				first.At = delivery.Delivered
				return false
			}
		}
		// It was only just delivered: an attempt of it is among the newest, or not listed.
		return !delivery.Delivered.Before(since) && (first.Listed || seen < 100)
	})
	return first, err
}

// eachDelivery reads the attempts to deliver, newest first, until the function has seen enough.
// (https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook)
func (f *Forge) eachDelivery(ctx context.Context, hundreds int, see func(Delivery) bool) error {
	const operation = "list the app's deliveries"
	cursor := ""
	for range hundreds {
		var answer []struct {
			ID         int64     `json:"id"`
			GUID       string    `json:"guid"`
			Event      string    `json:"event"`
			Delivered  time.Time `json:"delivered_at"`
			Redelivery bool      `json:"redelivery"`
			StatusCode *int      `json:"status_code"`
		}
		query := url.Values{"per_page": {pageSize}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		_, err := f.call(ctx, theApp, request{operation: operation, method: http.MethodGet, address: at("app/hook/deliveries"), query: query, cursor: &cursor}, &answer)
		if err != nil {
			return err
		}
		for _, listed := range answer {
			if listed.ID <= 0 || listed.GUID == "" || listed.StatusCode == nil {
				return lacking(operation, "delivery")
			}
			delivery := Delivery{
				ID: listed.ID, GUID: listed.GUID, Event: listed.Event, Delivered: listed.Delivered.UTC(), Redelivered: listed.Redelivery,
				Status: *listed.StatusCode, Succeeded: *listed.StatusCode >= 200 && *listed.StatusCode < 300,
			}
			if !see(delivery) {
				return nil
			}
		}
		if cursor == "" || len(answer) == 0 {
			return nil
		}
	}
	return nil
}

// Redeliver has GitHub deliver again, under the same GUID. It returns promotion.ErrNotFound for a delivery that GitHub does
// not keep any more. One call.
// (https://docs.github.com/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook)
func (f *Forge) Redeliver(ctx context.Context, delivery int64) error {
	_, err := f.call(ctx, theApp, request{
		operation: fmt.Sprintf("ask for delivery %d again", delivery), method: http.MethodPost, address: at("app/hook/deliveries/{delivery}/attempts", number(delivery)),
	}, nil)
	return err
}
