package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// target is what a command is about, once its words are understood.
type target struct {
	environment Environment
	images      []Image
	commit      Commit
	person      *PersonFact
	head        *HeadFact // of an open pull request
	branch      *BranchFact
	holds       []Hold
	overrides   []Entry
	records     map[string]Records // all that is known, also of runs that do not count
	listed      []Attempt
	origins     origins
	runs        []Run // of the commit, as GitHub lists them
	unclear     error // some run of the commit could not be judged
	pullRequest PullRequest
	sameTree    bool // it stands for a commit whose files are the same
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
				Actual: fmt.Sprintf("%q", word), Next: orWord(DidYouMean(word, imageNames(policy)), "name one of them, or none to mean all"),
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
	listed, err := c.Runs.RunsOf(ctx, c.request.Repository, into.commit, runKinds(c.policy.Policy))
	if err != nil {
		return fromGitHub(fmt.Errorf("list the runs of %s: %w", into.commit.Short(), err))
	}
	into.runs = listed
	heads, err := c.deployments(ctx, into, records)
	if err != nil {
		return err
	}
	var missed Changes
	known := func(context.Context) ([]Run, error) { return listed, nil }
	for _, run := range oldestFirst(listed) {
		verifications, attempts, err := c.Observer.verify(ctx, c.request.Repository, c.policy, run, records, known)
		missed.Verifications = append(missed.Verifications, verifications...)
		into.listed = append(into.listed, attempts...)
		if err != nil {
			if again := c.again(err); again != nil {
				return again
			}
			into.unclear = err
		}
	}
	into.records = withoutLost(records, listed, c.GitHubTime(c.Clock()))
	if len(missed.Verifications) > 0 {
		missed, err = c.Observer.announce(ctx, c.request.Repository, c.policy, into.commit, records, missed, nil)
		missed.Work = append(missed.Work, checksAgain(missed.Announcements)...)
		if err := cmp.Or(err, c.Journal.Commit(ctx, c.lease, missed)); err != nil {
			return err
		}
	}
	into.origins, err = c.originsOf(ctx, into, listed, heads)
	return err
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
	sighting := Start{Repository: c.request.Repository.ID, Image: image.Name, Commit: commit, Digest: named, Observed: c.GitHubTime(c.Clock())}
	return c.Journal.Commit(ctx, c.lease, Changes{Starts: []Start{sighting}})
}

// lostAfter is after how long a run that GitHub does not list any more counts as deleted: a listing may lag behind.
const lostAfter = time.Hour

// withoutLost takes the starts of runs that GitHub does not have any more out of their stages: they never end. What they saw
// the tag name stays seen.
func withoutLost(records map[string]Records, listed []Run, now time.Time) map[string]Records {
	there := map[int64]bool{0: true}
	for _, run := range listed {
		there[run.ID] = true
	}
	kept := map[string]Records{}
	for image, of := range records {
		of.Starts = slices.Clone(of.Starts)
		for i := range of.Starts {
			if start := &of.Starts[i]; !there[start.Run] && now.Sub(start.Observed) > lostAfter {
				start.Stage = ""
			}
		}
		kept[image] = of
	}
	return kept
}
