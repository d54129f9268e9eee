package provenance

import (
	"crypto/x509"
	"regexp"
	"strconv"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/verbatim-dev/verbatim/promotion"
)

// identify refuses a certificate that does not say what the claim says. The extensions' meanings:
// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md (1.3.6.1.4.1.57264.1.8 to .15).
func (v *Verifier) identify(signer *x509.Certificate, summary certificate.Summary, claim promotion.ProvenanceClaim) error {
	if summary.Issuer != v.issuer {
		return refuse("expected OIDC issuer %s, found %.200q", v.issuer, summary.Issuer)
	}
	repository := v.web + "/" + claim.Repository.FullName()
	if !sameName(summary.SourceRepositoryURI, repository) {
		return refuse("expected repository %s, found %.200q", repository, summary.SourceRepositoryURI)
	}
	if claim.Repository.ID != 0 && summary.SourceRepositoryIdentifier != strconv.FormatInt(claim.Repository.ID, 10) {
		return refuse("expected repository ID %d, found %.40q: another repository of this name", claim.Repository.ID, summary.SourceRepositoryIdentifier)
	}
	if summary.SourceRepositoryDigest != claim.Commit.String() {
		return refuse("expected commit %s, found %.80q", claim.Commit, summary.SourceRepositoryDigest)
	}
	if len(signer.URIs) != 1 || len(signer.EmailAddresses)+len(signer.DNSNames)+len(signer.IPAddresses) != 0 {
		return refuse("expected one subject, a workflow's URI, found %.200q and other subjects", summary.SubjectAlternativeName)
	}
	if err := signedBy(signer.URIs[0].String(), repository, claim.Workflows); err != nil {
		return err
	}
	// Fulcio writes the same into both; old certificates have the subject only.
	if summary.BuildSignerURI != "" {
		return signedBy(summary.BuildSignerURI, repository, claim.Workflows)
	}
	return nil
}

// The ref of a workflow: a full ref name or, for a reusable workflow that is called by it, a commit.
// (https://docs.github.com/en/actions/reference/security/oidc, "job_workflow_ref")
var workflowRefPattern = regexp.MustCompile(`^(?:refs/.+|[0-9a-f]{40}|[0-9a-f]{64})$`)

// signedBy refuses a signer that is not exactly <repository>/<one of the workflows>@<ref>. The text is compared as it
// stands, nothing in it is decoded. As workflow files lie directly in their folder, no file's name can hold "@refs/" and
// so pass for another file at a ref.
func signedBy(signer, repository string, workflows []string) error {
	prefix := repository + "/"
	if len(signer) < len(prefix) || !sameName(signer[:len(prefix)], prefix) {
		return refuse("expected a workflow of repository %s, found signer %.300q", repository, signer)
	}
	found := signer[len(prefix):]
	for _, workflow := range workflows {
		ref, is := strings.CutPrefix(found, workflow+"@")
		if workflow != "" && is && workflowRefPattern.MatchString(ref) {
			return nil
		}
	}
	return refuse("expected workflow %s at a ref, found %.300q", strings.Join(workflows, " or "), found)
}

// sameName compares without regard to the case of ASCII letters, as GitHub compares owners and names. With equal lengths
// EqualFold finds nothing else the same as ASCII: what folds to it is longer.
func sameName(found, expected string) bool {
	return len(found) == len(expected) && strings.EqualFold(found, expected)
}
