package provenance

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/data"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/verbatim-dev/verbatim/internal/attestationtest"
	"github.com/verbatim-dev/verbatim/promotion"
)

// A bundle that GitHub Actions and sigstore made: sigstore-js 2.0.0, as npm publishes it.
func TestRealAttestationOfPublicRepository(t *testing.T) {
	made := data.Bundle(t, "sigstore.js@2.0.0-provenance.sigstore.json")
	public, err := newTrustRoot("public", data.TrustedRoot(t, "public-good.json"), publicDemand)
	if err != nil {
		t.Fatal(err)
	}
	if demanded := demandOf(public.material); demanded != publicDemand {
		t.Errorf("expected a file with this root to demand %+v, found %+v", publicDemand, demanded)
	}
	sum, err := hex.DecodeString("46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c")
	if err != nil {
		t.Fatal(err)
	}
	result, err := public.verifier.Verify(made, verify.NewPolicy(verify.WithArtifactDigest("sha512", sum), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		t.Fatal(err)
	}
	content, err := made.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	summary := *result.Signature.Certificate
	built, err := promotion.ParseCommit("f0b49a04e5a62250e0f60fb128004a73110fe311")
	if err != nil {
		t.Fatal(err)
	}
	claim := promotion.ProvenanceClaim{
		Repository: promotion.Repository{ID: 495574555, Owner: "sigstore", Name: "sigstore-js"}, Commit: built,
		Signers: []promotion.ProvenanceSigner{{Workflow: ".github/workflows/release.yml", Branches: []string{"main"}}},
	}
	if err := New(Options{}).identify(content.Certificate(), summary, claim); err != nil {
		t.Errorf("%v\n%+v", err, summary)
	}
	if !public.issued(content.Certificate()) {
		t.Error("expected the public root to have issued the certificate")
	}

	github, err := newTrustRoot("github", data.TrustedRoot(t, "public-good.json"), githubDemand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := github.verifier.Verify(made, verify.NewPolicy(verify.WithArtifactDigest("sha512", sum), verify.WithoutIdentitiesUnsafe())); err == nil {
		t.Error("expected a bundle without a timestamp authority's word to be refused where the log is not asked")
	}
}

// logged is trusted material that names logs.
type logged struct {
	root.TrustedMaterial
	rekor, certificates map[string]*root.TransparencyLog
}

func (l logged) RekorLogs() map[string]*root.TransparencyLog { return l.rekor }
func (l logged) CTLogs() map[string]*root.TransparencyLog    { return l.certificates }

func TestLogsAreDemandedWhereTheRootNamesThem(t *testing.T) {
	authority := attestationtest.New()
	material, err := root.NewTrustedRootFromJSON(authority.TrustedRootJSON())
	if err != nil {
		t.Fatal(err)
	}
	logs := map[string]*root.TransparencyLog{"aa": {BaseURL: "https://log.test"}}
	for name, test := range map[string]struct {
		material root.TrustedMaterial
		want     string
	}{
		"no logs":               {material, ""},
		"a transparency log":    {logged{TrustedMaterial: material, rekor: logs}, "it does not verify against the given trust root: failed to verify log inclusion"},
		"a log of certificates": {logged{TrustedMaterial: material, certificates: logs}, "failed to verify signed certificate timestamp"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, New(Options{Material: test.material}).Verify(t.Context(), [][]byte{authority.Attest(attested)}, claimed), test.want)
		})
	}
}

// offline is a network that is not there.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no route to host")
}

func TestPublishedRootsAreToldApart(t *testing.T) {
	trust := newTrust(Options{HTTP: &http.Client{Transport: offline{}}})
	for organization, want := range map[string]string{
		publicOrganization: "the trust root is out of reach: sigstore's public trust root: ",
		githubOrganization: "the trust root is out of reach: GitHub's trust root: ",
		"Acme, Inc.":       "expected a certificate of a trusted certificate authority (sigstore.dev or GitHub, Inc.), found one that ",
	} {
		_, err := trust.rootsFor(t.Context(), &x509.Certificate{Issuer: pkix.Name{Organization: []string{organization}}})
		var refused refusal
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", organization, err, want)
		} else if known := strings.HasPrefix(want, "the trust root"); errors.As(err, &refused) == known {
			t.Errorf("%s: is %T, a refusal: %t", organization, err, !known)
		}
	}
}

func TestUnreachableRootIsNoRefusal(t *testing.T) {
	authority := attestationtest.New()
	broken := &Verifier{web: "https://github.com", issuer: "x", trust: allRoots{keep(func(context.Context) ([]trustRoot, error) {
		return nil, errors.New("no route to host")
	})}}
	wrong := attested
	wrong.Digest = otherDigest
	err := broken.Verify(t.Context(), [][]byte{authority.Attest(wrong), authority.Attest(attested)}, claimed)
	var refused *promotion.ProvenanceError
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "no route to host") {
		t.Errorf("expected that it could not be told, found %v", err)
	}
	// What needs no root is refused without it.
	check(t, broken.Verify(t.Context(), [][]byte{authority.Attest(wrong)}, claimed), "expected a subject")
}

func TestKept(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	fetches, failure := 0, error(nil)
	k := keep(func(context.Context) ([]trustRoot, error) {
		fetches++
		return []trustRoot{{name: "root"}}, failure
	})
	k.now = func() time.Time { return now }
	broken := errors.New("broken")
	for _, step := range []struct {
		name    string
		after   time.Duration
		fails   error
		fetches int
		want    error
	}{
		{"at first it fails", 0, broken, 1, broken},
		{"and is not asked again at once", 30 * time.Second, nil, 1, broken},
		{"but after a minute", 30 * time.Second, nil, 2, nil},
		{"then it is fresh for a day", 23 * time.Hour, broken, 2, nil},
		{"and usable while it cannot be refreshed", 2 * time.Hour, broken, 3, nil},
		{"without being asked at once", time.Second, broken, 3, nil},
		{"but not for ever", 48 * time.Hour, broken, 4, broken},
		{"until it is there again", time.Hour, nil, 5, nil},
	} {
		now, failure = now.Add(step.after), step.fails
		roots, err := k.get(t.Context())
		if fetches != step.fetches || !errors.Is(err, step.want) || (err == nil) != (len(roots) == 1) {
			t.Errorf("%s: got %v, %v after %d fetches, want %v after %d", step.name, roots, err, fetches, step.want, step.fetches)
		}
	}

	// A caller who gives up does not spoil it for the next.
	k = keep(func(ctx context.Context) ([]trustRoot, error) { return []trustRoot{{}}, ctx.Err() })
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := k.get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := k.get(t.Context()); err != nil {
		t.Error(err)
	}
}
