package promotion

import (
	"path"
	"slices"
	"strings"
	"time"
)

// FloorRule is a set of minimal rules for repositories, which no policy of theirs can undercut.
type FloorRule struct {
	Repositories   string   // pattern owner/repo, with * as in Scope
	Environments   []string // patterns of names, in any letter case; with no Tags: none means all
	Tags           []string // patterns of tags: environments that set one of them
	Requires       []string // stages that an environment has to require
	Approvals      int
	Reviewed       bool
	Soak           time.Duration
	MaxAge         time.Duration
	Provenance     string // "", labels, attestation
	Permission     string // "", or the least permission that whoever promotes must have
	ForbidUnmerged bool
	ForbidOverride bool
	ForbidSameTree bool
	Events         []string // those whose runs may count; none: any
}

// floorsLeast is the permission that everybody must have who counts where the floor asks for people: whom a policy names is in the
// hands of those whom the floor is to bind.
const floorsLeast = "write"

// Floor is the server's minimal rules.
type Floor []FloorRule

// Raise gives the policy with every environment raised to the floor: of each rule the stricter one holds.
func (f Floor) Raise(repository Repository, policy Policy) Policy {
	policy.Environments, policy.Stages = slices.Clone(policy.Environments), slices.Clone(policy.Stages)
	name := strings.ToLower(repository.FullName())
	for _, rule := range f {
		if matches, err := path.Match(strings.ToLower(rule.Repositories), name); err != nil || !matches {
			continue
		}
		raised := false
		for i, covered := range rule.covers(policy.Environments) {
			if covered {
				rule.raise(&policy.Environments[i])
				raised = true
			}
		}
		for i := range policy.Stages {
			if raised && len(rule.Events) > 0 {
				policy.Stages[i].Events = slices.DeleteFunc(slices.Clone(policy.Stages[i].Events), func(event string) bool { return !slices.Contains(rule.Events, event) })
			}
		}
	}
	return policy
}

// covers reports which environments the rule is for. What it protects is what the tags name, whatever a policy calls the environment
// that sets them: one is covered by its name or tags, and because it sets a tag of one that is covered.
func (r FloorRule) covers(environments []Environment) []bool {
	covered := make([]bool, len(environments))
	everything := len(r.Environments)+len(r.Tags) == 0
	for i, environment := range environments {
		// A policy that calls the tag as others call the environment means the same.
		covered[i] = everything || anyFold(r.Environments, environment.Name) || slices.ContainsFunc(environment.Tags, func(tag string) bool {
			return anyFold(r.Environments, tag) || anyFold(r.Tags, tag) || slices.ContainsFunc(r.Tags, func(pattern string) bool { return tagsMeet(pattern, tag) })
		})
	}
	for more := true; more; {
		more = false
		for i, environment := range environments {
			shares := func(j int) bool { return covered[j] && environment.sharesTags(environments[j]) }
			if !covered[i] && slices.ContainsFunc(indices(len(environments)), shares) {
				covered[i], more = true, true
			}
		}
	}
	return covered
}

func indices(count int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

// anyFold reports whether one of the patterns fits, in any letter case.
func anyFold(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return Matches(strings.ToLower(pattern), strings.ToLower(text)) })
}

func (e Environment) sharesTags(other Environment) bool {
	return slices.ContainsFunc(e.Tags, func(tag string) bool {
		return slices.ContainsFunc(other.Tags, func(theirs string) bool { return tagsMeet(tag, theirs) })
	})
}

var tagPlaces = strings.NewReplacer("{sha}", "*", "{short_sha}", "*", "{seq}", "*")

// tagsMeet reports whether two templates, or patterns, may mean one tag.
func tagsMeet(a, b string) bool {
	a, b = tagPlaces.Replace(a), tagPlaces.Replace(b)
	return a == b || Matches(a, b) || Matches(b, a)
}

var provenanceRank = map[string]int{"labels": 1, "attestation": 2}

func (r FloorRule) raise(environment *Environment) {
	environment.Approvals.Required = max(environment.Approvals.Required, r.Approvals)
	if r.Approvals > 0 || r.Permission != "" {
		environment.Approvals.Least, environment.Override.Least = floorsLeast, floorsLeast
	}
	environment.Reviewed = environment.Reviewed || r.Reviewed
	environment.Soak = max(environment.Soak, r.Soak)
	if r.MaxAge > 0 && (environment.MaxAge == 0 || r.MaxAge < environment.MaxAge) {
		environment.MaxAge = r.MaxAge
	}
	if provenanceRank[r.Provenance] > provenanceRank[environment.Provenance] {
		environment.Provenance = r.Provenance
	}
	if permissionRank[r.Permission] > permissionRank[environment.FloorPermission] {
		environment.FloorPermission = r.Permission
	}
	environment.AllowUnmerged = environment.AllowUnmerged && !r.ForbidUnmerged
	environment.SameTree = environment.SameTree && !r.ForbidSameTree
	if r.ForbidOverride {
		environment.Override = Override{}
	}
	for _, stage := range r.Requires {
		if !slices.Contains(environment.FloorRequires, stage) {
			environment.FloorRequires = append(slices.Clone(environment.FloorRequires), stage)
		}
	}
}

// floorGate asks that the environment requires the stages that the server's floor names.
func floorGate(facts Facts) Gate {
	gate := Gate{Name: "floor", Reason: PolicyInvalid, Met: true, Expected: "requires " + strings.Join(facts.Environment.FloorRequires, ", ") + " (the server's floor)"}
	counted := facts.Policy.Policy.closure(facts.Environment.Requires)
	var missing []string
	for _, name := range facts.Environment.FloorRequires {
		if !slices.ContainsFunc(counted, func(stage Stage) bool { return stage.Name == name }) {
			missing = append(missing, name)
		}
	}
	gate.Actual = "it does"
	if len(missing) > 0 {
		gate.Met, gate.Actual = false, facts.Environment.Name+" does not require "+strings.Join(missing, ", ")
		gate.Next = "add them to environments." + facts.Environment.Name + ".requires"
	}
	return gate
}
