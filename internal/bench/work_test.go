package bench_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// signed is a delivery that can be posted again.
type signed struct {
	event, signature string
	body             []byte
}

// stages gives the stage events of a new commit that goes through build, test and staging.
func stages(b *testing.B, set *scene.Scene, number int) []signed {
	b.Helper()
	commit := set.Repository.Commit("main", fmt.Sprintf("Change %d", number), set.Walter, map[string]string{"number.txt": fmt.Sprint(number)})
	var events []signed
	for _, delivery := range set.GitHub.Capture(func() {
		run, _, err := set.Built(commit, fmt.Sprint(number))
		if err != nil {
			b.Fatal(err)
		}
		set.Tested(run, "success")
		set.Staged(commit, "success")
	}) {
		if strings.HasPrefix(delivery.Event(), "workflow_") {
			events = append(events, signed{delivery.Event(), githubtest.Sign(set.GitHub.WebhookSecret(), delivery.Body()), delivery.Body()})
		}
	}
	return events
}

// BenchmarkStageEvents: events of stages are delivered as fast as they are taken, and worked off with GitHub's stand-in and
// a registry on loopback: from the first delivery to the last row of work done.
func BenchmarkStageEvents(b *testing.B) {
	set, err := scene.Start(b.Context(), scene.Options{Settings: func(settings *config.Settings) { settings.Workers = 32 }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	var commits [][]signed
	for count := 0; count < b.N; {
		of := stages(b, set, len(commits))
		commits, count = append(commits, of), count+len(of)
	}
	calls := len(set.GitHub.Requests())
	b.ResetTimer()
	began, total := time.Now(), 0
	queue := make(chan []signed, len(commits))
	for _, commit := range commits {
		queue <- commit
		total += len(commit)
	}
	close(queue)
	var group sync.WaitGroup
	var guids atomic.Int64
	hook := "http://" + set.Server.Addr() + "/api/github/hook"
	sender := client(16)
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for commit := range queue {
				for _, one := range commit {
					guid := guids.Add(1)
					if status, err := post(b.Context(), sender, hook, one.event, one.signature, guid, one.body); err != nil || status != http.StatusAccepted {
						b.Errorf("answered %d: %v", status, err)
						return
					}
				}
			}
		}()
	}
	group.Wait()
	for look := time.NewTicker(50 * time.Millisecond); unfinished(b, set) > 0; <-look.C { // counting costs: not all the time
	}
	b.ReportMetric(float64(total)/time.Since(began).Seconds(), "events/s")
	b.ReportMetric(float64(len(set.GitHub.Requests())-calls)/float64(total), "calls/event")
}

// unfinished gives how many rows of work are ready or leased.
func unfinished(b *testing.B, set *scene.Scene) (count int) {
	b.Helper()
	for name, value := range scrape(b, set) {
		if strings.HasPrefix(name, "verbatim_work_rows{") && !strings.Contains(name, "scheduled") {
			count += int(value)
		}
	}
	return count
}

// scrape gives the server's metrics.
func scrape(b *testing.B, set *scene.Scene) map[string]float64 {
	b.Helper()
	response, err := http.Get("http://" + set.Server.MetricsAddr() + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = value
		}
	}
	return values
}

// BenchmarkQueueLatency: one delivery after another to an idle server, and how long each waited for a worker.
func BenchmarkQueueLatency(b *testing.B) {
	set, err := scene.Start(b.Context(), scene.Options{Policy: "-"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	body := delivery(b, set)
	signature, sender := githubtest.Sign(set.GitHub.WebhookSecret(), body), client(1)
	number := int64(0)
	for b.Loop() {
		number++
		if status, err := post(b.Context(), sender, "http://"+set.Server.Addr()+"/api/github/hook", "workflow_run", signature, number, body); err != nil || status != http.StatusAccepted {
			b.Fatalf("answered %d: %v", status, err)
		}
		time.Sleep(5 * time.Millisecond) // it is worked off, and the server is idle again
	}
	values := scrape(b, set)
	waited := values[`verbatim_work_wait_seconds_sum{kind="delivery"}`] / values[`verbatim_work_wait_seconds_count{kind="delivery"}`]
	b.ReportMetric(waited*1000, "mean-wait-ms")
}
