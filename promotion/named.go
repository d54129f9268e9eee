package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Named is what a request was found to be about when it was first looked at. It is kept before anything else depends on it, so
// that no later try is about what was pushed after the command was given.
type Named struct {
	Commit      Commit
	Environment string            // "" in requests of older versions
	Images      []string          // by name, those that it is about
	Digests     map[string]Digest // by image, those that were recorded by then
}

// commit finds which commit the command is about, once for all tries. A gate says why there is none, or that it is another
// one now.
func (c *carrying) commit(ctx context.Context, into *target) (*Gate, error) {
	named := c.namedCommit()
	if gate, err := c.findCommit(ctx, into, named); gate != nil || err != nil {
		return gate, err
	}
	if !named.IsZero() {
		return nil, nil
	}
	return nil, c.name(ctx, *into)
}

// words gives the names of the environment and of the images that the command is about: those that it was found to be about, whatever
// the policy has since, else the command's own.
func (c *carrying) words() []string {
	if named := c.request.Named; named != nil && named.Environment != "" {
		return append([]string{named.Environment}, named.Images...)
	}
	return c.request.Command.Names
}

// namedCommit returns the commit that the request was found to be about; zero before.
func (c *carrying) namedCommit() Commit {
	switch {
	case c.request.Named != nil:
		return c.request.Named.Commit
	case c.request.Waiting != nil:
		return c.request.Waiting.Commit
	}
	return Commit{}
}

// name keeps what the request is about from now on.
func (c *carrying) name(ctx context.Context, of target) error {
	records, err := c.Records.Records(ctx, c.request.Repository.ID, of.commit)
	if err != nil {
		return err
	}
	named := &Named{Commit: of.commit, Environment: of.environment.Name, Digests: map[string]Digest{}}
	for _, image := range of.images {
		named.Images = append(named.Images, image.Name)
	}
	for image, of := range records {
		if candidate := Candidate(c.policy.Policy, of); !candidate.Digest.IsZero() {
			named.Digests[image] = candidate.Digest
		}
	}
	request := c.request
	request.Named = named
	if err := c.Journal.Commit(ctx, c.lease, Changes{Requests: []*Request{&request}}); err != nil {
		return err
	}
	c.request = request
	return nil
}

func (c *carrying) findCommit(ctx context.Context, into *target, named Commit) (*Gate, error) {
	sha := c.request.Command.SHA
	switch {
	case sha != "" && !named.IsZero():
		into.commit = named
		return nil, nil
	case sha == "latest":
		return c.findLatest(ctx, into)
	case sha != "":
		commit, err := c.Commits.ResolveCommit(ctx, c.request.Repository, sha)
		if errors.Is(err, ErrNotFound) {
			return &Gate{
				Name: "commit", Reason: UnknownCommit, Expected: "one commit of " + c.request.Repository.FullName() + " that begins with " + sha, Actual: "there is none",
				Next: "check the digits, or give all 40 of them",
			}, nil
		}
		into.commit = commit
		return nil, fromGitHub(err)
	case c.request.Issue == 0:
		into.commit = c.request.Commit // a button's, or the one that was commented on
		return nil, nil
	}
	return c.commitOfPull(ctx, into, named)
}

// commitOfPull finds the commit that the pull request stands for: its merge commit, or the head of an open one.
func (c *carrying) commitOfPull(ctx context.Context, into *target, named Commit) (*Gate, error) {
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, c.request.Issue)
	if err != nil {
		return nil, fromGitHub(fmt.Errorf("read pull request #%d: %w", c.request.Issue, err))
	}
	into.pullRequest = pull
	into.commit = pull.MergeCommit
	open := !pull.Merged && pull.State == "open" && into.environment.AllowUnmerged
	if open {
		into.commit = pull.Head
	}
	switch {
	case !pull.Merged && !open:
		next := "merge it first, or name a commit of the branch with --sha"
		if c.request.Command.Verb != VerbPromote {
			next = "merge it first, or say so in a merged pull request, or on a commit of the branch"
		}
		return &Gate{
			Name: "merged", Reason: NotMerged, Expected: fmt.Sprintf("pull request #%d is merged", pull.Number), Actual: "it is " + pull.State, Next: next,
		}, nil
	case into.commit.IsZero():
		return nil, fromGitHub(&PermanentError{Err: fmt.Errorf("pull request #%d is merged, but GitHub names no merge commit", pull.Number)})
	case !named.IsZero() && into.commit != named:
		c.answer.Commit = named
		return &Gate{
			Name: "commit", Reason: HeadMoved, Expected: fmt.Sprintf("%s, for which it was asked", named.Short()), Actual: fmt.Sprintf("pull request #%d stands for %s now", pull.Number, into.commit.Short()),
			Next: "look at the commit of now, and ask again",
		}, nil
	case pull.Merged && c.agrees() && c.before(pull.Closed):
		return &Gate{
			Name: "commit", Reason: HeadMoved, Expected: fmt.Sprintf("the head that pull request #%d had when the comment was made", pull.Number), Actual: fmt.Sprintf("it was merged after that, as %s", into.commit.Short()),
			Next: "look at the commit of now, and ask again",
		}, nil
	case open:
		into.head, err = c.openHead(ctx, pull)
		return nil, err
	}
	return nil, nil
}

// agrees reports whether the command's author lets a commit through, and so has to have had it before them.
func (c *carrying) agrees() bool {
	return slices.Contains([]Verb{VerbPromote, VerbApprove, VerbOverride}, c.request.Command.Verb)
}

// commented returns when the comment was made; where that is not known, when it reached us.
func (c *carrying) commented() time.Time {
	if c.request.Commented.IsZero() {
		return c.request.Received
	}
	return c.request.Commented
}

// before reports whether the command was given before what happened then. GitHub's times have whole seconds: within one, what it says
// of the pull request when it tells of the comment shows that this one was first.
func (c *carrying) before(then time.Time) bool {
	return then.After(c.commented()) || c.request.Unmerged && !then.Before(c.commented().Truncate(time.Second))
}

// boundTo returns the digest of the image that the command is bound to: the one that was recorded when it was given, else the
// first that was seen since. Zero while there is none.
func (c *carrying) boundTo(image string, records Records) Digest {
	if waiting := c.request.Waiting; waiting != nil {
		if known, bound := waiting.Digests[image]; bound {
			return known
		}
	}
	if named := c.request.Named; named != nil {
		if known, bound := named.Digests[image]; bound {
			return known
		}
	}
	return firstSighting(c.policy.Policy, records)
}

// firstSighting returns the first digest that the records have for the image's commit.
func firstSighting(policy Policy, records Records) Digest {
	builds, found := policy.Builds()
	if !found {
		return Candidate(policy, records).Digest
	}
	for i := range records.Verifications {
		if verification := &records.Verifications[i]; verification.Stage == builds.Name && verification.Passed() && !verification.Digest.IsZero() {
			return verification.Digest
		}
	}
	return Digest{}
}
