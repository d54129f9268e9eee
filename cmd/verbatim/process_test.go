package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/chaos"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// actsAsVerbatim has the test's binary be verbatim itself, for tests that need a process.
const actsAsVerbatim = "VERBATIM_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(actsAsVerbatim) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is verbatim serve in a process of its own.
type process struct {
	t      *testing.T
	github *githubtest.Server
	addr   string
	public string // its metrics' address
	folder string
	key    string // the files of its secrets
	secret string
	*exec.Cmd
	ended chan struct{}
}

// serves starts verbatim serve, with files for key and secret. It waits until it answers, unless it is to end at once.
func serves(t *testing.T, stderr io.Writer, environment ...string) *process {
	t.Helper()
	p := prepare(t, stderr, environment...)
	p.start()
	for deadline := time.Now().Add(time.Minute); ; {
		if status, _ := p.get("/healthz"); status == http.StatusOK {
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("it ended: %v", p.ProcessState)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not answer")
		}
	}
}

func prepare(t *testing.T, stderr io.Writer, environment ...string) *process {
	t.Helper()
	github := githubtest.New(githubtest.Options{})
	t.Cleanup(github.Close)
	p := &process{t: t, github: github, addr: free(t), public: free(t), folder: t.TempDir(), ended: make(chan struct{})}
	p.key, p.secret = filepath.Join(p.folder, "key.pem"), filepath.Join(p.folder, "secret")
	p.write(p.key, github.PrivateKeyPEM())
	p.write(p.secret, github.WebhookSecret())
	p.Cmd = exec.Command(os.Args[0], "serve")
	p.Env = append([]string{
		actsAsVerbatim + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + p.folder, "VERBATIM_ADDR=" + p.addr, "VERBATIM_METRICS_ADDR=" + p.public,
		"VERBATIM_DATABASE_URL=sqlite:" + filepath.Join(p.folder, "verbatim.db"), "GITHUB_V3_API_URL=" + github.URL() + "/", "GITHUB_V4_API_URL=" + github.URL() + "/graphql",
		"GITHUB_APP_INTEGRATION_ID=" + strconv.FormatInt(github.AppID(), 10), "GITHUB_APP_PRIVATE_KEY_FILE=" + p.key, "GITHUB_APP_WEBHOOK_SECRET_FILE=" + p.secret,
	}, environment...)
	p.Stderr = stderr
	return p
}

func (p *process) start() {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.Wait() }() // its state says how it ended
	p.t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
}

// exits waits until it ends, and returns its exit code.
func (p *process) exits(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("it has not ended within %s", within)
	}
	return p.ProcessState.ExitCode()
}

func (p *process) write(path, content string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func free(t *testing.T) string {
	t.Helper()
	address, err := chaos.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var client = &http.Client{Timeout: 20 * time.Second}

func (p *process) get(path string) (int, string) {
	p.t.Helper()
	address := "http://" + p.addr + path
	if path == "/metrics" {
		address = "http://" + p.public + path
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// delivers posts a ping that is signed with the secret, and returns what it is answered.
func (p *process) delivers(secret string) int {
	p.t.Helper()
	body := []byte(`{"zen":"Keep it logically awesome."}`)
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+p.addr+"/api/github/hook", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "ping")
	request.Header.Set("X-GitHub-Delivery", rand.Text())
	request.Header.Set("X-Hub-Signature-256", githubtest.Sign(secret, body))
	response, err := client.Do(request)
	if err != nil {
		p.t.Errorf("a delivery got no answer: %v", err)
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// eventually waits until the condition holds.
func (p *process) eventually(what string, condition func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			p.t.Fatalf("waited in vain for %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *process) degraded() (names []string) {
	_, body := p.get("/readyz")
	var document struct{ Degraded []selfcheck.Finding }
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		p.t.Errorf("/readyz: %s", body)
	}
	for _, finding := range document.Degraded {
		names = append(names, finding.Name)
	}
	return names
}

var mostMemory = regexp.MustCompile(`VmHWM:\s+([0-9]+) kB`)

// memory returns the most memory that the process ever had, in MB.
func (p *process) memory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil && os.Getenv("CI") != "true" {
		p.t.Skipf("*** NOT TESTED: how much memory a process has: %v", err)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	found := mostMemory.FindSubmatch(status)
	if found == nil {
		p.t.Fatalf("no VmHWM in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return kilobytes >> 10
}

// Sixty senders of whom nothing is known send all but the last byte of 24 MB each, a gigabyte and a half in all.
func TestUnsignedBodiesDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	p := serves(t, io.Discard)
	const senders, size = 60, 24_000_000
	var refused, sent sync.Map
	var running sync.WaitGroup
	for i := range senders {
		running.Go(func() {
			connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.addr)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			_, _ = fmt.Fprintf(connection, "POST /api/github/hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %d\r\n"+
				"X-Hub-Signature-256: sha256=%064d\r\nContent-Length: %d\r\n\r\n", i, 0, size)
			block := bytes.Repeat([]byte(" "), 100_000)
			for range size/len(block) - 1 {
				if _, err := connection.Write(block); err != nil {
					break
				}
			}
			sent.Store(i, true)
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err == nil {
				defer response.Body.Close()
				refused.Store(i, response.StatusCode)
			}
		})
	}
	count := func(of *sync.Map) (count int) { of.Range(func(any, any) bool { count++; return true }); return count }
	p.eventually("all to have sent what they can", func() bool { return count(&sent) == senders })
	if status := p.delivers(p.github.WebhookSecret()); status != http.StatusAccepted {
		t.Errorf("meanwhile GitHub's delivery was answered %d, expected 202", status)
	}
	used := p.memory()
	t.Logf("it took %d MB", used)
	if used > unverifiedMegabytes {
		t.Errorf("it took %d MB, expected at most %d", used, unverifiedMegabytes)
	}
	running.Wait() // unfinished ones are answered too: a body has eight seconds
	refused.Range(func(_, status any) bool {
		if status != http.StatusServiceUnavailable && status != http.StatusBadRequest {
			t.Errorf("a sender was answered %v, expected 503, or 400 when its time was over", status)
		}
		return true
	})
	if status := p.delivers(p.github.WebhookSecret()); status != http.StatusAccepted {
		t.Errorf("afterwards GitHub's delivery was answered %d, expected 202", status)
	}
}

func TestStoppingIsLogged(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	p := serves(t, &lines)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exits(20 * time.Second); code != 0 {
		t.Errorf("stopped with exit code %d, expected 0", code)
	}
	for _, said := range []string{`terminated`, "shutting down", `"under_way":0`, `"handed_back":0`, "verbatim has ended"} {
		if !strings.Contains(lines.String(), said) {
			t.Errorf("the log does not say %s:\n%s", said, lines.String())
		}
	}
}

func TestABlockedLogStopsNothing(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	p := serves(t, writer)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for range 6000 { // each of them is a line
		if status := p.delivers("another secret"); status != http.StatusUnauthorized {
			t.Fatalf("answered %d, expected 401", status)
		}
	}
	if status := p.delivers(p.github.WebhookSecret()); status != http.StatusAccepted {
		t.Errorf("a delivery was answered %d, expected 202", status)
	}
	p.eventually("health to name the log", func() bool { return strings.Contains(strings.Join(p.degraded(), " "), "log") })
	if _, metrics := p.get("/metrics"); !regexp.MustCompile(`(?m)^verbatim_log_lines_dropped_total [1-9]`).MatchString(metrics) {
		t.Error("no metric counts the lines that were dropped")
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exits(20 * time.Second); code != 0 {
		t.Errorf("stopped with exit code %d, expected 0", code)
	}
}

func TestALogReaderThatGoesAwayEndsNothing(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := serves(t, writer)
	if err := errors.Join(writer.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		p.delivers("another secret")
	}
	if status := p.delivers(p.github.WebhookSecret()); status != http.StatusAccepted {
		t.Errorf("a delivery was answered %d, expected 202", status)
	}
}

// buffer takes what a process writes.
type buffer struct {
	mutex   sync.Mutex
	written bytes.Buffer // no embedded one: its ReadFrom would go by the lock
}

func (b *buffer) Write(part []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.written.Write(part)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.written.String()
}

func (b *buffer) has(words string) func() bool {
	return func() bool { return strings.Contains(b.String(), words) }
}

func TestSIGHUPReadsKeysAndSecretsAnew(t *testing.T) {
	t.Parallel()
	var log buffer
	p := serves(t, &log)
	hangup := func(words string) {
		t.Helper()
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.eventually("the log to say "+words, log.has(words))
	}
	answers := func(secret string, want int) {
		t.Helper()
		if status := p.delivers(secret); status != want {
			t.Errorf("signed with %s: answered %d, expected %d", secret, status, want)
		}
	}
	answers(p.github.WebhookSecret(), http.StatusAccepted)
	p.write(p.secret, "a new secret\n")
	hangup("read anew")
	answers("a new secret", http.StatusAccepted)
	answers(p.github.WebhookSecret(), http.StatusUnauthorized)

	p.write(p.secret, "a third secret")
	p.write(p.key, "-----BEGIN RSA PRIVATE KEY-----\nbroken\n-----END RSA PRIVATE KEY-----\n")
	hangup("those from before still hold")
	answers("a new secret", http.StatusAccepted)
	answers("a third secret", http.StatusUnauthorized)
}

func TestSIGHUPTakesANewKey(t *testing.T) {
	t.Parallel()
	p := serves(t, io.Discard)
	refused := func() bool { return slices.Contains(p.degraded(), selfcheck.GitHubCredentials) }
	hangup := func() {
		t.Helper()
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.github.ReplaceKey(); err != nil {
		t.Fatal(err)
	}
	hangup() // it looks at once
	p.eventually("health to name the old key", refused)
	p.write(p.key, p.github.PrivateKeyPEM())
	hangup()
	p.eventually("the new key to be taken", func() bool { return !refused() })
}

func TestAWrongKeyEndsServe(t *testing.T) {
	t.Parallel()
	var log buffer
	p := prepare(t, &log)
	p.github.Inject(githubtest.Fault{Status: http.StatusUnauthorized, Body: `{"message":"A JSON web token could not be decoded"}`}.On("GET", "/app"))
	p.start()
	if code := p.exits(20 * time.Second); code != 2 || !log.has("GITHUB_APP_PRIVATE_KEY")() {
		t.Errorf("exit code %d, expected 2 and what to do; it shows\n%s", code, log.String())
	}
}

func TestADatabaseThatIsAwayEndsServeSoon(t *testing.T) {
	t.Parallel()
	var log buffer
	p := prepare(t, &log, "VERBATIM_DATABASE_URL=postgres://verbatim:sesame@"+free(t)+"/verbatim")
	p.start()
	code := p.exits(10 * time.Second)
	if shown := log.String(); code != 3 || !strings.Contains(shown, "PostgreSQL") || !strings.Contains(shown, "connection refused") || strings.Contains(shown, "sesame") {
		t.Errorf("exit code %d, expected 3 and which database; it shows\n%s", code, shown)
	}
}

// Whoever stops it while it waits for a database that hangs has it stopped, and has met no fault.
func TestServeIsStoppedWhileItWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	asked := make(chan struct{})
	go func() {
		if connection, err := listener.Accept(); err == nil {
			close(asked)
			_, _ = io.Copy(io.Discard, connection) // it never answers
		}
	}()
	var log buffer
	p := prepare(t, &log, "VERBATIM_DATABASE_URL=postgres://verbatim:sesame@"+listener.Addr().String()+"/verbatim?sslmode=disable&connect_timeout=600")
	p.start()
	<-asked
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exits(time.Minute); code != 0 || !log.has("stopped before the ledger was open")() {
		t.Errorf("exit code %d, expected 0; it shows\n%s", code, log.String())
	}
}

func TestADamagedLedgerEndsServeWithWords(t *testing.T) {
	t.Parallel()
	var log buffer
	p := prepare(t, &log)
	p.write(filepath.Join(p.folder, "verbatim.db"), strings.Repeat("no database ", 1000))
	p.start()
	if code := p.exits(20 * time.Second); code != 3 || !log.has("restore it from a backup")() {
		t.Errorf("exit code %d, expected 3 and what to do; it shows\n%s", code, log.String())
	}
}

// The ledger holds what people wrote, and what is where: nobody else on the machine reads it.
func TestTheLedgerIsReadableByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]os.FileMode{"a new one": 0, "one from before": 0o644} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log buffer
			p := prepare(t, &log)
			path := filepath.Join(p.folder, "verbatim.db")
			if before != 0 {
				p.write(path, "")
				if err := os.Chmod(path, before); err != nil {
					t.Fatal(err)
				}
			}
			p.start()
			p.eventually("the server to listen", func() bool { status, _ := p.get("/healthz"); return status == http.StatusOK })
			for _, file := range []string{path, path + "-wal", path + "-shm"} {
				found, err := os.Stat(file)
				if err != nil {
					t.Error(err)
				} else if found.Mode().Perm() != 0o600 {
					t.Errorf("%s has the mode %s, expected -rw-------", filepath.Base(file), found.Mode())
				}
			}
		})
	}
}
