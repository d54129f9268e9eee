package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// former gives the facts under each policy that judges beside the present one: none where the policy is still that under which the
// environment got what it has.
func (c *carrying) former(ctx context.Context, into target, facts Facts) ([]FormerFact, error) {
	policies, err := c.formerPolicies(ctx, into, facts)
	if err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		return []FormerFact{{Err: err}}, nil
	}
	var former []FormerFact
	for _, policy := range policies {
		under, err := c.under(ctx, into, facts, policy)
		if err != nil {
			return nil, err
		}
		former = append(former, under)
	}
	return former, nil
}

// under gathers the facts under a policy of before.
func (c *carrying) under(ctx context.Context, into target, facts Facts, policy LoadedPolicy) (FormerFact, error) {
	environment, hasEnvironment := policy.Policy.Environment(facts.Environment.Name)
	image, hasImage := policy.Policy.Image(facts.Image.Name)
	if !hasEnvironment || !hasImage {
		return FormerFact{}, nil
	}
	under := facts
	under.Policy, under.Environment, under.Image = policy, environment, image
	under.Policy.Policy.Mode = Enforce // a team that only watched begins to promote, by the rules of then
	under.Scope, under.Inspection, under.Current, under.Branch, under.TagRules, under.Holds, under.HeldPulls = nil, nil, nil, nil, TagRules{}, nil, nil
	under.Head = facts.Head.under(environment)
	if facts.Source != nil && facts.Source.SameTree && !environment.SameTree {
		own := c.countedOf(into, facts.Image)
		under.Records, under.Listed, under.Unread, under.Doubts, under.Source = own.records, own.listed, own.unclear, own.doubts, nil
	}
	var err error
	if err = c.recordsUnder(ctx, into, &under, facts.Policy.Policy); err != nil {
		if again := c.again(err); again != nil {
			return FormerFact{}, again
		}
		return FormerFact{Err: err}, nil
	}
	if under.Person != nil {
		if under.Person, err = c.personFact(ctx, environment); err != nil {
			return FormerFact{}, err
		}
	}
	if under.Overriders, err = c.overridersFact(ctx, under); err != nil {
		return FormerFact{}, err
	}
	if !slices.Equal(environment.allowedBranches(facts.Repository), facts.Environment.allowedBranches(facts.Repository)) {
		elsewhere := into
		elsewhere.environment = environment
		if err := c.branchFact(ctx, &elsewhere); err != nil {
			return FormerFact{}, err
		}
		under.Branch = elsewhere.branch
	}
	// What was asked outside for the present policy is at hand for the former one.
	asked := under
	asked.Inspection, asked.Current, asked.Scope = facts.Inspection, facts.Current, facts.Scope
	if err := c.askRules(ctx, into, &asked); err != nil {
		return FormerFact{}, err
	}
	under.Soak, under.Approvals, under.Reviewed, under.Provenance = asked.Soak, asked.Approvals, asked.Reviewed, asked.Provenance
	return FormerFact{Facts: &under, Apart: policy.Policy.apartFrom(image, facts.Together, facts.Policy.Policy)}, nil
}

// recordsUnder fills in the records as the former policy sees them. What it defines in another way than the present one was never
// recorded under it: those stages are judged anew, from the runs that the commit has, and not kept. No call where it defines all
// the same.
func (c *carrying) recordsUnder(ctx context.Context, into target, under *Facts, present Policy) error {
	moved := imageMoved(under.Image, present)
	other := definedAnew(under.Policy.Policy, present)
	if moved {
		other = under.Policy.Policy.Stages
	}
	if len(other) == 0 {
		return nil
	}
	if under.Source != nil {
		into = c.standIns[under.Source.Commit]
	}
	c.places() // shared by both
	own := *c
	own.policy = under.Policy
	own.policy.Policy.Images, own.policy.Policy.MaxRetentionDays = []Image{under.Image}, 0
	runs, err := own.runsUnder(ctx, into, present)
	if err != nil {
		return err
	}
	witnesses := under.witnesses(into, present)
	isOther := func(name string) bool {
		return slices.ContainsFunc(other, func(stage Stage) bool { return stage.Name == name })
	}
	into.listed = slices.DeleteFunc(slices.Clone(into.listed), func(attempt Attempt) bool { return isOther(attempt.Stage) })
	into.records = map[string]Records{under.Image.Name: under.ownRecords(into.records[under.Image.Name], moved, isOther)}
	for _, run := range oldestFirst(runs) {
		_, attempts, err := c.Observer.verify(ctx, under.Repository, own.policy, run, into.records, nil)
		into.listed = append(into.listed, attempts...)
		if err != nil {
			return err
		}
	}
	if err := c.deployedUnder(ctx, under, own.policy, other, into.records); err != nil {
		return err
	}
	unwitnessed(into.records[under.Image.Name].Verifications, witnesses, moved)
	if into.origins, err = own.originsOf(ctx, &into, runs, into.origins.heads); err != nil {
		return err
	}
	counted := own.countedOf(into, under.Image)
	under.Records, under.Listed, under.Doubts = counted.records, counted.listed, counted.doubts
	return nil
}

// imageMoved reports whether the present policy looks for the image elsewhere.
func imageMoved(former Image, present Policy) bool {
	image, found := present.Image(former.Name)
	return found && image.Source() != former.Source()
}

// ownRecords gives the records that were made as the facts' policy defines stages and image. A start does not say where the image
// was looked for.
func (f Facts) ownRecords(recorded Records, moved bool, isOther func(string) bool) Records {
	var records Records
	if !moved {
		records.Starts = slices.Clone(recorded.Starts)
	}
	for _, verification := range recorded.Verifications {
		stage, found := f.Policy.Policy.Stage(verification.Stage)
		if moved && verification.Source != f.Image.Source() {
			continue
		}
		if !found || !isOther(stage.Name) || verification.Definition == stage.Definition() {
			records.Verifications = append(records.Verifications, verification)
		}
	}
	return records
}

// witnesses gives what was recorded of the place where the facts' image is, while the runs ran: under whichever name the present
// policy has it. A run that says itself what it used bears witness of any place.
func (f Facts) witnesses(into target, present Policy) []Verification {
	var witnesses []Verification
	for _, image := range present.Images {
		there := image.sameTag(f.Image, f.Repository, into.commit)
		for _, verification := range into.records[image.Name].Verifications {
			seen := there && (verification.Source == image.Source() || verification.Source == "" && image.Name == f.Image.Name)
			if verification.Passed() && (seen || image.Name == f.Image.Name && ByDigest(verification.Event)) {
				witnesses = append(witnesses, verification)
			}
		}
	}
	return witnesses
}

// definedAnew gives the stages that the present policy defines in another way, or not at all.
func definedAnew(former, present Policy) []Stage {
	var other []Stage
	for _, stage := range former.Stages {
		if now, found := present.Stage(stage.Name); !found || now.Definition() != stage.Definition() {
			other = append(other, stage)
		}
	}
	return other
}

// runsUnder gives the commit's runs of all kinds that the former policy asks for: those that were listed already, and the rest.
func (c *carrying) runsUnder(ctx context.Context, into target, present Policy) ([]Run, error) {
	listed := runKinds(present)
	more := slices.DeleteFunc(runKinds(c.policy.Policy), func(kind RunKind) bool { return slices.Contains(listed, kind) })
	if len(more) == 0 {
		return into.runs, nil
	}
	runs, err := c.Runs.RunsOf(ctx, c.request.Repository, into.commit, more)
	if err != nil {
		return nil, fromGitHub(fmt.Errorf("list the runs of %s that the former policy asks for: %w", into.commit.Short(), err))
	}
	return append(slices.Clone(into.runs), runs...), nil
}

// unwitnessed takes back what was judged afterwards (it has no number) and that no record bears out: what the tag names by now is
// not what a run used whose end no stage of the present policy saw.
func unwitnessed(judged, witnesses []Verification, moved bool) {
	for i := range judged {
		one := &judged[i]
		if one.ID != 0 || !one.Passed() {
			continue
		}
		seen := slices.ContainsFunc(witnesses, func(witness Verification) bool { return witness.Run == one.Run && witness.Digest == one.Digest })
		if !seen {
			one.Failure, one.Detail = StageMissing, fmt.Sprintf("the present policy has no stage for run %d, so that nobody saw what it used: keep the stage", one.Run)
		}
		if !seen && moved {
			one.Detail = fmt.Sprintf("the present policy looks for the image elsewhere, so that nobody saw what the old place named in run %d: "+
				"keep the old place in the policy, as another image, until this one is promoted, and run the stages again", one.Run)
		}
	}
}

// deployedUnder judges those runs anew that no listing by commit has: the records name them.
func (c *carrying) deployedUnder(ctx context.Context, under *Facts, policy LoadedPolicy, other []Stage, of map[string]Records) error {
	asked := map[int64]bool{}
	for _, verification := range slices.Backward(under.Records.Verifications) {
		deploys := func(stage Stage) bool { return stage.Digest != nil && stage.Workflow == verification.Workflow }
		if !ByDigest(verification.Event) || asked[verification.Run] || !slices.ContainsFunc(other, deploys) {
			continue
		}
		if len(asked) == maximumStandIns {
			under.Unread = &PermanentError{Err: fmt.Errorf("more than %d runs deployed this digest, and older ones were not judged by the former policy", maximumStandIns)}
			break
		}
		asked[verification.Run] = true
		run, err := c.Runs.Run(ctx, under.Repository, verification.Run)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return fromGitHub(fmt.Errorf("read run %d of %s: %w", verification.Run, under.Repository.FullName(), err))
		}
		if err := c.Observer.deployedFor(ctx, under.Repository, policy, run, under.recorded(), of); err != nil {
			return err
		}
	}
	return nil
}

// askRules asks for the facts of the rules that the environment has beyond stages: in the ledger first, then outside.
func (c *carrying) askRules(ctx context.Context, into target, facts *Facts) (err error) {
	environment := facts.Environment
	candidate := Candidate(facts.Policy.Policy, facts.Records)
	if environment.Soak > 0 {
		if facts.Soak, err = c.soakFact(ctx, *facts, candidate.Digest); err != nil {
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
