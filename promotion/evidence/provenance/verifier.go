// Package provenance verifies GitHub's artifact attestations: SLSA provenance in sigstore bundles.
//
// What is believed is the signing certificate, which a Fulcio certificate authority makes from the OIDC token of a
// workflow run, and the subject's digest. What the provenance itself says of repository, commit and workflow was written
// by the workflow, and is not read.
//
// Sources: the bundle https://docs.sigstore.dev/about/bundle/; the certificate's extensions
// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md; SLSA provenance https://slsa.dev/spec/v1.0/provenance;
// GitHub's trust roots https://docs.github.com/en/actions/security-for-github-actions/using-artifact-attestations.
package provenance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	mostBundles = 100     // GitHub's page of attestations
	mostBytes   = 1 << 20 // of one bundle
	mostWords   = 3       // refused bundles of which the error tells
)

// Options say whom to trust. The zero value is github.com with the trust roots that sigstore and GitHub publish.
type Options struct {
	// TrustedRootFile is a trusted_root.json, or several as JSON lines, as `gh attestation trusted-root` prints them. With
	// it nothing is fetched; it is read at the first use, and anew every day.
	TrustedRootFile string
	// CacheDirectory keeps what was fetched over TUF, so that a restart does not need the network for a day. Without it
	// everything is kept in memory only.
	CacheDirectory string
	// WebURL is where GitHub's repositories are: https://github.com if empty.
	WebURL string
	// Issuer is the OIDC issuer of workflow runs: https://token.actions.githubusercontent.com if empty. GitHub Enterprise
	// Server has https://HOST/_services/token.
	// (https://docs.github.com/en/actions/reference/security/oidc, "iss")
	Issuer string
	// HTTP is used to fetch trust roots; http.DefaultClient if nil.
	HTTP *http.Client
	// Material is trusted in place of everything else, if given.
	Material root.TrustedMaterial
}

// Verifier verifies attestations. It may be used by many at once.
type Verifier struct {
	web    string // without a slash at the end
	issuer string
	trust  trust
}

var _ promotion.ProvenanceVerifier = (*Verifier)(nil)

// New makes a verifier. It reads and calls nothing: trust roots are obtained when the first attestation needs them.
func New(options Options) *Verifier {
	return &Verifier{
		web:    strings.TrimRight(cmp.Or(options.WebURL, "https://github.com"), "/"),
		issuer: cmp.Or(options.Issuer, "https://token.actions.githubusercontent.com"),
		trust:  newTrust(options),
	}
}

// refusal says why one bundle does not prove the claim.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, values ...any) error { return refusal(fmt.Sprintf(format, values...)) }

// Verify succeeds when one of the bundles proves that a workflow of the claim built the digest from the claim's
// repository and commit. It looks at the first hundred bundles. It returns a *promotion.ProvenanceError when none proves
// it, with the reasons of the first three, and another error when a trust root is out of reach or the claim is incomplete.
func (v *Verifier) Verify(ctx context.Context, bundles [][]byte, claim promotion.ProvenanceClaim) error {
	repository := claim.Repository
	if claim.Digest.IsZero() || claim.Commit.IsZero() || repository.Owner == "" || repository.Name == "" || len(claim.Signers) == 0 {
		return errors.New("verify provenance: expected a claim with digest, commit, repository and workflows")
	}
	if len(bundles) == 0 {
		return &promotion.ProvenanceError{Detail: "expected an attestation, found none"}
	}
	var refusals []string
	var unknown error
	for _, text := range bundles[:min(len(bundles), mostBundles)] {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("verify provenance of %s: %w", claim.Digest.Short(), err)
		}
		err := v.prove(ctx, text, claim)
		if err == nil {
			return nil
		}
		var refused refusal
		if errors.As(err, &refused) {
			refusals = append(refusals, string(refused))
		} else if unknown == nil {
			unknown = err
		}
	}
	// The bundle that could not be judged may be the one that proves it.
	if unknown != nil {
		return fmt.Errorf("verify provenance of %s: %w", claim.Digest.Short(), unknown)
	}
	return &promotion.ProvenanceError{Detail: inWords(refusals, len(bundles))}
}

// inWords gives the first reasons, numbered, and how many bundles there are beside those.
func inWords(refusals []string, bundles int) string {
	if bundles == 1 {
		return refusals[0]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "none of %d attestations proves it", bundles)
	for i, text := range refusals[:min(len(refusals), mostWords)] {
		fmt.Fprintf(&b, "; %d: %s", i+1, text)
	}
	if bundles > mostWords {
		fmt.Fprintf(&b, "; and %d more", bundles-mostWords)
	}
	if bundles > mostBundles {
		fmt.Fprintf(&b, ", of which only the first %d attestations were looked at", mostBundles)
	}
	return b.String()
}

// prove gives nil when the bundle proves the claim, a refusal when it does not, and another error when it could not be told.
func (v *Verifier) prove(ctx context.Context, text []byte, claim promotion.ProvenanceClaim) error {
	read, err := readAttestation(text)
	if err != nil {
		return err
	}
	// Before the signature, because it costs nothing: the signature is then verified over the same bytes.
	if err := read.statement.about(claim.Digest); err != nil {
		return err
	}
	roots, err := v.trust.rootsFor(ctx, read.certificate)
	if err != nil {
		return err
	}
	summary, err := read.verify(roots, claim.Digest)
	if err != nil {
		return err
	}
	return v.identify(read.certificate, summary, claim)
}
