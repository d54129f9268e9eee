package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Promoter carries on requests: it asks GitHub and the registry for the facts, decides, moves tags and settles the answer.
type Promoter struct {
	Journal       Journal
	Policies      *PolicySource
	Observer      *Observer
	Runs          Runs
	People        PeopleReader
	Commits       Commits
	Registry      Registry
	Records       RecordReader
	History       History
	Requests      RequestReader
	Announcements AnnouncementReader
	Lanes         LaneKeeper
	Book          Book
	Stages        StageReader
	Branches      BranchReader
	Reviews       ReviewReader
	Authors       AuthorReader
	Images        ImageReader
	Attestations  AttestationReader
	Provenance    ProvenanceVerifier
	Deliveries    DeliveryReader
	Comments      CommentReader
	Checks        Checks
	Scope         Scope
	Clock         func() time.Time
	GitHubTime    func(ours time.Time) time.Time // what GitHub's clock says when ours says so
	Slack         func(Environment) string
	WebURL        string // GitHub's own address
	// Before reports whether another ledger than this one promoted to the environment, and holds everything where one did. Nil:
	// nobody looks.
	Before func(ctx context.Context, repository Repository, environment Environment) (found bool, err error)
}

// laneWait is how long a request waits for a lane.
const laneWait = 10 * time.Minute

// carrying is one try at one request.
type carrying struct {
	*Promoter
	lease   Lease
	attempt int
	request Request
	policy  LoadedPolicy
	role    Role
	pressed FirstDelivery // of a button, as GitHub lists it
	answer  Answer

	// What was asked outside already in this try.
	details  map[Commit]CommitDetail
	pulls    map[Commit][]PullRequest
	contents map[int]pullContents
	authored map[Commit][]Person
	pushes   map[Commit][]Entry
	merges   map[Commit][]Entry
	inner    map[int]PullRequest
	passed   map[Commit]passage // merges that no button was seen to make
	reviews  map[int][]Entry
	standIns map[Commit]target
	roles    map[int64]Role

	whereabouts *whereabouts
}

// Carry carries on one request, given by its key. It gives the changes that settle it, or an *AgainError when it is to
// be run again: a lane is busy, or something outside failed for now. On the last attempt it settles all the same, and
// the answer says that it could not be told.
func (p *Promoter) Carry(ctx context.Context, work Work) (Changes, error) {
	request, err := p.Requests.RequestByKey(ctx, work.Subject)
	if err != nil {
		return Changes{}, fmt.Errorf("read request %s: %w", work.Subject, err)
	}
	if request.State == RequestSettled {
		return Changes{}, nil
	}
	c := &carrying{Promoter: p, lease: work.Lease, attempt: work.Attempts, request: request}
	c.answer = Answer{
		Command: request.Command, Repository: request.Repository, PullRequest: request.Issue, Requester: request.Requester, Commit: request.Commit, Environment: request.Environment,
	}
	if err := c.pausesOn(ctx); err != nil {
		return Changes{}, err
	}
	if idle, err := c.idle(ctx); idle || err != nil {
		return Changes{Work: []NewWork{wakeOf(request, request.Waiting.Until)}}, err
	}
	silent, err := c.run(ctx)
	silent = silent || isGone(err) // whoever is there now did not ask
	if err != nil {
		if again := c.again(err); again != nil {
			told, failure := c.sayThatItWaits(ctx, again, silent)
			return told, errors.Join(again, failure)
		}
		c.answer.Result = ResultErrored
		c.answer.Gates = append(c.answer.Gates, unclear("request", err))
	}
	if c.answer.Result == ResultWaiting {
		return c.wait(ctx)
	}
	return c.settle(ctx, silent)
}

func unclear(name string, err error) Gate {
	return Gate{
		Name: name, Reason: reasonOf(err), Expected: "an answer", Actual: "could not tell: " + err.Error(),
		Next: remedy(err),
	}
}

// run answers the request. It reports true when there is to be no answer at all.
func (c *carrying) run(ctx context.Context) (silent bool, err error) {
	if err := c.finishInterrupted(ctx); err != nil {
		return false, err
	}
	present, err := c.Policies.Presence.Now(ctx, c.request.Repository)
	if err != nil {
		return isGone(err) || c.unanswerable(), fromGitHub(err)
	}
	c.request.Repository, c.answer.Repository = present, present
	if c.role, err = c.People.Role(ctx, c.request.Repository, c.request.Requester); err != nil {
		// Whoever may be a stranger gets no answer on a public repository.
		return c.unanswerable(), fromGitHub(fmt.Errorf("look up the role of %s in %s: %w", c.request.Requester.Login, c.request.Repository.FullName(), err))
	}
	stranger := c.role.Permission == "none" || c.role.Permission == "read" && !c.request.Repository.Private
	if c.request.State == RequestWaiting || c.request.Answer.Result != "" {
		stranger = false // it was answered before: it is told what became of it
	}
	if !stranger {
		if done, err := c.greet(ctx); done || err != nil {
			return done && c.answer.Result == "", err
		}
	}
	if c.policy, err = c.Policies.Fresh(ctx, c.request.Repository); err != nil {
		return stranger, fromGitHub(err)
	}
	c.answer.PolicyCommit, c.answer.PolicySource = c.policy.File.Head, c.policy.File.Source
	if stranger {
		named, err := c.namedByPolicy(ctx)
		if err != nil || !named {
			return true, err
		}
		if done, err := c.greet(ctx); done || err != nil {
			return done && c.answer.Result == "", err
		}
	}
	return false, c.dispatch(ctx)
}

// unanswerable reports whether somebody whose role is unknown gets no answer.
func (c *carrying) unanswerable() bool {
	return !c.request.Repository.Private && !c.request.Insider && c.request.Answer.Result == ""
}

// namedByPolicy reports whether some environment names the person, though their role alone would not get an answer.
func (c *carrying) namedByPolicy(ctx context.Context) (bool, error) {
	if !c.policy.Valid() {
		return false, nil
	}
	for _, environment := range c.policy.Policy.Environments {
		for _, people := range []People{environment.Promoters, environment.Approvals.People(), environment.Override.People(), environment.Lifters()} {
			allowed, err := c.may(ctx, people)
			if err != nil || allowed {
				return allowed, err
			}
		}
	}
	return false, nil
}

var permissionRank = map[string]int{"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}

// may reports whether any one entry names the requester.
func (c *carrying) may(ctx context.Context, people People) (bool, error) {
	return c.roleMay(ctx, people, c.request.Requester, c.role)
}

// roleMay reports whether any one entry names somebody with the role, asking for as little as it takes.
func (c *carrying) roleMay(ctx context.Context, people People, person Person, role Role) (bool, error) {
	if permissionRank[role.Permission] < permissionRank[people.Least] {
		return false, nil
	}
	if needed := permissionRank[people.Permission]; needed > 0 && permissionRank[role.Permission] >= needed {
		return true, nil
	}
	if role.Permission == "none" {
		return false, nil
	}
	for _, user := range people.Users {
		if strings.EqualFold(user, person.Login) {
			return true, nil
		}
	}
	for _, team := range people.Teams {
		member, err := c.People.TeamMember(ctx, c.request.Repository, team, person)
		if err != nil {
			return false, fromGitHub(fmt.Errorf("look up %s in team %s: %w", person.Login, team, err))
		}
		if member {
			return true, nil
		}
	}
	return false, nil
}

// dispatch answers the command that the requester gave.
func (c *carrying) dispatch(ctx context.Context) error {
	if err := c.lookUpPress(ctx); err != nil {
		return err
	}
	command := c.request.Command
	switch {
	case c.isLate():
		return c.away(ctx)
	case command.Problem != "":
		return c.refuse(Gate{Name: "command", Reason: UnknownCommand, Expected: "a command of /promote help", Actual: command.Problem, Next: command.Suggestion})
	case !c.policy.File.Found || !c.policy.Valid():
		return c.unruled(ctx)
	}
	act, found := map[Verb]func(context.Context) error{
		VerbHelp: c.help, VerbStatus: c.status, VerbRollback: c.rollback, VerbPromote: c.promote, VerbApprove: c.approve,
		VerbHold: c.hold, VerbResume: c.resume, VerbCancel: c.cancel, VerbOverride: c.override,
	}[command.Verb]
	if !found {
		return c.refuse(Gate{Name: "command", Reason: UnknownCommand, Expected: "a command of /promote help", Actual: string(command.Verb), Next: "/promote help"})
	}
	return act(ctx)
}

// refuse answers with gates that are unmet before any image comes into it.
func (c *carrying) refuse(gates ...Gate) error {
	c.answer.Gates = append(c.answer.Gates, gates...)
	c.answer.Result = ResultRefused
	for _, gate := range c.answer.Gates {
		if gate.Reason.Unclear() {
			c.answer.Result = ResultErrored
		}
	}
	return nil
}

// settle gives the changes that end the request: its answer, and everything that tells of it. Whatever an earlier try did
// is told, and no promotion is left open.
func (c *carrying) settle(ctx context.Context, silent bool) (Changes, error) {
	now := c.Clock()
	ended, err := c.endOpen(ctx)
	if err != nil {
		return Changes{}, err
	}
	silent = silent && len(c.answer.Outcomes) == 0
	c.answer.Duration = now.Sub(c.request.Received)
	if c.answer.Pins, err = c.pins(ctx); err != nil {
		return Changes{}, err
	}
	if err := c.tellHolds(ctx); err != nil {
		return Changes{}, err
	}
	request := c.request
	request.State, request.Answer = RequestSettled, c.answer
	changes := Changes{Requests: []*Request{&request}, Promotions: ended, ReleaseLanes: true}
	if silent {
		return changes, nil
	}
	if request.Comment != 0 {
		replies, err := c.reply(ctx, request)
		if err != nil {
			return Changes{}, err
		}
		changes.Announcements = append(changes.Announcements, replies...)
	}
	if notice, found := c.notice(request); found {
		changes.Announcements = append(changes.Announcements, notice)
	}
	checks, err := c.checks(ctx, request)
	if err != nil {
		return Changes{}, err
	}
	changes.Announcements = append(changes.Announcements, checks...)
	changes.Work, err = c.wakeOthers(ctx, request)
	changes.Work = append(changes.Work, checksAgain(checks)...)
	return changes, err
}

// tellHolds puts what is held into an answer that refuses.
func (c *carrying) tellHolds(ctx context.Context) error {
	if c.answer.Environment == "" || c.answer.Result != ResultRefused {
		return nil
	}
	holds, err := c.holds(ctx)
	for _, hold := range holds {
		if strings.EqualFold(hold.Environment, c.answer.Environment) {
			c.answer.Holds = append(c.answer.Holds, hold)
		}
	}
	return err
}

// wakeOthers looks again at what waits, when the request may have changed what it waits for.
func (c *carrying) wakeOthers(ctx context.Context, request Request) ([]NewWork, error) {
	if len(request.Answer.Pins) > 0 {
		return Wake(ctx, c.Requests, request.Repository.ID, Commit{}, 0)
	}
	if request.Answer.Result != ResultInformed {
		return nil, nil
	}
	switch request.Command.Verb {
	case VerbHold, VerbCancel:
		return Wake(ctx, c.Requests, request.Repository.ID, Commit{}, 0)
	case VerbApprove, VerbOverride:
		return Wake(ctx, c.Requests, request.Repository.ID, request.Answer.Commit, 0)
	default:
		return nil, nil
	}
}

// reply gives the comment's one reply and its reaction, once all of the comment's requests are settled.
func (c *carrying) reply(ctx context.Context, settled Request) ([]Announcement, error) {
	requests, err := c.Requests.RequestsOfComment(ctx, settled.Repository.ID, settled.Source, settled.Comment)
	if err != nil {
		return nil, err
	}
	var answers []Answer
	for _, request := range requests {
		switch {
		case request.Key == settled.Key:
			answers = append(answers, settled.Answer)
		case request.Answer.Result != "":
			answers = append(answers, request.Answer)
		case request.State == RequestOpen && settled.State != RequestOpen:
			return nil, nil // it is answered soon, or says itself that it waits
		}
	}
	key := ReplyKey(settled.Repository.ID, settled.Comment)
	if settled.Source == FromCommit {
		key = "commit_" + key
	}
	told := []Announcement{{
		Key:  key,
		Kind: AnnounceReply, Repository: settled.Repository, Issue: settled.Issue, Commit: settled.commented(), Comment: settled.Comment, Answers: answers,
	}}
	waiting := slices.ContainsFunc(answers, func(answer Answer) bool { return answer.Result == ResultWaiting || answer.Result == ResultDelayed })
	if !waiting {
		told = append(told, reaction(settled, reactionTo(answers)))
	}
	return told, nil
}

// notice gives the Slack message of the request, if there is one to send.
func (c *carrying) notice(request Request) (Announcement, bool) {
	kind, tells := noticeKind(request)
	if !tells || request.Command.DryRun || request.Answer.Environment == "" {
		return Announcement{}, false
	}
	environment, _ := c.policy.Policy.Environment(request.Answer.Environment)
	webhook := c.Slack(environment)
	if webhook == "" {
		return Announcement{}, false
	}
	return Announcement{
		Key: "slack/" + request.Key, Kind: AnnounceSlack, Repository: request.Repository,
		Notice: &Notice{Webhook: webhook, Kind: kind, Repository: request.Repository, Answer: request.Answer},
	}, true
}

// noticeKind gives what Slack is told of a settled request, if anything.
func noticeKind(request Request) (NoticeKind, bool) {
	results := map[Result]NoticeKind{ResultPromoted: NoticePromoted, ResultRolledBack: NoticeRolledBack, ResultRefused: NoticeRefused}
	verbs := map[Verb]NoticeKind{VerbOverride: NoticeOverridden, VerbHold: NoticeHeld, VerbResume: NoticeResumed}
	switch request.Command.Verb {
	case VerbPromote, VerbRollback:
		kind, tells := results[request.Answer.Result]
		return kind, tells
	default:
		kind, tells := verbs[request.Command.Verb]
		return kind, tells && request.Answer.Result == ResultInformed && !request.Answer.Idle
	}
}
