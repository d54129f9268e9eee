package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// delivery gives a real workflow_run delivery of a repository without a policy, padded to 20 KB with a commit message.
func delivery(b *testing.B, set *scene.Scene) []byte {
	b.Helper()
	run := set.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Actor: set.Walter})
	for _, captured := range set.GitHub.Capture(func() { run.Request() }) {
		if captured.Event() == "workflow_run" {
			return captured.Body()
		}
	}
	b.Fatal("no delivery")
	return nil
}

// client posts signed deliveries over so many connections.
func client(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
}

func post(ctx context.Context, client *http.Client, address, event, signature string, guid int64, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", event)
	request.Header.Set("X-GitHub-Delivery", fmt.Sprintf("%036x", guid))
	request.Header.Set("X-Hub-Signature-256", signature)
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
	return response.StatusCode, response.Body.Close()
}

// flood has the connections post b.N deliveries, and reports how many a second and the slowest hundredth.
func flood(b *testing.B, connections int, address, signature string, body []byte, want int) {
	b.Helper()
	sender := client(connections)
	var next atomic.Int64
	times := make([][]time.Duration, connections)
	ended := make(chan error, connections)
	b.ResetTimer()
	began := time.Now()
	for i := range connections {
		go func() {
			for number := next.Add(1); number <= int64(b.N); number = next.Add(1) {
				sent := time.Now()
				status, err := post(b.Context(), sender, address, "workflow_run", signature, number, body)
				if err != nil || status != want {
					ended <- fmt.Errorf("answered %d %w", status, err)
					return
				}
				times[i] = append(times[i], time.Since(sent))
			}
			ended <- nil
		}()
	}
	for range connections {
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/took.Seconds(), "deliveries/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	if status, err := os.ReadFile("/proc/self/status"); err == nil { // of the load generator and the stand-ins as well
		if _, rest, found := strings.Cut(string(status), "VmRSS:"); found {
			kilobytes, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			b.ReportMetric(kilobytes/1024, "RSS-MB")
		}
	}
}

// BenchmarkIntake: a delivery is signed, checked and committed to SQLite before it is answered.
func BenchmarkIntake(b *testing.B) {
	for _, connections := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			set, err := scene.Start(b.Context(), scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.Workers = 1 }})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = set.Close() })
			body := delivery(b, set)
			b.SetBytes(int64(len(body)))
			flood(b, connections, "http://"+set.Server.Addr()+"/api/github/hook", githubtest.Sign(set.GitHub.WebhookSecret(), body), body, http.StatusAccepted)
		})
	}
}

type nothing struct{}

func (nothing) Handles() []string { return []string{"workflow_run"} }

func (nothing) Handle(context.Context, string, string, []byte) error { return nil }

// BenchmarkBareDispatcher: go-githubapp's dispatcher alone, which keeps nothing.
func BenchmarkBareDispatcher(b *testing.B) {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	b.Cleanup(func() { zerolog.SetGlobalLevel(zerolog.TraceLevel) })
	for _, connections := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			set, err := scene.Start(b.Context(), scene.Options{Policy: "-"})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = set.Close() })
			body := delivery(b, set)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := &http.Server{Handler: githubapp.NewEventDispatcher([]githubapp.EventHandler{nothing{}}, "a secret"), ReadHeaderTimeout: time.Second}
			go func() { _ = server.Serve(listener) }() // ends with Close
			b.Cleanup(func() { _ = server.Close() })
			b.SetBytes(int64(len(body)))
			flood(b, connections, "http://"+listener.Addr().String()+"/", githubtest.Sign("a secret", body), body, http.StatusOK)
		})
	}
}

// BenchmarkCommentToTag: from the comment's delivery to the moved tag, the stand-ins' time included.
func BenchmarkCommentToTag(b *testing.B) {
	set, err := scene.Start(b.Context(), scene.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		pull := set.Merged(fmt.Sprintf("Change %d", i))
		digest, err := set.Verified(b.Context(), pull.MergeCommit(), fmt.Sprint(i))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		began := time.Now()
		pull.Comment(set.Alice, "/promote production")
		if err := set.Eventually(b.Context(), "the tag", func() bool { return set.Tag("production") == digest }); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
}

// BenchmarkStart: from nothing to ready, with an empty ledger.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		set, err := scene.Start(b.Context(), scene.Options{Policy: "-"})
		if err != nil {
			b.Fatal(err)
		}
		response, err := http.Get("http://" + set.Server.Addr() + "/readyz")
		if err != nil || response.StatusCode != http.StatusOK {
			b.Fatalf("not ready: %v", err)
		}
		_ = response.Body.Close()
		b.StopTimer()
		_ = set.Close()
		b.StartTimer()
	}
}
