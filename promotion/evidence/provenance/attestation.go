package provenance

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	// https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md and statement.md
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	// https://slsa.dev/spec/v1.0/provenance, "Prerequisite"
	predicateType    = "https://slsa.dev/provenance/v1"
	oldPredicateType = "https://slsa.dev/provenance/v0.2"
)

// attestation is a bundle that was read; nothing in it is verified.
type attestation struct {
	bundle      *bundle.Bundle
	certificate *x509.Certificate
	statement   statement
}

// statement is what is read of an in-toto statement: all but the predicate.
type statement struct {
	Type          string `json:"_type"`
	PredicateType string `json:"predicateType"`
	Subject       []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
}

// readAttestation reads a bundle with an in-toto statement and a certificate. Whatever else it finds is a refusal.
func readAttestation(text []byte) (attestation, error) {
	var read attestation
	if len(text) > mostBytes {
		return read, refuse("expected a sigstore bundle of at most %d bytes, found %d", mostBytes, len(text))
	}
	read.bundle = new(bundle.Bundle)
	if err := read.bundle.UnmarshalJSON(text); err != nil {
		return read, refuse("expected a sigstore bundle, found something else: %s", short(err))
	}
	envelope, err := read.bundle.Envelope()
	if err != nil {
		return read, refuse("expected a bundle with a DSSE envelope, found none: %s", short(err))
	}
	if found := envelope.RawEnvelope().PayloadType; found != payloadType {
		return read, refuse("expected an in-toto statement (%s), found %.100q", payloadType, found)
	}
	payload, err := envelope.RawEnvelope().DecodeB64Payload()
	if err == nil {
		err = json.Unmarshal(payload, &read.statement)
	}
	if err != nil {
		return read, refuse("expected an in-toto statement, found something else: %s", short(err))
	}
	content, err := read.bundle.VerificationContent()
	if err != nil {
		return read, refuse("expected a bundle with a signing certificate, found none: %s", short(err))
	}
	if read.certificate = content.Certificate(); read.certificate == nil {
		return read, refuse("expected a bundle with a signing certificate, found a bare key")
	}
	return read, nil
}

// about refuses a statement that is no SLSA provenance, or does not name the digest among its subjects.
func (s statement) about(digest promotion.Digest) error {
	if s.Type != statementType {
		return refuse("expected statement type %s, found %.100q", statementType, s.Type)
	}
	if s.PredicateType == oldPredicateType {
		return refuse("expected predicate type %s, found %s: provenance in the form of SLSA 0.2 is not accepted", predicateType, oldPredicateType)
	}
	if s.PredicateType != predicateType {
		return refuse("expected predicate type %s, found %.100q", predicateType, s.PredicateType)
	}
	var found []string
	for _, subject := range s.Subject {
		sum, has := subject.Digest["sha256"]
		if has && "sha256:"+sum == digest.String() {
			return nil
		}
		if has {
			found = append(found, fmt.Sprintf("%.80q", "sha256:"+sum))
		}
	}
	if len(found) == 0 {
		return refuse("expected a subject with digest %s, found none with a SHA-256 digest", digest)
	}
	more := ""
	if len(found) > mostWords {
		more = fmt.Sprintf(" and %d more", len(found)-mostWords)
	}
	return refuse("expected a subject with digest %s, found %s%s", digest, strings.Join(found[:min(len(found), mostWords)], ", "), more)
}

// verify verifies the bundle against the trust roots, one of which suffices, and gives what its certificate says.
func (a attestation) verify(roots []trustRoot, digest promotion.Digest) (certificate.Summary, error) {
	sum, err := hex.DecodeString(strings.TrimPrefix(digest.String(), "sha256:"))
	if err != nil {
		return certificate.Summary{}, fmt.Errorf("digest %s: %w", digest, err)
	}
	// Unsafe says that the library does not look at the identity: identify does, and can tell what differs.
	policy := verify.NewPolicy(verify.WithArtifactDigest("sha256", sum), verify.WithoutIdentitiesUnsafe())
	var failed []string
	for _, r := range roots {
		result, err := r.verifier.Verify(a.bundle, policy)
		switch {
		case err == nil && result.Signature != nil && result.Signature.Certificate != nil:
			return *result.Signature.Certificate, nil
		case err == nil:
			failed = append(failed, fmt.Sprintf("it does not verify against %s: no certificate", r.name))
		case r.issued(a.certificate):
			failed = append(failed, fmt.Sprintf("it does not verify against %s: %s", r.name, short(err)))
		}
	}
	if len(failed) > 0 {
		return certificate.Summary{}, refuse("%s", strings.Join(failed, "; "))
	}
	var names []string
	for _, r := range roots {
		if !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return certificate.Summary{}, refuse("expected a certificate of a trusted certificate authority (%s), found one that %.200q issued",
		strings.Join(names, ", "), a.certificate.Issuer.String())
}

// short gives an error's text on one line, printable and at a bounded length: it may quote what was found.
func short(err error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, err.Error())
	return fmt.Sprintf("%.300s", strings.Join(strings.Fields(text), " "))
}
