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
