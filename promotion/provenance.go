package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ProvenanceFact says whether the digest was made from this commit of this repository. Err means that it could not be told.
type ProvenanceFact struct {
	Missing string // what is not there; "" when it is
	Invalid string // what it says instead; "" when it is right
	Proof   string
	Err     error
}

func (f ProvenanceFact) gate(wanted string) Gate {
	gate := Gate{Name: "provenance", Reason: ProvenanceMissing, Expected: "labels that name this commit and repository", Met: true, Actual: f.Proof}
	if wanted == "attestation" {
		gate.Expected = "a GitHub attestation of provenance for this digest, from this repository, commit and workflow"
	}
	switch {
	case f.Err != nil:
		gate.Met, gate.Reason, gate.Actual, gate.Next = false, reasonOf(f.Err), "could not tell: "+f.Err.Error(), remedy(f.Err)
	case f.Invalid != "":
		gate.Met, gate.Reason, gate.Actual = false, ProvenanceInvalid, f.Invalid
		gate.Next = "promote an image that was built from this commit by the workflow that the policy names"
	case f.Missing != "":
		gate.Met, gate.Actual, gate.Next = false, f.Missing, provenanceAdvice[wanted]
	}
	return gate
}

var provenanceAdvice = map[string]string{
	"labels":      "build the image with the labels org.opencontainers.image.revision and org.opencontainers.image.source (docker/metadata-action sets both)",
	"attestation": "attest the digest in the workflow that builds it, with actions/attest-build-provenance",
}

// The labels that say where an image is from
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys).
const (
	labelRevision = "org.opencontainers.image.revision"
	labelSource   = "org.opencontainers.image.source"
)

// provenanceFact asks where the digest is from, as the environment wants it proven.
func (c *carrying) provenanceFact(ctx context.Context, facts Facts, digest Digest) (*ProvenanceFact, error) {
	fact := &ProvenanceFact{}
	var err error
	switch {
	case digest.IsZero() || facts.Inspection == nil || facts.Inspection.Err != nil || facts.Inspection.Inspection.Manifest.Digest != digest:
		fact.Missing = "there is no image to look at"
	case facts.Environment.Provenance == "attestation":
		err = c.attested(ctx, facts, digest, fact)
	default:
		err = c.labelled(ctx, facts, fact)
	}
	if err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	return fact, nil
}

func (c *carrying) labelled(ctx context.Context, facts Facts, fact *ProvenanceFact) error {
	images, err := c.Images.Labels(ctx, facts.Scope.Registry, facts.Inspection.Inspection.Manifest)
	if err != nil {
		return fromRegistry(fmt.Errorf("read the labels of %s in %s: %w", facts.Inspection.Inspection.Manifest.Digest.Short(), facts.Scope.Registry, err))
	}
	if len(images) == 0 {
		fact.Missing = "the index has no image of any platform"
	}
	commit := facts.recorded()
	source := strings.TrimSuffix(c.WebURL, "/") + "/" + facts.Repository.FullName()
	for _, image := range images {
		of := ""
		if image.Platform != "" {
			of = " of " + image.Platform
		}
		revision, named := image.Labels[labelRevision]
		origin, located := image.Labels[labelSource]
		switch {
		case !named || revision == "":
			fact.Missing = "the image" + of + " has no label " + labelRevision
		case !located || origin == "":
			fact.Missing = "the image" + of + " has no label " + labelSource
		case revision != commit.String():
			fact.Invalid = fmt.Sprintf("the image%s says that it is from commit %.80q, not %s", of, revision, commit)
		case !strings.EqualFold(strings.TrimSuffix(strings.TrimSuffix(origin, "/"), ".git"), source):
			fact.Invalid = fmt.Sprintf("the image%s says that it is from %.200q, not %s", of, origin, source)
		}
		if fact.Invalid != "" {
			return nil
		}
	}
	fact.Proof = "its labels say so, of " + howMany(len(images), "image")
	return nil
}

// maximumAttestations is how many pages of attestations are read for one digest: two thousand. Each workflow of the repository
// may add to them, so that the right one may be behind many others.
const maximumAttestations = 20

func (c *carrying) attested(ctx context.Context, facts Facts, digest Digest, fact *ProvenanceFact) error {
	claim := ProvenanceClaim{Digest: digest, Repository: facts.Repository, Commit: facts.recorded(), Signers: signersOf(facts.Policy.Policy, facts.Repository)}
	seen, cursor := 0, ""
	var refused *ProvenanceError
	for range maximumAttestations {
		bundles, next, err := c.Attestations.Attestations(ctx, facts.Repository, digest, cursor)
		if err != nil {
			return fromGitHub(fmt.Errorf("read the attestations of %s: %w", digest.Short(), err))
		}
		seen += len(bundles)
		if len(bundles) > 0 {
			err = c.Provenance.Verify(ctx, bundles, claim)
			wrong := (*ProvenanceError)(nil)
			switch {
			case err == nil:
				fact.Proof = "attested by " + signersText(claim.Signers)
				return nil
			case !errors.As(err, &wrong):
				return fmt.Errorf("verify the attestations of %s: %w", digest.Short(), err)
			case refused == nil:
				refused = wrong
			}
		}
		if cursor = next; cursor == "" {
			fact.refuse(facts.Repository, digest, refused)
			return nil
		}
	}
	return fromGitHub(&PermanentError{Err: fmt.Errorf("none of the %d newest attestations of %s proves it, and there are more, which were not looked at", seen, digest.Short())})
}

// refuse says why no attestation proves where the digest is from.
func (f *ProvenanceFact) refuse(repository Repository, digest Digest, refused *ProvenanceError) {
	if refused == nil {
		f.Missing = "GitHub has no attestation of " + digest.String() + " in " + repository.FullName()
		return
	}
	f.Invalid = refused.Detail
}

// signersOf returns the workflows that may have built an image: that of the stage that builds, or without such a stage those of
// all stages; each with the branches whose runs its stage counts.
func signersOf(policy Policy, repository Repository) []ProvenanceSigner {
	stages := policy.Stages
	if builds, found := policy.Builds(); found {
		stages = []Stage{builds}
	}
	var signers []ProvenanceSigner
	for _, stage := range stages {
		signers = append(signers, ProvenanceSigner{
			Workflow: stage.Workflow, Branches: stage.allowedBranches(repository), MergeGroups: slices.Contains(stage.Events, "merge_group"),
		})
	}
	return signers
}

func signersText(signers []ProvenanceSigner) string {
	var workflows []string
	for _, signer := range signers {
		if !slices.Contains(workflows, signer.Workflow) {
			workflows = append(workflows, signer.Workflow)
		}
	}
	return strings.Join(workflows, " or ")
}
