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
	Environments   []string // patterns; none: all
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
		for i := range policy.Environments {
			environment := &policy.Environments[i]
			if len(rule.Environments) == 0 || matchesAny(rule.Environments, environment.Name) {
				rule.raise(environment)
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

var provenanceRank = map[string]int{"labels": 1, "attestation": 2}

func (r FloorRule) raise(environment *Environment) {
	environment.Approvals.Required = max(environment.Approvals.Required, r.Approvals)
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
