package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// is reports whether this is the other person: by GitHub's id, or by the login where only that is known.
func (p Person) is(other Person) bool {
	if other.ID == 0 || p.ID == 0 {
		return other.Login != "" && strings.EqualFold(p.Login, other.Login)
	}
	return p.ID == other.ID
}

// nobodysError says that nobody knows whose work a commit is.
type nobodysError struct{ commit Commit }

func (e *nobodysError) Error() string {
	return fmt.Sprintf("GitHub knows no account for the author of %s, no pull request brought it, and it was not seen who pushed it: whose approval would be their own cannot be told",
		e.commit.Short())
}

// pullContents are the commits of a pull request.
type pullContents struct {
	commits []ShippedCommit
	whole   bool
}

// has reports whether the commit is one of the pull request's own.
func (p pullContents) has(commit Commit) bool {
	return slices.ContainsFunc(p.commits, func(own ShippedCommit) bool { return own.Commit == commit })
}

// commitsOf reads the commits of a pull request, once.
func (c *carrying) commitsOf(ctx context.Context, pull int) (pullContents, error) {
	if known, found := c.contents[pull]; found {
		return known, nil
	}
	if len(c.contents) >= maximumLookups {
		return pullContents{}, fromGitHub(&PermanentError{Err: fmt.Errorf("more than %d pull requests would have to be looked up", maximumLookups)})
	}
	commits, whole, err := c.Reviews.PullRequestCommits(ctx, c.request.Repository, pull)
	if err != nil {
		return pullContents{}, fromGitHub(fmt.Errorf("read the commits of pull request #%d: %w", pull, err))
	}
	if c.contents == nil {
		c.contents = map[int]pullContents{}
	}
	c.contents[pull] = pullContents{commits: commits, whole: whole}
	return c.contents[pull], nil
}

// authorsOf returns everybody who wrote something that would ship: whose approval does not count. Git's author can be forged, so
// that the authors of all pull requests that brought the commits count too, those of the pull requests' commits, and who of the
// people pushed them. Whoever pressed the button of a clean merge wrote nothing.
func (c *carrying) authorsOf(ctx context.Context, into target, what *shipping, people []Person) ([]contribution, error) {
	if !what.whole {
		return nil, &PermanentError{Err: errors.New("so many commits would ship that their authors cannot all be looked at")}
	}
	own, found, err := c.producing(ctx, into)
	if err != nil {
		return nil, err
	}
	if found {
		c.knowProducing(into.commit, own)
	}
	var authors []contribution
	for _, commit := range what.commits {
		pulls, err := c.pullsOf(ctx, commit.Commit)
		if err != nil {
			return nil, err
		}
		pulls = slices.DeleteFunc(slices.Clone(pulls), func(pull PullRequest) bool { return !into.counts(pull) })
		written, err := c.authorsThrough(ctx, authorship{commit: commit, own: pulls, through: pulls, people: people, shipped: what.commits})
		if err != nil {
			return nil, err
		}
		if len(written) == 0 && len(pulls) == 0 {
			if pushes, err := c.pushesOf(ctx, commit.Commit); err != nil || len(pushes) == 0 {
				return nil, errors.Join(err, &nobodysError{commit: commit.Commit})
			}
		}
		authors = append(authors, written...)
	}
	return authors, nil
}

// counts reports whether the pull request brought what it holds: of open ones only that whose head is promoted.
func (t target) counts(pull PullRequest) bool {
	return pull.Merged || t.head != nil && pull.Number == t.pullRequest.Number
}

// knowProducing spares the look-up of the commit that the pull request in question produced.
func (c *carrying) knowProducing(commit Commit, pull PullRequest) {
	if c.pulls == nil {
		c.pulls = map[Commit][]PullRequest{}
	}
	if _, known := c.pulls[commit]; !known {
		c.pulls[commit] = []PullRequest{pull}
	}
}

// authorship asks who has a part in a commit.
type authorship struct {
	commit  ShippedCommit
	own     []PullRequest   // the commit's, which tell whether it is a clean merge
	through []PullRequest   // by which it came
	people  []Person        // of whom it matters whether they pushed it
	shipped []ShippedCommit // all that would ship
	within  []int           // the pull requests that are being looked at, from the outermost inwards
}

// authorsThrough returns the authors of a commit, and those of the pull requests through which it came, and who pushed it.
func (c *carrying) authorsThrough(ctx context.Context, of authorship) ([]contribution, error) {
	var authors []contribution
	pressed, err := c.byMergeButtonOf(ctx, of.commit, of.own)
	if err != nil {
		return nil, err
	}
	if !pressed {
		made, err := c.makersOf(ctx, []ShippedCommit{of.commit}, of)
		if err != nil {
			return nil, err
		}
		authors = made
	}
	for _, pull := range of.through {
		made, err := c.makersOfPull(ctx, pull, of)
		if err != nil {
			return nil, err
		}
		authors = append(authors, made...)
	}
	return authors, nil
}

// makersOf returns who wrote the commits, and who of the people pushed them.
func (c *carrying) makersOf(ctx context.Context, commits []ShippedCommit, of authorship) ([]contribution, error) {
	written, merged, err := c.withoutUpdates(ctx, commits, of.people)
	if err != nil {
		return nil, err
	}
	writers, err := c.writersOf(ctx, written)
	if err != nil {
		return nil, err
	}
	pushed, err := c.pushersOf(ctx, commits, of.people, of.shipped)
	return slices.Concat(byAuthors(writers...), merged, pushed), err
}

// withoutUpdates leaves out the merges that one of the people made on GitHub's pages, as by "Update branch": whoever made one that
// is clean wrote nothing. In one that may not be they may have resolved conflicts.
func (c *carrying) withoutUpdates(ctx context.Context, commits []ShippedCommit, people []Person) (rest []ShippedCommit, merged []contribution, err error) {
	for _, commit := range commits {
		at := slices.IndexFunc(commit.People, func(author Person) bool { return slices.ContainsFunc(people, author.is) })
		if !commit.ByGitHub || len(commit.Parents) != 2 || at < 0 {
			rest = append(rest, commit)
			continue
		}
		passed, err := c.cleanMerge(ctx, commit)
		if err != nil {
			return nil, nil, err
		}
		if passed != passedWhole {
			because := fmt.Sprintf("made the merge %s, in which conflicts may have been resolved", commit.Commit.Short())
			merged = append(merged, contribution{commit.People[at], because})
		}
	}
	return rest, merged, nil
}

// makersOfPull returns who opened the pull request, who wrote its commits, and who of the people pushed them.
func (c *carrying) makersOfPull(ctx context.Context, pull PullRequest, of authorship) ([]contribution, error) {
	contents, err := c.commitsOf(ctx, pull.Number)
	if err != nil {
		return nil, err
	}
	if !contents.whole {
		return nil, fromGitHub(&PermanentError{Err: fmt.Errorf("pull request #%d has so many commits that their authors cannot all be looked at", pull.Number)})
	}
	made, err := c.makersOf(ctx, contents.commits, of)
	if err != nil {
		return nil, err
	}
	pushed, err := c.headPushersOf(ctx, pull, contents, of.people)
	if err != nil {
		return nil, err
	}
	inner, err := c.makersWithin(ctx, pull, contents, of)
	return slices.Concat(byAuthors(pull.Author), made, pushed, inner), err
}

// writersOf returns the accounts of the commits' authors and co-authors. GitHub is asked for those that no commit tells, once.
func (c *carrying) writersOf(ctx context.Context, commits []ShippedCommit) ([]Person, error) {
	var writers []Person
	var ask []Commit
	for _, commit := range commits {
		writers = append(writers, commit.People...)
		if _, known := c.authored[commit.Commit]; commit.AskAuthors && !known {
			ask = append(ask, commit.Commit)
		}
	}
	if len(ask) > 0 {
		authored, err := c.Authors.Authors(ctx, c.request.Repository, ask)
		if err != nil {
			return nil, fromGitHub(fmt.Errorf("read whom the co-authors of %s and others are: %w", ask[0].Short(), err))
		}
		if c.authored == nil {
			c.authored = map[Commit][]Person{}
		}
		for commit, people := range authored {
			c.authored[commit] = people
		}
	}
	for _, commit := range commits {
		writers = append(writers, c.authored[commit.Commit]...)
	}
	return writers, nil
}

// withoutAuthors returns the commits as they are kept and shown.
func withoutAuthors(commits []ShippedCommit) []ShippedCommit {
	shown := slices.Clone(commits)
	for i := range shown {
		shown[i].People, shown[i].AskAuthors, shown[i].Parents, shown[i].ByGitHub = nil, false, nil, false
	}
	return shown
}
