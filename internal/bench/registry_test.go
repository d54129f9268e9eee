package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/verbatim-dev/verbatim/internal/ecrtest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/budget"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// BenchmarkECRQuota: 200 promotions of four repositories wait to set a tag in a registry that allows ten PutImage calls in
// any second. The moments are reserved in a ledger, as with several servers: here two, with a budget each.
func BenchmarkECRQuota(b *testing.B) {
	cloud, err := ecrtest.New(time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(cloud.Close)
	cloud.Repository("shop/api", "MUTABLE")
	if _, err := cloud.PushIndex("shop/api", "abc", "seed"); err != nil {
		b.Fatal(err)
	}
	cloud.Quota(10)
	book, err := ledger.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "verbatim.db"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = book.Close() })
	servers := []*registry.Registry{quotaServer(cloud, book), quotaServer(cloud, book)}
	target, err := promotion.ParseRegistryRepository(ecrtest.Host + "/shop/api")
	if err != nil {
		b.Fatal(err)
	}
	named, err := servers[0].Resolve(b.Context(), target, "abc")
	if err != nil {
		b.Fatal(err)
	}
	inspection, err := servers[0].Inspect(b.Context(), target, named.Digest, nil)
	if err != nil {
		b.Fatal(err)
	}
	const waiting = 200
	for b.Loop() {
		began := time.Now()
		var group sync.WaitGroup
		for i := range waiting {
			group.Add(1)
			go func() {
				defer group.Done()
				turn := promotion.WithTurn(b.Context(), promotion.Turn{Repository: int64(i % 4), Urgent: true})
				for {
					// Each waits in place for a while, and is put back if that was too short, as the worker does.
					err := servers[i%2].SetTag(turn, target, inspection.Manifest, fmt.Sprintf("production-%d-%d", i, began.UnixNano()))
					if err == nil {
						return
					}
				}
			}()
		}
		group.Wait()
		b.ReportMetric(waiting/time.Since(began).Seconds(), "puts/s")
	}
	b.ReportMetric(float64(cloud.Throttled()), "throttled")
}

func quotaServer(cloud *ecrtest.Server, book *ledger.Ledger) *registry.Registry {
	spend := budget.New(budget.Options{Reserver: book})
	return registry.New(registry.Options{
		Pace: func(ctx context.Context, account string) error { return spend.Pace(ctx, account, 10) },
		AWS: func(context.Context) (aws.Config, error) {
			return aws.Config{BaseEndpoint: aws.String(cloud.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
		},
	})
}
