package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// shipping is what would ship with a commit, and whose work it is: asked for once, and only where a rule needs it.
type shipping struct {
	commits []ShippedCommit
	whole   bool   // commits are all of them
	unknown bool   // it is not known which commit the environment has
	note    string // that says so to people
}

// maximumLookups is how many commits, and how many pull requests, are looked up one by one for one promotion.
const maximumLookups = 250

// shippingOf gives the commits that would ship: those since what the environment has, or where that is unknown those that
// came with the commit itself.
func (c *carrying) shippingOf(ctx context.Context, facts Facts) (*shipping, error) {
	into := &shipping{}
	if current := facts.Current; current != nil && !current.Commit.IsZero() {
		if current.Err != nil {
			return nil, current.Err
		}
		into.commits, into.whole = current.ships()
	} else {
		into.unknown = true
		into.note = facts.Environment.Name + " had nothing before"
		if current == nil || !current.Digest.IsZero() {
			into.note = "what " + facts.Environment.Name + " had before is not known as a commit"
		}
		into.note += ": only what came with " + facts.Commit.Short() + " was looked at"
		detail, err := c.detail(ctx, facts.Commit)
		if err != nil {
			return nil, err
		}
		if len(detail.Parents) == 0 {
			into.whole = true
			into.commits = []ShippedCommit{{Commit: facts.Commit}}
		} else {
			comparison, err := c.Commits.Compare(ctx, c.request.Repository, detail.Parents[0].String(), facts.Commit.String())
			if err != nil {
				return nil, fromGitHub(fmt.Errorf("list what came with %s: %w", facts.Commit.Short(), err))
			}
			into.commits, into.whole = comparison.Commits, len(comparison.Commits) >= comparison.Total
		}
	}
	return into, nil
}

// ships returns the commits since what the environment's tag names and since what the ledger has as live, and whether these are all.
func (f CurrentFact) ships() ([]ShippedCommit, bool) {
	commits := f.Comparison.Commits
	whole := len(commits) >= f.Comparison.Total && len(f.SinceThen.Commits) >= f.SinceThen.Total
	if len(f.SinceThen.Commits) == 0 {
		return commits, whole
	}
	known := map[Commit]bool{}
	for _, one := range f.SinceThen.Commits {
		known[one.Commit] = true
	}
	beside := slices.DeleteFunc(slices.Clone(commits), func(one ShippedCommit) bool { return known[one.Commit] })
	return append(beside, f.SinceThen.Commits...), whole
}

// detail reads one commit, once.
func (c *carrying) detail(ctx context.Context, commit Commit) (CommitDetail, error) {
	if known, found := c.details[commit]; found {
		return known, nil
	}
	detail, err := c.Reviews.Detail(ctx, c.request.Repository, commit)
	if err != nil {
		return detail, fromGitHub(fmt.Errorf("read commit %s: %w", commit.Short(), err))
	}
	if c.details == nil {
		c.details = map[Commit]CommitDetail{}
	}
	c.details[commit] = detail
	return detail, nil
}

// pullsOf gives the merged or open pull requests that brought a commit, once.
func (c *carrying) pullsOf(ctx context.Context, commit Commit) ([]PullRequest, error) {
	if known, found := c.pulls[commit]; found {
		return known, nil
	}
	if len(c.pulls) >= maximumLookups {
		return nil, fromGitHub(&PermanentError{Err: fmt.Errorf("more than %d commits would have to be looked up", maximumLookups)})
	}
	pulls, err := c.Reviews.PullRequestsOf(ctx, c.request.Repository, commit)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fromGitHub(fmt.Errorf("find the pull requests of %s: %w", commit.Short(), err))
	}
	if c.pulls == nil {
		c.pulls = map[Commit][]PullRequest{}
	}
	c.pulls[commit] = pulls
	return pulls, nil
}

// producing gives the pull request that produced the commit: whose merge commit it is, or whose open head.
func (c *carrying) producing(ctx context.Context, into target) (PullRequest, bool, error) {
	produced := func(pull PullRequest) bool {
		return pull.Number != 0 && (pull.Merged && pull.MergeCommit == into.commit || !pull.Merged && pull.State == "open" && pull.Head == into.commit && into.head != nil)
	}
	if produced(into.pullRequest) {
		return into.pullRequest, true, nil
	}
	pulls, err := c.pullsOf(ctx, into.commit)
	if err != nil {
		return PullRequest{}, false, err
	}
	for _, pull := range pulls {
		if produced(pull) {
			return pull, true, nil
		}
	}
	return PullRequest{}, false, nil
}

// reviewsOf gives, of each person, the newest review of the pull request at its head that says yes or no.
func (c *carrying) reviewsOf(ctx context.Context, pull PullRequest) ([]Entry, error) {
	if known, found := c.reviews[pull.Number]; found {
		return known, nil
	}
	reviews, err := c.Reviews.Reviews(ctx, c.request.Repository, pull.Number)
	if err != nil {
		return nil, fromGitHub(fmt.Errorf("read the reviews of pull request #%d: %w", pull.Number, err))
	}
	entries := newestOf(reviewEntries(c.request.Repository.ID, pull, reviews))
	retargeted, err := c.retargeted(ctx, pull)
	if err != nil {
		return nil, err
	}
	withoutRetargeted(entries, pull.Base, retargeted)
	if c.reviews == nil {
		c.reviews = map[int][]Entry{}
	}
	c.reviews[pull.Number] = entries
	return entries, nil
}

// reviewEntries gives the reviews that say yes or no. A later one of the same person replaces an earlier; an approval of
// another head than the last is none.
func reviewEntries(repository int64, pull PullRequest, reviews []Review) []Entry {
	var entries []Entry
	for _, review := range reviews {
		if !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}, review.State) || review.Person.Bot {
			continue
		}
		entry := Entry{
			Kind: EntryReview, Repository: repository, PullRequest: pull.Number, Commit: review.Commit, Person: review.Person, Reason: review.State, At: review.Submitted,
		}
		if review.State == "APPROVED" && review.Commit != pull.Head {
			entry.Reason = "approval of an earlier head"
		}
		entries = append(entries, entry)
	}
	return entries
}
