package forge_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	listArtifacts = "GET /repos/acme/shop/actions/runs/42/artifacts?per_page=100"
	readArtifact  = "GET /repos/acme/shop/actions/artifacts/9/zip"
	signature     = "/zip/4711?sig=secret-signature%2F%3D"
)

func artifact(changes ...any) map[string]any {
	return document(map[string]any{
		"id": 9, "name": "results", "size_in_bytes": 4, "expired": false, "created_at": "2026-03-01T12:00:00+02:00", "expires_at": "2026-05-30T12:00:00Z",
	}, changes...)
}

func artifacts(entries ...any) answer {
	return ok(map[string]any{"total_count": len(entries), "artifacts": append([]any{}, entries...)})
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	second := "GET /repos/acme/shop/actions/runs/42/artifacts?page=2&per_page=100"
	github := newStub(t)
	github.on(listArtifacts, next(2, artifacts(artifact(), artifact("id", 10, "expires_at", null, "name", "a/b \u202e\"", "size_in_bytes", 0))))
	github.on(second, artifacts(artifact("id", 10), artifact("id", 11, "expired", true, "expires_at", nil))) // the pages moved
	read, err := github.forge().Artifacts(t.Context(), shop, 42)
	expectKind(t, err, "none")
	github.expect(listArtifacts, second)
	created := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	expected := []promotion.Artifact{
		{ID: 9, Name: "results", Size: 4, Created: created, Expires: time.Date(2026, 5, 30, 12, 0, 0, 0, time.UTC)},
		{ID: 10, Name: "a/b \u202e\"", Created: created},
		{ID: 11, Name: "results", Size: 4, Created: created, Expired: true},
	}
	if difference := cmp.Diff(expected, read); difference != "" {
		t.Error(difference)
	}
}

func TestArtifactsThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.Artifacts(ctx, shop, 42)
		if err != nil && read != nil {
			return fmt.Errorf("artifacts %v together with %w", read, err)
		}
		return err
	}
	with := func(key string, value any) answer { return artifacts(artifact("id", 8), artifact(key, value)) }
	oddities(t, listArtifacts, ask, map[string]answer{
		"a list":                 list(artifact()),
		"no artifacts":           ok(map[string]any{"total_count": 0}),
		"null for them":          ok(map[string]any{"total_count": 0, "artifacts": nil}),
		"an object":              ok(map[string]any{"artifacts": artifact()}),
		"null for one":           artifacts(nil),
		"empty":                  artifacts(map[string]any{}),
		"no id":                  with("id", nil),
		"a negative id":          with("id", -9),
		"a text for an id":       with("id", "9"),
		"no name":                with("name", nil),
		"an empty name":          with("name", ""),
		"no size":                with("size_in_bytes", nil),
		"a negative size":        with("size_in_bytes", -1),
		"a fraction of a size":   with("size_in_bytes", 1.5),
		"a size beyond numbers":  with("size_in_bytes", 1e30),
		"nobody knows if it is":  with("expired", nil),
		"null for expired":       with("expired", null),
		"a text for expired":     with("expired", "false"),
		"no time":                with("created_at", nil),
		"null for a time":        with("created_at", null),
		"a time that is none":    with("created_at", "yesterday"),
		"expires at some time":   with("expires_at", "tomorrow"),
		"a number for an expiry": with("expires_at", 1772366400),
	})
	refusals(t, listArtifacts, ask, map[int]string{403: "paused", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
	t.Run("without end", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		requests := pages(github, listArtifacts, "GET /repos/acme/shop/actions/runs/42/artifacts?page=%d&per_page=100", 10, artifacts(artifact()))
		expectKind(t, ask(t.Context(), github.forge()), "permanent")
		github.expect(requests...)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		github.on(listArtifacts, artifacts())
		read, err := github.forge().Artifacts(t.Context(), shop, 42)
		expectKind(t, err, "none")
		if len(read) != 0 {
			t.Errorf("artifacts %v", read)
		}
	})
}

// storage is what signed addresses lead to: another host, which notes what it is asked.
type storage struct {
	server *httptest.Server
	ended  chan struct{}

	mutex   sync.Mutex
	asked   []string
	headers []http.Header
}

func newStorage(t *testing.T, give answer) *storage {
	t.Helper()
	s := &storage{ended: make(chan struct{})}
	s.server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		s.mutex.Lock()
		s.asked = append(s.asked, request.Method+" "+request.URL.RequestURI())
		s.headers = append(s.headers, request.Header.Clone())
		s.mutex.Unlock()
		give(writer, request)
	}))
	t.Cleanup(func() {
		close(s.ended)
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

// expect fails the test unless exactly these requests were made, all of them without credentials.
func (s *storage) expect(t *testing.T, requests ...string) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !slices.Equal(s.asked, requests) {
		t.Errorf("the storage was asked %q, expected %q", s.asked, requests)
	}
	for _, header := range s.headers {
		for _, name := range []string{"Authorization", "Cookie", "Referer"} {
			if header.Get(name) != "" {
				t.Errorf("the storage got %s", name)
			}
		}
	}
}

func (s *storage) signed() string { return s.server.URL + signature }

// moved redirects to an address that is written as it is.
func moved(code int, location string) answer {
	return func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Location", location)
		writer.WriteHeader(code)
	}
}

// bytesOf answers bytes with their length.
func bytesOf(content string) answer {
	return func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = io.WriteString(writer, content)
	}
}

// streamed answers bytes without their length.
func streamed(content string) answer {
	return func(writer http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(writer).Flush()
		_, _ = io.WriteString(writer, content)
	}
}

// stalled sends the beginning of an answer, and then nothing.
func stalled(length, beginning string) answer {
	return func(writer http.ResponseWriter, request *http.Request) {
		if length != "" {
			writer.Header().Set("Content-Length", length)
		}
		writer.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(writer, beginning)
		_ = http.NewResponseController(writer).Flush()
		<-request.Context().Done()
	}
}

// results is the artifact of the tests.
var results = promotion.Artifact{ID: 9, Name: "results\x1b[31m", Size: 4}

// download fetches the artifact, of at most ten bytes, and holds the error against what it may not show.
func download(ctx context.Context, t *testing.T, asking *forge.Forge) (string, error) {
	t.Helper()
	content, err := asking.Download(ctx, shop, results, 10)
	if err == nil {
		return string(content.Bytes), nil
	}
	if content.Bytes != nil {
		t.Errorf("%d bytes together with an error", len(content.Bytes))
	}
	for _, hidden := range []string{"secret-signature", "zip/4711", "sig=", "://", "storage.example", "\x1b"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("the error shows %q: %v", hidden, err)
		}
	}
	return "", err
}

// kindOf is kind, and knows evidence that is not what it should be.
func kindOf(err error) string {
	var evidence *promotion.EvidenceError
	if errors.As(err, &evidence) {
		return "evidence"
	}
	return kind(err)
}

func TestDownload(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  answer
		kind    string
		content string
	}{
		"with its length":                        {bytesOf("zip!"), "none", "zip!"},
		"without its length":                     {streamed("zip!"), "none", "zip!"},
		"empty":                                  {bytesOf(""), "none", ""},
		"as long as it may be":                   {bytesOf("0123456789"), "none", "0123456789"},
		"as long as it may be, without length":   {streamed("0123456789"), "none", "0123456789"},
		"a byte too long":                        {bytesOf("0123456789x"), "evidence", ""},
		"a byte too long, without length":        {streamed("0123456789x"), "evidence", ""},
		"said to be too long, and never sent":    {stalled("11", ""), "evidence", ""},
		"said to be much too long":               {stalled("1000000000000", "x"), "evidence", ""},
		"without end":                            {endless, "evidence", ""},
		"too long, and then nothing":             {stalled("", "0123456789x"), "evidence", ""},
		"compressed on the way":                  {compressed, "evidence", ""},
		"shorter than said":                      {shorter, "retryable", ""},
		"reset":                                  {reset, "retryable", ""},
		"not there":                              {status(404, "secret-signature"), "not found", ""},
		"gone":                                   {status(410, "secret-signature"), "not found", ""},
		"the signature has expired":              {status(403, "secret-signature"), "retryable", ""},
		"unauthorised":                           {status(401, "secret-signature"), "retryable", ""},
		"the storage fails":                      {status(500, "secret-signature"), "retryable", ""},
		"the storage is busy":                    {status(503, "secret-signature", "Retry-After", "5"), "retryable", ""},
		"a part":                                 {status(206, "x"), "retryable", ""},
		"no content":                             {moved(204, ""), "retryable", ""},
		"not modified":                           {moved(304, ""), "retryable", ""},
		"redirected to itself":                   {moved(302, signature), "retryable", ""},
		"redirected elsewhere":                   {moved(307, "https://storage.example"+signature), "retryable", ""},
		"redirected for ever":                    {moved(308, "http://127.0.0.1:1"+signature), "retryable", ""},
		"redirected to what is no address":       {moved(302, "https://storage.example/%zz"+signature), "retryable", ""},
		"redirected to what is no address, late": {moved(301, "://secret-signature"), "retryable", ""},
		"redirected nowhere":                     {moved(302, ""), "retryable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := newStorage(t, test.answer)
			github := newStub(t)
			github.on(readArtifact, moved(302, kept.signed()))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			content, err := download(ctx, t, github.forge())
			if kindOf(err) != test.kind || content != test.content {
				t.Errorf("error is %s, expected %s: %v; content %q", kindOf(err), test.kind, err, content)
			}
			github.expect(readArtifact)
			kept.expect(t, "GET "+signature)
			if authorization := github.headers[0].Get("Authorization"); authorization != "token secret-token-1" {
				t.Errorf("GitHub was asked with %.12q", authorization)
			}
		})
	}
}

// endless never stops.
func endless(writer http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := io.WriteString(writer, strings.Repeat("x", 1024)); err != nil {
			return
		}
	}
}

// compressed is small on the way, and larger than allowed afterwards.
func compressed(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Encoding", "gzip")
	packer := gzip.NewWriter(writer)
	_, _ = packer.Write(make([]byte, 1<<20))
	_ = packer.Close()
}

// shorter promises ten bytes and ends after four.
func shorter(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Length", "10")
	_, _ = io.WriteString(writer, "zip!")
}

// TestDownloadLimits: the limit is the caller's.
func TestDownloadLimits(t *testing.T) {
	t.Parallel()
	for most, expected := range map[int64]string{0: "evidence", 3: "evidence", 4: "none", 1<<63 - 1: "none"} {
		for _, give := range []answer{bytesOf("zip!"), streamed("zip!")} {
			kept := newStorage(t, give)
			github := newStub(t)
			github.on(readArtifact, moved(302, kept.signed()))
			content, err := github.forge().Download(t.Context(), shop, results, most)
			if kindOf(err) != expected || err == nil && string(content.Bytes) != "zip!" {
				t.Errorf("at most %d: error is %s, expected %s: %v; content %q", most, kindOf(err), expected, err, content.Bytes)
			}
		}
	}
}

// TestDownloadRefusedByGitHub: nobody else is asked.
func TestDownloadRefusedByGitHub(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"not there":                          {status(404, "Not Found"), "not found"},
		"expired":                            {status(410, "Artifact has expired"), "not found"},
		"forbidden":                          {status(403, "Resource not accessible by integration"), "paused"},
		"conflict":                           {status(409, "Conflict"), "retryable"},
		"unprocessable":                      {status(422, "Validation Failed"), "permanent"},
		"something else's 404":               {moved(404, ""), "retryable"},
		"the content itself":                 {bytesOf("zip!"), "retryable"},
		"no address":                         {moved(302, ""), "retryable"},
		"an address without host":            {moved(302, "https://"+signature), "retryable"},
		"only a scheme":                      {moved(302, "https:"), "retryable"},
		"mail":                               {moved(302, "mailto:secret-signature"), "retryable"},
		"script":                             {moved(302, "javascript:secret-signature"), "retryable"},
		"broken":                             {moved(302, "https://storage.example/%zz"+signature), "retryable"},
		"a broken port":                      {moved(302, "https://storage.example:secret-signature/"), "retryable"},
		"plain":                              {moved(302, "http://storage.example"+signature), "permanent"},
		"plain, with our host for a name":    {moved(302, "http://127.0.0.1.storage.example"+signature), "permanent"},
		"plain, localhost for a beginning":   {moved(302, "http://localhost.storage.example"+signature), "permanent"},
		"plain, a private address":           {moved(302, "http://10.0.0.1"+signature), "permanent"},
		"plain, any address":                 {moved(302, "http://0.0.0.0"+signature), "permanent"},
		"plain, the metadata of a cloud":     {moved(302, "http://169.254.169.254/secret-signature"), "permanent"},
		"another scheme":                     {moved(302, "ftp://127.0.0.1"+signature), "permanent"},
		"a file":                             {moved(302, "file://127.0.0.1/secret-signature"), "permanent"},
		"with a name":                        {moved(302, "https://secret-signature@127.0.0.1:1"+signature), "permanent"},
		"with a name and password":           {moved(302, "http://x:secret-signature@localhost:1"+signature), "permanent"},
		"moved for good, to another host":    {moved(301, "https://storage.example"+signature), "permanent"},
		"moved for a while, to another host": {moved(307, "https://storage.example"+signature), "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readArtifact, test.answer)
			_, err := download(t.Context(), t, github.forge())
			if kindOf(err) != test.kind {
				t.Errorf("error is %s, expected %s: %v", kindOf(err), test.kind, err)
			}
			github.expect(readArtifact)
		})
	}
}

// TestDownloadHeaderThatCannotBeRead: net/http tells the whole line, which may be the signed address.
func TestDownloadHeaderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := moved(302, "https://storage.example/\x7f"+signature)
	github := newStub(t)
	github.on(readArtifact, broken)
	_, err := download(t.Context(), t, github.forge())
	expectKind(t, err, "retryable")

	kept := newStorage(t, broken)
	redirecting := newStub(t)
	redirecting.on(readArtifact, moved(302, kept.signed()))
	_, err = download(t.Context(), t, redirecting.forge())
	expectKind(t, err, "retryable")
	kept.expect(t, "GET "+signature)
}

// TestDownloadFromOurOwnHost: a signed address of the API's own host, as GitHub Enterprise Server may give, gets no
// credentials either; one without a host is below GitHub's.
func TestDownloadFromOurOwnHost(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		github := newStub(t)
		location := signature
		if own {
			location = github.server.URL + signature
		}
		github.on(readArtifact, moved(302, location))
		github.on("GET "+signature, bytesOf("zip!"))
		content, err := download(t.Context(), t, github.forge())
		expectKind(t, err, "none")
		github.expect(readArtifact, "GET "+signature)
		if content != "zip!" || github.headers[1].Get("Authorization") != "" {
			t.Errorf("content %q, authorization %.12q", content, github.headers[1].Get("Authorization"))
		}
	}
}

// TestDownloadAfterRename: what a repository's old name redirects to is still GitHub's API, and no signed address.
func TestDownloadAfterRename(t *testing.T) {
	t.Parallel()
	const renamed = "/repositories/1/actions/artifacts/9/zip"
	for _, code := range []int{301, 307, 308} {
		kept := newStorage(t, bytesOf("zip!"))
		github := newStub(t)
		github.on(readArtifact, moved(code, github.server.URL+renamed))
		github.on("GET "+renamed, moved(302, kept.signed()))
		content, err := download(t.Context(), t, github.forge())
		expectKind(t, err, "none")
		github.expect(readArtifact, "GET "+renamed)
		kept.expect(t, "GET "+signature)
		if content != "zip!" || github.headers[1].Get("Authorization") != "token secret-token-1" {
			t.Errorf("%d: content %q, authorization %.12q", code, content, github.headers[1].Get("Authorization"))
		}
	}
	github := newStub(t)
	github.on(readArtifact, moved(301, github.server.URL+renamed))
	github.on("GET "+renamed, status(404, "Not Found"))
	_, err := download(t.Context(), t, github.forge())
	expectKind(t, err, "not found")
}

// TestDownloadChecksCertificates: a storage that nobody vouches for is not read from.
func TestDownloadChecksCertificates(t *testing.T) {
	t.Parallel()
	kept := httptest.NewUnstartedServer(http.HandlerFunc(bytesOf("zip!")))
	kept.Config.ErrorLog = log.New(io.Discard, "", 0)
	kept.StartTLS()
	t.Cleanup(kept.Close)
	github := newStub(t)
	github.on(readArtifact, moved(302, kept.URL+signature))
	_, err := download(t.Context(), t, github.forge())
	expectKind(t, err, "retryable")
}

// TestDownloadUnreachable: nobody listens there.
func TestDownloadUnreachable(t *testing.T) {
	t.Parallel()
	kept := newStorage(t, bytesOf("zip!"))
	address := kept.signed()
	kept.server.Close()
	github := newStub(t)
	github.on(readArtifact, moved(302, address))
	_, err := download(t.Context(), t, github.forge())
	expectKind(t, err, "retryable")
}

// TestDownloadEndsWithContext, wherever it is.
func TestDownloadEndsWithContext(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]answer{
		"a body that stalls":             stalled("10", "zip!"),
		"a body that stalls, no length":  stalled("", "zip!"),
		"a body that never begins":       stalled("10", ""),
		"an answer that never comes":     func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() },
		"GitHub's answer that never was": nil,
	} {
		for _, canceled := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, canceled %t", name, canceled), func(t *testing.T) {
				t.Parallel()
				github := newStub(t)
				github.on(readArtifact, github.slow)
				if give != nil {
					github.on(readArtifact, moved(302, newStorage(t, give).signed()))
				}
				asking := github.forge()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				expected := context.DeadlineExceeded
				if canceled {
					cancel()
					ctx, cancel = context.WithCancel(t.Context())
					time.AfterFunc(time.Second, cancel)
					expected = context.Canceled
				}
				defer cancel()
				began := time.Now()
				_, err := download(ctx, t, asking)
				expectKind(t, err, "retryable")
				if !errors.Is(err, expected) || time.Since(began) > 8*time.Second {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		}
	}
}

// TestRedirectsOfOthers: only Download keeps where GitHub redirects to.
func TestRedirectsOfOthers(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	kept := newStorage(t, bytesOf("{}"))
	github.on(readRun, moved(302, kept.signed()))
	_, err := github.forge().Run(t.Context(), shop, 42)
	expectKind(t, err, "permanent")
	kept.expect(t)
	github.expect(readRun)
}

// TestDownloadToken: where the request for the token is redirected to is no signed address.
func TestDownloadToken(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	kept := newStorage(t, bytesOf("zip!"))
	github.on(postToken, moved(302, kept.signed()))
	_, err := download(t.Context(), t, github.forge())
	if err == nil {
		t.Error("content from where the token's request led")
	}
	kept.expect(t)
	github.expect()
}
