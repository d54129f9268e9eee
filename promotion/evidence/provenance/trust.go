package provenance

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// trustRoot is one set of keys and certificate authorities, and how to verify against it.
type trustRoot struct {
	name     string // for people
	material root.TrustedMaterial
	verifier *verify.Verifier
}

// demand says what a bundle must have beside a chain of certificates and a time at which it was signed, told by a
// timestamp authority or a transparency log.
type demand struct {
	logged    bool // an entry in a transparency log (Rekor)
	certified bool // a timestamp of a certificate transparency log in the certificate
}

// `gh attestation verify` demands the same (https://github.com/cli/cli, pkg/cmd/attestation/verification/sigstore.go):
// GitHub's own sigstore has no logs, so that private repositories stay private.
var (
	publicDemand = demand{logged: true, certified: true}
	githubDemand = demand{}
)

// demandOf gives what a root of unknown origin can bear: an entry in every kind of log that it names.
func demandOf(material root.TrustedMaterial) demand {
	return demand{logged: len(material.RekorLogs()) > 0, certified: len(material.CTLogs()) > 0}
}

func newTrustRoot(name string, material root.TrustedMaterial, demanded demand) (trustRoot, error) {
	options := []verify.VerifierOption{verify.WithoutStatementPredicate(), verify.WithObserverTimestamps(1)}
	if demanded.logged {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if demanded.certified {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(material, options...)
	return trustRoot{name: name, material: material, verifier: verifier}, err
}

// issued reports whether one of the root's certificate authorities signed the certificate, whatever else is wrong with
// it: it chooses the words of a refusal, nothing more.
func (r trustRoot) issued(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(r.material.FulcioCertificateAuthorities(), func(authority root.CertificateAuthority) bool {
		fulcio, known := authority.(*root.FulcioCertificateAuthority)
		return !known || slices.ContainsFunc(append([]*x509.Certificate{fulcio.Root}, fulcio.Intermediates...), func(parent *x509.Certificate) bool {
			return parent != nil && bytes.Equal(parent.RawSubject, leaf.RawIssuer) && leaf.CheckSignatureFrom(parent) == nil
		})
	})
}

// trust gives the roots that may have issued a certificate: a refusal when there can be none, another error when a root
// is out of reach.
type trust interface {
	rootsFor(ctx context.Context, leaf *x509.Certificate) ([]trustRoot, error)
}

func newTrust(options Options) trust {
	switch {
	case options.Material != nil:
		return allRoots{keep(func(context.Context) ([]trustRoot, error) {
			r, err := newTrustRoot("the given trust root", options.Material, demandOf(options.Material))
			return []trustRoot{r}, err
		})}
	case options.TrustedRootFile != "":
		return allRoots{keep(func(context.Context) ([]trustRoot, error) { return readRoots(options.TrustedRootFile) })}
	default:
		return published{public: keep(publicRepository.fetch(options)), github: keep(githubRepository.fetch(options))}
	}
}

// allRoots tries each root for every certificate.
type allRoots struct{ *kept }

func (a allRoots) rootsFor(ctx context.Context, _ *x509.Certificate) ([]trustRoot, error) {
	return a.get(ctx)
}

// published are the roots of sigstore and of GitHub, told apart by the organization in the issuer's name, so that only
// the one that is needed is fetched.
type published struct{ public, github *kept }

const (
	publicOrganization = "sigstore.dev"
	githubOrganization = "GitHub, Inc."
)

func (p published) rootsFor(ctx context.Context, leaf *x509.Certificate) ([]trustRoot, error) {
	switch organizations := leaf.Issuer.Organization; {
	case slices.Contains(organizations, publicOrganization):
		return p.public.get(ctx)
	case slices.Contains(organizations, githubOrganization):
		return p.github.get(ctx)
	default:
		return nil, refuse("expected a certificate of a trusted certificate authority (%s or %s), found one that %.200q issued",
			publicOrganization, githubOrganization, leaf.Issuer.String())
	}
}

// readRoots reads a file of one or more trust roots, one JSON document after another.
func readRoots(path string) ([]trustRoot, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read trust roots: %w", err)
	}
	roots, err := parseRoots(filepath.Base(path), text)
	if err != nil {
		return nil, fmt.Errorf("read trust roots from %s: %w", path, err)
	}
	return roots, nil
}

func parseRoots(name string, text []byte) ([]trustRoot, error) {
	var roots []trustRoot
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var document json.RawMessage
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		material, err := root.NewTrustedRootFromJSON(document)
		if err != nil {
			return nil, err
		}
		r, err := newTrustRoot(name, material, demandOf(material))
		if err != nil {
			return nil, err
		}
		roots = append(roots, r)
	}
	if len(roots) == 0 {
		return nil, errors.New("expected a trusted_root.json, found an empty file")
	}
	return roots, nil
}
