// Package budget is the one place that knows how much may be asked of each system outside, and whose turn it is: GitHub's
// limits by installation, a registry's rate of writing, and which hosts do not answer at the moment.
package budget

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Options are what a Budget can be given. The zero value works.
type Options struct {
	Clock       func() time.Time    // nil: time.Now
	Concurrency int                 // calls of one account at once; 0: 50, half of what GitHub allows
	Reserve     float64             // the part of an hour's calls that is kept for what cannot wait; 0: a fifth
	Reserver    Reserver            // nil: in memory, for one process
	Waited      func(time.Duration) // told how long each call waited for its turn; nil: nobody is
}

// Budget keeps accounts, breakers and rates. It is safe for concurrent use.
type Budget struct {
	options Options

	mutex    sync.Mutex
	accounts map[string]*account // by host and identity
	breakers map[string]*breaker // by host
	rates    map[string]*rate    // by name
}

const (
	defaultConcurrency = 50
	defaultReserve     = 0.2
	// shortWait is how long a call waits in place; for longer, its work is put back.
	shortWait = 2 * time.Second
	// maximumAccounts bounds how many accounts are remembered; the idle ones are forgotten first.
	maximumAccounts = 10_000
)

// New makes a Budget.
func New(options Options) *Budget {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.Concurrency <= 0 {
		options.Concurrency = defaultConcurrency
	}
	if options.Reserve <= 0 {
		options.Reserve = defaultReserve
	}
	if options.Waited == nil {
		options.Waited = func(time.Duration) {}
	}
	if options.Reserver == nil {
		options.Reserver = &memory{clock: options.Clock, next: map[string]time.Time{}}
	}
	return &Budget{options: options, accounts: map[string]*account{}, breakers: map[string]*breaker{}, rates: map[string]*rate{}}
}

// Done says what came of a call that was admitted: the answer's status and header, or the error.
type Done func(status int, header http.Header, err error)

// Admit waits for the turn of a call to the host, as the identity ("" where there are none to tell apart), and must be
// told what came of it. It returns a *promotion.DelayedError without waiting when the host does not answer at the moment
// (while another call tries it, what cannot wait waits two seconds at most), the identity's limit is used up, or so little of it is left that
// only what cannot wait may use it; and after half of the time that the context leaves, so that the call can be made in the
// other half.
func (b *Budget) Admit(ctx context.Context, host, identity string) (Done, error) {
	breaker, account := b.find(host, identity)
	probe, err := breaker.allow(ctx, b.options.Clock)
	if err != nil {
		return nil, err
	}
	began := b.options.Clock()
	if err := account.admit(ctx, promotion.TurnOf(ctx), b.options); err != nil {
		breaker.withdraw(probe)
		return nil, err
	}
	b.options.Waited(b.options.Clock().Sub(began))
	return func(status int, header http.Header, err error) {
		now := b.options.Clock()
		account.leave(status, header, now)
		breaker.report(ctx, probe, status, err, now)
	}, nil
}

func (b *Budget) find(host, identity string) (*breaker, *account) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	key := host + " " + identity
	of, found := b.accounts[key]
	if !found {
		if len(b.accounts) >= maximumAccounts {
			b.forget()
		}
		of = newAccount(key, b.options.Concurrency)
		b.accounts[key] = of
	}
	guard, found := b.breakers[host]
	if !found {
		guard = &breaker{host: host}
		b.breakers[host] = guard
	}
	return guard, of
}

// forget drops the accounts that nobody uses and that nothing is known of which still holds.
func (b *Budget) forget() {
	now := b.options.Clock()
	for key, of := range b.accounts {
		if of.idle(now) {
			delete(b.accounts, key)
		}
	}
}

// Account is what is known of one identity's limit.
type Account struct {
	Name             string // the host, and the identity
	Limit, Remaining int
}

// Accounts gives what is known of the limits, in no order.
func (b *Budget) Accounts() []Account {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var all []Account
	for _, of := range b.accounts {
		if known, isKnown := of.known(b.options.Clock()); isKnown {
			all = append(all, known)
		}
	}
	return all
}

// Hosts gives, of each host that was ever called, whether calls to it are refused at the moment.
func (b *Budget) Hosts() map[string]bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	refused := map[string]bool{}
	for host, guard := range b.breakers {
		refused[host] = guard.isOpen()
	}
	return refused
}

// Unanswering gives the hosts that have not answered the last calls, each with the time of the first of them.
func (b *Budget) Unanswering() map[string]time.Time {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	silent := map[string]time.Time{}
	for host, guard := range b.breakers {
		if since, isSo := guard.unanswering(); isSo {
			silent[host] = since
		}
	}
	return silent
}

// Transport has each request wait for its turn. identity names whom a request is made as; nil: there are none to tell apart.
func (b *Budget) Transport(next http.RoundTripper, identity func(*http.Request) string) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		who := ""
		if identity != nil {
			who = identity(request)
		}
		done, err := b.Admit(request.Context(), request.URL.Host, who)
		if err != nil {
			if request.Body != nil {
				_ = request.Body.Close() // as http.RoundTripper asks
			}
			return nil, err
		}
		response, err := next.RoundTrip(request)
		if err != nil {
			done(0, nil, err)
			return nil, err
		}
		status := response.StatusCode
		if status == http.StatusForbidden && saysTooFast(response) {
			status = http.StatusTooManyRequests // what it means
		}
		done(status, response.Header, nil)
		if status == http.StatusUnauthorized {
			// Nor may go-github, which refuses calls by itself until a limit's end, take nobody's limit for its own.
			for _, name := range []string{"Limit", "Remaining", "Reset"} {
				response.Header.Del("X-RateLimit-" + name)
			}
		}
		return response, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip makes a request.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func delayed(after time.Duration, format string, arguments ...any) error {
	return &promotion.DelayedError{Err: fmt.Errorf(format, arguments...), After: max(after, time.Second), Untried: true}
}
