package provenance

import (
	"context"
	"fmt"
	"time"
)

const (
	freshFor   = 24 * time.Hour
	usableFor  = 3 * freshFor // when it cannot be refreshed
	retryAfter = time.Minute
	fetchTime  = 30 * time.Second
)

// kept keeps trust roots in memory: fetched at their first use, and anew after a day.
type kept struct {
	fetch func(context.Context) ([]trustRoot, error)
	now   func() time.Time
	turn  chan struct{} // holds one value while somebody reads or writes what is below

	roots   []trustRoot
	fetched time.Time
	failure error // of the last fetch
	failed  time.Time
}

func keep(fetch func(context.Context) ([]trustRoot, error)) *kept {
	return &kept{fetch: fetch, now: time.Now, turn: make(chan struct{}, 1)}
}

// get gives the roots. It fetches them when they are not there or a day old; when that fails it gives the old ones for
// two days more, and asks again after a minute at the earliest.
func (k *kept) get(ctx context.Context) ([]trustRoot, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := k.now()
	age := now.Sub(k.fetched)
	if k.roots != nil && age < freshFor {
		return k.roots, nil
	}
	if k.failure == nil || now.Sub(k.failed) >= retryAfter {
		if err := k.refresh(ctx, now); err != nil {
			return nil, err
		}
		if k.failure == nil {
			return k.roots, nil
		}
	}
	if k.roots != nil && age < usableFor {
		return k.roots, nil
	}
	return nil, fmt.Errorf("the trust root is out of reach: %w", k.failure)
}

// refresh fetches and remembers what came of it. It returns an error, and remembers nothing, when the caller gave up.
func (k *kept) refresh(ctx context.Context, now time.Time) error {
	limited, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	roots, err := k.fetch(limited)
	switch {
	case err == nil:
		k.roots, k.fetched, k.failure = roots, now, nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		k.failure, k.failed = err, now
	}
	return nil
}
