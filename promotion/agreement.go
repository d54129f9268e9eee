package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// approvalsFact gathers who agreed to promote the image's digest, and looks up each person's right at this moment.
func (c *carrying) approvalsFact(ctx context.Context, into target, facts Facts) (*ApprovalsFact, error) {
	fact := &ApprovalsFact{}
	fail := func(err error) (*ApprovalsFact, error) {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
		return fact, nil
	}
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryApproval}, Environment: facts.Environment.Name, Commit: facts.Commit})
	if err != nil {
		return nil, err
	}
	pull, found, err := c.producing(ctx, into)
	if err != nil {
		return fail(err)
	}
	if found {
		reviews, err := c.reviewsFor(ctx, into, pull)
		if err != nil {
			return fail(err)
		}
		entries = append(entries, reviews...)
		slices.SortStableFunc(entries, compareSaid)
	}
	fact.Agreements = agreements(facts, Candidate(facts.Policy.Policy, facts.Records).Digest, entries)
	if !slices.ContainsFunc(fact.Agreements, func(agreement Agreement) bool { return agreement.Counts }) {
		return fact, nil
	}
	what, err := c.shippingOf(ctx, facts)
	if err != nil {
		return fail(err)
	}
	fact.Note = what.note
	authors, err := c.authorsOf(ctx, into, what, agreeing(fact.Agreements))
	if nobodys := (*nobodysError)(nil); errors.As(err, &nobodys) {
		fact.Unknown = nobodys.Error()
		return fact, nil
	}
	if err != nil {
		return fail(err)
	}
	if err := c.admit(ctx, facts.Environment.Approvals, authors, fact); err != nil {
		return fail(err)
	}
	return fact, nil
}

// agreeing returns those whose agreement may count.
func agreeing(agreements []Agreement) []Person {
	var people []Person
	for _, agreement := range agreements {
		if agreement.Counts {
			people = append(people, agreement.Person)
		}
	}
	return people
}

// admit strikes out those whose agreement does not count: the requester, authors of what ships, and whoever may not approve.
func (c *carrying) admit(ctx context.Context, approvals Approvals, authors []contribution, fact *ApprovalsFact) error {
	counted := 0
	for i := range fact.Agreements {
		agreement := &fact.Agreements[i]
		person := agreement.Person
		if !agreement.Counts {
			continue
		}
		part := partOf(authors, person)
		refuse := func(why string) { agreement.Counts, agreement.Because = false, why }
		switch {
		case person.ID == c.request.Requester.ID:
			refuse("asked for the promotion")
		case part != "":
			refuse(part)
		case counted >= approvals.Required:
			refuse("enough others did") // not looked up: it costs calls, and changes nothing
		default:
			may, err := c.personMay(ctx, approvals.People(), person)
			if err != nil {
				return err
			}
			if !may {
				refuse("is not one of " + WhoApproves(approvals))
				continue
			}
			counted++
		}
	}
	return nil
}

// personMay looks up whether somebody is one of the people, at this moment.
func (c *carrying) personMay(ctx context.Context, people People, person Person) (bool, error) {
	role, known := c.roles[person.ID]
	if !known {
		var err error
		if role, err = c.People.Role(ctx, c.request.Repository, person); err != nil {
			return false, fromGitHub(fmt.Errorf("look up the role of %s in %s: %w", person.Login, c.request.Repository.FullName(), err))
		}
		if c.roles == nil {
			c.roles = map[int64]Role{}
		}
		c.roles[person.ID] = role
	}
	return c.roleMay(ctx, people, person, role)
}

// reviewers are those whose review counts, as for GitHub itself: anybody can approve a public pull request.
var reviewers = People{Permission: "write"}

// approver gives who among the reviews' authors approved the head and may: nobody of those that are excluded.
func (c *carrying) approver(ctx context.Context, pull PullRequest, excluded []contribution) (string, error) {
	reviews, err := c.reviewsOf(ctx, pull)
	if err != nil {
		return "", err
	}
	for _, review := range reviews {
		own := pull.Author.is(review.Person) || partOf(excluded, review.Person) != ""
		if own || !approves(review, pull) {
			continue
		}
		may, err := c.personMay(ctx, reviewers, review.Person)
		if may || err != nil {
			return review.Person.Login, err
		}
	}
	return "", nil
}

func approves(review Entry, pull PullRequest) bool {
	return review.Reason == "APPROVED" && review.Commit == pull.Head
}

// approversOf returns who approved the head.
func (c *carrying) approversOf(ctx context.Context, pull PullRequest) ([]Person, error) {
	reviews, err := c.reviewsOf(ctx, pull)
	var people []Person
	for _, review := range reviews {
		if approves(review, pull) {
			people = append(people, review.Person)
		}
	}
	return people, err
}

// reviewedFact finds the commits that would ship and did not come through a merged pull request that somebody other than
// its author, and than the commit's, approved at its head.
func (c *carrying) reviewedFact(ctx context.Context, into target, facts Facts) (*ReviewedFact, error) {
	fact := &ReviewedFact{}
	err := c.fillReviewed(ctx, into, facts, fact)
	if err != nil {
		if again := c.again(err); again != nil {
			return nil, again
		}
		fact.Err = err
	}
	return fact, nil
}

func (c *carrying) fillReviewed(ctx context.Context, into target, facts Facts, fact *ReviewedFact) error {
	what, err := c.shippingOf(ctx, facts)
	if err != nil {
		return err
	}
	fact.Commits, fact.Note = len(what.commits), what.note
	if !what.whole {
		return &PermanentError{Err: errors.New("so many commits would ship that they cannot all be looked at")}
	}
	own, found, err := c.producing(ctx, into)
	if err != nil {
		return err
	}
	if found {
		c.knowProducing(into.commit, own)
	}
	brought := make([][]PullRequest, len(what.commits))
	for i, commit := range what.commits {
		if brought[i], err = c.pullsOf(ctx, commit.Commit); err != nil {
			return err
		}
	}
	for i, commit := range what.commits {
		why, err := c.unreviewed(ctx, into, commit, brought[i], what.commits)
		if err == nil && why != "" {
			why, err = c.uncarried(ctx, into, carriage{commit: commit, own: brought[i], all: slices.Concat(brought...), shipped: what.commits}, why)
		}
		if err != nil {
			return err
		}
		if why != "" {
			fact.Missing = append(fact.Missing, strings.TrimSpace(commit.Commit.Short()+" "+commit.Title)+": "+why)
		}
	}
	return nil
}

// unreviewed says why a commit did not come through an approved pull request; "" when it did.
func (c *carrying) unreviewed(ctx context.Context, into target, commit ShippedCommit, pulls []PullRequest, shipped []ShippedCommit) (string, error) {
	why := "no merged pull request brought it"
	for _, pull := range pulls {
		// Another open one that happens to hold the commit says nothing of it.
		if !into.counts(pull) {
			continue
		}
		if !into.shows(pull, c.request.Repository) {
			why = fmt.Sprintf("pull request #%d brought it on its way to %s, which %s does not promote from", pull.Number, pull.Base, into.environment.Name)
			continue
		}
		var err error
		why, err = c.unapproved(ctx, pull, authorship{commit: commit, own: pulls, through: []PullRequest{pull}, shipped: shipped})
		if why == "" || err != nil {
			return "", err
		}
	}
	return why, nil
}

// unapproved says why the pull request's reviews do not count for the commit; "" when one does.
func (c *carrying) unapproved(ctx context.Context, pull PullRequest, of authorship) (string, error) {
	var err error
	if of.people, err = c.approversOf(ctx, pull); err != nil {
		return "", err
	}
	authors, err := c.authorsThrough(ctx, of)
	if err != nil {
		return "", err
	}
	approver, err := c.approver(ctx, pull, authors)
	if err != nil {
		return "", err
	}
	if approver == "" {
		return c.noApproval(ctx, pull)
	}
	passed, err := c.passageOf(ctx, of.commit, pull, of.shipped)
	if passed == passedWhole || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s was approved in pull request #%d", passed, pull.Number), nil
}

func (c *carrying) noApproval(ctx context.Context, pull PullRequest) (string, error) {
	why := fmt.Sprintf("pull request #%d has no approval of its head by somebody other than its authors, and who pushed to it, who may write", pull.Number)
	reviews, err := c.reviewsOf(ctx, pull)
	if slices.ContainsFunc(reviews, func(review Entry) bool { return review.Reason == beforeRetarget(pull.Base) }) {
		why += ": what there is was given before it went to " + pull.Base
	}
	return why, err
}
