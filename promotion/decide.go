package promotion

import (
	"fmt"
	"strings"
	"time"
)

// Facts are all that a decision about one image rests on. A nil fact was not asked for, and its gate is not shown.
type Facts struct {
	Now         time.Time
	Repository  Repository
	Policy      LoadedPolicy
	Environment Environment
	Image       Image
	Commit      Commit
	Records     Records
	Listed      []Attempt
	Person      *PersonFact
	Branch      *BranchFact
	Scope       *ScopeFact
	Inspection  *InspectionFact
	Current     *CurrentFact
}

// PersonFact says whether the requester may promote. Err means that it could not be told.
type PersonFact struct {
	Person  Person
	Role    string
	Allowed bool
	Err     error
}

// BranchFact says whether the commit is on the branch that the environment promotes from.
type BranchFact struct {
	Branch string
	On     bool
	Err    error
}

// ScopeFact says whether the repository may use the image's registry repository and tags.
type ScopeFact struct {
	Registry RegistryRepository
	Allowed  bool
	Detail   string // why not
	Err      error
}

// InspectionFact is what the registry has now.
type InspectionFact struct {
	Inspection Inspection
	Err        error
}

// CurrentFact says how the commit stands to what the environment has.
type CurrentFact struct {
	Commit     Commit // zero: unknown, or nothing is there yet
	Digest     Digest // what the first tag names; zero: nothing
	Comparison Comparison
	Lost       []ShippedCommit // those that the environment has and the commit lacks
	Err        error
}

// Decide gives every gate of a promotion of one image, met or not. It depends on nothing but its argument.
func Decide(facts Facts) Decision {
	policy := facts.Policy.Policy
	candidate := Candidate(policy, facts.Records)
	decision := Decision{
		Image: facts.Image.Name, Environment: facts.Environment.Name, Commit: facts.Commit,
		Digest: candidate.Digest, Tags: facts.Environment.TagsFor(facts.Commit),
	}
	decision.Gates = append(decision.Gates, ruleGates(facts)...)
	if facts.Person != nil {
		decision.Gates = append(decision.Gates, facts.Person.gate(facts.Environment.Promoters))
	}
	if facts.Branch != nil {
		decision.Gates = append(decision.Gates, facts.Branch.gate(facts.Commit))
	}
	if facts.Scope != nil {
		decision.Registry = facts.Scope.Registry
		decision.Gates = append(decision.Gates, facts.Scope.gate(facts.Repository))
	}
	decision.Gates = append(decision.Gates, digestGate(facts, candidate))
	for _, stage := range policy.closure(facts.Environment.Requires) {
		gate, evidence := stageGate(policy, stage, facts.Records, facts.Listed, candidate.Digest)
		decision.Gates = append(decision.Gates, gate)
		if evidence != nil {
			decision.Evidence = append(decision.Evidence, *evidence)
		}
	}
	if facts.Current != nil {
		decision.FromCommit = facts.Current.Commit
		gate, note := facts.Current.gate(facts)
		decision.Gates = append(decision.Gates, gate)
		if note != "" {
			decision.Notes = append(decision.Notes, note)
		}
	}
	return decision
}

// ruleGates are about the policy itself: whether it is enforced, and whole.
func ruleGates(facts Facts) []Gate {
	mode := Gate{Name: "mode", Reason: ObserveOnly, Expected: "mode: enforce", Actual: "mode: enforce", Met: true}
	if facts.Policy.Policy.Mode == Observe {
		mode.Met, mode.Actual, mode.Next = false, "mode: observe", "set mode: enforce in the policy to promote for real"
	}
	gates := []Gate{mode}
	if keys := facts.Policy.Policy.NotEnforced(facts.Environment, facts.Repository.DefaultBranch); len(keys) > 0 {
		gates = append(gates, notEnforced(keys))
	}
	return gates
}

func notEnforced(keys []string) Gate {
	return Gate{
		Name: "rules", Reason: NotEnforced, Expected: "only rules that this version enforces", Actual: strings.Join(keys, ", "),
		Next: "take the keys out of the policy, or use a version of Verbatim that enforces them",
	}
}

func (f PersonFact) gate(promoters People) Gate {
	gate := Gate{Name: "promoter", Reason: NotAuthorised, Met: f.Allowed && f.Err == nil, Expected: WhoMay(promoters)}
	gate.Actual = fmt.Sprintf("%s has %s", f.Person.Login, f.Role)
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual = GitHubError, "could not tell: "+f.Err.Error()
		gate.Next = "ask again in a minute"
	case !f.Allowed:
		gate.Next = "ask somebody who may: " + WhoMay(promoters)
	}
	return gate
}

// WhoMay says for people who is meant by an entry of the policy.
func WhoMay(people People) string {
	var words []string
	if people.Permission != "" {
		words = append(words, "permission "+people.Permission)
	}
	for _, team := range people.Teams {
		words = append(words, "team "+team)
	}
	words = append(words, people.Users...)
	return strings.Join(words, " or ")
}

func (f BranchFact) gate(commit Commit) Gate {
	gate := Gate{Name: "branch", Reason: NotOnBranch, Met: f.On && f.Err == nil, Expected: "a commit of " + f.Branch, Actual: commit.Short() + " is on " + f.Branch}
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual, gate.Next = GitHubError, "could not tell: "+f.Err.Error(), "ask again in a minute"
	case !f.On:
		gate.Actual = commit.Short() + " is not on " + f.Branch
		gate.Next = "merge it first, or name a commit of " + f.Branch + " with --sha"
	}
	return gate
}

func (f ScopeFact) gate(repository Repository) Gate {
	gate := Gate{Name: "registry scope", Reason: OutOfScope, Met: f.Allowed && f.Err == nil, Expected: repository.FullName() + " may use the registry repository", Actual: f.Registry.String()}
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual, gate.Next = InternalError, "could not tell: "+f.Err.Error(), "ask again in a minute"
	case !f.Allowed:
		gate.Actual = f.Detail
		gate.Next = "ask whoever runs Verbatim to let " + repository.FullName() + " use it (VERBATIM_REGISTRY_SCOPE)"
	}
	return gate
}

// digestGate asks that the tag that CI pushed is there and still names the digest that the stages saw.
func digestGate(facts Facts, candidate CandidateDigest) Gate {
	tag := facts.Image.SourceTag(facts.Commit)
	gate := Gate{Name: "tag " + tag, Reason: ImageMissing, Expected: "names the digest that the stages saw", Next: "push the image under this tag and let the stages run"}
	moved := func(digest Digest) Gate {
		gate.Reason, gate.Expected, gate.Actual = DigestMoved, "names "+orNone(candidate.Digest), "names "+digest.String()
		gate.Next = "a tag that is overwritten after a stage saw it proves nothing: build a new commit, and make the tags of commits immutable"
		return gate
	}
	if !candidate.Moved.IsZero() {
		return moved(candidate.Moved)
	}
	digest := candidate.Digest
	if facts.Inspection != nil {
		if facts.Inspection.Err != nil {
			gate.Reason, gate.Actual, gate.Next = RegistryError, "could not tell: "+facts.Inspection.Err.Error(), "ask again in a minute"
			return gate
		}
		digest = facts.Inspection.Inspection.Tags[tag].Digest
		if !digest.IsZero() && !candidate.Digest.IsZero() && digest != candidate.Digest {
			return moved(digest)
		}
	}
	switch {
	case digest.IsZero():
		gate.Actual = "there is no such tag"
	case candidate.Digest.IsZero():
		gate.Reason, gate.Actual, gate.Next = StageMissing, "no stage recorded a digest for it", "let the stages run for this commit"
	default:
		gate.Met, gate.Actual, gate.Next = true, "names "+digest.String(), ""
	}
	return gate
}

// gate refuses to go back: a commit that is not ahead of what the environment has goes there by a rollback only.
func (f CurrentFact) gate(facts Facts) (Gate, string) {
	name := facts.Environment.Name
	gate := Gate{Name: "ahead of " + name, Reason: OlderThanCurrent, Met: true, Expected: "a commit ahead of what " + name + " has"}
	switch {
	case f.Err != nil:
		gate.Met, gate.Reason, gate.Actual, gate.Next = false, GitHubError, "could not tell: "+f.Err.Error(), "ask again in a minute"
	case f.Digest.IsZero() && f.Commit.IsZero():
		gate.Actual = name + " has nothing yet"
	case f.Commit.IsZero():
		gate.Actual = "the commit of what " + name + " has is unknown"
		return gate, fmt.Sprintf("the commit of what %s had (%s) is unknown: it was there before Verbatim, so nobody can say what is lost", name, f.Digest)
	case f.Comparison.Status == "ahead" || f.Comparison.Status == "identical":
		gate.Actual = fmt.Sprintf("%d commits ahead of %s", f.Comparison.AheadBy, f.Commit.Short())
	default:
		gate.Met = false
		gate.Actual = fmt.Sprintf("%s is %s %s, which %s has: it would lose %d commits%s", facts.Commit.Short(),
			map[string]string{"behind": "behind", "diverged": "diverged from"}[f.Comparison.Status], f.Commit.Short(), name, f.Comparison.BehindBy, lostText(f.Lost))
		gate.Next = "promote a newer commit, or go back in so many words: /promote rollback " + name
	}
	return gate, ""
}

func lostText(lost []ShippedCommit) string {
	var words []string
	for i, commit := range lost {
		if i == 5 {
			words = append(words, "…")
			break
		}
		words = append(words, commit.Commit.Short()+" "+commit.Title)
	}
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words, "; ")
}
