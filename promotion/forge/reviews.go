package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// unboundedPages is the limit of lists that others can fill: they are read to their end, which is far before it.
const unboundedPages = 10_000

// Reviews returns the pull request's reviews, oldest first. Those of accounts that were deleted are left out. One call for
// each hundred, however many there are: anybody can review on a public repository.
// (https://docs.github.com/rest/pulls/reviews#list-reviews-for-a-pull-request)
func (f *Forge) Reviews(ctx context.Context, repository promotion.Repository, pull int) ([]promotion.Review, error) {
	operation := fmt.Sprintf("list the reviews of pull request %d of %s", pull, repository.FullName())
	type reviewAnswer struct {
		Author    *personAnswer `json:"user"`
		State     string        `json:"state"`
		Commit    string        `json:"commit_id"`
		Submitted *time.Time    `json:"submitted_at"` // null: not submitted yet
		URL       string        `json:"html_url"`
	}
	var reviews []promotion.Review
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/pulls/{pull}/reviews", number(int64(pull))),
		query:   url.Values{"per_page": {pageSize}},
	}, unboundedPages, func(page []reviewAnswer) error {
		for _, listed := range page {
			if listed.State == "" {
				return lacking(operation, "state")
			}
			if listed.Author == nil || listed.Author.ID <= 0 || listed.Submitted == nil {
				continue
			}
			var commit promotion.Commit
			if listed.Commit != "" { // null once the head that was reviewed is gone
				var err error
				if commit, err = promotion.ParseCommit(listed.Commit); err != nil {
					return fmt.Errorf("%s: %w", operation, err)
				}
			}
			reviews = append(reviews, promotion.Review{
				Person: listed.Author.person(), State: listed.State, Commit: commit, Submitted: listed.Submitted.UTC(), URL: listed.URL,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(reviews, func(a, b promotion.Review) int { return a.Submitted.Compare(b.Submitted) })
	return reviews, nil
}

// PullRequestsOf gives the pull requests into this repository that brought the commit, or of which it is a commit. One call
// for each hundred.
// (https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit)
func (f *Forge) PullRequestsOf(ctx context.Context, repository promotion.Repository, commit promotion.Commit) ([]promotion.PullRequest, error) {
	operation := fmt.Sprintf("list the pull requests of commit %s of %s", commit.Short(), repository.FullName())
	var pulls []promotion.PullRequest
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/commits/{commit}/pulls", commit.String()),
		query:   url.Values{"per_page": {pageSize}},
	}, unboundedPages, func(page []pullRequestAnswer) error {
		for _, listed := range page {
			if listed.Base.Repository.id() <= 0 {
				return lacking(operation, "base")
			}
			if listed.Base.Repository.id() != repository.ID {
				continue
			}
			pull, err := listed.listed(operation)
			if err != nil {
				return err
			}
			pulls = append(pulls, pull)
		}
		return nil
	})
	if statusOf(err) == http.StatusUnprocessableEntity {
		return nil, notFound(operation, "no such commit")
	}
	if err != nil {
		return nil, err
	}
	return pulls, nil
}

// PullRequestsFrom returns every pull request, open or not, whose head is the branch of this very repository. One call for each
// hundred.
// (https://docs.github.com/rest/pulls/pulls#list-pull-requests)
func (f *Forge) PullRequestsFrom(ctx context.Context, repository promotion.Repository, branch string) ([]promotion.PullRequest, error) {
	operation := fmt.Sprintf("list the pull requests from branch %.100q of %s", branch, repository.FullName())
	var pulls []promotion.PullRequest
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/pulls"),
		query:   url.Values{"state": {"all"}, "head": {repository.Owner + ":" + branch}, "per_page": {pageSize}},
	}, unboundedPages, func(page []pullRequestAnswer) error {
		for _, listed := range page {
			// Whoever does not filter lists others as well.
			if listed.Head.Branch != branch || listed.Head.Repository.id() != repository.ID || listed.Base.Repository.id() != repository.ID {
				continue
			}
			pull, err := listed.listed(operation)
			if err != nil {
				return err
			}
			pulls = append(pulls, pull)
		}
		return nil
	})
	return pulls, err
}

// listed makes the domain's pull request of one in a listing, which says by its time whether it was merged.
func (p pullRequestAnswer) listed(operation string) (promotion.PullRequest, error) {
	if p.Number <= 0 || p.Base.Branch == "" || (p.State != "open" && p.State != "closed") {
		return promotion.PullRequest{}, lacking(operation, "number, base or state")
	}
	head, err := promotion.ParseCommit(p.Head.SHA)
	if err != nil {
		return promotion.PullRequest{}, fmt.Errorf("%s: head of pull request %d: %w", operation, p.Number, err)
	}
	pull := promotion.PullRequest{
		Number: p.Number, State: p.State, Merged: p.MergedAt != nil, Head: head, HeadRepository: p.Head.Repository.id(), HeadBranch: p.Head.Branch, Base: p.Base.Branch, BaseCommit: p.baseCommit(),
		Closed: p.closed(), Title: oneLine(p.Title, maximumTitle), Author: p.Author.person(), URL: p.URL,
	}
	if pull.Merged && p.MergeCommit != "" {
		if pull.MergeCommit, err = promotion.ParseCommit(p.MergeCommit); err != nil {
			return promotion.PullRequest{}, fmt.Errorf("%s: merge commit of pull request %d: %w", operation, p.Number, err)
		}
	}
	return pull, nil
}

// closed returns when it was closed; zero for one that is open.
func (p pullRequestAnswer) closed() time.Time {
	if p.State == "open" || p.ClosedAt == nil {
		return time.Time{}
	}
	return p.ClosedAt.UTC()
}
