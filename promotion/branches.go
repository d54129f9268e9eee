package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// allowedBranches returns the branches, or patterns of branches, that the environment promotes from.
func (e Environment) allowedBranches(repository Repository) []string {
	if len(e.From) == 0 {
		return []string{repository.DefaultBranch}
	}
	return e.From
}

// places is what is known in this try of where commits are.
func (c *carrying) places() *whereabouts {
	if c.whereabouts == nil {
		c.whereabouts = &whereabouts{reader: c.Branches, trees: c.Observer.Trees, reviews: c.Reviews, repository: c.request.Repository, tip: c.policyHead()} // the policy was just read there
	}
	return c.whereabouts
}

// branchFact asks whether the commit is on one of the branches that the environment promotes from. An open pull request's
// head is on none: its base has to be one.
func (c *carrying) branchFact(ctx context.Context, into *target) error {
	allowed := into.environment.allowedBranches(c.request.Repository)
	if into.head != nil {
		into.branch = &BranchFact{Branch: strings.Join(allowed, ", "), On: matchesAny(allowed, into.pullRequest.Base), Base: into.pullRequest.Base}
		return nil
	}
	records := into.records
	if records == nil { // the runs are looked at later
		var err error
		if records, err = c.Records.Records(ctx, c.request.Repository.ID, into.commit); err != nil {
			return err
		}
	}
	likely := append([]string{into.pullRequest.Base, c.request.Repository.DefaultBranch}, pushedBranches(records)...)
	fact, err := c.places().find(ctx, into.commit, allowed, likely)
	into.branch = &fact
	if err != nil {
		err = fromGitHub(fmt.Errorf("ask whether %s is on %s: %w", into.commit.Short(), strings.Join(allowed, ", "), err))
		if again := c.again(err); again != nil {
			return again
		}
		into.branch.Err = err
	}
	return nil
}

// pushedBranches returns branches that runs of a push were said to be on: only where to look first.
func pushedBranches(records map[string]Records) []string {
	var names []string
	for _, of := range records {
		for i := range of.Verifications {
			branch := of.Verifications[i].Branch
			if of.Verifications[i].Event == "push" && len(names) < 3 && !slices.Contains(names, branch) {
				names = append(names, branch)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (c *carrying) policyHead() Commit { return c.policy.File.Head }
