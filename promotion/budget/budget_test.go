package budget_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/budget"
)

const (
	host      = "api.github.com"
	shop      = "installation 1"
	warehouse = "installation 2"
)

// of gives a context in which a repository calls.
func of(t *testing.T, repository int64, urgent bool) context.Context {
	t.Helper()
	return promotion.WithTurn(t.Context(), promotion.Turn{Repository: repository, Urgent: urgent})
}

// says makes headers of pairs.
func says(pairs ...string) http.Header {
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Set(pairs[i], pairs[i+1])
	}
	return header
}

func hour(limit, remaining int, reset time.Time) http.Header {
	return says("X-RateLimit-Limit", strconv.Itoa(limit), "X-RateLimit-Remaining", strconv.Itoa(remaining), "X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10), "X-RateLimit-Resource", "core")
}

// call makes a call that is answered so.
func call(t *testing.T, b *budget.Budget, ctx context.Context, identity string, status int, header http.Header) error { //nolint:revive // the test comes first
	t.Helper()
	done, err := b.Admit(ctx, host, identity)
	if err != nil {
		return err
	}
	done(status, header, nil)
	return nil
}

// after gives for how long calls are refused.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	var delayed *promotion.DelayedError
	if !errors.As(err, &delayed) {
		t.Fatalf("expected a delay, found %v", err)
	}
	return delayed.After
}

func TestWhoIsToldToStopStops(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		header func(now time.Time) http.Header
		want   time.Duration
	}{
		"retry-after":           {429, func(time.Time) http.Header { return says("Retry-After", "17") }, 17 * time.Second},
		"a secondary limit":     {403, func(time.Time) http.Header { return says("Retry-After", "90", "X-RateLimit-Remaining", "4000") }, 90 * time.Second},
		"nothing said":          {429, func(time.Time) http.Header { return says() }, time.Minute},
		"the hour's calls":      {403, func(now time.Time) http.Header { return hour(5000, 0, now.Add(10*time.Minute)) }, 10 * time.Minute},
		"not allowed":           {403, func(time.Time) http.Header { return says() }, 0},
		"an absurd retry-after": {429, func(time.Time) http.Header { return says("Retry-After", "99999999") }, 2 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := budget.New(budget.Options{})
				if err := call(t, b, of(t, 1, true), shop, test.status, test.header(time.Now())); err != nil {
					t.Fatal(err)
				}
				err := call(t, b, of(t, 1, true), shop, 200, nil)
				if test.want == 0 {
					if err != nil {
						t.Errorf("refused: %v", err)
					}
					return
				}
				if got := after(t, err); got != test.want {
					t.Errorf("refused for %s, want %s", got, test.want)
				}
				if err := call(t, b, of(t, 2, true), warehouse, 200, nil); err != nil {
					t.Errorf("another installation is refused too: %v", err)
				}
				time.Sleep(test.want)
				if err := call(t, b, of(t, 1, true), shop, 200, nil); err != nil {
					t.Errorf("still refused after %s: %v", test.want, err)
				}
			})
		})
	}
}

// While GitHub does not take a key, it counts the calls as those of nobody: sixty an hour for an address. Once the key is mended, that
// says nothing of the app, whose work must not wait for that hour's end.
func TestTheLimitOfRefusedCredentialsIsNobodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{})
		reset := time.Now().Add(50 * time.Minute)
		if err := call(t, b, of(t, 1, false), shop, 200, hour(5000, 4000, reset)); err != nil {
			t.Fatal(err)
		}
		for remaining := 59; remaining >= 0; remaining-- {
			if err := call(t, b, of(t, 1, false), shop, 401, hour(60, remaining, reset)); err != nil {
				t.Fatalf("refused with %d calls of nobody's left: %v", remaining, err)
			}
		}
		if err := call(t, b, of(t, 1, false), shop, 200, nil); err != nil {
			t.Errorf("refused after the key was mended: %v", err)
		}
		if accounts := b.Accounts(); len(accounts) != 1 || accounts[0].Limit != 5000 {
			t.Errorf("known: %+v, want the limit of who was known", accounts)
		}
	})
}

func TestWhatCanWaitLeavesTheRestToPromotions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{})
		reset := time.Now().Add(30 * time.Minute)
		if err := call(t, b, of(t, 1, false), shop, 200, hour(5000, 999, reset)); err != nil {
			t.Fatal(err)
		}
		if got := after(t, call(t, b, of(t, 1, false), shop, 200, nil)); got < 29*time.Minute {
			t.Errorf("refused for %s, want until the hour is over", got)
		}
		if err := call(t, b, of(t, 1, true), shop, 200, hour(5000, 1000, reset)); err != nil { // an older answer
			t.Errorf("a promotion was refused: %v", err)
		}
		if accounts := b.Accounts(); len(accounts) != 1 || accounts[0].Remaining != 999 || accounts[0].Limit != 5000 {
			t.Errorf("known: %+v", accounts)
		}
		if err := call(t, b, of(t, 1, true), shop, 200, hour(5000, 0, reset)); err != nil {
			t.Fatal(err)
		}
		if got := after(t, call(t, b, of(t, 1, true), shop, 200, nil)); got < 29*time.Minute {
			t.Errorf("refused for %s, want until the hour is over", got)
		}
		time.Sleep(30 * time.Minute)
		if err := call(t, b, of(t, 1, false), shop, 200, nil); err != nil {
			t.Errorf("refused in the next hour: %v", err)
		}
	})
}

func TestABurstOfOneRepositoryDoesNotStarveAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{Concurrency: 1})
		first, err := b.Admit(of(t, 1, false), host, shop)
		if err != nil {
			t.Fatal(err)
		}
		var mutex sync.Mutex
		var served []string
		queue := func(name string, repository int64, urgent bool) {
			go func() {
				done, err := b.Admit(of(t, repository, urgent), host, shop)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				mutex.Lock()
				served = append(served, name)
				mutex.Unlock()
				done(200, nil, nil)
			}()
			synctest.Wait()
		}
		for i := range 4 {
			queue(fmt.Sprintf("burst-%d", i), 1, false)
		}
		queue("other", 2, false)
		queue("promotion", 3, true)
		gone, leave := context.WithCancel(of(t, 2, true))
		go func() { _, _ = b.Admit(gone, host, shop) }()
		synctest.Wait()
		leave()
		synctest.Wait()
		first(200, nil, nil)
		synctest.Wait()
		if want := []string{"promotion", "burst-0", "other", "burst-1", "burst-2", "burst-3"}; !slices.Equal(served, want) {
			t.Errorf("served %v, want %v", served, want)
		}
		if err := call(t, b, of(t, 1, false), shop, 200, nil); err != nil {
			t.Errorf("the place of who left is lost: %v", err)
		}
	})
}

func TestAHostThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{})
		ctx := of(t, 1, true)
		fail := func() error {
			done, err := b.Admit(ctx, host, shop)
			if err == nil {
				done(0, nil, errors.New("connection refused"))
			}
			return err
		}
		if err := call(t, b, ctx, shop, 404, nil); err != nil {
			t.Fatal(err)
		}
		calls := 0
		for ; fail() == nil; calls++ {
		}
		if calls != 8 || !b.Hosts()[host] {
			t.Errorf("%d failures, open %v; want 8", calls, b.Hosts())
		}
		if err := call(t, b, ctx, warehouse, 200, nil); err == nil {
			t.Error("the host was called for another installation")
		}
		if done, err := b.Admit(ctx, "registry.example.com", ""); err != nil {
			t.Errorf("another host: %v", err)
		} else {
			done(200, nil, nil)
		}
		time.Sleep(10 * time.Second)
		if err := fail(); err != nil {
			t.Errorf("it was not tried again: %v", err)
		}
		pause := after(t, fail())
		time.Sleep(pause)
		probe, err := b.Admit(ctx, host, shop)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if fail() == nil {
			t.Error("two calls tried whether it is back")
		}
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("waited %s for another call to try", waited)
		}
		probe(503, nil, nil)
		time.Sleep(2 * time.Minute)
		if err := call(t, b, ctx, shop, 500-1, nil); err != nil {
			t.Error(err)
		}
		if fail() != nil || b.Hosts()[host] {
			t.Error("the host is back, and is left alone")
		}
	})
}

// Two calls for the same thing end each other: were one refused because the other tries, neither would ever be answered.
func TestWhoComesWhileAnotherTriesWaitsForWhatComesOfIt(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		status int
		gaveUp bool
		admits bool
	}{
		"it is back":      {status: 200, admits: true},
		"it is still off": {status: 503},
		"who tried left":  {gaveUp: true, admits: true}, // and the next one tries
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := budget.New(budget.Options{})
				ctx := of(t, 1, true)
				for call(t, b, ctx, shop, 503, nil) == nil {
				}
				time.Sleep(10 * time.Second)
				trying, giveUp := context.WithCancel(ctx)
				defer giveUp()
				probe, err := b.Admit(trying, host, shop)
				if err != nil {
					t.Fatal(err)
				}
				answers := make(chan error)
				go func() { answers <- call(t, b, ctx, shop, 200, nil) }()
				synctest.Wait()
				select {
				case err := <-answers:
					t.Fatalf("it did not wait: %v", err)
				default:
				}
				if way.gaveUp {
					giveUp()
					probe(0, nil, trying.Err())
				} else {
					probe(way.status, nil, nil)
				}
				if err := <-answers; (err == nil) != way.admits {
					t.Errorf("found %v", err)
				}
			})
		})
	}
}

func TestWhoGivesUpSaysNothingOfTheHost(t *testing.T) {
	t.Parallel()
	b := budget.New(budget.Options{})
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		done, err := b.Admit(ctx, host, shop)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		done(0, nil, ctx.Err())
	}
}

func TestTheRateIsKeptAndUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{})
		began := time.Now()
		var mutex sync.Mutex
		var moments []time.Duration
		var group sync.WaitGroup
		for i := range 190 {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := b.Pace(of(t, int64(i%7), i%3 == 0), "ecr put", 10); err != nil {
					t.Error(err)
					return
				}
				mutex.Lock()
				defer mutex.Unlock()
				moments = append(moments, time.Since(began))
			}()
		}
		group.Wait()
		slices.Sort(moments)
		for i := 10; i < len(moments); i++ {
			if span := moments[i] - moments[i-10]; span < time.Second {
				t.Fatalf("eleven within %s", span)
			}
		}
		if rate := float64(len(moments)-1) / moments[len(moments)-1].Seconds(); rate < 9.5 {
			t.Errorf("%.2f a second, want at least 9.5", rate)
		}
	})
}

func TestWhoWouldWaitTooLongIsSentAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Options{})
		var group sync.WaitGroup
		results := make([]error, 100)
		for i := range results {
			group.Add(1)
			go func() {
				defer group.Done()
				results[i] = b.Pace(of(t, 1, false), "slow", 1)
			}()
		}
		group.Wait()
		served := 0
		for _, err := range results {
			if err == nil {
				served++
			} else if after(t, err) <= 0 {
				t.Error("sent away without a time to come back")
			}
		}
		if served < 19 || served > 21 {
			t.Errorf("%d were served in 20 seconds", served)
		}
		time.Sleep(10 * time.Second) // nobody waits any more, and nobody serves
	})
}

func TestWithoutAReservationNobodyGoes(t *testing.T) {
	t.Parallel()
	b := budget.New(budget.Options{Reserver: broken{}})
	if err := b.Pace(t.Context(), "ecr put", 10); !errors.Is(err, errBroken) {
		t.Errorf("went: %v", err)
	}
}

type broken struct{}

var errBroken = errors.New("the database is gone")

func (broken) Reserve(context.Context, string, time.Duration, int) (time.Duration, error) {
	return 0, errBroken
}

func TestATransportWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := budget.New(budget.Options{})
	client := &http.Client{Transport: b.Transport(answers(http.StatusTooManyRequests), func(r *http.Request) string { return r.Header.Get("Who") })}
	ask := func(who string) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Who", who)
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	if err := ask(shop); err != nil {
		t.Fatal(err)
	}
	if got := after(t, ask(shop)); got < 59*time.Second {
		t.Errorf("refused for %s", got)
	}
	if err := ask(warehouse); err != nil {
		t.Errorf("another installation: %v", err)
	}
}

// answers answers everything with one status.
type answers int

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(a), Body: http.NoBody, Header: http.Header{}}, nil
}

// go-github refuses calls by itself until the end of a limit that it was told of.
func TestTheLimitOfRefusedCredentialsIsToldToNobody(t *testing.T) {
	t.Parallel()
	for status, told := range map[int]string{http.StatusUnauthorized: "", http.StatusOK: "0"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		client := http.Client{Transport: budget.New(budget.Options{}).Transport(http.DefaultTransport, nil)}
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("X-RateLimit-Remaining"); got != told {
			t.Errorf("with %d: %q calls are said to be left, expected %q", status, got, told)
		}
	}
}
