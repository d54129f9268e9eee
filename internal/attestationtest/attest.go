package attestationtest

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Claim is what an attestation is to say. What is left out is not in it, where no default is named.
type Claim struct {
	Digest        promotion.Digest // the only subject's
	RepositoryURL string           // https://github.com/octo/shop
	RepositoryID  int64
	Commit        promotion.Commit
	Signer        string // the certificate's subject: https://github.com/octo/shop/.github/workflows/ci.yml@refs/heads/main
	Ref           string // what the run was for; that of the signer if empty
	Trigger       string // the event; push if empty
	BuildSigner   string // the extension that says the same; Signer if empty
	Issuer        string // https://token.actions.githubusercontent.com if empty
	PredicateType string // https://slsa.dev/provenance/v1 if empty

	Signed  time.Time     // when the certificate begins; a minute ago if zero
	Stamped time.Duration // how long after that the timestamp was made
	Untimed bool          // there is no timestamp
}

// Attest signs provenance and gives it as a sigstore bundle, in JSON.
func (a *Authority) Attest(claim Claim) []byte {
	claim.BuildSigner = cmp.Or(claim.BuildSigner, claim.Signer)
	if _, ref, found := strings.Cut(claim.Signer, "@"); found {
		claim.Ref = cmp.Or(claim.Ref, ref)
	}
	claim.Trigger = cmp.Or(claim.Trigger, "push")
	claim.Issuer = cmp.Or(claim.Issuer, "https://token.actions.githubusercontent.com")
	claim.PredicateType = cmp.Or(claim.PredicateType, "https://slsa.dev/provenance/v1")
	if claim.Signed.IsZero() {
		claim.Signed = time.Now().Add(-time.Minute)
	}
	claim.Signed = claim.Signed.Truncate(time.Second) // as certificates have it
	signer := a.workflow(claim)

	payload := must(json.Marshal(map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "image", "digest": map[string]string{"sha256": strings.TrimPrefix(claim.Digest.String(), "sha256:")}}},
		"predicateType": claim.PredicateType,
		"predicate":     map[string]any{"buildDefinition": map[string]any{"buildType": "https://actions.github.io/buildtypes/workflow/v1"}},
	}))
	const payloadType = "application/vnd.in-toto+json"
	// https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, "Signature Definition"
	signature := signer.sign(sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)))

	material := map[string]any{"certificate": map[string]any{"rawBytes": signer.certificate.Raw}}
	if !claim.Untimed {
		stamp := a.stamp(signature, claim.Signed.Add(claim.Stamped))
		material["timestampVerificationData"] = map[string]any{"rfc3161Timestamps": []any{map[string]any{"signedTimestamp": stamp}}}
	}
	return must(json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": material,
		"dsseEnvelope": map[string]any{
			"payload": payload, "payloadType": payloadType, "signatures": []any{map[string]any{"sig": signature}},
		},
	}))
}

// stamp makes a timestamp (RFC 3161) of a signature.
func (a *Authority) stamp(signature []byte, at time.Time) []byte {
	sum := sha256.Sum256(signature)
	made := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
	}
	return must(made.CreateResponseWithOpts(a.stamps.certificate, a.stamps.key, crypto.SHA256))
}
