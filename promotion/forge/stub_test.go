package forge_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// shop is the repository of the tests.
var shop = promotion.Repository{ID: 1, Owner: "acme", Name: "shop", Installation: 7, DefaultBranch: "main"}

// now is what the clock of the tests shows.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// privateKey is an app's key: made once, because making one is slow.
var privateKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

// answer writes one answer.
type answer func(http.ResponseWriter, *http.Request)

// stub is a GitHub that gives prepared answers, counts what it is asked, and fails the test when it is asked anything else.
type stub struct {
	t      *testing.T
	server *httptest.Server
	ended  chan struct{} // closed when the test is over: lets slow answers go

	mutex   sync.Mutex
	answers map[string][]answer // by "METHOD /escaped/path?query"; the last one is given for ever
	asked   []string
	bodies  []string
	headers []http.Header
	tokens  int
}

func newStub(t *testing.T) *stub {
	t.Helper()
	s := &stub{t: t, answers: make(map[string][]answer), ended: make(chan struct{})}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		close(s.ended)
		s.server.Close()
	})
	return s
}

func (s *stub) serve(writer http.ResponseWriter, request *http.Request) {
	key := request.Method + " " + request.URL.RequestURI()
	body, _ := io.ReadAll(request.Body)
	s.mutex.Lock()
	var give answer
	if prepared := s.answers[key]; len(prepared) > 0 {
		give = prepared[0]
		if len(prepared) > 1 {
			s.answers[key] = prepared[1:]
		}
	}
	if strings.HasSuffix(request.URL.Path, "/access_tokens") {
		s.tokens++
		if give == nil {
			give = object(http.StatusCreated, map[string]any{"token": fmt.Sprintf("secret-token-%d", s.tokens), "expires_at": time.Now().Add(time.Hour)})
		}
	} else {
		s.asked = append(s.asked, key)
		s.bodies = append(s.bodies, string(body))
		s.headers = append(s.headers, request.Header.Clone())
	}
	s.mutex.Unlock()
	if give == nil {
		s.t.Errorf("unexpected request: %s", key)
		give = status(http.StatusNotImplemented, "no answer prepared")
	}
	give(writer, request)
}

// on prepares the answers to a request, one after another.
func (s *stub) on(request string, answers ...answer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answers[request] = answers
}

// expect fails the test unless exactly these requests were made, in this order.
func (s *stub) expect(requests ...string) {
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !slices.Equal(s.asked, requests) {
		s.t.Errorf("requests:\n  %s\nexpected:\n  %s", strings.Join(s.asked, "\n  "), strings.Join(requests, "\n  "))
	}
}

// sent gives the body of the first request.
func (s *stub) sent(into any) {
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := json.Unmarshal([]byte(s.bodies[0]), into); err != nil {
		s.t.Fatalf("body of the request: %v", err)
	}
}

// settings are the app's settings for this stub.
func (s *stub) settings() githubapp.Config {
	config := githubapp.Config{V3APIURL: s.server.URL}
	config.App.IntegrationID = 99
	config.App.PrivateKey = privateKey()
	return config
}

// forge makes a Forge that asks this stub. Connections are not kept: net/http would repeat requests on its own on one
// that was reset.
func (s *stub) forge(change ...func(*forge.ClientOptions, *forge.Options)) *forge.Forge {
	s.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	s.t.Cleanup(transport.CloseIdleConnections)
	client := forge.ClientOptions{Transport: transport}
	options := forge.Options{
		AppID: 99,
		Now:   func() time.Time { return now },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	for _, apply := range change {
		apply(&client, &options)
	}
	creator, err := forge.NewClientCreator(s.settings(), client)
	if err != nil {
		s.t.Fatal(err)
	}
	return forge.New(creator, options)
}

func object(code int, value any) answer {
	return func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "application/json; charset=utf-8")
		writer.WriteHeader(code)
		_ = json.NewEncoder(writer).Encode(value)
	}
}

func ok(value any) answer { return object(http.StatusOK, value) }

// status answers as GitHub does when it says no.
func status(code int, message string, headers ...string) answer {
	return func(writer http.ResponseWriter, request *http.Request) {
		for pair := range slices.Chunk(headers, 2) {
			writer.Header().Set(pair[0], pair[1])
		}
		object(code, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"})(writer, request)
	}
}

func raw(kind, body string) answer {
	return func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(writer, body)
	}
}

// reset closes the connection without an answer.
func reset(writer http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(writer).Hijack()
	if err != nil {
		panic(err)
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// brokenOff promises more than it sends.
func brokenOff(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(writer, `{"id": 42, `)
}

// slow never answers while the test runs.
func (s *stub) slow(_ http.ResponseWriter, request *http.Request) {
	select {
	case <-request.Context().Done():
	case <-s.ended:
	}
}

// next adds the header that names the next page.
func next(page int, give answer) answer {
	return func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, request.Host, request.URL.Path, page))
		give(writer, request)
	}
}

// kind says which of the domain's kinds an error is.
func kind(err error) string {
	var permanent *promotion.PermanentError
	var delayed *promotion.DelayedError
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, promotion.ErrNotFound):
		return "not found"
	case errors.As(err, &delayed):
		return "delayed " + delayed.After.String()
	case isPaused(err):
		return "paused"
	case errors.As(err, &permanent):
		return "permanent"
	default:
		return "retryable"
	}
}

func isPaused(err error) bool {
	_, paused := promotion.Paused(err)
	return paused
}

func expectKind(t *testing.T, err error, expected string) {
	t.Helper()
	if kind(err) != expected {
		t.Errorf("error is %s, expected %s: %v", kind(err), expected, err)
	}
	if err == nil {
		return
	}
	for _, secret := range []string{"secret-token", "PRIVATE KEY", "Bearer", "http://127"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func commit(t *testing.T, text string) promotion.Commit {
	t.Helper()
	parsed, err := promotion.ParseCommit(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
