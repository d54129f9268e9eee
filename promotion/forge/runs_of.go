package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// GitHub lists at most a thousand runs of one search: ten pages.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository)
const (
	searchPages = 10
	// maximumWindows is how many thousands of runs of one kind are read.
	maximumWindows = 50
)

type runsAnswer struct {
	Total *int        `json:"total_count"`
	Runs  []runAnswer `json:"workflow_runs"`
}

// RunsOf returns every run whose head is the commit and that is one of the kinds, each at its newest attempt; others may be
// among them. One call where the commit has at most a hundred runs. Beyond that each kind is asked for by itself, one call for
// each hundred: what others make run at the commit is in no list that decides.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository)
func (f *Forge) RunsOf(ctx context.Context, repository promotion.Repository, commit promotion.Commit, kinds []promotion.RunKind) ([]promotion.Run, error) {
	operation := fmt.Sprintf("list the runs of %s at %s", repository.FullName(), commit.Short())
	if commit.IsZero() {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: no commit given", operation)}
	}
	found := collected{commit: commit, seen: map[int64]bool{}, operation: operation}
	all, err := f.searchRuns(ctx, repository, runSearch{operation: operation, route: inRepository(repository, "/actions/runs"), query: url.Values{"head_sha": {commit.String()}}}, 1, &found)
	if err != nil || all {
		return found.runs, err
	}
	for _, kind := range kinds {
		if err := f.runsOfKind(ctx, repository, kind, &found); err != nil {
			return nil, err
		}
	}
	return found.runs, nil
}

// runsOfKind reads all runs of one workflow and event at the commit: in windows of a thousand, which is where GitHub ends a search.
func (f *Forge) runsOfKind(ctx context.Context, repository promotion.Repository, kind promotion.RunKind, found *collected) error {
	search := runSearch{
		operation: fmt.Sprintf("%s: those of %s by %s", found.operation, kind.Workflow, kind.Event),
		route:     inRepository(repository, "/actions/workflows/{workflow}/runs", path.Base(kind.Workflow)),
		query:     url.Values{"head_sha": {found.commit.String()}, "event": {kind.Event}},
	}
	for range maximumWindows {
		all, err := f.searchRuns(ctx, repository, search, searchPages, found)
		if errors.Is(err, promotion.ErrNotFound) && search.route.route != repositoryRuns {
			// GitHub does not know the workflow by its file: its event alone narrows the list.
			search.route = inRepository(repository, "/actions/runs")
			all, err = f.searchRuns(ctx, repository, search, searchPages, found)
		}
		if err != nil || all {
			return err
		}
		oldest := found.oldest.UTC().Format(time.RFC3339)
		if found.oldest.IsZero() || search.query.Get("created") == "<="+oldest {
			return &promotion.PermanentError{Err: fmt.Errorf("%s: GitHub does not list all of them", search.operation)}
		}
		search.query.Set("created", "<="+oldest)
	}
	return &promotion.PermanentError{Err: fmt.Errorf("%s: more than %d", search.operation, maximumWindows*searchPages*100)}
}

// maximumWorkflowPages is how many pages of one workflow's runs are read.
const maximumWorkflowPages = 200

// RunsSince returns every run of a workflow that was created since then, each at its newest attempt. One call for each hundred.
// GitHub's own filter by time is left out: with it, it would list a thousand at most.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow)
func (f *Forge) RunsSince(ctx context.Context, repository promotion.Repository, workflow string, since time.Time) ([]promotion.Run, error) {
	found := collected{seen: map[int64]bool{}, since: since, operation: fmt.Sprintf("list the runs of %s in %s", workflow, repository.FullName())}
	search := runSearch{operation: found.operation, route: inRepository(repository, "/actions/workflows/{workflow}/runs", path.Base(workflow))}
	all, err := f.searchRuns(ctx, repository, search, maximumWorkflowPages, &found)
	if errors.Is(err, promotion.ErrNotFound) {
		return nil, nil // no such workflow has ever run
	}
	if err == nil && !all {
		err = &promotion.PermanentError{Err: fmt.Errorf("%s: GitHub does not list all of them since %s", found.operation, since.UTC().Format(time.RFC3339))}
	}
	return found.runs, err
}

// repositoryRuns is the route of all runs of a repository.
const repositoryRuns = "repos/{owner}/{repo}/actions/runs"

// runSearch is one search for runs, newest first.
type runSearch struct {
	operation string
	route     address
	query     url.Values
}

// collected is what searches found.
type collected struct {
	operation string
	commit    promotion.Commit // zero: of any
	since     time.Time        // zero: all; else those that were created since then
	seen      map[int64]bool
	runs      []promotion.Run
	oldest    time.Time // of what the last search listed
}

// searchRuns reads at most so many pages of a search. It reports whether they were all that the search finds.
func (f *Forge) searchRuns(ctx context.Context, repository promotion.Repository, search runSearch, pages int, found *collected) (bool, error) {
	who, err := f.installed(ctx, repository)
	if err != nil {
		return false, err
	}
	query := url.Values{"per_page": {pageSize}}
	for name, values := range search.query {
		query[name] = values
	}
	found.oldest = time.Time{}
	listed := 0
	for page := 1; page <= pages; page++ {
		if page > 1 {
			query.Set("page", strconv.Itoa(page))
		}
		var answer runsAnswer
		_, err := f.call(ctx, who, request{operation: search.operation, method: http.MethodGet, permission: actionsReadable, address: search.route, query: query}, &answer)
		if err != nil {
			return false, err
		}
		if answer.Total == nil {
			return false, lacking(search.operation, "total_count")
		}
		if err := found.add(answer.Runs); err != nil {
			return false, err
		}
		listed += len(answer.Runs)
		if listed >= *answer.Total || found.oldest.Before(found.since) {
			return true, nil
		}
		if len(answer.Runs) == 0 {
			return false, nil // GitHub lists no more of the search
		}
	}
	return false, nil
}

func (c *collected) add(listed []runAnswer) error {
	for _, one := range listed {
		if c.oldest.IsZero() || one.CreatedAt.Before(c.oldest) {
			c.oldest = one.CreatedAt
		}
		if !c.commit.IsZero() && one.HeadSHA != c.commit.String() || one.CreatedAt.Before(c.since) || c.seen[one.ID] { // a run that began meanwhile moves others to the next page
			continue
		}
		run, err := one.run(c.operation)
		if err != nil {
			return err
		}
		c.seen[run.ID] = true
		c.runs = append(c.runs, run)
	}
	return nil
}
