package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// heldTarget refuses to go back to what a held pull request produced, or forward to what has something of one. It costs calls for
// the pull requests of the goal's commit and for what that adds, and only while some pull request is held.
func (c *carrying) heldTarget(ctx context.Context, into target, decision *Decision) error {
	isHeld := slices.ContainsFunc(into.holds, func(hold Hold) bool {
		return hold.PullRequest != 0 && strings.EqualFold(hold.Environment, into.environment.Name)
	})
	if !isHeld || decision.Commit.IsZero() {
		return nil
	}
	pulls, err := c.pullsOf(ctx, decision.Commit)
	if err != nil {
		if again := c.again(err); again != nil {
			return again
		}
		decision.Gates = append(decision.Gates, unclear("held pull requests", err))
		return nil
	}
	numbers := []int{c.request.Issue}
	for _, pull := range pulls {
		numbers = append(numbers, pull.Number)
	}
	if gate := holdGate(into.holds, into.environment, numbers, decision.Commit); !gate.Met {
		gate.Name = "held target"
		decision.Gates = append(decision.Gates, gate)
		return nil
	}
	return c.heldForward(ctx, into, decision)
}

// heldForward looks for held pull requests in what the goal has and the environment has not: after a rollback, one may go forward.
func (c *carrying) heldForward(ctx context.Context, into target, decision *Decision) error {
	facts := Facts{
		Repository: c.request.Repository, Policy: c.policy, Environment: into.environment, Commit: decision.Commit, PullRequest: c.request.Issue, Holds: into.holds,
		Current: &CurrentFact{Commit: decision.FromCommit},
	}
	if !decision.FromCommit.IsZero() {
		comparison, err := c.Commits.Compare(ctx, c.request.Repository, decision.FromCommit.String(), decision.Commit.String())
		if err == nil && (comparison.Status == "behind" || comparison.Status == "identical") {
			return nil
		}
		if err != nil {
			facts.Current.Err = fromGitHub(fmt.Errorf("compare %s with %s, which %s has: %w", decision.Commit.Short(), decision.FromCommit.Short(), into.environment.Name, err))
		}
		facts.Current.Comparison = comparison
	}
	fact, err := c.heldPullsFact(ctx, into, facts)
	if fact == nil || err != nil {
		return err
	}
	facts.HeldPulls = fact
	if fact.Err != nil {
		decision.Gates = append(decision.Gates, fact.gate())
	}
	if gate := holdGate(into.holds, into.environment, facts.concerned(), decision.Commit); !gate.Met {
		gate.Name = "held target"
		decision.Gates = append(decision.Gates, fact.tells(gate))
	}
	return nil
}
