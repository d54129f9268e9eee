package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// target is what a command is about, once its words are understood.
type target struct {
	environment Environment
	images      []Image
	commit      Commit
	person      *PersonFact
	branch      *BranchFact
	records     map[string]Records
	listed      []Attempt
	unclear     error // some run of the commit could not be judged
	pullRequest PullRequest
}

// names finds the environment and the images that the command's words name: the first word is an environment if it
// names one, else an image. A gate says which word means nothing.
func (c *carrying) names(words []string) (Environment, []Image, *Gate) {
	policy := c.policy.Policy
	environment, gate := c.defaultEnvironment(), (*Gate)(nil)
	if len(words) > 0 {
		if named, found := policy.Environment(words[0]); found {
			environment, words = named, words[1:]
		} else if _, found := imageNamed(policy, words[0]); !found {
			return Environment{}, nil, &Gate{
				Name: "environment", Reason: UnknownEnvironment, Expected: "an environment (" + strings.Join(environmentNames(policy), ", ") + ") or an image (" + strings.Join(imageNames(policy), ", ") + ")",
				Actual: fmt.Sprintf("%q", words[0]), Next: DidYouMean(words[0], append(environmentNames(policy), imageNames(policy)...)),
			}
		}
	}
	if environment.Name == "" {
		gate = &Gate{
			Name: "environment", Reason: UnknownEnvironment, Expected: "one of " + strings.Join(environmentNames(policy), ", "),
			Actual: "none was named, and the policy has no default_environment", Next: "name one: /promote " + policy.Environments[0].Name,
		}
		return Environment{}, nil, gate
	}
	var images []Image
	for _, word := range words {
		image, found := imageNamed(policy, word)
		if !found {
			return environment, nil, &Gate{
				Name: "image", Reason: UnknownImage, Expected: "one of " + strings.Join(imageNames(policy), ", "),
				Actual: fmt.Sprintf("%q", word), Next: DidYouMean(word, imageNames(policy)),
			}
		}
		if !hasImage(images, image.Name) {
			images = append(images, image)
		}
	}
	if len(images) == 0 {
		images = policy.Images
	}
	return environment, images, nil
}

func hasImage(images []Image, name string) bool {
	for _, image := range images {
		if image.Name == name {
			return true
		}
	}
	return false
}

// defaultEnvironment gives the one that is meant when none is named: the only one, else the policy's default.
func (c *carrying) defaultEnvironment() Environment {
	policy := c.policy.Policy
	if len(policy.Environments) == 1 {
		return policy.Environments[0]
	}
	environment, _ := policy.Environment(policy.DefaultEnvironment)
	return environment
}

func imageNamed(policy Policy, name string) (Image, bool) {
	for _, image := range policy.Images {
		if strings.EqualFold(image.Name, name) {
			return image, true
		}
	}
	return Image{}, false
}

func environmentNames(policy Policy) []string {
	var names []string
	for _, environment := range policy.Environments {
		names = append(names, environment.Name)
	}
	return names
}

func imageNames(policy Policy) []string {
	var names []string
	for _, image := range policy.Images {
		names = append(names, image.Name)
	}
	return names
}

// personGate looks up whether the requester may promote to the environment.
func (c *carrying) personFact(ctx context.Context, environment Environment) (*PersonFact, error) {
	fact := &PersonFact{Person: c.request.Requester, Role: c.role.Permission}
	allowed, err := c.may(ctx, environment.Promoters)
	if err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	fact.Allowed = allowed
	return fact, nil
}

// commit finds which commit the command is about. A gate says why there is none.
func (c *carrying) commit(ctx context.Context, into *target) (*Gate, error) {
	if c.request.Source == FromButton {
		into.commit = c.request.Commit
		return nil, nil
	}
	if sha := c.request.Command.SHA; sha != "" {
		commit, err := c.Commits.ResolveCommit(ctx, c.request.Repository, sha)
		if errors.Is(err, ErrNotFound) {
			return &Gate{
				Name: "commit", Reason: UnknownCommit, Expected: "one commit of " + c.request.Repository.FullName() + " that begins with " + sha, Actual: "there is none",
				Next: "check the digits, or give all 40 of them",
			}, nil
		}
		into.commit = commit
		return nil, fromGitHub(err)
	}
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, c.request.Issue)
	if err != nil {
		return nil, fromGitHub(fmt.Errorf("read pull request #%d: %w", c.request.Issue, err))
	}
	into.pullRequest = pull
	if !pull.Merged {
		return &Gate{
			Name: "merged", Reason: NotMerged, Expected: fmt.Sprintf("pull request #%d is merged", pull.Number), Actual: "it is " + pull.State,
			Next: "merge it first, or name a commit of the branch with --sha",
		}, nil
	}
	if pull.MergeCommit.IsZero() {
		return nil, fromGitHub(&PermanentError{Err: fmt.Errorf("pull request #%d is merged, but GitHub names no merge commit", pull.Number)})
	}
	into.commit = pull.MergeCommit
	return nil, nil
}

// branchFact asks whether the commit is on the branch that the environment promotes from.
func (c *carrying) branchFact(ctx context.Context, into *target) error {
	into.branch = &BranchFact{Branch: c.request.Repository.DefaultBranch}
	// The policy was just read at the branch's head: asking by that commit saves a call, and no tag can stand in for the branch.
	comparison, err := c.Commits.Compare(ctx, c.request.Repository, into.commit.String(), c.policy.File.Head.String())
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		err = fromGitHub(fmt.Errorf("ask whether %s is on %s: %w", into.commit.Short(), into.branch.Branch, err))
		if again := c.again(err); again != nil {
			return again
		}
		into.branch.Err = err
	}
	into.branch.On = err == nil && (comparison.Status == "ahead" || comparison.Status == "identical")
	return nil
}

// runs reads the newest runs of the commit again, in one listing, and records what was missed: a promotion does not
// rely on events.
func (c *carrying) runs(ctx context.Context, into *target) error {
	records, err := c.Records.Records(ctx, c.request.Repository.ID, into.commit)
	if err != nil {
		return err
	}
	if records == nil {
		records = map[string]Records{}
	}
	listed, err := c.Runs.RunsOf(ctx, c.request.Repository, into.commit)
	if err != nil {
		return fromGitHub(fmt.Errorf("list the runs of %s: %w", into.commit.Short(), err))
	}
	var missed Changes
	for _, run := range oldestFirst(listed) {
		verifications, attempts, err := c.Observer.verify(ctx, c.request.Repository, c.policy, run, records)
		missed.Verifications = append(missed.Verifications, verifications...)
		into.listed = append(into.listed, attempts...)
		if err != nil {
			if again := c.again(err); again != nil {
				return again
			}
			into.unclear = err
		}
	}
	into.records = records
	if len(missed.Verifications) == 0 {
		return nil
	}
	missed, err = c.Observer.announce(ctx, c.request.Repository, c.policy, into.commit, records, missed, nil)
	return cmp.Or(err, c.Journal.Commit(ctx, c.lease, missed))
}

// noteMove keeps for good that the commit's tag was seen to name another digest than the stages saw.
func (c *carrying) noteMove(ctx context.Context, image Image, commit Commit, records Records, named Digest) error {
	if _, builds := c.policy.Policy.Builds(); builds || named.IsZero() {
		return nil
	}
	candidate := Candidate(c.policy.Policy, records)
	if candidate.Digest.IsZero() || candidate.Digest == named || !candidate.Moved.IsZero() {
		return nil
	}
	sighting := Start{Repository: c.request.Repository.ID, Image: image.Name, Commit: commit, Digest: named, Observed: c.Clock()}
	return c.Journal.Commit(ctx, c.lease, Changes{Starts: []Start{sighting}})
}
