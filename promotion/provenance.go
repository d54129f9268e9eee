package promotion

import (
	"context"
	"errors"
	"fmt"
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
		gate.Met, gate.Reason, gate.Actual, gate.Next = false, reasonOf(f.Err), "could not tell: "+f.Err.Error(), "ask again in a minute"
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
	fact.Proof = fmt.Sprintf("the labels of %d images say so", len(images))
	return nil
}

func (c *carrying) attested(ctx context.Context, facts Facts, digest Digest, fact *ProvenanceFact) error {
	bundles, err := c.Attestations.Attestations(ctx, facts.Repository, digest)
	if err != nil {
		return fromGitHub(fmt.Errorf("read the attestations of %s: %w", digest.Short(), err))
	}
	if len(bundles) == 0 {
		fact.Missing = "GitHub has no attestation of " + digest.String() + " in " + facts.Repository.FullName()
		return nil
	}
	claim := ProvenanceClaim{Digest: digest, Repository: facts.Repository, Commit: facts.recorded(), Workflows: buildWorkflows(facts.Policy.Policy)}
	err = c.Provenance.Verify(ctx, bundles, claim)
	wrong := (*ProvenanceError)(nil)
	switch {
	case errors.As(err, &wrong):
		fact.Invalid = wrong.Detail
	case err != nil:
		return fmt.Errorf("verify the attestations of %s: %w", digest.Short(), err)
	}
	fact.Proof = "attested by " + strings.Join(claim.Workflows, " or ")
	return nil
}

// buildWorkflows gives the workflows that may have built an image: that of the stage that builds, or without such a stage
// those of all stages.
func buildWorkflows(policy Policy) []string {
	if builds, found := policy.Builds(); found {
		return []string{builds.Workflow}
	}
	var workflows []string
	seen := map[string]bool{}
	for _, stage := range policy.Stages {
		if !seen[stage.Workflow] {
			seen[stage.Workflow] = true
			workflows = append(workflows, stage.Workflow)
		}
	}
	return workflows
}
