package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// about is what a command that moves nothing is about: an environment, images, and the digests that count for them now.
type about struct {
	target
	digests map[string]Digest
}

// aboutCommit understands a command that is about a commit: its environment, its commit and the digests that the ledger
// has for it. A gate says what is not understood. It costs a call for the pull request, one where it has to be asked whether
// the commit is on its branch, and for images that have no digest of their own what finding one costs.
func (c *carrying) aboutCommit(ctx context.Context) (about, *Gate, error) {
	environment, images, gate := c.names(c.words())
	what := about{target: target{environment: environment, images: images}, digests: map[string]Digest{}}
	c.answer.Environment = environment.Name
	if gate != nil {
		return what, gate, nil
	}
	if gate, err := c.commit(ctx, &what.target); gate != nil || err != nil {
		return what, gate, err
	}
	c.answer.Commit = what.commit
	var err error
	if what.records, err = c.Records.Records(ctx, c.request.Repository.ID, what.commit); err != nil {
		return what, nil, err
	}
	if what.origins, err = c.originsOf(ctx, &what.target, nil, nil); err != nil {
		return what, nil, err
	}
	for _, image := range images {
		of, err := c.recordsOf(ctx, what.target, image)
		if err != nil {
			return what, nil, err
		}
		if candidate := Candidate(c.policy.Policy, of.records); !candidate.Digest.IsZero() {
			what.digests[image.Name] = candidate.Digest
		}
	}
	return what, nil, nil
}

// entry makes the book's entry of the command.
func (c *carrying) entry(kind EntryKind, what about) Entry {
	return Entry{
		Key: string(kind) + "/" + c.request.Key, Kind: kind, Repository: c.request.Repository.ID, Environment: what.environment.Name, PullRequest: c.request.Issue,
		Commit: what.commit, Person: c.request.Requester, Reason: c.request.Command.Reason, Digests: what.digests, Policy: c.policy.Hash(), At: c.request.said(),
	}
}

// said returns when the command was given: by GitHub's clock, where it tells.
func (r Request) said() time.Time {
	if r.Commented.IsZero() {
		return r.Received
	}
	return r.Commented
}

// enter writes the entry now, so that what is told of it counts it. Its key makes a repeat harmless.
func (c *carrying) enter(ctx context.Context, entry Entry) error {
	entry.Recorded = c.Clock()
	return c.Journal.Commit(ctx, c.lease, Changes{Entries: []Entry{entry}})
}

// inform answers a command that moved nothing.
func (c *carrying) inform(notes ...string) error {
	c.answer.Notes = append(c.answer.Notes, notes...)
	c.answer.Result = ResultInformed
	return nil
}

// approve answers /promote approve: the requester agrees to promote the commit's digests of now to the environment, under
// the policy of now. Whether it counts is decided when somebody promotes.
func (c *carrying) approve(ctx context.Context) error {
	what, gate, err := c.aboutCommit(ctx)
	if gate != nil || err != nil {
		return c.refuseGate(gate, err)
	}
	approvals := what.environment.Approvals
	c.answer.WhoMay = WhoApproves(approvals)
	may, err := c.roleMay(ctx, approvals.People(), c.request.Requester, c.role)
	if err != nil {
		return err
	}
	switch {
	case approvals.Required == 0:
		return c.inform(what.environment.Name + " asks for no approvals")
	case !may:
		return c.refuse(c.notAllowed("approver", approvals.People()))
	case what.pullRequest.Number != 0 && what.pullRequest.Author.ID == c.request.Requester.ID:
		return c.refuse(Gate{
			Name: "approver", Reason: NotAuthorised, Expected: "somebody other than an author of what would ship", Actual: c.request.Requester.Login + " opened this pull request",
			Next: "ask somebody else of " + WhoApproves(approvals),
		})
	case len(what.digests) == 0:
		return c.refuse(noDigest(what.commit, "a digest to agree to", "approve once the image is built: an approval is of its digest"))
	}
	if err := c.enter(ctx, c.entry(EntryApproval, what)); err != nil {
		return err
	}
	return c.inform(fmt.Sprintf("%s approves %s at %s for %s: %s", c.request.Requester.Login, strings.Join(sortedNames(what.digests), ", "), what.commit.Short(), what.environment.Name, digestsText(what.digests)),
		"it counts for these digests under this policy only; a stage that fails after it makes it stale")
}

func (c *carrying) notAllowed(name string, people People) Gate {
	who, next := WhoMay(people), "ask somebody who may: "+WhoMay(people)
	if who == "" {
		who, next = "nobody: the policy names nobody", "have the policy name who may"
	}
	return Gate{
		Name: name, Reason: NotAuthorised, Expected: who, Actual: fmt.Sprintf("%s has %s", c.request.Requester.Login, c.role.Permission), Next: next,
	}
}

func (c *carrying) refuseGate(gate *Gate, err error) error {
	if err != nil {
		return err
	}
	return c.refuse(*gate)
}

func sortedNames(digests map[string]Digest) []string {
	var names []string
	for name := range digests {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func digestsText(digests map[string]Digest) string {
	var texts []string
	for _, name := range sortedNames(digests) {
		texts = append(texts, name+" "+digests[name].String())
	}
	return strings.Join(texts, ", ")
}
