package promotion

import (
	"context"
)

// unruled answers where there is no valid policy: what can be asked and, of a policy that is invalid, what is live. All else is
// refused.
func (c *carrying) unruled(ctx context.Context) error {
	gate := Gate{
		Name: "policy", Reason: PolicyMissing, Expected: ".github/verbatim.yml on " + orWord(c.request.Repository.DefaultBranch, "the default branch"), Actual: "there is none",
		Next: "add the file; nothing is promoted without it",
	}
	note := "there is no policy (" + string(PolicyMissing) + "): " + gate.Next
	if c.policy.File.Found {
		c.answer.PolicyProblems = c.policy.Problems
		gate.Reason, gate.Expected, gate.Actual = PolicyInvalid, "a valid policy", howMany(len(c.policy.Problems), "problem")+", listed below"
		gate.Next = "mend the file on the default branch (verbatim validate shows the same)"
		note = "the policy is invalid (" + string(PolicyInvalid) + "): nothing is promoted until it is mended on the default branch"
	}
	switch verb := c.request.Command.Verb; {
	case verb == VerbHelp:
		c.answer.Help = &Help{Enforced: true}
		return c.inform(note)
	case verb == VerbStatus && c.policy.File.Found:
		return c.lastKnown(ctx, note)
	}
	return c.refuse(gate)
}

// lastKnown tells what the ledger has as live, and what is held, whatever the policy names now.
func (c *carrying) lastKnown(ctx context.Context, note string) error {
	live, err := c.History.LiveAnywhere(ctx, c.request.Repository.ID)
	if err != nil {
		return err
	}
	holds, err := c.holds(ctx)
	if err != nil {
		return err
	}
	for i := range live {
		told := len(c.answer.Status)
		if told == 0 || c.answer.Status[told-1].Environment != live[i].Environment {
			environment := Environment{Name: live[i].Environment}
			c.answer.Status = append(c.answer.Status, EnvironmentStatus{Environment: environment.Name, Holds: heldIn(holds, environment)})
			told++
		}
		c.answer.Status[told-1].Live = append(c.answer.Status[told-1].Live, LiveImage{Image: live[i].Image, Promotion: &live[i]})
	}
	if len(live) == 0 {
		return c.inform(note, "nothing was promoted here yet")
	}
	return c.inform(note, "what was live when it was last looked at:")
}
