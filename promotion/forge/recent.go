package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// How many pages of a repository's runs and comments one look reads: what is beyond is said to be cut.
const (
	maximumRecentPages    = 10
	maximumRecentComments = 200
)

// RecentRuns gives the runs created since then, each at its newest attempt, of the pages that changed since the tags were
// given; at most a thousand, the newest, and then the listing is cut. One call for each hundred, which is free when nothing changed. GitHub lists the
// newest first; its own filter by time is left out, so that the address, and with it the tag, stays the same.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository)
func (f *Forge) RecentRuns(ctx context.Context, repository promotion.Repository, since time.Time, tags []string) (promotion.Listing[promotion.Run], error) {
	operation := fmt.Sprintf("list the recent runs of %s", repository.FullName())
	type page struct {
		Runs *[]runAnswer `json:"workflow_runs"`
	}
	var recent promotion.Listing[promotion.Run]
	seen := map[int64]bool{}
	var err error
	recent.Tags, recent.Cut, err = eachChange(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/runs"),
		query:   url.Values{"per_page": {pageSize}},
	}, maximumRecentPages, tags, func(answer page) (bool, error) {
		if answer.Runs == nil {
			return false, lacking(operation, "workflow_runs")
		}
		older := false
		for _, listed := range *answer.Runs {
			run, err := listed.run(operation)
			if err != nil {
				return false, err
			}
			older = run.Created.Before(since)
			if !older && !seen[run.ID] { // a run that began meanwhile moves others to the next page
				recent.Items = append(recent.Items, run)
			}
			seen[run.ID] = true
		}
		return !older, nil
	})
	return recent, err
}

// recentAnswer is a comment as GitHub lists it for a whole repository. That it is on a pull request shows in its page's
// address alone.
// (https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository)
type recentAnswer struct {
	commentAnswer
	Node        string    `json:"node_id"`
	Page        string    `json:"html_url"`
	Issue       string    `json:"issue_url"`
	Association string    `json:"author_association"`
	Created     time.Time `json:"created_at"`
	Updated     time.Time `json:"updated_at"`
}

// RecentComments gives the comments made or edited since then, as RecentRuns does runs. Those on commits are not among
// them: GitHub lists these oldest first and from the beginning, so that the newest cost the more the longer a repository lives.
// (https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository)
func (f *Forge) RecentComments(ctx context.Context, repository promotion.Repository, since time.Time, tags []string) (promotion.Listing[promotion.RecentComment], error) {
	operation := fmt.Sprintf("list the recent comments of %s", repository.FullName())
	var recent promotion.Listing[promotion.RecentComment]
	seen := map[int64]bool{}
	var err error
	recent.Tags, recent.Cut, err = eachChange(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: issuesWritable,
		address: inRepository(repository, "/issues/comments"),
		query:   url.Values{"since": {since.UTC().Format(time.RFC3339)}, "sort": {"updated"}, "direction": {"desc"}, "per_page": {pageSize}},
	}, maximumRecentComments, tags, func(answer []recentAnswer) (bool, error) {
		for _, listed := range answer {
			comment, err := listed.comment(operation)
			if err != nil {
				return false, err
			}
			if !seen[comment.ID] {
				recent.Items = append(recent.Items, comment)
			}
			seen[comment.ID] = true
		}
		return true, nil
	})
	return recent, err
}

func (c recentAnswer) comment(operation string) (promotion.RecentComment, error) {
	issue, err := strconv.Atoi(c.Issue[strings.LastIndexByte(c.Issue, '/')+1:])
	if err != nil || issue <= 0 || c.ID <= 0 || c.Created.IsZero() || c.Updated.IsZero() {
		return promotion.RecentComment{}, lacking(operation, "comment")
	}
	page, err := url.Parse(c.Page)
	if err != nil {
		return promotion.RecentComment{}, lacking(operation, "html_url")
	}
	return promotion.RecentComment{
		ID: c.ID, Issue: issue, PullRequest: strings.HasSuffix(page.Path, "/pull/"+strconv.Itoa(issue)), Body: c.Body, Author: c.Author.person(),
		Insider: slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, c.Association), Created: c.Created.UTC(), Updated: c.Updated.UTC(),
	}, nil
}

// eachChange reads a listing page by page, as far as it changed since the tags were given, until visit reports false, and
// returns the tags of now. It reads at most so many pages, and reports whether there are more.
func eachChange[Page any](ctx context.Context, f *Forge, repository promotion.Repository, r request, most int, known []string, visit func(Page) (bool, error)) (tags []string, cut bool, err error) {
	who, err := f.installed(ctx, repository)
	if err != nil {
		return nil, false, err
	}
	for page := 1; ; page++ {
		condition := &validator{}
		if page <= len(known) {
			condition.tag = known[page-1]
		}
		if page > 1 {
			r.query.Set("page", strconv.Itoa(page))
		}
		r.validator = condition
		var answer Page
		next, err := f.call(ctx, who, r, &answer)
		if err != nil {
			return nil, false, err
		}
		tags = append(tags, condition.tag)
		more := page < len(known)
		if !condition.unchanged {
			if more, err = visit(answer); err != nil {
				return nil, false, err
			}
			more = more && next == page+1
		}
		if !more {
			return tags, false, nil
		}
		if page == most {
			return tags, true, nil
		}
	}
}
