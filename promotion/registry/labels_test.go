package registry_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/internal/ecrtest"
	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// attestation is what BuildKit puts beside an image.
var attestation = registrytest.Image{
	Platform: "unknown/unknown", Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}, Config: []byte(`{}`),
}

func platformImage(platform, revision string) registrytest.Image {
	return registrytest.Image{Platform: platform, Labels: map[string]string{"org.opencontainers.image.revision": revision}}
}

// labels reads the manifest as a promotion does, and then its labels.
func (w world) labels(t *testing.T, digest string) ([]promotion.ImageLabels, error) {
	t.Helper()
	parsed, err := promotion.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	inspection, err := w.adapter.Inspect(t.Context(), w.repository, parsed, nil)
	if err != nil || inspection.Manifest.Digest != parsed {
		t.Fatalf("inspect %s: %+v %v", digest, inspection, err)
	}
	w.reset()
	return w.adapter.Labels(t.Context(), w.repository, inspection.Manifest)
}

// short gives labels as text: platform and labels, without the digests.
func short(images []promotion.ImageLabels) []string {
	var texts []string
	for _, image := range images {
		texts = append(texts, fmt.Sprintf("%s %v", image.Platform, image.Labels))
	}
	return texts
}

func everyRegistry(t *testing.T, do func(t *testing.T, w world)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) world{
		"go-containerregistry": inProcess, "docker-registry": debian,
		"ECR": func(t *testing.T) world { t.Helper(); w, _ := elasticContainerRegistry(t); return w },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(t, open(t))
		})
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	amd, arm := platformImage("linux/amd64", "0123"), platformImage("linux/arm64/v8", "4567")
	docker, silent, empty := platformImage("windows/amd64", "89ab"), platformImage("", "cdef"), registrytest.Image{Platform: "linux/s390x"}
	docker.MediaType = registrytest.DockerManifest
	silent.Config = []byte(`{"os":"linux","architecture":"riscv64","config":{"Labels":{"a":"b"}}}`)
	annotated := platformImage("linux/amd64", "0123") // it runs on linux/amd64, whatever it says besides
	annotated.Annotations = attestation.Annotations
	everyRegistry(t, func(t *testing.T, w world) {
		for name, test := range map[string]struct {
			images []registrytest.Image
			want   []string
			calls  int // of ECR: one for the index, two for each config
		}{
			"two platforms":        {[]registrytest.Image{arm, amd}, []string{"linux/arm64/v8 map[org.opencontainers.image.revision:4567]", "linux/amd64 map[org.opencontainers.image.revision:0123]"}, 5},
			"attestations":         {[]registrytest.Image{attestation, amd, attestation}, []string{"linux/amd64 map[org.opencontainers.image.revision:0123]"}, 3},
			"no true attestation":  {[]registrytest.Image{annotated}, []string{"linux/amd64 map[org.opencontainers.image.revision:0123]"}, 3},
			"no labels":            {[]registrytest.Image{amd, empty}, []string{"linux/amd64 map[org.opencontainers.image.revision:0123]", "linux/s390x map[]"}, 5},
			"Docker's media type":  {[]registrytest.Image{docker}, []string{"windows/amd64 map[org.opencontainers.image.revision:89ab]"}, 3},
			"an unnamed platform":  {[]registrytest.Image{silent}, []string{"linux/riscv64 map[a:b]"}, 3},
			"one image, two times": {[]registrytest.Image{amd, amd}, []string{"linux/amd64 map[org.opencontainers.image.revision:0123]", "linux/amd64 map[org.opencontainers.image.revision:0123]"}, 5},
		} {
			digest, err := w.images.PushLabelledIndex("shop/api", "index", test.images...)
			if err != nil {
				t.Fatal(err)
			}
			images, err := w.labels(t, digest)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(test.want, short(images)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if calls := w.calls(); w.repository.Host() == ecrtest.Host && len(calls) != test.calls {
				t.Errorf("%s: %d calls, wanted %d: %v", name, len(calls), test.calls, calls)
			}
		}
		for want, image := range map[string]registrytest.Image{" map[org.opencontainers.image.revision:0123]": amd, " map[]": empty} {
			digest, err := w.images.PushLabelled("shop/api", "single", image)
			if err != nil {
				t.Fatal(err)
			}
			images, err := w.labels(t, digest)
			if err != nil || !slices.Equal(short(images), []string{want}) || images[0].Digest.String() != digest {
				t.Errorf("a single image: got %v %v, wanted %q", images, err, want)
			}
			if calls := w.calls(); w.repository.Host() == ecrtest.Host && !slices.Equal(calls, []string{"GetDownloadUrlForLayer", "GET layer"}) {
				t.Errorf("a single image: %v", calls)
			}
		}
	})
}

func TestImagesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	const config, layers = `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%064x","size":%d}`, `"layers":[]`
	manifest := func(rest string) []byte { return []byte(`{"schemaVersion":2,` + rest + `}`) }
	for name, test := range map[string]struct {
		mediaType string
		content   []byte
		what      string
	}{
		"no JSON":               {registrytest.OCIManifest, []byte("<manifest>"), "not what a manifest is"},
		"another media type":    {"application/vnd.oci.artifact.manifest.v1+json", manifest(layers), "expected an image's manifest or an index"},
		"two media types":       {registrytest.OCIManifest, manifest(`"mediaType":"` + registrytest.OCIIndex + `",` + layers), "names itself"},
		"an image and index":    {registrytest.OCIIndex, manifest(`"manifests":[],` + layers), "neither config nor layers"},
		"an index and image":    {registrytest.OCIManifest, manifest(`"manifests":[],` + fmt.Sprintf(config, 1, 1)), "no manifests"},
		"no config":             {registrytest.OCIManifest, manifest(layers), "expected an image's manifest: a config"},
		"no image":              {registrytest.OCIIndex, manifest(`"manifests":[]`), "no image"},
		"a config of no digest": {registrytest.OCIManifest, manifest(`"config":{"digest":"sha512:00"}`), "expected sha256:"},
		"a huge config":         {registrytest.OCIManifest, manifest(fmt.Sprintf(config, 1, 4<<20+1)), "expected at most 4194304"},
		"a config of less":      {registrytest.OCIManifest, manifest(fmt.Sprintf(config, 1, -1)), "expected at most 4194304"},
		"a config that is gone": {registrytest.OCIManifest, manifest(fmt.Sprintf(config, 1, 10)), "parts of it are gone"},
		"an index within":       {registrytest.OCIIndex, manifest(`"manifests":[{"mediaType":"` + registrytest.DockerList + `","digest":"x"}]`), "an index itself"},
		"an entry of no digest": {registrytest.OCIIndex, manifest(`"manifests":[{"mediaType":"` + registrytest.OCIManifest + `","digest":"x"}]`), "an entry: digest"},
		"an entry that is gone": {registrytest.OCIIndex, manifest(`"manifests":[{"mediaType":"` + registrytest.OCIManifest + `","digest":"sha256:` + strings.Repeat("0", 64) + `"}]`), "parts of it are gone"},
	} {
		for kind, open := range map[string]func(*testing.T) world{
			"go-containerregistry": inProcess, "ECR": func(t *testing.T) world { t.Helper(); w, _ := elasticContainerRegistry(t); return w },
		} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				if err := w.images.PushBlob("shop/api", []byte("so that the repository is there")); err != nil {
					t.Fatal(err)
				}
				images, err := w.adapter.Labels(t.Context(), w.repository, promotion.Manifest{
					Digest: promotion.DigestOf(sha256.Sum256(test.content)), MediaType: test.mediaType, Bytes: test.content,
				})
				var permanent *promotion.PermanentError
				if !errors.As(err, &permanent) || errors.Is(err, promotion.ErrNotFound) || !strings.Contains(err.Error(), test.what) || images != nil {
					t.Errorf("got %v %v, wanted %q", images, err, test.what)
				}
			})
		}
	}
}

func TestConfigsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	everyRegistry(t, func(t *testing.T, w world) {
		for config, what := range map[string]string{
			"no JSON":                               "not what an image's config is",
			`[]`:                                    "not what an image's config is",
			`{"config":{"Labels":{"a":7}}}`:         "not what an image's config is",
			`{"os":"linux\n","architecture":"amd"}`: "expected a platform",
			`{"os":"linux"}`:                        "expected a platform",
			`{"config":{"Labels":{"a":"` + strings.Repeat("b", 4<<20) + `"}}}`: "expected at most 4194304",
		} {
			digest, err := w.images.PushLabelledIndex("shop/api", "index", registrytest.Image{Config: []byte(config)})
			if err != nil {
				t.Fatal(err)
			}
			images, err := w.labels(t, digest)
			var permanent *promotion.PermanentError
			if !errors.As(err, &permanent) || !strings.Contains(err.Error(), what) {
				t.Errorf("%.60s: got %v %v, wanted %q", config, images, err, what)
			}
		}
	})
}

func TestAnIndexHasAtMost32Images(t *testing.T) {
	t.Parallel()
	w := inProcess(t)
	for count, works := range map[int]bool{32: true, 33: false} {
		digest, err := w.images.PushLabelledIndex("shop/api", "index", slices.Repeat([]registrytest.Image{platformImage("linux/amd64", "0123"), attestation}, count)...)
		if err != nil {
			t.Fatal(err)
		}
		if images, err := w.labels(t, digest); (err == nil) != works || works && len(images) != count {
			t.Errorf("%d images: %d %v", count, len(images), err)
		}
	}
}

func TestARegistryIsNotBelievedAboutImages(t *testing.T) {
	t.Parallel()
	server, err := registrytest.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	digest, err := server.PushLabelledIndex("shop/api", "index", platformImage("linux/amd64", "0123"))
	if err != nil {
		t.Fatal(err)
	}
	_, content, err := server.Manifest("shop/api", digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest := promotion.Manifest{Digest: promotion.DigestOf(sha256.Sum256(content)), MediaType: registrytest.OCIIndex, Bytes: content}
	w := world{adapter: registry.New(registry.Options{Timeout: 4 * time.Second}), repository: parse(t, server.Host()+"/shop/api")}
	answer := func(part string, status int, body string) registrytest.Fault {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, part) {
				return false
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, test := range map[string]struct {
		fault     registrytest.Fault
		permanent bool
		what      string
	}{
		"another image":   {answer("/manifests/", 200, "{}"), true, "digest"},
		"another config":  {answer("/blobs/", 200, "{}"), true, "bytes whose digest is"},
		"too long":        {answer("/blobs/", 200, strings.Repeat("x", 4<<20+1)), true, "more than 4194304 bytes"},
		"no config":       {answer("/blobs/", 404, "{}"), true, "parts of it are gone"},
		"no image":        {answer("/manifests/", 404, "{}"), true, "parts of it are gone"},
		"not for us":      {answer("/blobs/", 403, "{}"), true, "credentials"},
		"its own failure": {answer("/blobs/", 503, "{}"), false, "503"},
		"never an answer": {func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }, false, "deadline"},
		"cut off too soon": {func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w.Header().Set("Content-Length", "100")
				_, _ = w.Write([]byte("{"))
				panic(http.ErrAbortHandler)
			}
			return false
		}, false, "EOF"},
	} {
		server.Inject(test.fault)
		images, err := w.adapter.Labels(t.Context(), w.repository, manifest)
		if err == nil || lasting(err) != test.permanent || !strings.Contains(err.Error(), test.what) || images != nil {
			t.Errorf("%s: got %v %v, wanted %q", name, images, err, test.what)
		}
	}
	manifest.Bytes = []byte("{}")
	if _, err := w.adapter.Labels(t.Context(), w.repository, manifest); err == nil || !strings.Contains(err.Error(), "bytes whose digest is") {
		t.Errorf("other bytes than were asked for: %v", err)
	}
}

// imageInECR gives an index of one image in ECR, read by an adapter that does not wait long.
func imageInECR(t *testing.T, clock func() time.Time) (read func() error, server *ecrtest.Server, child string) {
	t.Helper()
	server, err := ecrtest.New(clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.Repository("shop/api", "MUTABLE")
	child, err = server.PushLabelled("shop/api", "single", platformImage("linux/amd64", "0123"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := server.PushLabelledIndex("shop/api", "index", platformImage("linux/amd64", "0123"))
	if err != nil {
		t.Fatal(err)
	}
	_, content, err := server.Registry.Manifest("shop/api", digest)
	if err != nil {
		t.Fatal(err)
	}
	adapter := registry.New(registry.Options{AWS: configuration(server), Timeout: 4 * time.Second})
	manifest := promotion.Manifest{Digest: promotion.DigestOf(sha256.Sum256(content)), MediaType: registrytest.OCIIndex, Bytes: content}
	return func() error {
		images, err := adapter.Labels(t.Context(), parse(t, ecrtest.Host+"/shop/api"), manifest)
		if err == nil && (len(images) != 1 || len(images[0].Labels) != 1) {
			t.Errorf("got %+v", images)
		}
		return err
	}, server, child
}

func TestECRIsNotBelievedAboutImages(t *testing.T) {
	t.Parallel()
	read, server, child := imageInECR(t, time.Now)
	if err := read(); err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	answer := func(status int, body string) registrytest.Fault {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, test := range map[string]struct {
		fault     registrytest.Fault
		permanent bool
		what      string
	}{
		"another config":  {answer(200, "{}"), true, "bytes whose digest is"},
		"too long":        {answer(200, strings.Repeat("x", 4<<20+1)), true, "more than 4194304 bytes"},
		"a redirect":      {answer(307, ""), true, "answered 307"},
		"a refusal":       {answer(403, "<Error><StringToSign>secret</StringToSign></Error>"), true, "answered 403"},
		"its own failure": {answer(503, "SlowDown"), false, "answered 503"},
		"too often":       {answer(429, ""), false, "429"},
		"never an answer": {func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }, false, "deadline"},
		"a closed door":   {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, false, "EOF"},
	} {
		server.InjectStorage(test.fault)
		err := read()
		if err == nil || lasting(err) != test.permanent || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: got %v, wanted %q", name, err, test.what)
		}
		if err != nil && (strings.Contains(err.Error(), "X-Amz") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "http://")) {
			t.Errorf("%s: the error shows the presigned address: %v", name, err)
		}
	}
	server.InjectStorage(nil)
	for _, address := range []string{
		"", "layer", "http://storage.example.com/x?X-Amz-Signature=1", "http://10.0.0.1/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://user:secret@127.0.0.1/x", "https://127.0.0.1:1/\x01secret",
	} {
		server.PointDownloadsTo(address)
		var permanent *promotion.PermanentError
		if err := read(); address != "" && (!errors.As(err, &permanent) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "X-Amz")) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	server.PointDownloadsTo("https://127.0.0.1:1/layer?X-Amz-Signature=1")
	if err := read(); err == nil || strings.Contains(err.Error(), "X-Amz") {
		t.Errorf("nobody there: got %v", err)
	}
	server.PointDownloadsTo("")
	server.Lie("shop/api", child, `{"schemaVersion":2}`)
	if err := read(); err == nil || !strings.Contains(err.Error(), "bytes whose digest is") {
		t.Errorf("another image: got %v", err)
	}
}

func TestWhatECRRefusesToGive(t *testing.T) {
	t.Parallel()
	read, server, _ := imageInECR(t, time.Now)
	for name, test := range map[string]struct {
		operation, exception string
		permanent            bool
		what                 string
	}{
		"images":  {"BatchGetImage", "AccessDeniedException", true, "ecr:BatchGetImage"},
		"layers":  {"GetDownloadUrlForLayer", "AccessDeniedException", true, "ecr:GetDownloadUrlForLayer"},
		"gone":    {"GetDownloadUrlForLayer", "LayerInaccessibleException", true, "parts of it are gone"},
		"missing": {"GetDownloadUrlForLayer", "LayersNotFoundException", true, "parts of it are gone"},
		"busy":    {"GetDownloadUrlForLayer", "ThrottlingException", false, "config"},
	} {
		server.Inject(func(operation string) (int, string, string) {
			if operation == test.operation {
				return 400, test.exception, "because"
			}
			return 0, "", ""
		})
		err := read()
		if err == nil || lasting(err) != test.permanent || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: got %v, wanted %q", name, err, test.what)
		}
	}
}

// The stand-in for ECR answers as ECR does for layers that are there, but that no image names, and for addresses that
// have expired.
func TestLayersOfNoImageAndOldAddresses(t *testing.T) {
	t.Parallel()
	var hours atomic.Int64
	read, server, _ := imageInECR(t, func() time.Time { return time.Unix(0, 0).Add(time.Duration(hours.Add(2)) * time.Hour) })
	if err := read(); err == nil || !strings.Contains(err.Error(), "answered 403") {
		t.Errorf("an old address: got %v", err)
	}
	config := []byte(`{"config":{}}`)
	if err := server.PushBlob("shop/api", config); err != nil {
		t.Fatal(err)
	}
	content := fmt.Appendf(nil, `{"schemaVersion":2,"config":{"digest":"sha256:%x"},"layers":[]}`, sha256.Sum256(config))
	_, err := registry.New(registry.Options{AWS: configuration(server)}).Labels(t.Context(), parse(t, ecrtest.Host+"/shop/api"), promotion.Manifest{
		Digest: promotion.DigestOf(sha256.Sum256(content)), MediaType: registrytest.OCIManifest, Bytes: content,
	})
	if err == nil || !strings.Contains(err.Error(), "LayerInaccessibleException") {
		t.Errorf("a layer of no image: got %v", err)
	}
}

func TestTagRulesOfECR(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w, server := elasticContainerRegistry(t)
	w.adapter = registry.New(registry.Options{AWS: configuration(server), Now: func() time.Time { return now }})
	for mutability, want := range map[string]promotion.TagRules{
		"MUTABLE":                  {Known: true},
		"IMMUTABLE":                {Known: true, Immutable: true},
		"MUTABLE_WITH_EXCLUSION":   {Known: true, Except: []string{"v*", "release"}},
		"IMMUTABLE_WITH_EXCLUSION": {Known: true, Immutable: true, Except: []string{"v*", "release"}},
		"CAST_IN_STONE":            {},
	} {
		now = now.Add(10 * time.Minute)
		server.Repository("shop/api", mutability)
		if strings.HasSuffix(mutability, "_WITH_EXCLUSION") {
			server.Repository("shop/api", mutability, "v*", "release")
		}
		for range 2 {
			rules, err := w.adapter.TagRules(t.Context(), w.repository)
			if diff := cmp.Diff(want, rules); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", mutability, err, diff)
			}
			now = now.Add(5*time.Minute - time.Second)
		}
		if calls := server.Calls(); !slices.Equal(calls, []string{"DescribeRepositories"}) {
			t.Errorf("%s: calls %v, wanted one", mutability, calls)
		}
		server.ResetCalls()
	}
}

func TestTagRulesThatAreNotKnown(t *testing.T) {
	t.Parallel()
	w, server := elasticContainerRegistry(t)
	server.Inject(func(string) (int, string, string) { return 400, "AccessDeniedException", "because" })
	if rules, err := w.adapter.TagRules(t.Context(), w.repository); err != nil || rules.Known {
		t.Errorf("access denied: got %+v %v", rules, err)
	}
	server.Inject(func(string) (int, string, string) { return 500, "ServerException", "because" })
	if rules, err := w.adapter.TagRules(t.Context(), w.repository); err == nil || rules.Known {
		t.Errorf("a failure: got %+v %v", rules, err)
	}
	server.Inject(nil)
	if rules, err := w.adapter.TagRules(t.Context(), w.repository); err != nil || !rules.Known {
		t.Errorf("what was wrong is kept: got %+v %v", rules, err)
	}
	var permanent *promotion.PermanentError
	if _, err := w.adapter.TagRules(t.Context(), parse(t, ecrtest.Host+"/shop/none")); !errors.As(err, &permanent) {
		t.Errorf("no such repository: got %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if rules, err := inProcess(t).adapter.TagRules(cancelled, parse(t, "ghcr.io/acme/shop")); err != nil || rules.Known {
		t.Errorf("another registry: got %+v %v", rules, err)
	}
}

// lasting reports whether trying again soon cannot mend the error.
func lasting(err error) bool {
	_, paused := promotion.Paused(err)
	return paused || errors.As(err, new(*promotion.PermanentError))
}
