package provenance

import (
	"errors"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/verbatim-dev/verbatim/internal/attestationtest"
	"github.com/verbatim-dev/verbatim/promotion"
)

// Whatever is in a bundle: nothing proves a digest for which nobody signed, and what is wrong is a refusal.
func FuzzBundle(f *testing.F) {
	authority := attestationtest.New()
	material, err := root.NewTrustedRootFromJSON(authority.TrustedRootJSON())
	if err != nil {
		f.Fatal(err)
	}
	verifier := New(Options{Material: material})
	genuine := string(authority.Attest(attested))
	for _, seed := range []string{
		genuine, alter(f, genuine), replacePayload(genuine, "e30="), genuine[:len(genuine)/2], "{}", "", "[]", "null",
		strings.Replace(genuine, `"rawBytes"`, `"hint"`, 1), strings.Replace(genuine, `"certificate"`, `"publicKey"`, 1),
		strings.Replace(genuine, ".v0.3+json", "+json;version=0.1", 1), strings.Replace(genuine, ".v0.3+json", ".v0.9+json", 1),
		strings.Replace(genuine, `"verificationMaterial":{`, `"verificationMaterial":{"tlogEntries":[{"logIndex":"1"}],`, 1),
		`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		unsigned := claimed
		unsigned.Digest = otherDigest
		err := verifier.Verify(t.Context(), [][]byte{text}, unsigned)
		var refused *promotion.ProvenanceError
		if !errors.As(err, &refused) {
			t.Fatalf("expected a refusal, found %v", err)
		}
		if refused.Detail == "" || len(refused.Detail) > 4000 || strings.ContainsAny(refused.Detail, "\n\r") {
			t.Errorf("expected one line of bounded length, found %q", refused.Detail)
		}
		err = verifier.Verify(t.Context(), [][]byte{text}, claimed)
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("expected a refusal, found %v", err)
		}
	})
}
