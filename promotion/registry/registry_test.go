package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/verbatim-dev/verbatim/internal/ecrtest"
	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// world is one kind of registry with an index in it.
type world struct {
	adapter    *registry.Registry
	repository promotion.RegistryRepository
	push       func(tag, seed string) (digest string)
	images     imagePusher
	calls      func() []string
	reset      func()
}

// imagePusher is what the registries have in common for tests.
type imagePusher interface {
	PushLabelled(repository, tag string, image registrytest.Image) (string, error)
	PushLabelledIndex(repository, tag string, images ...registrytest.Image) (string, error)
	PushManifest(repository, tag, mediaType string, content []byte) (string, error)
	PushBlob(repository string, content []byte) error
}

func parse(t *testing.T, text string) promotion.RegistryRepository {
	t.Helper()
	parsed, err := promotion.ParseRegistryRepository(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func inProcess(t *testing.T) world {
	t.Helper()
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return world{
		adapter: registry.New(registry.Options{}), repository: parse(t, server.Host()+"/shop/api"), calls: server.Requests, reset: server.ResetRequests, images: server,
		push: func(tag, seed string) string {
			digest, err := server.PushIndex("shop/api", tag, seed)
			if err != nil {
				t.Fatal(err)
			}
			return digest
		},
	}
}

func elasticContainerRegistry(t *testing.T) (world, *ecrtest.Server) {
	t.Helper()
	server, err := ecrtest.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.Repository("shop/api", "MUTABLE")
	return world{
		adapter: registry.New(registry.Options{AWS: configuration(server)}), repository: parse(t, ecrtest.Host+"/shop/api"), calls: server.Calls, reset: server.ResetCalls, images: server,
		push: func(tag, seed string) string {
			digest, err := server.PushIndex("shop/api", tag, seed)
			if err != nil {
				t.Fatal(err)
			}
			return digest
		},
	}, server
}

func configuration(server *ecrtest.Server) func(context.Context) (aws.Config, error) {
	return func(context.Context) (aws.Config, error) {
		return aws.Config{BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
	}
}

// debian starts the registry of Debian's package docker-registry.
func debian(t *testing.T) world {
	t.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("docker-registry is not installed: make test installs it where it can")
		}
		t.Skip("docker-registry is not installed: what it would show is not shown")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	settings := filepath.Join(folder, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", folder, address)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(binary, "serve", settings)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	remote := registrytest.At(address)
	deadline := time.Now().Add(20 * time.Second)
	for remote.Ping() != nil {
		if time.Now().After(deadline) {
			t.Fatalf("docker-registry does not answer at %s", address)
		}
	}
	return world{
		adapter: registry.New(registry.Options{}), repository: parse(t, address+"/shop/api"), calls: func() []string { return nil }, reset: func() {}, images: remote,
		push: func(tag, seed string) string {
			digest, err := remote.PushIndex("shop/api", tag, seed)
			if err != nil {
				t.Fatal(err)
			}
			return digest
		},
	}
}

func TestEveryRegistryKeepsTheDigest(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) world{
		"go-containerregistry": inProcess, "docker-registry": debian,
		"ECR": func(t *testing.T) world { t.Helper(); w, _ := elasticContainerRegistry(t); return w },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			ctx := t.Context()
			digest := w.push("0123abc", "one")
			parsed, err := promotion.ParseDigest(digest)
			if err != nil {
				t.Fatal(err)
			}
			w.reset()
			inspection, err := w.adapter.Inspect(ctx, w.repository, parsed, []string{"0123abc", "production"})
			if err != nil {
				t.Fatal(err)
			}
			if inspection.Manifest.Digest != parsed || inspection.Tags["0123abc"].Digest != parsed || len(inspection.Tags) != 1 {
				t.Fatalf("inspection: %+v", inspection)
			}
			if err := w.adapter.SetTag(ctx, w.repository, inspection.Manifest, "production"); err != nil {
				t.Fatal(err)
			}
			named, err := w.adapter.Resolve(ctx, w.repository, "production")
			if err != nil || named.Digest != parsed {
				t.Fatalf("read back: %+v %v", named, err)
			}
			if calls := w.calls(); calls != nil {
				slices.Sort(calls)
				t.Logf("%d calls: %v", len(calls), calls)
				if want := map[string]int{"ECR": 3, "go-containerregistry": 5}[name]; len(calls) != want {
					t.Errorf("%d calls, expected %d: %v", len(calls), want, calls)
				}
			}
			if err := w.adapter.SetTag(ctx, w.repository, inspection.Manifest, "production"); err != nil {
				t.Errorf("a repeat: %v", err)
			}
			if _, err := w.adapter.Resolve(ctx, w.repository, "nothing"); !errors.Is(err, promotion.ErrNotFound) {
				t.Errorf("a tag that is not there: %v", err)
			}
			second := w.push("4567def", "two")
			other, err := promotion.ParseDigest(second)
			if err != nil {
				t.Fatal(err)
			}
			moved, err := w.adapter.Inspect(ctx, w.repository, other, []string{"production"})
			if err != nil || moved.Tags["production"].Digest != parsed {
				t.Fatalf("inspect again: %+v %v", moved, err)
			}
			if err := w.adapter.SetTag(ctx, w.repository, moved.Manifest, "production"); err != nil {
				t.Fatal(err)
			}
			if named, err := w.adapter.Resolve(ctx, w.repository, "production"); err != nil || named.Digest != other {
				t.Errorf("moved: %+v %v", named, err)
			}
		})
	}
}

func TestImmutableTagsOfECR(t *testing.T) {
	t.Parallel()
	w, server := elasticContainerRegistry(t)
	server.Repository("shop/api", "IMMUTABLE_WITH_EXCLUSION", "moving*")
	one, two := w.push("one", "one"), w.push("two", "two")
	set := func(digest, tag string) error {
		parsed, err := promotion.ParseDigest(digest)
		if err != nil {
			t.Fatal(err)
		}
		inspection, err := w.adapter.Inspect(t.Context(), w.repository, parsed, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.adapter.SetTag(t.Context(), w.repository, inspection.Manifest, tag)
	}
	for _, step := range []struct {
		digest, tag string
		immutable   bool
	}{{one, "production", false}, {one, "production", false}, {two, "production", true}, {one, "moving", false}, {two, "moving", false}} {
		if err := set(step.digest, step.tag); errors.Is(err, promotion.ErrTagImmutable) != step.immutable || err != nil && !step.immutable {
			t.Errorf("%s onto %s: %v", step.tag, step.digest, err)
		}
	}
}

func TestECRIsNotBelievedEither(t *testing.T) {
	t.Parallel()
	w, server := elasticContainerRegistry(t)
	digest := w.push("one", "one")
	server.Lie("shop/api", digest, `{"schemaVersion":2}`)
	parsed, err := promotion.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	var permanent *promotion.PermanentError
	if inspection, err := w.adapter.Inspect(t.Context(), w.repository, parsed, nil); !errors.As(err, &permanent) || !inspection.Manifest.Digest.IsZero() {
		t.Errorf("got %+v %v", inspection, err)
	}
}

// A batch answers 200 and some failures: only "not found" means that a tag is not there.
func TestAPartialFailureIsNotAbsence(t *testing.T) {
	t.Parallel()
	for code, absent := range map[string]bool{"ImageNotFound": true, "KmsError": false, "UpstreamAccessDenied": false, "ImageReferencedByManifestList": false} {
		w, server := elasticContainerRegistry(t)
		digest := w.push("one", "one")
		w.push("production", "two")
		server.FailInBatch("shop/api", "production", code)
		parsed, err := promotion.ParseDigest(digest)
		if err != nil {
			t.Fatal(err)
		}
		inspection, err := w.adapter.Inspect(t.Context(), w.repository, parsed, []string{"one", "production"})
		if (err == nil) != absent || absent && (len(inspection.Tags) != 1 || inspection.Manifest.Digest != parsed) {
			t.Errorf("%s: %+v %v", code, inspection.Tags, err)
		}
	}
}

func TestWhatECRRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status    int
		exception string
		permanent bool
		pauses    bool
	}{
		"access denied":    {400, "AccessDeniedException", false, true},
		"expired token":    {400, "ExpiredTokenException", false, true},
		"throttled":        {400, "ThrottlingException", false, false},
		"its own failure":  {500, "ServerException", false, false},
		"no such registry": {400, "RepositoryNotFoundException", true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, server := elasticContainerRegistry(t)
			server.Inject(func(string) (int, string, string) { return test.status, test.exception, "because" })
			_, err := w.adapter.Inspect(t.Context(), w.repository, promotion.Digest{}, []string{"production"})
			var permanent *promotion.PermanentError
			if err == nil || errors.Is(err, promotion.ErrNotFound) || errors.As(err, &permanent) != test.permanent {
				t.Errorf("got %v", err)
			}
			if _, pauses := promotion.Paused(err); pauses != test.pauses {
				t.Errorf("it pauses: %t, expected %t: %v", pauses, test.pauses, err)
			}
		})
	}
}

func TestARoleIsAssumedWithItsExternalID(t *testing.T) {
	t.Parallel()
	_, server := elasticContainerRegistry(t)
	server.ExternalID("ours")
	digest, err := server.PushIndex("shop/api", "one", "one")
	if err != nil {
		t.Fatal(err)
	}
	for external, works := range map[string]bool{"ours": true, "": false} {
		adapter := registry.New(registry.Options{
			AWS: configuration(server), Roles: map[string]registry.Role{ecrtest.Host: {ARN: "arn:aws:iam::123456789012:role/promoter", ExternalID: external}},
		})
		named, err := adapter.Resolve(t.Context(), parse(t, ecrtest.Host+"/shop/api"), "one")
		if (err == nil) != works || works && named.Digest.String() != digest {
			t.Errorf("external id %q: %+v %v", external, named, err)
		}
	}
	if !slices.Contains(server.Calls(), "AssumeRole arn:aws:iam::123456789012:role/promoter") {
		t.Errorf("no role was assumed: %v", server.Calls())
	}
}

func TestARegistryIsNotBelieved(t *testing.T) {
	t.Parallel()
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	digest, err := server.PushIndex("shop/api", "one", "one")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := promotion.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	adapter := registry.New(registry.Options{Timeout: time.Second})
	repository := parse(t, server.Host()+"/shop/api")
	manifests := func(answer http.HandlerFunc) registrytest.Fault {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			answer(w, r)
			return true
		}
	}
	var permanent *promotion.PermanentError
	var delayed *promotion.DelayedError
	var paused *promotion.PausedError
	tests := map[string]struct {
		fault registrytest.Fault
		check func(error) bool
	}{
		"other bytes": {manifests(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }), func(err error) bool { return errors.As(err, &permanent) }},
		"429": {manifests(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }), func(err error) bool {
			return errors.As(err, &delayed) && delayed.After == 7*time.Second
		}},
		"403":      {manifests(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }), func(err error) bool { return errors.As(err, &paused) && paused.What == server.Host() }},
		"503":      {manifests(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }), func(err error) bool { return !errors.As(err, &permanent) }},
		"too slow": {manifests(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
	}
	for name, test := range tests {
		permanent, delayed = nil, nil
		server.Inject(test.fault)
		inspection, err := adapter.Inspect(t.Context(), repository, parsed, nil)
		if err == nil || !inspection.Manifest.Digest.IsZero() || !test.check(err) {
			t.Errorf("%s: %+v %v", name, inspection, err)
		}
	}
}

func TestADigestThatIsNotSaidIsComputed(t *testing.T) {
	t.Parallel()
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	digest, err := server.PushIndex("shop/api", "one", "one")
	if err != nil {
		t.Fatal(err)
	}
	_, content, err := server.Manifest("shop/api", "one")
	if err != nil {
		t.Fatal(err)
	}
	server.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Content-Type", registrytest.OCIIndex)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return true
	})
	named, err := registry.New(registry.Options{}).Resolve(t.Context(), parse(t, server.Host()+"/shop/api"), "one")
	if err != nil || named.Digest.String() != digest {
		t.Errorf("got %+v %v", named, err)
	}
}

// recorder answers nothing and says which hosts were asked.
type recorder struct{ asked []string }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.asked = append(r.asked, request.URL.Scheme+" "+request.URL.Host)
	return nil, errors.New("no network in this test")
}

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"10.0.0.5:5000", "192.168.1.2", "registry.local"} {
		transport := &recorder{}
		_, err := registry.New(registry.Options{Transport: transport}).Resolve(t.Context(), parse(t, host+"/shop/api"), "one")
		if err == nil {
			t.Errorf("%s answered", host)
		}
		for _, asked := range transport.asked {
			if strings.HasPrefix(asked, "http ") {
				t.Errorf("%s was asked by plain HTTP", host)
			}
		}
	}
}
