package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// TestMain lets this binary be the bare dispatcher, as a process of its own.
func TestMain(m *testing.M) {
	if address := os.Getenv("VERBATIM_BENCH_BARE"); address != "" {
		zerolog.SetGlobalLevel(zerolog.Disabled)
		server := &http.Server{Addr: address, Handler: githubapp.NewEventDispatcher([]githubapp.EventHandler{nothing{}}, "a secret"), ReadHeaderTimeout: time.Second}
		panic(server.ListenAndServe())
	}
	os.Exit(m.Run())
}

// absentBranch is a GitHub that knows the app and answers 404 to all that is asked of a repository.
func absentBranch(next *githubtest.Server) http.Handler {
	target := next.URL()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/branches/") || strings.Contains(r.URL.Path, "/git/ref") || strings.Contains(r.URL.Path, "/commits/") {
			http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
			return
		}
		request, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		request.Header = r.Header.Clone()
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		for name, values := range response.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(response.StatusCode)
		_, _ = bufio.NewReader(response.Body).WriteTo(w)
	})
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// started starts a process and returns when it listens at the address.
func started(b *testing.B, address string, command *exec.Cmd) (spent func() time.Duration) {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait(); _ = log.Close() })
	for ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second); ; time.Sleep(10 * time.Millisecond) {
		if connection, err := net.Dial("tcp", address); err == nil {
			cancel()
			_ = connection.Close()
			return func() time.Duration { return processorTime(b, command.Process.Pid) }
		}
		if ctx.Err() != nil {
			said, _ := os.ReadFile(log.Name())
			b.Fatalf("%s does not listen: %s", address, said)
		}
	}
}

// processorTime is what a process has used of the processor. Other than a rate, it says the same on a machine that is busy
// (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: utime and stime, in hundredths of a second).
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] {
		count, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += count
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// flooded floods, and reports the time on the processor for each delivery: the server's, and all of it, load generator and
// stand-ins included. What two cores can do at most is that a second, whoever else is at work on them.
func flooded(b *testing.B, spent func() time.Duration, connections int, address, signature string, body []byte, want int) {
	b.Helper()
	before, own := spent(), processorTime(b, os.Getpid())
	flood(b, connections, address, signature, body, want)
	server := spent() - before
	b.ReportMetric(float64(server.Microseconds())/float64(b.N), "server-us/delivery")
	b.ReportMetric(float64((server+processorTime(b, os.Getpid())-own).Microseconds())/float64(b.N), "all-us/delivery")
}

// BenchmarkServe drives the real binary, as a process of its own, with one commit's workflow_run: while GitHub answers, answers
// 404 to the branch, and is not there, with the worker at work on what was delivered. "bare" is go-githubapp's dispatcher
// alone, as a process of its own, in the same run. taskset -c 0,1 holds generator and server to two cores.
func BenchmarkServe(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "verbatim")
	if said, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "../../cmd/verbatim").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	for _, connections := range []int{16, 64} {
		for _, state := range []string{"bare", "answers", "404", "down"} {
			b.Run(fmt.Sprintf("connections=%d/github=%s", connections, state), func(b *testing.B) {
				set, err := scene.Start(b.Context(), scene.Options{Policy: "-"})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = set.Close() })
				body := delivery(b, set)
				b.SetBytes(int64(len(body)))
				address := freeAddress(b)
				if state == "bare" {
					command := exec.Command(os.Args[0], "-test.run", "^$")
					command.Env = append(os.Environ(), "VERBATIM_BENCH_BARE="+address)
					spent := started(b, address, command)
					flooded(b, spent, connections, "http://"+address+"/", githubtest.Sign("a secret", body), body, http.StatusOK)
					return
				}
				github := set.GitHub.URL()
				switch state {
				case "404":
					missing := httptest.NewServer(absentBranch(set.GitHub))
					b.Cleanup(missing.Close)
					github = missing.URL
				case "down":
					github = "http://" + freeAddress(b)
				}
				spent := started(b, address, serving(b, binary, set, address, github))
				flooded(b, spent, connections, "http://"+address+"/api/github/hook", githubtest.Sign(set.GitHub.WebhookSecret(), body), body, http.StatusAccepted)
			})
		}
	}
}

// serving is verbatim serve with the settings of the set, and with that GitHub.
func serving(b *testing.B, binary string, set *scene.Scene, address, github string) *exec.Cmd {
	b.Helper()
	database := os.Getenv("VERBATIM_BENCH_DATABASE")
	if database == "" {
		database = "sqlite:" + filepath.Join(b.TempDir(), "verbatim.db")
	}
	command := exec.Command(binary, "serve")
	command.Env = append(os.Environ(),
		"VERBATIM_ADDR="+address, "VERBATIM_METRICS_ADDR="+freeAddress(b), "VERBATIM_DATABASE_URL="+database,
		"GITHUB_V3_API_URL="+github+"/", "GITHUB_V4_API_URL="+github+"/graphql", "GITHUB_WEB_URL="+github,
		fmt.Sprintf("GITHUB_APP_INTEGRATION_ID=%d", set.GitHub.AppID()), "GITHUB_APP_PRIVATE_KEY="+set.GitHub.PrivateKeyPEM(),
		"GITHUB_APP_WEBHOOK_SECRET="+set.GitHub.WebhookSecret(), "VERBATIM_REGISTRY_SCOPE=acme/shop="+set.Registry.Host()+"/shop/*")
	return command
}
