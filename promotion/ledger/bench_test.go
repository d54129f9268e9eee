package ledger_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

func BenchmarkAccept(b *testing.B) {
	payload := make([]byte, 1_000) // as much as is kept of a usual delivery
	for i := range payload {
		payload[i] = 'x'
	}
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			book := open(b)
			var count atomic.Int64
			b.SetParallelism(max(callers/4, 1))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					guid := fmt.Sprint(count.Add(1))
					if _, err := book.Accept(b.Context(), ledger.Delivery{GUID: guid, Event: "workflow_run", Queue: guid, Payload: payload, Received: time.Now()}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// shapes of what may wait.
var shapes = map[string]func(i int, now time.Time) ledger.Waiting{
	"one-queue": func(int, time.Time) ledger.Waiting { return ledger.Waiting{Repository: 1, Queue: "one"} },
	"100000-queues": func(i int, _ time.Time) ledger.Waiting {
		return ledger.Waiting{Repository: 1, Queue: fmt.Sprint("queue-", i%100_000)}
	},
	"10000-repositories": func(i int, _ time.Time) ledger.Waiting {
		return ledger.Waiting{Repository: int64(i%10_000) + 1, Queue: fmt.Sprint("queue-", i)}
	},
	"waiting-for-a-retry": func(i int, now time.Time) ledger.Waiting {
		return ledger.Waiting{Repository: int64(i%10_000) + 1, Queue: fmt.Sprint("queue-", i), At: now.Add(time.Hour)}
	},
}

// mostRows is how many rows wait at most: VERBATIM_BENCH_ROWS.
func mostRows() int { return setting("VERBATIM_BENCH_ROWS", 10_000) }

func setting(name string, otherwise int) int {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return value
	}
	return otherwise
}

// filled is a ledger in which so many rows wait in a shape.
func filled(b *testing.B, shape string, waiting int) *book {
	b.Helper()
	book := open(b)
	now := book.clock.Now()
	book.must(book.Fill(b.Context(), waiting, func(i int) ledger.Waiting { return shapes[shape](i, now) }))
	return book
}

// claimed claims eight rows and looks for the next, and gives how long that took. Of what it takes others take the place: as
// many wait as before.
func (b *book) claimed(guid string) time.Duration {
	b.t.Helper()
	b.accept(guid, "push", "")
	began := time.Now()
	_, work := b.claims(8)
	_, _, err := b.NextRun(b.t.Context(), nil)
	took := time.Since(began)
	b.must(err)
	for _, row := range work {
		b.must(b.Retry(b.t.Context(), row.Lease, b.clock.Now(), "again", false))
	}
	return took
}

// BenchmarkClaim: what it takes to claim eight rows and to look for the next, at the median, while a hundred rows wait in each
// shape and while many do, in turns, so that a busy machine slows both: VERBATIM_BENCH_ROWS=1000000 for the most, and
// .ci/postgres for PostgreSQL.
func BenchmarkClaim(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		b.Run(fmt.Sprintf("shape=%s/waiting=%d", name, mostRows()), func(b *testing.B) {
			few, many := filled(b, name, 100), filled(b, name, mostRows())
			var of [2][]time.Duration
			b.ResetTimer()
			for i := range b.N {
				for j, book := range []*book{few, many} {
					of[j] = append(of[j], book.claimed(fmt.Sprintf("next-%d", i)))
				}
			}
			b.StopTimer()
			var median [2]float64
			for j, times := range of {
				slices.Sort(times)
				median[j] = float64(times[len(times)/2].Microseconds())
			}
			b.ReportMetric(median[0], "us-of-100")
			b.ReportMetric(median[1], "us-of-many")
			b.ReportMetric(median[1]/median[0], "times")
		})
	}
}

// BenchmarkDrain: how many rows a second are claimed and completed until none is left, or as many are done as
// VERBATIM_BENCH_DRAIN says.
func BenchmarkDrain(b *testing.B) {
	for _, waiting := range []int{1_000, mostRows()} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				book := filled(b, "100000-queues", waiting)
				b.StartTimer()
				began, done := time.Now(), 0
				for most := setting("VERBATIM_BENCH_DRAIN", waiting); done < min(most, waiting); {
					_, work := book.claims(32)
					var group sync.WaitGroup
					for _, row := range work {
						group.Go(func() { book.must(book.complete(row.Lease, promotion.Changes{})) })
					}
					group.Wait()
					done += len(work)
				}
				b.ReportMetric(float64(done)/time.Since(began).Seconds(), "rows/s")
			}
		})
	}
}
