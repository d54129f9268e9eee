// Package attestationtest makes attestations as GitHub does for private repositories, for tests: signed in-toto
// statements with a certificate that names a workflow, and a timestamp. They are genuine to who trusts the Authority.
package attestationtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"net/url"
	"strconv"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// Authority is a certificate authority for workflows and a timestamp authority, with keys of its own.
type Authority struct {
	root   issuer
	fulcio issuer
	stamps issuer
	from   time.Time
	until  time.Time
}

// issuer is a certificate with its key.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// organization is the one that the certificates name.
const organization = "Verbatim's tests"

// New makes an authority that may have signed for ten years, and will for ten more. It panics when there is no randomness.
func New() *Authority {
	a := &Authority{from: time.Now().AddDate(-10, 0, 0).Truncate(time.Second), until: time.Now().AddDate(10, 0, 0).Truncate(time.Second)}
	parent := x509.Certificate{
		Subject:  pkix.Name{CommonName: "root", Organization: []string{organization}},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
	}
	a.root = a.issue(parent, issuer{})
	parent.Subject.CommonName, parent.ExtKeyUsage = "workflows", []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	a.fulcio = a.issue(parent, a.root)
	a.stamps = a.issue(x509.Certificate{
		Subject:  pkix.Name{CommonName: "timestamps", Organization: []string{organization}},
		KeyUsage: x509.KeyUsageDigitalSignature,
		// RFC 3161, section 2.3: the usage is timestamping alone, and critical.
		ExtraExtensions: []pkix.Extension{{
			Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true,
			Value: must(asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})),
		}},
	}, a.root)
	return a
}

// TrustedRootJSON gives the authority as a trusted_root.json.
func (a *Authority) TrustedRootJSON() []byte {
	trusted := must(root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{
			Root: a.root.certificate, Intermediates: []*x509.Certificate{a.fulcio.certificate},
			ValidityPeriodStart: a.from, ValidityPeriodEnd: a.until, URI: "https://fulcio.test",
		}},
		nil,
		[]root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{
			Root: a.root.certificate, Leaf: a.stamps.certificate,
			ValidityPeriodStart: a.from, ValidityPeriodEnd: a.until, URI: "https://timestamps.test",
		}},
		nil))
	return must(json.Marshal(trusted))
}

// issue makes a key and a certificate for it, which the parent signs, or the key itself when there is no parent. The
// certificate is valid for the authority's time when the template names none.
func (a *Authority) issue(template x509.Certificate, parent issuer) issuer {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template.SerialNumber = must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)))
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = a.from, a.until
	}
	if parent.certificate == nil {
		parent = issuer{certificate: &template, key: key}
	}
	der := must(x509.CreateCertificate(rand.Reader, &template, parent.certificate, key.Public(), parent.key))
	return issuer{certificate: must(x509.ParseCertificate(der)), key: key}
}

// lifetime is that of a workflow's certificate, as Fulcio makes them.
const lifetime = 10 * time.Minute

// workflow makes the certificate of one signature.
func (a *Authority) workflow(claim Claim) issuer {
	template := x509.Certificate{
		NotBefore: claim.Signed, NotAfter: claim.Signed.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if claim.Signer != "" {
		template.URIs = []*url.URL{must(url.Parse(claim.Signer))}
	}
	add := func(id asn1.ObjectIdentifier, value string) {
		if value != "" {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: id, Value: must(asn1.MarshalWithParams(value, "utf8"))})
		}
	}
	add(certificate.OIDIssuerV2, claim.Issuer)
	add(certificate.OIDBuildSignerURI, claim.BuildSigner)
	add(certificate.OIDRunnerEnvironment, "github-hosted")
	add(certificate.OIDSourceRepositoryURI, claim.RepositoryURL)
	add(certificate.OIDSourceRepositoryDigest, claim.Commit.String())
	add(certificate.OIDSourceRepositoryRef, claim.Ref)
	add(certificate.OIDBuildTrigger, claim.Trigger)
	if claim.RepositoryID != 0 {
		add(certificate.OIDSourceRepositoryIdentifier, strconv.FormatInt(claim.RepositoryID, 10))
	}
	return a.issue(template, a.fulcio)
}

// sign signs a message's SHA-256 sum.
func (i issuer) sign(sum [32]byte) []byte {
	return must(i.key.Sign(rand.Reader, sum[:], crypto.SHA256))
}

// must is for what fails only when this package is wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
