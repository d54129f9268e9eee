package provenance

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/verbatim-dev/verbatim/internal/attestationtest"
	"github.com/verbatim-dev/verbatim/promotion"
)

// publisher serves a TUF repository whose one target is a trusted_root.json.
type publisher struct {
	*httptest.Server
	files map[string][]byte
	asked atomic.Int64
}

func publish(t *testing.T, trusted []byte) *publisher {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	fatal(t, err)
	signer, err := signature.LoadSigner(private, crypto.Hash(0))
	fatal(t, err)
	key, err := metadata.KeyFromPublicKey(public)
	fatal(t, err)

	until := time.Now().Add(time.Hour).UTC()
	root, targets, snapshot, stamp := metadata.Root(until), metadata.Targets(until), metadata.Snapshot(until), metadata.Timestamp(until)
	for _, role := range []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP} {
		fatal(t, root.Signed.AddKey(key, role))
	}
	target, err := metadata.TargetFile().FromBytes("trusted_root.json", trusted, "sha256")
	fatal(t, err)
	targets.Signed.Targets["trusted_root.json"] = target

	p := &publisher{files: map[string][]byte{}}
	sum := sha256.Sum256(trusted)
	p.files["/targets/"+hex.EncodeToString(sum[:])+".trusted_root.json"] = trusted
	p.files["/1.root.json"] = signed(t, root, signer)
	p.files["/1.targets.json"] = signed(t, targets, signer)
	p.files["/1.snapshot.json"] = signed(t, snapshot, signer)
	p.files["/timestamp.json"] = signed(t, stamp, signer)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if text, found := p.files[r.URL.Path]; found {
			_, _ = w.Write(text)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func signed[T metadata.Roles](t *testing.T, document *metadata.Metadata[T], signer signature.Signer) []byte {
	t.Helper()
	_, err := document.Sign(signer)
	fatal(t, err)
	text, err := document.ToBytes(false)
	fatal(t, err)
	return text
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pinned gives the repository with the hash of its first root metadata.
func (p *publisher) pinned() repository {
	return repository{name: "the test's", address: p.URL, rootFile: "1.root.json", rootSum: sumOf(p.files["/1.root.json"])}
}

func fetching(r repository, options Options) *Verifier {
	v := New(Options{})
	v.trust = allRoots{keep(r.fetch(options))}
	return v
}

func TestTrustedRootIsFetchedOnce(t *testing.T) {
	authority := attestationtest.New()
	bundles := [][]byte{authority.Attest(attested)}
	p := publish(t, authority.TrustedRootJSON())
	for name, r := range map[string]repository{
		"from metadata": {name: "the test's", address: p.URL, root: p.files["/1.root.json"]},
		"from a hash":   p.pinned(),
	} {
		t.Run(name, func(t *testing.T) {
			p.asked.Store(0)
			verifier := fetching(r, Options{})
			if asked := p.asked.Load(); asked != 0 {
				t.Errorf("%d requests before the first attestation", asked)
			}
			check(t, verifier.Verify(t.Context(), bundles, claimed), "")
			first := p.asked.Load()
			check(t, verifier.Verify(t.Context(), bundles, claimed), "")
			if second := p.asked.Load(); first == 0 || second != first {
				t.Errorf("%d requests for the first attestation, %d for both", first, second)
			}
		})
	}
}

func TestCacheDirectoryOutlivesARestart(t *testing.T) {
	authority := attestationtest.New()
	bundles := [][]byte{authority.Attest(attested)}
	p := publish(t, authority.TrustedRootJSON())
	options := Options{CacheDirectory: t.TempDir()}
	check(t, fetching(p.pinned(), options).Verify(t.Context(), bundles, claimed), "")
	p.Close()
	check(t, fetching(p.pinned(), options).Verify(t.Context(), bundles, claimed), "")
}

func TestBrokenRepositories(t *testing.T) {
	authority := attestationtest.New()
	bundles := [][]byte{authority.Attest(attested)}
	for name, test := range map[string]struct {
		spoil func(*publisher, *repository)
		want  string
	}{
		"another first root": {func(_ *publisher, r *repository) { r.rootSum = strings.Repeat("0", 64) }, "1.root.json: expected SHA-256 0000"},
		"nothing there":      {func(p *publisher, _ *repository) { clear(p.files) }, "404"},
		"gone":               {func(p *publisher, _ *repository) { p.Close() }, "connection refused"},
		"an altered target": {func(p *publisher, _ *repository) {
			for path := range p.files {
				if strings.HasPrefix(path, "/targets/") {
					p.files[path] = attestationtest.New().TrustedRootJSON()
				}
			}
		}, "failed to get trusted root"},
		"too long an answer": {func(p *publisher, _ *repository) { p.files["/1.root.json"] = make([]byte, mostRootBytes+1) }, "expected at most 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, authority.TrustedRootJSON())
			r := p.pinned()
			test.spoil(p, &r)
			err := fetching(r, Options{}).Verify(t.Context(), bundles, claimed)
			var refused *promotion.ProvenanceError
			if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got:  %v\nwant: another error than a refusal, with %s", err, test.want)
			}
		})
	}
}

func TestASlowRepositoryEndsWithTheCaller(t *testing.T) {
	authority := attestationtest.New()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	r := repository{name: "slow", address: slow.URL, rootFile: "1.root.json"}
	if err := fetching(r, Options{}).Verify(ctx, [][]byte{authority.Attest(attested)}, claimed); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}
