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

// BenchmarkClaim: what it takes to claim eight rows and to look for the next, while so many wait in each
// shape: VERBATIM_BENCH_ROWS=1000000 for the most, and .ci/postgres for PostgreSQL.
func BenchmarkClaim(b *testing.B) {
	most := 10_000
	if rows, err := strconv.Atoi(os.Getenv("VERBATIM_BENCH_ROWS")); err == nil {
		most = rows
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for _, waiting := range []int{100, most} {
			b.Run(fmt.Sprintf("shape=%s/waiting=%d", name, waiting), func(b *testing.B) {
				book := open(b)
				now := book.clock.Now()
				book.must(book.Fill(b.Context(), waiting, func(i int) ledger.Waiting { return shapes[name](i, now) }))
				for i := 0; b.Loop(); i++ {
					b.StopTimer() // of rows that are taken others take the place: as many wait as before
					book.accept(fmt.Sprintf("next-%d", i), "push", "")
					b.StartTimer()
					_, work := book.claims(8)
					_, _, err := book.NextRun(b.Context(), nil)
					book.must(err)
					b.StopTimer()
					for _, row := range work {
						book.must(book.Retry(b.Context(), row.Lease, now, "again", false))
					}
					b.StartTimer()
				}
			})
		}
	}
}

// BenchmarkDrain: how many rows a second are claimed and completed until none is left.
func BenchmarkDrain(b *testing.B) {
	most := 10_000
	if rows, err := strconv.Atoi(os.Getenv("VERBATIM_BENCH_ROWS")); err == nil {
		most = rows
	}
	for _, waiting := range []int{1_000, most} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				book := open(b)
				book.must(book.Fill(b.Context(), waiting, func(i int) ledger.Waiting { return shapes["100000-queues"](i, book.clock.Now()) }))
				b.StartTimer()
				began := time.Now()
				for done := 0; done < waiting; {
					_, work := book.claims(32)
					var group sync.WaitGroup
					for _, row := range work {
						group.Go(func() { book.must(book.complete(row.Lease, promotion.Changes{})) })
					}
					group.Wait()
					done += len(work)
				}
				b.ReportMetric(float64(waiting)/time.Since(began).Seconds(), "rows/s")
			}
		})
	}
}
