package provenance

import (
	"cmp"
	"crypto/x509"
	"slices"
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
	trigger := cmp.Or(summary.BuildTrigger, summary.GithubWorkflowTrigger)
	by, err := signedBy(signer.URIs[0].String(), repository, trigger, claim.Signers)
	if err != nil {
		return err
	}
	// What the run was for. A workflow that is called by another has a ref of its own, so that both have to be allowed.
	// Old certificates have the subject only, and so have no other ref.
	if ref := cmp.Or(summary.SourceRepositoryRef, summary.GithubWorkflowRef); ref != "" && !slices.ContainsFunc(by, func(one promotion.ProvenanceSigner) bool { return one.Allows(ref, trigger) }) {
		return refuse("expected a run of %s, found one of %.200q", branchesText(by), ref)
	}
	// Fulcio writes the same into both; old certificates have the subject only.
	if summary.BuildSignerURI != "" {
		_, err = signedBy(summary.BuildSignerURI, repository, trigger, claim.Signers)
	}
	return err
}

// signedBy returns the signers that a subject fits, and refuses one that is not exactly <repository>/<one of the
// workflows>@refs/heads/<a branch that its stage counts>. The text is compared as it stands, nothing in it is decoded. As workflow
// files lie directly in their folder, no file's name can hold "@refs/" and so pass for another file at a ref.
// (https://docs.github.com/en/actions/reference/security/oidc, "job_workflow_ref")
func signedBy(signer, repository, trigger string, signers []promotion.ProvenanceSigner) ([]promotion.ProvenanceSigner, error) {
	prefix := repository + "/"
	if len(signer) < len(prefix) || !sameName(signer[:len(prefix)], prefix) {
		return nil, refuse("expected a workflow of repository %s, found signer %.300q", repository, signer)
	}
	found := signer[len(prefix):]
	var workflows []string
	var named, fitting []promotion.ProvenanceSigner
	for _, one := range signers {
		workflows = append(workflows, one.Workflow)
		ref, is := strings.CutPrefix(found, one.Workflow+"@")
		if one.Workflow == "" || !is {
			continue
		}
		named = append(named, one)
		if one.Allows(ref, trigger) {
			fitting = append(fitting, one)
		}
	}
	switch {
	case len(named) == 0:
		return nil, refuse("expected workflow %s at a branch, found %.300q", strings.Join(workflows, " or "), found)
	case len(fitting) == 0:
		return nil, refuse("expected the workflow of %s, found %.300q", branchesText(named), found)
	}
	return fitting, nil
}

func branchesText(signers []promotion.ProvenanceSigner) string {
	var names []string
	for _, one := range signers {
		for _, branch := range one.Branches {
			if text := "refs/heads/" + branch; !slices.Contains(names, text) {
				names = append(names, text)
			}
		}
	}
	return strings.Join(names, " or ")
}

// sameName compares without regard to the case of ASCII letters, as GitHub compares owners and names. With equal lengths
// EqualFold finds nothing else the same as ASCII: what folds to it is longer.
func sameName(found, expected string) bool {
	return len(found) == len(expected) && strings.EqualFold(found, expected)
}
