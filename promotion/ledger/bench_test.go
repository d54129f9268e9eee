package ledger_test

import (
	"fmt"
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

// How long a claim and its completion take while many rows wait.
func BenchmarkClaimAndComplete(b *testing.B) {
	for _, waiting := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			book := open(b)
			for i := range waiting {
				book.accept(fmt.Sprintf("waiting-%d", i), "push", fmt.Sprintf("queue-%d", i%500))
			}
			for i := 0; b.Loop(); i++ {
				book.accept(fmt.Sprintf("next-%d", i), "push", "")
				_, work := book.claims(8)
				for _, row := range work {
					book.must(book.complete(row.Lease, promotion.Changes{}))
				}
			}
		})
	}
}
