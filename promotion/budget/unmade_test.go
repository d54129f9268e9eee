package budget_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/budget"
)

// A call that waits for its turn until its deadline is nearly over would time out, and the host would be blamed for it.
func TestWaitingForATurnLeavesTimeForTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{Concurrency: 1})
		first, err := b.Admit(of(t, 1, true), host, shop)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(of(t, 2, true), 10*time.Second)
		defer cancel()
		_, err = b.Admit(ctx, host, shop)
		if left := time.Until(deadline(t, ctx)); left < 5*time.Second {
			t.Errorf("%s are left of ten seconds", left)
		}
		var delayed *promotion.DelayedError
		if !errors.As(err, &delayed) || !delayed.Untried {
			t.Errorf("expected that the call is put off, found %v", err)
		}
		first(200, nil, nil)
		if err := call(t, b, of(t, 1, true), shop, 200, nil); err != nil {
			t.Errorf("the place is lost: %v", err)
		}
	})
}

func deadline(t *testing.T, ctx context.Context) time.Time { //nolint:revive // the test comes first
	t.Helper()
	at, found := ctx.Deadline()
	if !found {
		t.Fatal("no deadline")
	}
	return at
}

// What is refused by ourselves, after the call was admitted, was never asked of the host.
func TestACallThatWasNotMadeSaysNothingOfTheHost(t *testing.T) {
	t.Parallel()
	unmade := map[string]error{
		"not its turn":   &promotion.DelayedError{Err: errors.New("too many wait"), After: time.Second, Untried: true},
		"the lease lost": fmt.Errorf("set the tag: %w", promotion.ErrLeaseLost),
	}
	for name, unmade := range unmade {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := budget.New(budget.Options{})
				ctx := of(t, 1, true)
				report := func(err error) {
					done, admitted := b.Admit(ctx, host, shop)
					if admitted != nil {
						t.Fatal(admitted)
					}
					done(0, nil, err)
				}
				for range 20 {
					report(unmade)
				}
				for range 8 {
					report(errors.New("connection refused"))
				}
				if !b.Hosts()[host] {
					t.Fatal("the host is not left alone")
				}
				time.Sleep(10 * time.Second)
				report(unmade) // as the one that tries
				if !b.Hosts()[host] {
					t.Error("the host counts as back, and nobody asked it")
				}
				report(nil) // another may try, and does
				if b.Hosts()[host] {
					t.Error("the host is back, and is left alone")
				}
			})
		})
	}
}
