package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// latestWithin is how long after it was given --sha latest is still looked up: later, nobody knows what was the latest then.
const latestWithin = 5 * time.Minute

// findLatest finds the commit that --sha latest means: the branch's head, if it was that already when the comment was made.
func (c *carrying) findLatest(ctx context.Context, into *target) (*Gate, error) {
	if c.age() > latestWithin {
		return &Gate{
			Name: "commit", Reason: HeadMoved, Expected: "the newest commit of when the command was given", Actual: fmt.Sprintf("it is %s ago, and newer ones may have been pushed since", c.age().Round(time.Second)),
			Next: "ask again, or name the commit",
		}, nil
	}
	branch, gate := into.environment.latestBranch(c.request.Repository)
	if gate != nil {
		return gate, nil
	}
	head := c.policyHead()
	if branch != c.request.Repository.DefaultBranch {
		var err error
		head, err = c.Branches.BranchHead(ctx, c.request.Repository, branch)
		if errors.Is(err, ErrNotFound) {
			return &Gate{Name: "commit", Reason: UnknownCommit, Expected: "a branch " + branch, Actual: "there is none", Next: "name the commit with --sha"}, nil
		}
		if err != nil {
			return nil, fromGitHub(err)
		}
	}
	into.commit = head
	if !c.agrees() {
		return nil, nil
	}
	return c.headByThen(ctx, branch, head)
}

// latestBranch returns the branch whose head is the latest commit: the default branch if the environment promotes from it, else the
// first that the policy names.
func (e Environment) latestBranch(repository Repository) (string, *Gate) {
	allowed := e.allowedBranches(repository)
	if matchesAny(allowed, repository.DefaultBranch) {
		return repository.DefaultBranch, nil
	}
	at := slices.IndexFunc(allowed, func(name string) bool { return !strings.Contains(name, "*") })
	if at < 0 {
		return "", &Gate{
			Name: "commit", Reason: UnknownCommit, Expected: "one branch whose newest commit is meant", Actual: e.Name + " promotes from " + strings.Join(allowed, ", "),
			Next: "name the commit with --sha",
		}
	}
	return allowed[at], nil
}

// headByThen gates a head that may have come after the comment. It was there before if the push that brought it is known to be
// older; else GitHub is asked, after the head was read, whether anything was pushed since. Where a sweep found the comment,
// deliveries of pushes may be missing as well. It costs a call only where the ledger does not tell.
func (c *carrying) headByThen(ctx context.Context, branch string, head Commit) (*Gate, error) {
	// GitHub's times have whole seconds: within one, nobody can tell which came first.
	second := c.commented().Truncate(time.Second)
	arrived, err := c.arrival(ctx, branch, head)
	if err != nil || !c.request.Swept && !arrived.IsZero() && arrived.Before(second) {
		return nil, err
	}
	pushed, err := c.Branches.LastPush(ctx, c.request.Repository)
	if err != nil {
		err = fromGitHub(fmt.Errorf("ask when %s was last pushed to: %w", c.request.Repository.FullName(), err))
		if again := c.again(err); again != nil {
			return nil, again
		}
	}
	if err == nil && !pushed.IsZero() && pushed.Before(second) {
		return nil, nil
	}
	gate := &Gate{
		Name: "commit", Reason: HeadMoved, Expected: fmt.Sprintf("the newest commit that %s had when the comment was made, at %s", branch, clockText(c.commented())),
		Next: fmt.Sprintf("look at %s, and name it if it is meant: --sha %s", head.Short(), head.Short()),
	}
	switch {
	case !arrived.IsZero() && !arrived.Before(second.Add(time.Second)):
		gate.Actual = fmt.Sprintf("%s was pushed at %s, as far as it can be told", head.Short(), clockText(arrived))
	case !arrived.IsZero() && !arrived.Before(second):
		gate.Actual = fmt.Sprintf("%s was pushed within the second in which the comment was made: it cannot be told which came first", head.Short())
	case err != nil:
		gate.Actual = fmt.Sprintf("it is %s now, and it cannot be told since when: %s", head.Short(), err)
	default:
		gate.Actual = fmt.Sprintf("it is %s now, and it cannot be told since when: no push that brought it is known, and the repository was pushed to at %s", head.Short(), clockText(pushed))
	}
	return gate, nil
}

// arrival returns by when the commit had last become the branch's head, as pushes told; zero where none did.
func (c *carrying) arrival(ctx context.Context, branch string, commit Commit) (time.Time, error) {
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryArrival}, Commit: commit})
	if err != nil {
		return time.Time{}, err
	}
	var arrived time.Time
	for _, entry := range entries {
		if entry.Unreadable {
			return time.Time{}, nil
		}
		if entry.Base == branch && entry.At.After(arrived) {
			arrived = entry.At
		}
	}
	return arrived, nil
}

// arrivalEntry notes that the push made the commit its branch's head, once for each push: a commit may become it again. It is dated
// by the latest of what tells, the event and our receipt: dated too late it is refused, dated too early it would be promoted.
func (e PushEvent) arrivalEntry(received time.Time) Entry {
	at, told := received, e.At
	if told.After(at) {
		at = told
	}
	if told.IsZero() {
		told = received
	}
	return Entry{
		Key:  fmt.Sprintf("arrival/%d/%s/%s/%d", e.Repository.ID, e.After, e.Branch, told.Unix()),
		Kind: EntryArrival, Repository: e.Repository.ID, Commit: e.After, Base: e.Branch, At: at, Recorded: e.Received,
	}
}
