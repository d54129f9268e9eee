package provenance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/attestationtest"
	"github.com/verbatim-dev/verbatim/promotion"
)

var (
	digest      = promotion.DigestOf([32]byte{1})
	otherDigest = promotion.DigestOf([32]byte{2})
	commit, _   = promotion.ParseCommit(strings.Repeat("a", 40))
	other, _    = promotion.ParseCommit(strings.Repeat("b", 40))

	claimed = promotion.ProvenanceClaim{
		Digest: digest, Repository: promotion.Repository{ID: 42, Owner: "octo", Name: "shop"}, Commit: commit,
		Signers: []promotion.ProvenanceSigner{
			{Workflow: ".github/workflows/ci.yml", Branches: []string{"main", "release/*"}, MergeGroups: true}, {Workflow: ".github/workflows/build.yml", Branches: []string{"main"}},
		},
	}
	attested = attestationtest.Claim{
		Digest: digest, RepositoryURL: "https://github.com/octo/shop", RepositoryID: 42, Commit: commit,
		Signer: "https://github.com/octo/shop/.github/workflows/ci.yml@refs/heads/main",
	}
)

// trusting gives the options by which the verifier trusts these authorities, through a file as an operator has it.
func trusting(t testing.TB, authorities ...*attestationtest.Authority) Options {
	t.Helper()
	var lines []byte
	for _, authority := range authorities {
		lines = append(append(lines, authority.TrustedRootJSON()...), '\n')
	}
	path := filepath.Join(t.TempDir(), "trusted_root.jsonl")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{TrustedRootFile: path}
}

func TestVerify(t *testing.T) {
	authority, stranger := attestationtest.New(), attestationtest.New()
	verifier := New(trusting(t, attestationtest.New(), authority))
	const signer = "https://github.com/octo/shop/"
	for name, test := range map[string]struct {
		attest func(*attestationtest.Claim)
		claim  func(*promotion.ProvenanceClaim)
		want   string // part of the refusal; none if it is proven
	}{
		"genuine":                       {},
		"the second workflow":           {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/build.yml@refs/heads/main" }},
		"a branch with an @":            {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/ci.yml@refs/heads/release/a@b" }},
		"a reusable workflow at commit": {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/ci.yml@" + other.String() }, want: "expected the workflow of refs/heads/main"},
		"a tag":                         {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/ci.yml@refs/tags/main" }, want: "expected the workflow of refs/heads/main"},
		"a branch of another workflow":  {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/build.yml@refs/heads/release/1" }, want: "expected the workflow of refs/heads/main"},
		"a run for a tag":               {attest: func(a *attestationtest.Claim) { a.Ref = "refs/tags/main" }, want: "expected a run of refs/heads/main"},
		"names in another case": {attest: func(a *attestationtest.Claim) {
			a.RepositoryURL, a.Signer = "https://github.com/Octo/Shop", "https://github.com/Octo/SHOP/.github/workflows/ci.yml@refs/heads/main"
		}},
		"the repository's ID unknown": {claim: func(c *promotion.ProvenanceClaim) { c.Repository.ID = 0 }},
		"signed long ago":             {attest: func(a *attestationtest.Claim) { a.Signed = time.Now().AddDate(-1, 0, 0) }},

		"another digest":     {attest: func(a *attestationtest.Claim) { a.Digest = otherDigest }, want: "expected a subject with digest " + digest.String() + `, found "` + otherDigest.String()},
		"no digest":          {attest: func(a *attestationtest.Claim) { a.Digest = promotion.Digest{} }, want: "expected a subject with digest"},
		"another commit":     {attest: func(a *attestationtest.Claim) { a.Commit = other }, want: "expected commit " + commit.String() + `, found "` + other.String()},
		"no commit":          {attest: func(a *attestationtest.Claim) { a.Commit = promotion.Commit{} }, want: "expected commit"},
		"another owner":      {attest: func(a *attestationtest.Claim) { a.RepositoryURL = "https://github.com/evil/shop" }, want: `expected repository https://github.com/octo/shop, found "https://github.com/evil/shop"`},
		"another name":       {attest: func(a *attestationtest.Claim) { a.RepositoryURL = "https://github.com/octo/shop2" }, want: "expected repository "},
		"another host":       {attest: func(a *attestationtest.Claim) { a.RepositoryURL = "https://github.co/octo/shop" }, want: "expected repository "},
		"a letter like s":    {attest: func(a *attestationtest.Claim) { a.RepositoryURL = "https://github.com/octo/ſhop" }, want: "expected repository "},
		"another ID":         {attest: func(a *attestationtest.Claim) { a.RepositoryID = 43 }, want: `expected repository ID 42, found "43"`},
		"no ID":              {attest: func(a *attestationtest.Claim) { a.RepositoryID = 0 }, want: `expected repository ID 42, found ""`},
		"another issuer":     {attest: func(a *attestationtest.Claim) { a.Issuer = "https://accounts.google.com" }, want: `expected OIDC issuer https://token.actions.githubusercontent.com, found "https://accounts.google.com"`},
		"an issuer below it": {attest: func(a *attestationtest.Claim) { a.Issuer = "https://token.actions.githubusercontent.com/acme" }, want: "expected OIDC issuer "},

		"another workflow":         {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/other.yml@refs/heads/main" }, want: `expected workflow .github/workflows/ci.yml or .github/workflows/build.yml at a branch, found ".github/workflows/other.yml@refs/heads/main"`},
		"a workflow with a suffix": {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/ci.yml.evil@refs/heads/main" }, want: "expected workflow "},
		"a workflow with @ in it": {attest: func(a *attestationtest.Claim) {
			a.Signer = signer + ".github/workflows/ci.yml@evil.yml@refs/heads/main"
		}, want: "expected the workflow of "},
		"an encoded workflow": {attest: func(a *attestationtest.Claim) {
			a.Signer = signer + ".github/workflows/ci.yml%40refs%2Fx.yml@refs/heads/main"
		}, want: "expected workflow "},
		"a workflow in other case": {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/CI.yml@refs/heads/main" }, want: "expected workflow "},
		"a folder before":          {attest: func(a *attestationtest.Claim) { a.Signer = signer + "x/.github/workflows/ci.yml@refs/heads/main" }, want: "expected workflow "},
		"no ref":                   {attest: func(a *attestationtest.Claim) { a.Signer = signer + ".github/workflows/ci.yml@" }, want: "expected the workflow of "},
		"another signing repository": {attest: func(a *attestationtest.Claim) {
			a.Signer = "https://github.com/evil/shop/.github/workflows/ci.yml@refs/heads/main"
		}, want: "expected a workflow of repository https://github.com/octo/shop, found signer "},
		"a signer with a prefix": {attest: func(a *attestationtest.Claim) {
			a.Signer = "https://evil.test/https://github.com/octo/shop/.github/workflows/ci.yml@refs/heads/main"
		}, want: "expected a workflow of repository "},
		"two signers": {attest: func(a *attestationtest.Claim) { a.BuildSigner = signer + ".github/workflows/other.yml@refs/heads/main" }, want: "expected workflow "},
		"no signer":   {attest: func(a *attestationtest.Claim) { a.Signer = "" }, want: "no Subject Alternative Name found"},

		"SLSA 0.2":                  {attest: func(a *attestationtest.Claim) { a.PredicateType = "https://slsa.dev/provenance/v0.2" }, want: "SLSA 0.2 is not accepted"},
		"another predicate":         {attest: func(a *attestationtest.Claim) { a.PredicateType = "https://spdx.dev/Document" }, want: `expected predicate type https://slsa.dev/provenance/v1, found "https://spdx.dev/Document"`},
		"no timestamp":              {attest: func(a *attestationtest.Claim) { a.Untimed = true }, want: "failed to verify timestamps"},
		"expired, no timestamp":     {attest: func(a *attestationtest.Claim) { a.Untimed, a.Signed = true, time.Now().AddDate(0, 0, -1) }, want: "failed to verify timestamps"},
		"signed after it expired":   {attest: func(a *attestationtest.Claim) { a.Stamped = time.Hour }, want: "failed to verify leaf certificate"},
		"signed before it began":    {attest: func(a *attestationtest.Claim) { a.Stamped = -time.Hour }, want: "failed to verify leaf certificate"},
		"a claim of another digest": {claim: func(c *promotion.ProvenanceClaim) { c.Digest = otherDigest }, want: "expected a subject with digest " + otherDigest.String()},
		"a claim of other workflow": {claim: func(c *promotion.ProvenanceClaim) {
			c.Signers = []promotion.ProvenanceSigner{{}, {Workflow: ".github/workflows/c.yml"}}
		}, want: "expected workflow "},
	} {
		t.Run(name, func(t *testing.T) {
			made, claim := attested, claimed
			if test.attest != nil {
				test.attest(&made)
			}
			if test.claim != nil {
				test.claim(&claim)
			}
			check(t, verifier.Verify(t.Context(), [][]byte{authority.Attest(made)}, claim), test.want)
			check(t, verifier.Verify(t.Context(), [][]byte{stranger.Attest(made)}, claim), ofStranger(test.want))
		})
	}
}

// ofStranger gives what is said of the same attestation by an authority that is not trusted: what is read before the
// signature comes first.
func ofStranger(want string) string {
	for _, early := range []string{"expected a subject", "SLSA 0.2", "expected predicate"} {
		if strings.HasPrefix(want, early) {
			return want
		}
	}
	return "expected a certificate of a trusted certificate authority (trusted_root.jsonl), found one that "
}

// check compares a verdict: want is part of the refusal, none if there is to be no error.
func check(t *testing.T, err error, want string) {
	t.Helper()
	var refused *promotion.ProvenanceError
	switch {
	case want == "" && err != nil:
		t.Errorf("expected it to be proven, found %v", err)
	case want != "" && !errors.As(err, &refused):
		t.Errorf("expected a refusal (%s), found %v", want, err)
	case want != "" && !strings.Contains(refused.Detail, want):
		t.Errorf("got:  %s\nwant: %s", refused.Detail, want)
	}
}

func TestWhatIsNoAttestation(t *testing.T) {
	authority := attestationtest.New()
	verifier := New(trusting(t, authority))
	genuine := string(authority.Attest(attested))
	for name, test := range map[string]struct{ give, want string }{
		"garbage":           {"{]", "expected a sigstore bundle, found something else"},
		"nothing":           {"", "expected a sigstore bundle, found something else"},
		"other JSON":        {`{"mediaType":"application/json"}`, "expected a sigstore bundle, found something else"},
		"too much":          {genuine + strings.Repeat(" ", mostBytes), "expected a sigstore bundle of at most 1048576 bytes, found "},
		"another payload":   {strings.Replace(genuine, "application/vnd.in-toto+json", "text/plain", 1), `expected an in-toto statement (application/vnd.in-toto+json), found "text/plain"`},
		"no JSON within":    {replacePayload(genuine, "aGVsbG8="), "expected an in-toto statement, found something else"},
		"no statement":      {replacePayload(genuine, "e30="), "expected statement type https://in-toto.io/Statement/v1"},
		"a bare key":        {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"a"}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`, "found a bare key"},
		"a message":         {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"a"}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`, "expected a bundle with a DSSE envelope, found none"},
		"an altered digest": {alter(t, genuine), "failed to verify"},
	} {
		t.Run(name, func(t *testing.T) {
			claim := claimed
			if name == "an altered digest" {
				claim.Digest = otherDigest
			}
			check(t, verifier.Verify(t.Context(), [][]byte{[]byte(test.give)}, claim), test.want)
		})
	}
	check(t, verifier.Verify(t.Context(), nil, claimed), "expected an attestation, found none")
}

func TestSeveralAttestations(t *testing.T) {
	authority := attestationtest.New()
	verifier := New(trusting(t, authority))
	wrong := attested
	wrong.Commit = other
	refused, genuine := authority.Attest(wrong), authority.Attest(attested)
	check(t, verifier.Verify(t.Context(), [][]byte{[]byte("garbage"), refused, genuine}, claimed), "")
	check(t, verifier.Verify(t.Context(), [][]byte{[]byte("garbage"), refused}, claimed), "none of 2 attestations proves it; 1: expected a sigstore bundle")
	check(t, verifier.Verify(t.Context(), [][]byte{refused, refused, refused, refused, refused}, claimed), "; and 2 more")

	many := make([][]byte, 110)
	for i := range many {
		many[i] = []byte("garbage")
	}
	many[109] = genuine
	check(t, verifier.Verify(t.Context(), many, claimed), "; and 107 more, of which only the first 100 attestations were looked at")
}

func TestEnterpriseServer(t *testing.T) {
	authority := attestationtest.New()
	options := trusting(t, authority)
	options.WebURL, options.Issuer = "https://git.acme.test/", "https://git.acme.test/_services/token"
	made := attested
	made.RepositoryURL, made.Issuer = "https://git.acme.test/octo/shop", options.Issuer
	made.Signer = "https://git.acme.test/octo/shop/.github/workflows/ci.yml@refs/heads/main"
	check(t, New(options).Verify(t.Context(), [][]byte{authority.Attest(made)}, claimed), "")
	check(t, New(options).Verify(t.Context(), [][]byte{authority.Attest(attested)}, claimed), "expected OIDC issuer ")
}

func TestWhatCannotBeTold(t *testing.T) {
	authority := attestationtest.New()
	genuine := [][]byte{authority.Attest(attested)}
	gone, stop := context.WithCancel(t.Context())
	stop()
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		ctx     context.Context
		options Options
		claim   promotion.ProvenanceClaim
		want    string
	}{
		"no file":             {t.Context(), Options{TrustedRootFile: filepath.Join(t.TempDir(), "none.json")}, claimed, "none.json"},
		"an empty file":       {t.Context(), Options{TrustedRootFile: empty}, claimed, "found an empty file"},
		"a claim of nothing":  {t.Context(), trusting(t, authority), promotion.ProvenanceClaim{}, "expected a claim with"},
		"the caller has left": {gone, trusting(t, authority), claimed, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := New(test.options).Verify(test.ctx, genuine, test.claim)
			var refused *promotion.ProvenanceError
			if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got:  %v\nwant: another error than a refusal, with %s", err, test.want)
			}
		})
	}
}
