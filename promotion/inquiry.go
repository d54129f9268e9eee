package promotion

import (
	"context"
	"fmt"
	"strings"
)

// help answers /promote help from the repository's own policy.
func (c *carrying) help(ctx context.Context) error {
	policy := c.policy.Policy
	holds, err := c.holds(ctx)
	if err != nil {
		return err
	}
	help := &Help{Images: imageNames(policy), Default: c.defaultEnvironment().Name, Enforced: policy.Mode != Observe}
	for _, environment := range policy.Environments {
		branches := environment.From
		if len(branches) == 0 {
			branches = []string{c.request.Repository.DefaultBranch}
		}
		help.Environments = append(help.Environments, EnvironmentHelp{
			Name: environment.Name, Requires: environment.Requires, Branches: branches, Tags: environment.Tags, WhoMay: WhoMay(environment.Promoters),
			NotEnforced: policy.NotEnforced(environment), Approvals: approvalsText(environment.Approvals), Rules: rulesOf(environment),
			Overrides: overridesText(environment.Override), Lifters: WhoMay(environment.Lifters()), Holds: heldIn(holds, environment),
		})
	}
	c.answer.Help, c.answer.Result = help, ResultInformed
	return nil
}

func approvalsText(approvals Approvals) string {
	if approvals.Required == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s", approvals.Required, WhoApproves(approvals))
}

func overridesText(override Override) string {
	if override.Empty() {
		return ""
	}
	text := WhoMay(override.People()) + " may waive " + strings.Join(override.Gates, ", ")
	if override.Second {
		text += ", two of them together"
	}
	return text
}

func heldIn(holds []Hold, environment Environment) []Hold {
	var of []Hold
	for _, hold := range holds {
		if hold.Environment == Everywhere || strings.EqualFold(hold.Environment, environment.Name) {
			of = append(of, hold)
		}
	}
	return of
}

// rulesOf says in a few words each what the environment asks for beyond stages, approvals and branches.
func rulesOf(environment Environment) []string {
	var rules []string
	add := func(asked bool, format string, arguments ...any) {
		if asked {
			rules = append(rules, fmt.Sprintf(format, arguments...))
		}
	}
	add(environment.Reviewed, "every commit was reviewed")
	add(environment.Soak > 0, "soaks for %s", days(environment.Soak))
	add(environment.MaxAge > 0, "verified within %s", days(environment.MaxAge))
	add(len(environment.Windows) > 0, "only %s", windowsText(environment.Windows))
	add(environment.Provenance == "labels" || environment.Provenance == "attestation", "provenance by %s", environment.Provenance)
	add(environment.AllowUnmerged, "open pull requests may be promoted")
	add(environment.SameTree, "a pull request's digest counts for the same files merged")
	add(environment.FloorPermission != "", "permission %s (the server's floor)", environment.FloorPermission)
	return rules
}

// status answers /promote status: what each environment has, and how the pull request's commit stands to each.
func (c *carrying) status(ctx context.Context) error {
	environments := c.policy.Policy.Environments
	if len(c.request.Command.Names) > 0 {
		environment, _, gate := c.names(c.request.Command.Names)
		if gate != nil {
			return c.refuse(*gate)
		}
		environments = []Environment{environment}
	}
	var into target
	gate, err := c.commit(ctx, &into)
	if err != nil {
		return err
	}
	if gate == nil {
		c.answer.Commit = into.commit
		if err := c.runs(ctx, &into); err != nil {
			return err
		}
	}
	for _, environment := range environments {
		status, err := c.statusOf(ctx, environment, into)
		if err != nil {
			return err
		}
		c.answer.Status = append(c.answer.Status, status)
	}
	c.answer.Result = ResultInformed
	return nil
}

func (c *carrying) statusOf(ctx context.Context, environment Environment, into target) (EnvironmentStatus, error) {
	status := EnvironmentStatus{Environment: environment.Name}
	for _, image := range c.policy.Policy.Images {
		live, err := c.History.Live(ctx, c.request.Repository.ID, environment.Name, image.Name)
		if err != nil {
			return status, err
		}
		has := LiveImage{Image: image.Name}
		if len(live) > 0 {
			has.Promotion = &live[len(live)-1] // a rollback is told as one: Standing has what it went back to
		}
		status.Live = append(status.Live, has)
	}
	if into.commit.IsZero() {
		holds, err := c.holds(ctx)
		status.Holds = heldIn(holds, environment)
		return status, err
	}
	said, err := c.Checks.saidOf(ctx, c.request.Repository, into.commit)
	if err != nil {
		return status, err
	}
	known := c.Checks
	known.places, known.unread = c.places(), into.unclear
	check, err := known.of(ctx, c.request.Repository, c.policy, environment, into.commit, into.records, into.listed, said)
	status.Decisions = check.Decisions
	status.Holds = heldIn(said.holds, environment)
	return status, err
}
