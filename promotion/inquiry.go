package promotion

import (
	"context"
)

// help answers /promote help from the repository's own policy.
func (c *carrying) help() error {
	policy := c.policy.Policy
	help := &Help{Images: imageNames(policy), Default: c.defaultEnvironment().Name, Enforced: policy.Mode != Observe}
	for _, environment := range policy.Environments {
		branches := environment.From
		if len(branches) == 0 {
			branches = []string{c.request.Repository.DefaultBranch}
		}
		help.Environments = append(help.Environments, EnvironmentHelp{
			Name: environment.Name, Requires: environment.Requires, Branches: branches, Tags: environment.Tags, WhoMay: WhoMay(environment.Promoters),
			NotEnforced: policy.NotEnforced(environment, c.request.Repository.DefaultBranch),
		})
	}
	c.answer.Help, c.answer.Result = help, ResultInformed
	return nil
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
		if current, found := StandingOf(live).Current(); found {
			has.Promotion = &current
		}
		status.Live = append(status.Live, has)
		if into.commit.IsZero() {
			continue
		}
		status.Decisions = append(status.Decisions, Decide(Facts{
			Now: c.Clock(), Repository: c.request.Repository, Policy: c.policy, Environment: environment, Image: image, Commit: into.commit,
			Records: into.records[image.Name], Listed: into.listed,
		}))
	}
	return status, nil
}
