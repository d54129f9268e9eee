package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maximumHeldPulls is how many held pull requests are looked at for one promotion.
const maximumHeldPulls = 20

// HeldPullsFact says which held pull requests' commits would ship. Err means that it could not be told.
type HeldPullsFact struct {
	Pulls []int
	Err   error
}

// concerned returns the pull requests whose holds count: that in which it was asked, and the held ones of which something ships.
func (f Facts) concerned() []int {
	pulls := []int{f.PullRequest}
	if f.HeldPulls != nil {
		pulls = append(pulls, f.HeldPulls.Pulls...)
	}
	return pulls
}

func (f HeldPullsFact) gate() Gate {
	return Gate{
		Name: "held pull requests", Reason: GitHubError, Expected: "nothing of a held pull request would ship", Actual: "could not tell: " + f.Err.Error(), Next: "ask again in a minute",
	}
}

// heldPullsFact finds the held pull requests of which something would ship: the commits that they produced, by whichever way they
// were merged, and whatever commit brings those along. GitHub is asked, so that a merge of which no event told counts too. It costs no
// call while no pull request is held.
func (c *carrying) heldPullsFact(ctx context.Context, into target, facts Facts) (*HeldPullsFact, error) {
	var held []int
	for _, hold := range facts.Holds {
		if hold.PullRequest != 0 && strings.EqualFold(hold.Environment, facts.Environment.Name) && !hold.Stops(facts.Environment.Name, []int{facts.PullRequest}, facts.Commit) {
			held = append(held, hold.PullRequest)
		}
	}
	if len(held) == 0 {
		return nil, nil
	}
	fact := &HeldPullsFact{}
	if err := c.findHeld(ctx, into, facts, held, fact); err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	return fact, nil
}

func (c *carrying) findHeld(ctx context.Context, into target, facts Facts, held []int, fact *HeldPullsFact) error {
	if len(held) > maximumHeldPulls {
		return fmt.Errorf("more than %d pull requests are held", maximumHeldPulls)
	}
	own, err := c.pullsOf(ctx, facts.Commit)
	if err != nil {
		return err
	}
	what, err := c.shippingOf(ctx, facts)
	if err != nil {
		return err
	}
	if !what.whole {
		return fmt.Errorf("so many commits would ship that it cannot be told whether one is of a held pull request")
	}
	for _, number := range held {
		brings := slices.ContainsFunc(own, func(pull PullRequest) bool { return pull.Number == number }) || into.pullRequest.Number == number
		if !brings {
			if brings, err = c.bringsPull(ctx, number, facts.Commit, what.commits); err != nil {
				return err
			}
		}
		if brings {
			fact.Pulls = append(fact.Pulls, number)
		}
	}
	return nil
}

// bringsPull reports whether one of the commits is of the pull request: what it was merged as, one of its own, or one that a
// rebase made of those.
func (c *carrying) bringsPull(ctx context.Context, number int, commit Commit, ships []ShippedCommit) (bool, error) {
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, number)
	if err != nil {
		return false, fromGitHub(fmt.Errorf("read pull request #%d, which is held: %w", number, err))
	}
	contents, err := c.commitsOf(ctx, number)
	if err != nil {
		return false, err
	}
	of := func(one Commit) bool {
		return one == pull.Head || pull.Merged && one == pull.MergeCommit ||
			slices.ContainsFunc(contents.commits, func(own ShippedCommit) bool { return own.Commit == one })
	}
	if of(commit) || slices.ContainsFunc(ships, func(shipped ShippedCommit) bool { return of(shipped.Commit) }) {
		return true, nil
	}
	if !contents.whole {
		return false, fmt.Errorf("pull request #%d, which is held, has more commits than GitHub lists", number)
	}
	if !pull.Merged || pull.MergeCommit.IsZero() || len(contents.commits) < 2 {
		return false, nil
	}
	return c.rebased(ctx, pull, commit, contents.commits)
}

// rebased reports whether the commit is one that a rebase of the pull request put on the branch before its last: it lies that near
// before it, and the last has the message of the pull request's last, as a rebase leaves it and a squash does not.
func (c *carrying) rebased(ctx context.Context, pull PullRequest, commit Commit, own []ShippedCommit) (bool, error) {
	comparison, err := c.Commits.Compare(ctx, c.request.Repository, commit.String(), pull.MergeCommit.String())
	if err != nil {
		return false, fromGitHub(fmt.Errorf("compare %s with what pull request #%d, which is held, was merged as: %w", commit.Short(), pull.Number, err))
	}
	if comparison.Status != "ahead" || comparison.AheadBy >= len(own) || len(comparison.Commits) == 0 {
		return false, nil
	}
	last := comparison.Commits[len(comparison.Commits)-1]
	return len(last.Parents) < 2 && last.Title == own[len(own)-1].Title, nil
}
