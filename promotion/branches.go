package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maximumBranches is how many branches of a pattern are looked at for one commit.
const maximumBranches = 20

// allowedBranches gives the branches, or patterns of branches, that the environment promotes from.
func (e Environment) allowedBranches(repository Repository) []string {
	if len(e.From) == 0 {
		return []string{repository.DefaultBranch}
	}
	return e.From
}

// branchFact asks whether the commit is on one of the branches that the environment promotes from. An open pull request's
// head is on none: its base has to be one.
func (c *carrying) branchFact(ctx context.Context, into *target) error {
	allowed := into.environment.allowedBranches(c.request.Repository)
	into.branch = &BranchFact{Branch: strings.Join(allowed, ", ")}
	if into.head != nil {
		into.branch.On, into.branch.Base = matchesAny(allowed, into.pullRequest.Base), into.pullRequest.Base
		return nil
	}
	err := c.findBranch(ctx, into, allowed)
	if err != nil {
		err = fromGitHub(fmt.Errorf("ask whether %s is on %s: %w", into.commit.Short(), into.branch.Branch, err))
		if again := c.again(err); again != nil {
			return again
		}
		into.branch.Err = err
	}
	return nil
}

// findBranch asks as few branches as it takes, the likeliest first: each costs two calls, and the default branch one.
func (c *carrying) findBranch(ctx context.Context, into *target, allowed []string) error {
	var asked []string
	on := func(name string, head Commit) (bool, error) {
		if slices.Contains(asked, name) || len(asked) >= maximumBranches {
			return false, nil
		}
		asked = append(asked, name)
		found, err := c.contains(ctx, name, head, into.commit)
		if err == nil && found {
			into.branch.Branch, into.branch.On = name, true
		}
		return found, err
	}
	likely := []string{into.pullRequest.Base, c.request.Repository.DefaultBranch}
	for _, of := range into.records {
		for _, verification := range of.Verifications {
			if verification.Event == "push" && len(likely) < 5 {
				likely = append(likely, verification.Branch)
			}
		}
	}
	for _, name := range append(likely, allowed...) {
		if strings.Contains(name, "*") || !matchesAny(allowed, name) {
			continue
		}
		if found, err := on(name, Commit{}); found || err != nil {
			return err
		}
	}
	for _, pattern := range allowed {
		prefix, _, isPattern := strings.Cut(pattern, "*")
		if !isPattern {
			continue
		}
		branches, err := c.Branches.Branches(ctx, c.request.Repository, prefix)
		if err != nil {
			return err
		}
		for _, branch := range branches {
			if !Matches(pattern, branch.Name) {
				continue
			}
			if found, err := on(branch.Name, branch.Head); found || err != nil {
				return err
			}
		}
	}
	return nil
}

// contains reports whether the commit is on the branch. It is asked by commits, so that no tag can stand in for the branch.
func (c *carrying) contains(ctx context.Context, branch string, head, commit Commit) (bool, error) {
	if branch == c.request.Repository.DefaultBranch && c.policyHead() != (Commit{}) {
		head = c.policyHead() // the policy was just read there
	}
	var err error
	if head.IsZero() {
		head, err = c.Branches.BranchHead(ctx, c.request.Repository, branch)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if head == commit {
		return true, nil
	}
	comparison, err := c.Commits.Compare(ctx, c.request.Repository, commit.String(), head.String())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && (comparison.Status == "ahead" || comparison.Status == "identical"), err
}

func (c *carrying) policyHead() Commit { return c.policy.File.Head }

// latest gives the head of the branch that the environment promotes from: the default branch if it may, else the first
// that the policy names.
func (c *carrying) latest(ctx context.Context, environment Environment) (Commit, *Gate, error) {
	allowed := environment.allowedBranches(c.request.Repository)
	if matchesAny(allowed, c.request.Repository.DefaultBranch) {
		return c.policyHead(), nil, nil
	}
	at := slices.IndexFunc(allowed, func(name string) bool { return !strings.Contains(name, "*") })
	if at < 0 {
		return Commit{}, &Gate{
			Name: "commit", Reason: UnknownCommit, Expected: "one branch whose newest commit is meant", Actual: environment.Name + " promotes from " + strings.Join(allowed, ", "),
			Next: "name the commit with --sha",
		}, nil
	}
	head, err := c.Branches.BranchHead(ctx, c.request.Repository, allowed[at])
	if errors.Is(err, ErrNotFound) {
		return Commit{}, &Gate{Name: "commit", Reason: UnknownCommit, Expected: "a branch " + allowed[at], Actual: "there is none", Next: "name the commit with --sha"}, nil
	}
	return head, nil, fromGitHub(err)
}
