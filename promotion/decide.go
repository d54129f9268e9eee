package promotion

import (
	"cmp"
	"fmt"
	"strings"
)

// Decide gives every gate of a promotion of one image, met or not. It depends on nothing but its argument.
func Decide(facts Facts) Decision {
	candidate := Candidate(facts.Policy.Policy, facts.Records)
	decision := Decision{
		Image: facts.Image.Name, Environment: facts.Environment.Name, Commit: facts.Commit, Source: facts.recorded(),
		Digest: candidate.Digest, Tags: facts.Environment.TagsFor(facts.Commit),
	}
	add := func(gates ...Gate) { decision.Gates = append(decision.Gates, gates...) }
	add(ruleGates(facts)...)
	if facts.Person != nil {
		add(facts.Person.gates(facts.Environment)...)
	}
	if facts.Head != nil {
		add(facts.Head.gates()...)
	}
	if facts.Branch != nil {
		add(facts.Branch.gate(facts.Commit))
	}
	if facts.Scope != nil {
		decision.Registry = facts.Scope.Registry
		add(facts.Scope.gate(facts.Repository))
	}
	if facts.Source != nil {
		decision.Notes = append(decision.Notes, facts.Source.Why)
	}
	if gate := digestGate(facts, candidate); !facts.blind() || gate.Reason != ImageMissing && gate.Reason != StageMissing {
		add(facts.retold(Stage{}, []Gate{gate})...)
	}
	decideStages(facts, candidate, &decision)
	decideTimes(facts, &decision)
	decidePeople(facts, &decision)
	if facts.Provenance != nil {
		add(facts.Provenance.gate(facts.Environment.Provenance))
	}
	if facts.Current != nil {
		decision.FromCommit = facts.Current.Commit
		gate, note := facts.Current.gate(facts)
		add(gate)
		if note != "" {
			decision.Notes = append(decision.Notes, note)
		}
		if gate, isOlder := facts.Current.sourceGate(facts); isOlder {
			add(gate)
		}
		decision.Notes = append(decision.Notes, facts.Current.movedNotes(facts.Environment.Name)...)
	}
	add(tagGates(facts, decision)...)
	waive(facts, &decision)
	for _, former := range facts.Former {
		add(former.gates(decision.Digest)...)
	}
	return decision
}

// blind reports whether the registry may not be looked at: then nobody knows what a tag names, and stages whose end recorded nothing
// may have run all the same.
func (f Facts) blind() bool { return f.Scope != nil && !f.Scope.Allowed }

func decideStages(facts Facts, candidate CandidateDigest, decision *Decision) {
	policy := facts.Policy.Policy
	for _, stage := range policy.closure(facts.Environment.Requires) {
		newest := newestAttempt(stage, facts.Records, facts.Listed)
		if facts.blind() && (newest == nil || newest.verification == nil && !newest.running) {
			continue
		}
		gates, evidence := stageGates(policy, stage, facts.Records, facts.Listed, candidate.Digest)
		doubt := facts.Doubts[stage.Name]
		gates = facts.retold(stage, doubt.gates(stage, gates, newest != nil))
		decision.Gates = append(decision.Gates, gates...)
		if evidence != nil && doubt.Err == nil {
			decision.Evidence = append(decision.Evidence, *evidence)
		}
	}
	if required := facts.Environment.FloorRequires; len(required) > 0 {
		decision.Gates = append(decision.Gates, floorGate(facts))
	}
}

// decideTimes adds the gates of time. On a check run, windows are a note: they open and close for ever.
func decideTimes(facts Facts, decision *Decision) {
	environment, policy := facts.Environment, facts.Policy.Policy
	if environment.Soak > 0 && facts.Soak != nil && len(environment.Requires) > 0 {
		if last, found := policy.Stage(environment.Requires[len(environment.Requires)-1]); found {
			decision.Gates = append(decision.Gates, soakGate(environment, last, facts.Records, decision.Digest, *facts.Soak, facts.Now))
		}
	}
	if environment.MaxAge > 0 && len(decision.Evidence) > 0 {
		decision.Gates = append(decision.Gates, ageGate(environment, decision.Evidence, facts.Now))
	}
	if len(environment.Windows) > 0 {
		gate := windowGate(environment, facts.Now)
		switch {
		case !facts.ForCheck:
			decision.Gates = append(decision.Gates, gate)
		case !gate.Met:
			decision.Notes = append(decision.Notes, "outside of the window "+windowsText(environment.Windows)+": "+gate.Next)
		}
	}
}

// decidePeople adds the gates of what people said of the promotion: holds, approvals, reviews.
func decidePeople(facts Facts, decision *Decision) {
	held := holdGate(facts.Holds, facts.Environment, facts.concerned(), facts.Commit)
	if facts.HeldPulls != nil {
		held = facts.HeldPulls.tells(held)
		if facts.HeldPulls.Err != nil {
			decision.Gates = append(decision.Gates, facts.HeldPulls.gate())
		}
	}
	if !held.Met || !facts.ForCheck {
		decision.Gates = append(decision.Gates, held)
	}
	if facts.Environment.Approvals.Required > 0 && facts.Approvals != nil {
		decision.Gates = append(decision.Gates, facts.Approvals.gate(facts.Environment.Approvals))
		if facts.Approvals.Note != "" {
			decision.Notes = append(decision.Notes, "approvals: "+facts.Approvals.Note)
		}
		for _, agreement := range facts.Approvals.Agreements {
			if agreement.Counts {
				decision.Approvers = append(decision.Approvers, agreement.Person.Login)
			}
		}
	}
	if facts.Reviewed != nil {
		decision.Gates = append(decision.Gates, facts.Reviewed.gate())
	}
}

// gates gives what the former policy would refuse and the present one does not say already. Both must mean the same digest.
func (f FormerFact) gates(digest Digest) []Gate {
	gate := Gate{Name: "former policy", Reason: PolicyInvalid, Expected: "what the policy asks for under which the environment got what it has, as well"}
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual, gate.Next = reasonOf(f.Err), "could not tell: "+f.Err.Error(), remedy(f.Err)
		return []Gate{gate}
	case f.Facts == nil:
		gate.Met, gate.Actual = true, "it did not have this environment and image"
		return []Gate{gate}
	}
	former := Decide(*f.Facts)
	refused := former.Unmet()
	for i := range refused {
		refused[i].Name += " (former policy)"
		refused[i].Next = "the policy was changed since " + f.Facts.Environment.Name + " got what it has, so that the old one and the new one both judge: " +
			"meet both once (keep the old one's stages until then, and where it has the image), and the new one judges alone"
	}
	if len(f.Apart.Images) > 0 {
		refused = append(refused, f.Apart.gate(f.Facts.Image))
	}
	if len(refused) == 0 && former.Digest != digest {
		gate.Reason, gate.Expected, gate.Actual = DigestMismatch, "the old policy and the new one mean the same digest", "the old one means "+orNone(former.Digest)
		gate.Next = "let the stages of both prove one digest"
		return []Gate{gate}
	}
	if len(refused) == 0 {
		gate.Met, gate.Actual = true, "it is met"
		return []Gate{gate}
	}
	return refused
}

// tagGates refuses tags that the registry does not let move, before any is touched.
func tagGates(facts Facts, decision Decision) []Gate {
	if !facts.TagRules.Known || facts.Inspection == nil {
		return nil
	}
	var gates []Gate
	for _, tag := range decision.Tags {
		named := facts.Inspection.Inspection.Tags[tag].Digest
		if !named.IsZero() && named != decision.Digest && !facts.TagRules.Movable(tag) {
			gates = append(gates, immutableGate(facts.Environment.Name, decision.Registry, tag, "the registry repository has immutable tags, and no exclusion for this one"))
		}
	}
	return gates
}

func immutableGate(environment string, registry RegistryRepository, tag, found string) Gate {
	return Gate{
		Name: "tag " + tag, Reason: TagImmutable, Expected: fmt.Sprintf("tag %s of %s can be moved", tag, registry), Actual: found,
		Next: "exclude the tag from the repository's immutability, or give the environment a tag that is new each time, such as " + environment + "-{short_sha}",
	}
}

// ruleGates are about the policy itself: whether it is enforced, and whole.
func ruleGates(facts Facts) []Gate {
	mode := Gate{Name: "mode", Reason: ObserveOnly, Expected: "mode: enforce", Actual: "mode: enforce", Met: true}
	if facts.Policy.Policy.Mode == Observe {
		mode.Met, mode.Actual, mode.Next = false, "mode: observe", "set mode: enforce in the policy to promote for real"
	}
	gates := []Gate{mode}
	if keys := facts.Policy.Policy.NotEnforced(facts.Environment); len(keys) > 0 {
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

// gates ask that the person may promote: by the policy, and by the server's floor where it has one.
func (f PersonFact) gates(environment Environment) []Gate {
	gates := []Gate{f.gate(environment.Promoters)}
	if floor := environment.FloorPermission; floor != "" && gates[0].Met && permissionRank[f.Role] < permissionRank[floor] {
		gates = append(gates, Gate{
			Name: "promoter", Reason: NotAuthorised, Expected: "permission " + floor + " (the server's floor)", Actual: fmt.Sprintf("%s has %s", f.Person.Login, f.Role),
			Next: "ask somebody with permission " + floor,
		})
	}
	return gates
}

func (f PersonFact) gate(promoters People) Gate {
	gate := Gate{Name: "promoter", Reason: NotAuthorised, Met: f.Allowed && f.Err == nil, Expected: WhoMay(promoters)}
	gate.Actual = fmt.Sprintf("%s has %s", f.Person.Login, f.Role)
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual = GitHubError, "could not tell: "+f.Err.Error()
		gate.Next = remedy(f.Err)
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
	if people.Least != "" && people.Permission != people.Least {
		return strings.Join(words, " or ") + " (with permission " + people.Least + ", by the server's floor)"
	}
	return strings.Join(words, " or ")
}

func (f BranchFact) gate(commit Commit) Gate {
	gate := Gate{Name: "branch", Reason: NotOnBranch, Met: f.On && f.Err == nil, Expected: "a commit of " + f.Branch, Actual: commit.Short() + " is on " + f.Branch}
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual, gate.Next = GitHubError, "could not tell: "+f.Err.Error(), remedy(f.Err)
	case !f.On && f.Unasked > 0:
		gate.Reason, gate.Actual = GitHubError, "could not tell: "+f.unasked(commit).Error()
		gate.Next = "name the branch itself in the environment's from, or delete branches that are done with"
	case f.Base != "":
		gate.Expected, gate.Actual = "a pull request into "+f.Branch, "its base is "+f.Base
		if !f.On {
			gate.Next = "open a pull request into " + f.Branch
		}
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
		gate.Reason, gate.Actual, gate.Next = InternalError, "could not tell: "+f.Err.Error(), remedy(f.Err)
	case !f.Allowed:
		gate.Actual, gate.Pauses = f.Detail, f.Missing
		gate.Next = cmp.Or(f.Next, "ask whoever runs Verbatim to let "+repository.FullName()+" use it (VERBATIM_REGISTRY_SCOPE), or name another one in the policy")
	}
	return gate
}

// digestGate asks that the tag that CI pushed is there and still names the digest that the stages saw.
func digestGate(facts Facts, candidate CandidateDigest) Gate {
	tag := facts.Image.SourceTag(facts.recorded())
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
			gate.Reason, gate.Actual, gate.Next = RegistryError, "could not tell: "+facts.Inspection.Err.Error(), remedy(facts.Inspection.Err)
			return gate
		}
		digest = facts.Inspection.Inspection.Tags[tag].Digest
		if !digest.IsZero() && !candidate.Digest.IsZero() && digest != candidate.Digest {
			return moved(digest)
		}
	}
	switch {
	case digest.IsZero() && facts.Inspection == nil:
		gate.Reason, gate.Actual, gate.Next = StageMissing, "no digest was recorded for it yet", "let the stages run for this commit: what the tag names is recorded when they begin and end"
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
		gate.Met, gate.Reason, gate.Actual, gate.Next = false, GitHubError, "could not tell: "+f.Err.Error(), remedy(f.Err)
	case f.Digest.IsZero() && f.Commit.IsZero():
		gate.Actual = name + " has nothing yet"
	case f.Commit.IsZero():
		gate.Actual = "the commit of what " + name + " has is unknown"
		return gate, fmt.Sprintf("the commit of what %s had (%s) is unknown: it was there before Verbatim, so nobody can say what is lost", name, f.Digest)
	case f.Comparison.Status == "ahead" || f.Comparison.Status == "identical":
		gate.Actual = fmt.Sprintf("%s ahead of %s", howMany(f.Comparison.AheadBy, "commit"), f.Commit.Short())
	default:
		gate.Met = false
		gate.Actual = fmt.Sprintf("%s is %s %s, which %s has: it would lose %s%s", facts.Commit.Short(),
			map[string]string{"behind": "behind", "diverged": "diverged from"}[f.Comparison.Status], f.Commit.Short(), name, howMany(f.Comparison.BehindBy, "commit"), lostText(f.Lost))
		gate.Next = "promote a newer commit, or go back in so many words: /promote rollback " + name
		if f.Comparison.Status == "diverged" {
			gate.Next = fmt.Sprintf("merge %s by a merge commit (not squashed) and promote that, or go back first: /promote rollback %s", f.Commit.Short(), name)
		}
	}
	return gate, ""
}

// movedNotes says that other hands moved the environment's tag, and what that means for what is asked about.
func (f CurrentFact) movedNotes(name string) []string {
	if f.Named.IsZero() {
		return nil
	}
	note := fmt.Sprintf("%s names %s, and the ledger has another digest as live: other hands moved it", name, f.Named)
	if !f.Ledger.IsZero() {
		note += fmt.Sprintf("; what ships is counted from %s, which Verbatim put there, as well", f.Ledger.Short())
	}
	return []string{note}
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
