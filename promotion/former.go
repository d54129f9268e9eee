package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// former gives the policy that governed before the commit changed it, with the facts under it, or nil when the commit does
// not change it: such a commit is judged by both. It costs no call when the comparison with what the environment has tells,
// else one; and one or two more when the commit does change it.
func (c *carrying) former(ctx context.Context, into target, facts Facts) (*FormerFact, error) {
	policy, found, err := c.formerPolicy(ctx, facts)
	if err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		return &FormerFact{Err: err}, nil
	}
	if !found {
		return nil, nil
	}
	environment, hasEnvironment := policy.Policy.Environment(facts.Environment.Name)
	image, hasImage := policy.Policy.Image(facts.Image.Name)
	if !hasEnvironment || !hasImage {
		return &FormerFact{}, nil
	}
	under := facts
	under.Policy, under.Environment, under.Image = policy, environment, image
	under.Scope, under.Inspection, under.Current, under.Head, under.Branch, under.TagRules, under.Holds = nil, nil, nil, nil, nil, TagRules{}, nil
	if under.Person != nil {
		if under.Person, err = c.personFact(ctx, environment); err != nil {
			return nil, err
		}
	}
	if under.Overriders, err = c.overridersFact(ctx, under); err != nil {
		return nil, err
	}
	if !slices.Equal(environment.allowedBranches(facts.Repository), facts.Environment.allowedBranches(facts.Repository)) {
		elsewhere := into
		elsewhere.environment = environment
		if err := c.branchFact(ctx, &elsewhere); err != nil {
			return nil, err
		}
		under.Branch = elsewhere.branch
	}
	// What was asked outside for the present policy is at hand for the former one.
	asked := under
	asked.Inspection, asked.Current, asked.Scope = facts.Inspection, facts.Current, facts.Scope
	if err := c.askRules(ctx, into, &asked); err != nil {
		return nil, err
	}
	under.Soak, under.Approvals, under.Reviewed, under.Provenance = asked.Soak, asked.Approvals, asked.Reviewed, asked.Provenance
	return &FormerFact{Facts: &under}, nil
}

func (c *carrying) formerPolicy(ctx context.Context, facts Facts) (LoadedPolicy, bool, error) {
	_, file, _ := strings.Cut(facts.Policy.File.Source, ":")
	if !strings.HasPrefix(facts.Policy.File.Source, facts.Repository.FullName()+":") {
		return LoadedPolicy{}, false, nil // the owner's file: no commit of this repository changes it
	}
	if current := facts.Current; current != nil && current.Err == nil && current.Comparison.Status == "ahead" && current.Comparison.AllFiles && !slices.Contains(current.Comparison.Files, file) {
		return LoadedPolicy{}, false, nil
	}
	detail, err := c.detail(ctx, facts.Commit)
	if err != nil || len(detail.Parents) == 0 || detail.AllFiles && !slices.Contains(detail.Files, file) {
		return LoadedPolicy{}, false, err
	}
	policy, err := c.Policies.At(ctx, facts.Repository, detail.Parents[0])
	if err != nil {
		return LoadedPolicy{}, false, fromGitHub(fmt.Errorf("read the policy before %s, which changes it: %w", facts.Commit.Short(), err))
	}
	return policy, policy.Valid() && policy.Hash() != facts.Policy.Hash(), nil
}

// askRules asks for the facts of the rules that the environment has beyond stages: in the ledger first, then outside.
func (c *carrying) askRules(ctx context.Context, into target, facts *Facts) (err error) {
	environment := facts.Environment
	candidate := Candidate(facts.Policy.Policy, facts.Records)
	if environment.Soak > 0 {
		if facts.Soak, err = soakFact(ctx, c.Stages, *facts, candidate.Digest); err != nil {
			return err
		}
	}
	if environment.Approvals.Required > 0 {
		if facts.Approvals, err = c.approvalsFact(ctx, into, *facts); err != nil {
			return err
		}
	}
	if environment.Reviewed {
		if facts.Reviewed, err = c.reviewedFact(ctx, into, *facts); err != nil {
			return err
		}
	}
	if environment.Provenance == "labels" || environment.Provenance == "attestation" {
		facts.Provenance, err = c.provenanceFact(ctx, *facts, candidate.Digest)
	}
	return err
}

// soakFact finds out from the ledger which other digest last entered the last required stage.
func soakFact(ctx context.Context, stages StageReader, facts Facts, digest Digest) (*SoakFact, error) {
	if len(facts.Environment.Requires) == 0 || digest.IsZero() {
		return &SoakFact{}, nil
	}
	last := facts.Environment.Requires[len(facts.Environment.Requires)-1]
	intrusion, err := stages.Intrusion(ctx, facts.Repository.ID, facts.Image.Name, last, digest)
	return &SoakFact{Intrusion: intrusion}, err
}
