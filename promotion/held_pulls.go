package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maximumHeldPulls is how many held pull requests are looked at for one promotion.
const maximumHeldPulls = 20

// HeldPullsFact says which held pull requests' commits would ship. Err means that it could not be told.
type HeldPullsFact struct {
	Pulls []int
	Why   []string // how it was told of those of which no commit is in the list of what ships
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
		Name: "held pull requests", Reason: GitHubError, Expected: "nothing of a held pull request would ship", Actual: "could not tell: " + f.Err.Error(),
		Next: remedy(f.Err) + "; where it stays so, promote an earlier commit first, or have the hold lifted",
	}
}

// tells adds to the gate of the holds how it was told that something of a held pull request ships.
func (f HeldPullsFact) tells(gate Gate) Gate {
	if !gate.Met {
		gate.Actual = strings.Join(append([]string{gate.Actual}, f.Why...), "; ")
	}
	return gate
}

// heldPullsFact finds the held pull requests of which something would ship: the commits that they produced, by whichever way they
// were merged, and whatever commit brings those along. GitHub is asked, so that a merge of which no event told counts too. It costs no
// call while no pull request is held.
func (c *carrying) heldPullsFact(ctx context.Context, into target, facts Facts) (*HeldPullsFact, error) {
	var held []Hold
	for _, hold := range facts.Holds {
		if hold.PullRequest != 0 && strings.EqualFold(hold.Environment, facts.Environment.Name) && !hold.Stops(facts.Environment.Name, []int{facts.PullRequest}, facts.Commit) {
			held = append(held, hold)
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

func (c *carrying) findHeld(ctx context.Context, into target, facts Facts, held []Hold, fact *HeldPullsFact) error {
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
	search := heldSearch{carrying: c, into: into, facts: facts, own: own, what: what}
	for _, hold := range held {
		brings, why, err := search.ships(ctx, hold)
		if err != nil {
			return err
		}
		if brings {
			fact.Pulls = append(fact.Pulls, hold.PullRequest)
		}
		if why != "" {
			fact.Why = append(fact.Why, why)
		}
	}
	return nil
}

// heldSearch looks for held pull requests in what would ship.
type heldSearch struct {
	*carrying
	into  target
	facts Facts
	own   []PullRequest // that brought the commit itself
	what  *shipping

	looked  bool
	through []throughPull
}

// ships reports whether something of the pull request would ship, and where the list of what ships does not show it, how it was told.
func (s *heldSearch) ships(ctx context.Context, hold Hold) (brings bool, why string, err error) {
	isHeld := func(pull PullRequest) bool { return pull.Number == hold.PullRequest }
	if slices.ContainsFunc(s.own, isHeld) || isHeld(s.into.pullRequest) {
		return true, "", nil
	}
	held, err := s.readHeld(ctx, hold)
	if err != nil {
		return false, "", err
	}
	if brings, err = s.bringsPull(ctx, &held, s.facts.Commit, s.what.commits); brings || err != nil {
		return brings, "", err
	}
	if s.what.unknown {
		if why, err = s.below(ctx, held); why != "" || err != nil {
			return why != "", why, err
		}
	}
	why, err = s.along(ctx, &held)
	return why != "", why, err
}

// below says that the commit has something of the held pull request below it, where it is not known what the environment has, so
// that all of it may ship: what it was merged as, or its first commit, without which there are none of the others.
func (s *heldSearch) below(ctx context.Context, held heldPull) (string, error) {
	if len(held.unread) > 0 {
		return "", held.tooOften("whether something of it lies below " + s.facts.Commit.Short() + " cannot be told")
	}
	ask := []Commit{held.first()}
	if held.Merged && !held.MergeCommit.IsZero() {
		ask = append([]Commit{held.MergeCommit}, ask...)
	}
	for _, one := range slices.Compact(append(ask, held.lowest...)) {
		contained, err := s.contains(ctx, s.facts.Commit, one)
		if err != nil {
			return "", err
		}
		if contained {
			return fmt.Sprintf("it is not known which commit %s has, and %s, of pull request #%d, lies below %s: lift the hold if that is live already",
				s.facts.Environment.Name, one.Short(), held.Number, s.facts.Commit.Short()), nil
		}
	}
	return "", nil
}

// contains reports whether the commit is the head or below it.
func (c *carrying) contains(ctx context.Context, head, commit Commit) (bool, error) {
	contained, err := c.Branches.Contains(ctx, c.request.Repository, head, commit)
	if errors.Is(err, ErrNotFound) {
		return false, nil // they have nothing in common
	}
	if err != nil {
		return false, fromGitHub(fmt.Errorf("ask whether %s is below %s: %w", commit.Short(), head.Short(), err))
	}
	return contained, nil
}

// bringsPull reports whether one of the commits is of the pull request: what it was merged as, one of its own, or one that a
// rebase made of those.
func (c *carrying) bringsPull(ctx context.Context, held *heldPull, commit Commit, ships []ShippedCommit) (bool, error) {
	isOf := func() bool {
		return held.has(commit) || slices.ContainsFunc(ships, func(shipped ShippedCommit) bool { return held.has(shipped.Commit) })
	}
	if isOf() {
		return true, nil
	}
	if err := c.readUnread(ctx, held, append([]ShippedCommit{{Commit: commit}}, ships...)); err != nil || isOf() {
		return err == nil, err
	}
	if !held.contents.whole {
		return false, fmt.Errorf("pull request #%d, which is held, has more commits than GitHub lists", held.Number)
	}
	if !held.Merged || held.MergeCommit.IsZero() || len(held.contents.commits) < 2 {
		return false, nil
	}
	return c.rebased(ctx, held.PullRequest, commit, held.contents.commits)
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
