package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// holds reads who holds what in the repository.
func (c *carrying) holds(ctx context.Context) ([]Hold, error) {
	return holdsNow(ctx, c.Book, c.request.Repository.ID)
}

// aboutHold understands hold and resume: the environment, and with --pull-request the pull request.
func (c *carrying) aboutHold(ctx context.Context) (Entry, Environment, *Gate, error) {
	environment, _, gate := c.names(c.request.Command.Names)
	c.answer.Environment = environment.Name
	entry := Entry{
		Kind: EntryHold, Repository: c.request.Repository.ID, Environment: environment.Name, Person: c.request.Requester,
		Reason: c.request.Command.Reason, Policy: c.policy.Hash(), At: c.request.Received,
	}
	if gate != nil {
		return entry, environment, gate, nil
	}
	if !c.request.Command.PullRequest {
		return entry, environment, nil, c.concerned(ctx)
	}
	if c.request.Issue == 0 {
		return entry, environment, &Gate{
			Name: "pull request", Reason: UnknownCommand, Expected: "a comment on a pull request", Actual: "there is none here", Next: "comment on the pull request, or leave out --pull-request",
		}, nil
	}
	pull, err := c.Commits.PullRequest(ctx, c.request.Repository, c.request.Issue)
	if err != nil {
		return entry, environment, nil, fromGitHub(fmt.Errorf("read pull request #%d: %w", c.request.Issue, err))
	}
	entry.PullRequest, entry.Commit = c.request.Issue, pull.Head
	if pull.Merged {
		entry.Commit = pull.MergeCommit
	}
	c.answer.Commit = entry.Commit
	return entry, environment, nil, nil
}

// concerned finds the commit whose check run is to show a hold of the whole environment: the one that the pull request
// was merged as, as far as GitHub has told.
func (c *carrying) concerned(ctx context.Context) error {
	c.answer.Commit = c.request.Commit
	if c.request.Issue == 0 {
		return nil
	}
	merges, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryMerge}, PullRequest: c.request.Issue})
	for _, merge := range merges {
		c.answer.Commit = merge.Commit
	}
	return err
}

// held finds the hold of exactly this environment and pull request.
func held(holds []Hold, entry Entry) (Hold, bool) {
	for _, hold := range holds {
		if strings.EqualFold(hold.Environment, entry.Environment) && hold.PullRequest == entry.PullRequest {
			return hold, true
		}
	}
	return Hold{}, false
}

// hold answers /promote hold: from now on nothing is promoted there until somebody lifts it.
func (c *carrying) hold(ctx context.Context) error {
	entry, environment, gate, err := c.aboutHold(ctx)
	if gate != nil || err != nil {
		return c.refuseGate(gate, err)
	}
	c.answer.WhoMay = WhoMay(environment.Promoters)
	may, err := c.may(ctx, environment.Promoters)
	if err != nil {
		return err
	}
	if !may {
		return c.refuse(c.notAllowed("hold", environment.Promoters))
	}
	entry.Key = "hold/" + c.request.Key
	entry.Recorded = c.Clock()
	kept := []KeptPolicy{{Repository: c.request.Repository.ID, Hash: c.policy.Hash(), File: c.policy.File}}
	if err := c.Journal.Commit(ctx, c.lease, Changes{Entries: []Entry{entry}, Policies: kept}); err != nil {
		return err
	}
	holds, err := c.holds(ctx)
	if err != nil {
		return err
	}
	hold, _ := held(holds, entry)
	notes := []string{hold.String()}
	if !hold.is(entry) {
		own := Hold{Environment: entry.Environment, PullRequest: entry.PullRequest, Person: entry.Person, Reason: entry.Reason, Since: clockText(entry.At)}
		notes = append(notes, "it was held already; this is on record as well, and ends with it: "+own.String())
	}
	stopped := "nothing is promoted there"
	if hold.PullRequest != 0 {
		stopped = "nothing that has its commits is promoted there"
	}
	return c.inform(append(notes, stopped+" until somebody of "+WhoMay(environment.Lifters())+" lifts it: "+hold.resumeCommand())...)
}

// resume answers /promote resume.
func (c *carrying) resume(ctx context.Context) error {
	entry, environment, gate, err := c.aboutHold(ctx)
	if gate != nil || err != nil {
		return c.refuseGate(gate, err)
	}
	c.answer.WhoMay = WhoMay(environment.Lifters())
	may, err := c.may(ctx, environment.Lifters())
	if err != nil {
		return err
	}
	if !may {
		return c.refuse(c.notAllowed("lift a hold", environment.Lifters()))
	}
	holds, err := c.holds(ctx)
	if err != nil {
		return err
	}
	hold, found := held(holds, entry)
	if everything, isHeld := held(holds, Entry{Environment: Everywhere}); isHeld && !found {
		c.answer.Idle = true
		return c.inform(everything.String(), "it is lifted with "+everything.resumeCommand())
	}
	if !found {
		c.answer.Idle = true
		return c.inform("nobody holds " + environment.Name + ": there is nothing to lift")
	}
	refused, err := c.liftsUnder(ctx, environment.Name, hold)
	if refused == nil && err == nil {
		refused, err = c.liftsUnderJudged(ctx, environment.Name)
	}
	if refused != nil || err != nil {
		return c.refuseGate(refused, err)
	}
	entry.Key, entry.Kind = "resume/"+c.request.Key, EntryResume
	if err := c.enter(ctx, entry); err != nil {
		return err
	}
	return c.inform("lifted by "+c.request.Requester.Login+": "+hold.String(), "what is to be promoted has to be asked for again")
}

// liftsUnder asks that the requester may lift the hold under the policy under which it was set, too, where that was changed since.
// Holds of before those policies were kept are lifted under the present one.
func (c *carrying) liftsUnder(ctx context.Context, name string, hold Hold) (*Gate, error) {
	gate, err := c.liftsUnderKept(ctx, name, PolicyMark{Hash: hold.Policy}, "policy under which it was set")
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return gate, err
}

// liftsUnderJudged asks the same under the policies that judged what the environment has: the hold may have been set after they
// were loosened. No call where they are still that of now.
func (c *carrying) liftsUnderJudged(ctx context.Context, name string) (*Gate, error) {
	asked := map[string]bool{}
	for _, image := range c.policy.Policy.Images {
		live, err := c.History.Live(ctx, c.request.Repository.ID, name, image.Name)
		if err != nil {
			return nil, err
		}
		current, found := StandingOf(live).Current()
		if !found || asked[current.Policy.Hash] {
			continue
		}
		asked[current.Policy.Hash] = true
		gate, err := c.liftsUnderKept(ctx, name, current.Policy, "policy that judged what "+name+" has")
		if gate != nil || err != nil {
			return gate, err
		}
	}
	return nil, nil
}

// liftsUnderKept asks that the requester may lift a hold under a policy of before, too, where it is not the present one.
func (c *carrying) liftsUnderKept(ctx context.Context, name string, mark PolicyMark, which string) (*Gate, error) {
	if mark.Hash == "" || mark.Hash == c.policy.Hash() {
		return nil, nil
	}
	policy, err := c.Policies.Kept(ctx, c.request.Repository, mark)
	if err != nil {
		return nil, err
	}
	environment, found := policy.Policy.Environment(name)
	if !policy.Valid() || !found {
		return nil, nil
	}
	may, err := c.may(ctx, environment.Lifters())
	if may || err != nil {
		return nil, err
	}
	gate := c.notAllowed("lift a hold ("+which+")", environment.Lifters())
	c.answer.WhoMay = WhoMay(environment.Lifters())
	return &gate, nil
}

// cancel answers /promote cancel: what waits for the commit and environment ends, and what waits there for another commit because
// it was asked for here (--sha). Whoever asked for it may, and whoever may promote.
func (c *carrying) cancel(ctx context.Context) error {
	what, gate, err := c.aboutCommit(ctx)
	if err != nil || gate != nil && what.environment.Name == "" {
		return c.refuseGate(gate, err)
	}
	waiting, err := c.Requests.WaitingRequests(ctx, c.request.Repository.ID)
	if err != nil {
		return err
	}
	own, found, commits := true, []string{}, []Commit{}
	for _, request := range waiting {
		if request.Waiting == nil || request.Answer.Environment != what.environment.Name {
			continue
		}
		ofCommit := gate == nil && request.Waiting.Commit == what.commit
		if !ofCommit && (c.request.Issue == 0 || request.Issue != c.request.Issue) {
			continue
		}
		found = append(found, request.Requester.Login+" asked for at "+request.Waiting.Commit.Short())
		own = own && request.Requester.ID == c.request.Requester.ID
		if !slices.Contains(commits, request.Waiting.Commit) {
			commits = append(commits, request.Waiting.Commit)
		}
	}
	if gate != nil && len(found) == 0 {
		return c.refuse(*gate)
	}
	may, err := c.may(ctx, what.environment.Promoters)
	if err != nil {
		return err
	}
	c.answer.WhoMay = WhoMay(what.environment.Promoters)
	switch {
	case !may && (len(found) == 0 || !own):
		return c.refuse(c.notAllowed("cancel", what.environment.Promoters))
	case len(found) == 0:
		return c.inform("nothing waits to be promoted to " + what.environment.Name + " at " + what.commit.Short())
	}
	for _, commit := range commits {
		entry := c.entry(EntryCancel, what)
		if commit != what.commit {
			entry.Key, entry.Commit, entry.Digests = entry.Key+"/"+commit.String(), commit, nil
		}
		if err := c.enter(ctx, entry); err != nil {
			return err
		}
	}
	return c.inform("cancelled: what " + strings.Join(found, ", and what ") + " waits no more")
}
