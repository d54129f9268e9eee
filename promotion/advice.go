package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// Advice says what a valid policy probably does not mean: branches that environments promote from, and whose commits can never
// pass a stage that is required, because the stage counts runs of other branches only.
func (p Policy) Advice() []string {
	var advice []string
	for _, environment := range p.Environments {
		for _, stage := range p.closure(environment.Requires) {
			if slices.ContainsFunc(stage.Events, func(event string) bool { return ByDigest(event) && !ofPullRequest(event) }) {
				continue // what counts there is the branch of the workflow that deployed, whatever it deployed
			}
			for _, from := range uncovered(environment.From, stage.Branches) {
				advice = append(advice, fmt.Sprintf("environments.%s.from: a commit that is only on %s can never pass stage %s, which counts runs of %s only: add %q to stages.%s.branches",
					environment.Name, from, stage.Name, branchesText(stage.Branches), from, stage.Name))
			}
		}
	}
	return advice
}

// Notes says what a valid policy trusts that only GitHub's settings keep: branches of a pattern or beside the first, which may not be
// there, and names of teams and of people.
func (p Policy) Notes() []string {
	var notes []string
	for _, environment := range p.Environments {
		for i, pattern := range environment.From {
			switch {
			case strings.Contains(pattern, "*"):
				notes = append(notes, fmt.Sprintf("environments.%s.from: whoever may create a branch that fits %s runs workflows of their own there, and where a stage counts such branches they prove it: "+
					"let a ruleset on GitHub say who may create and push to them", environment.Name, pattern))
			case i > 0:
				notes = append(notes, fmt.Sprintf("environments.%s.from: where there is no branch %s (any more), whoever may create branches can make it and run workflows of their own there: "+
					"let a ruleset on GitHub say who may create and push to it, and take it out when it is gone", environment.Name, pattern))
			}
		}
	}
	if users := p.users(); len(users) > 0 {
		notes = append(notes, fmt.Sprintf("users %s: a user is looked up by login whenever it counts. Take out those who have left or been renamed: "+
			"anybody on GitHub can take a login that was given up, and counts here once they may write", strings.Join(users, ", ")))
	}
	if teams := p.teams(); len(teams) > 0 {
		notes = append(notes, fmt.Sprintf("teams %s: a team is looked up by its name whenever it counts. See to it that each of them exists, and take out those that are deleted or renamed: "+
			"whoever may create teams can take a name that is free", strings.Join(teams, ", ")))
	}
	return notes
}

// teams returns the teams that the policy names, each once.
func (p Policy) teams() []string {
	return p.named(func(environment Environment) []string {
		return slices.Concat(environment.Promoters.Teams, environment.Approvals.Teams, environment.Override.Teams)
	})
}

// users returns the logins that the policy names, each once.
func (p Policy) users() []string {
	return p.named(func(environment Environment) []string {
		return slices.Concat(environment.Promoters.Users, environment.Approvals.Users, environment.Override.Users)
	})
}

// named returns what the environments name, each once.
func (p Policy) named(by func(Environment) []string) []string {
	var names []string
	for _, environment := range p.Environments {
		for _, name := range by(environment) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// uncovered returns the branches, or patterns of branches, that none of the others covers. Where those are none, which means
// the default branch, the first name may be it: nobody knows here.
func uncovered(from, branches []string) []string {
	var left []string
	perhapsDefault := len(branches) == 0
	for _, pattern := range from {
		isName := !strings.Contains(pattern, "*")
		switch {
		case isName && perhapsDefault:
			perhapsDefault = false
		case !matchesAny(branches, pattern):
			left = append(left, pattern)
		}
	}
	return left
}

func branchesText(branches []string) string {
	if len(branches) == 0 {
		return "the default branch"
	}
	return strings.Join(branches, ", ")
}
