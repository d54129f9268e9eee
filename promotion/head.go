package promotion

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// HeadFact is what is known of an open pull request whose head is to be promoted.
type HeadFact struct {
	Number   int
	Moved    string // why its head may not be the one that was meant; "" when it is
	Fork     bool
	Reviewer string // who other than its author approved the head
	Unmerged bool   // a former policy, which lets no head be promoted: nothing else is asked of it
	Err      error
}

// gates ask that the head is the one that the requester saw, is the repository's own, and was approved by somebody else.
func (f HeadFact) gates() []Gate {
	if f.Err != nil {
		return []Gate{{Name: "head", Reason: GitHubError, Expected: fmt.Sprintf("the head of pull request #%d", f.Number), Actual: "could not tell: " + f.Err.Error(), Next: remedy(f.Err)}}
	}
	if f.Unmerged {
		return []Gate{{Name: "merged", Reason: NotMerged, Expected: fmt.Sprintf("pull request #%d is merged", f.Number), Actual: "it is open"}}
	}
	head := Gate{Name: "head", Reason: HeadMoved, Met: f.Moved == "", Expected: fmt.Sprintf("the head that pull request #%d had when the comment was made", f.Number), Actual: "it is the same"}
	if !head.Met {
		head.Actual, head.Next = f.Moved, "look at the head of now, and ask again: a push after a comment is never promoted by it"
	}
	review := Gate{Name: "review", Reason: NotReviewed, Met: f.Reviewer != "", Expected: "an approving review of the head by somebody other than its author and who pushed to it, who may write", Actual: f.Reviewer + " approved it"}
	if !review.Met {
		review.Actual, review.Next = "there is none", "ask somebody who pushed nothing to it for a review, or merge the pull request"
	}
	if f.Fork {
		return []Gate{head, review, {
			Name: "fork", Reason: NotMerged, Expected: "a head of this repository", Actual: "it is of a fork", Next: "merge it first",
		}}
	}
	return []Gate{head, review}
}

// under gives what a former policy asks of the head: nothing beyond what the present one does, if it lets heads be promoted.
func (f *HeadFact) under(former Environment) *HeadFact {
	if f == nil || former.AllowUnmerged {
		return nil
	}
	return &HeadFact{Number: f.Number, Unmerged: true}
}

// openHead finds out whether an open pull request's head may be promoted: it must be the one that was the head when the
// comment was made. That is told from the pushes that were seen, so that one back to an older head counts as well.
func (c *carrying) openHead(ctx context.Context, pull PullRequest) (*HeadFact, error) {
	fact := &HeadFact{Number: pull.Number, Fork: pull.HeadRepository != c.request.Repository.ID}
	heads, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead}, PullRequest: pull.Number})
	if err != nil {
		return nil, err
	}
	fact.Moved = movedSince(heads, pull.Head, c.commented())
	if c.request.Swept {
		fact.Moved = "no delivery told of the comment: pushes after it may have been missed as well"
	}
	if len(heads) == 0 || heads[len(heads)-1].Commit != pull.Head {
		// From now on it is known which head this is.
		entry := headEntry(c.request.Repository.ID, pull.Number, pull.Head, c.GitHubTime(c.Clock()), "seen")
		if err := c.Journal.Commit(ctx, c.lease, Changes{Entries: []Entry{entry}}); err != nil {
			return nil, err
		}
	}
	if fact.Reviewer, err = c.headApprover(ctx, pull); err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	return fact, nil
}

// headApprover returns who approved the head, and neither wrote nor pushed any of it.
func (c *carrying) headApprover(ctx context.Context, pull PullRequest) (string, error) {
	people, err := c.approversOf(ctx, pull)
	if err != nil {
		return "", err
	}
	authors, err := c.makersOfPull(ctx, pull, authorship{people: people})
	if err != nil {
		return "", err
	}
	return c.approver(ctx, pull, authors)
}

// movedSince says why the head of now may not be the one that the comment was about.
func movedSince(heads []Entry, head Commit, commented time.Time) string {
	if len(heads) == 0 {
		return "it was not seen how this head came to be; from now on it is known"
	}
	newest := heads[len(heads)-1]
	// GitHub's times have whole seconds: within one, nobody can tell which came first.
	second := commented.Truncate(time.Second)
	switch {
	case newest.Commit != head:
		return fmt.Sprintf("the head was %s when it was last seen, and is %s now", newest.Commit.Short(), head.Short())
	case !newest.At.Before(second.Add(time.Second)):
		return fmt.Sprintf("%s was pushed at %s, as far as it can be told, and the comment made at %s", head.Short(), clockText(newest.At), clockText(commented))
	case !newest.At.Before(second):
		return fmt.Sprintf("%s was pushed at %s, within the second in which the comment was made: it cannot be told which came first", head.Short(), clockText(newest.At))
	}
	return ""
}

// pushedBy returns by when the event's head had been pushed: the latest of what tells. The pull request's own time may be an
// older one, and a head that is dated too late is refused, where one that is dated too early would be promoted.
func (e PullRequestEvent) pushedBy(received time.Time) time.Time {
	latest := received
	for _, at := range []time.Time{e.At, e.Pushed} {
		if at.After(latest) {
			latest = at
		}
	}
	return latest
}

func headEntry(repository int64, pull int, head Commit, at time.Time, how string) Entry {
	return Entry{
		Key:  strings.Join([]string{"head", fmt.Sprint(repository), fmt.Sprint(pull), head.String(), how, at.UTC().Format(time.RFC3339Nano)}, "/"),
		Kind: EntryHead, Repository: repository, PullRequest: pull, Commit: head, At: at,
	}
}
