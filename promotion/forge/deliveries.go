package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Delivery is one attempt of GitHub's to deliver a webhook to the app.
type Delivery struct {
	ID        int64
	GUID      string // the same for each attempt
	Event     string
	Delivered time.Time
	Status    int  // that was answered; 0: nothing was
	Succeeded bool // it was answered 2xx
}

// Deliveries gives the attempts to deliver since then, newest first, and at most so many hundreds. GitHub keeps them for
// three days. One call, with the app's own credentials, for each hundred.
// (https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook)
func (f *Forge) Deliveries(ctx context.Context, since time.Time, hundreds int) ([]Delivery, error) {
	const operation = "list the app's deliveries"
	var deliveries []Delivery
	cursor := ""
	for range hundreds {
		var answer []struct {
			ID         int64     `json:"id"`
			GUID       string    `json:"guid"`
			Event      string    `json:"event"`
			Delivered  time.Time `json:"delivered_at"`
			StatusCode *int      `json:"status_code"`
		}
		query := url.Values{"per_page": {pageSize}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		_, err := f.call(ctx, theApp, request{operation: operation, method: http.MethodGet, address: at("app/hook/deliveries"), query: query, cursor: &cursor}, &answer)
		if err != nil {
			return nil, err
		}
		for _, listed := range answer {
			if listed.ID <= 0 || listed.GUID == "" || listed.StatusCode == nil {
				return nil, lacking(operation, "delivery")
			}
			if listed.Delivered.Before(since) {
				return deliveries, nil
			}
			deliveries = append(deliveries, Delivery{
				ID: listed.ID, GUID: listed.GUID, Event: listed.Event, Delivered: listed.Delivered.UTC(), Status: *listed.StatusCode, Succeeded: *listed.StatusCode >= 200 && *listed.StatusCode < 300,
			})
		}
		if cursor == "" || len(answer) == 0 {
			return deliveries, nil
		}
	}
	return deliveries, nil
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
