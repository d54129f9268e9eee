package promotion

import (
	"context"
	"fmt"
)

// standsBehind returns the commit of the build that the environment has, where the commit that stands for the one asked about is
// neither that nor after it: then "unchanged" would put an older build over a newer one. Zero where it would not. What has the files of
// the commit asked about is as old as that. It costs a call or two where another build is to go there.
func (c *carrying) standsBehind(ctx context.Context, facts *Facts, live Promotion) (Commit, error) {
	source := facts.Source
	if source == nil || source.SameTree || Candidate(c.policy.Policy, facts.Records).Digest == live.Digest {
		return Commit{}, nil
	}
	newer := live.Commit
	for _, built := range []Commit{live.Commit, live.Decision.Source} { // which stood for it
		if built.IsZero() {
			continue
		}
		if built == source.Commit {
			return Commit{}, nil
		}
		comparison, err := c.Commits.Compare(ctx, c.request.Repository, built.String(), source.Commit.String())
		if err != nil {
			return Commit{}, fmt.Errorf("compare %s, which stands for %s, with the build of %s: %w", source.Commit.Short(), facts.Commit.Short(), built.Short(), err)
		}
		if comparison.Status == "ahead" {
			return Commit{}, nil
		}
		newer = built
	}
	return newer, nil
}

// sourceGate refuses to put an older build over a newer one for an image that did not change since.
func (f CurrentFact) sourceGate(facts Facts) (Gate, bool) {
	if f.Newer.IsZero() || facts.Source == nil {
		return Gate{}, false
	}
	return Gate{
		Name: "build", Reason: OlderThanCurrent, Expected: fmt.Sprintf("a build that is not older than that of %s, which %s has", f.Newer.Short(), facts.Environment.Name),
		Actual: fmt.Sprintf("the newest one that passed and since which %s is unchanged is of %s", facts.Image.Name, facts.Source.Commit.Short()),
		Next:   fmt.Sprintf("let the stages pass for %s again, or build %s for %s", f.Newer.Short(), facts.Image.Name, facts.Commit.Short()),
	}, true
}
