package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// How far back is looked for what our app wrote: pages of the repository's comments, those that others edited, and commits with runs.
const (
	maximumOwnPages   = 5
	maximumOwnEdited  = 20
	maximumOwnCommits = 20
)

// Written is something that our app wrote.
type Written struct {
	Title string // of a check run
	Text  string // a comment's body
	At    time.Time
	URL   string
}

// OwnComment gives what is wanted of what our app itself wrote in the repository's issues and pull requests: the newest, of the newest
// five hundred comments. Whoever may write can edit our comments: what others edited is passed over. One call for each hundred, and
// for each that is wanted; one more, once, when the app's id or name is not known yet.
// (https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository)
func (f *Forge) OwnComment(ctx context.Context, repository promotion.Repository, wanted func(Written) bool) (found Written, err error) {
	edited := 0
	_, _, err = eachChange(ctx, f, repository, request{
		operation: fmt.Sprintf("look for our comments in %s", repository.FullName()), method: http.MethodGet, permission: issuesWritable,
		address: inRepository(repository, "/issues/comments"),
		query:   url.Values{"sort": {"created"}, "direction": {"desc"}, "per_page": {pageSize}},
	}, maximumOwnPages, nil, func(page []recentAnswer) (bool, error) {
		for _, comment := range page {
			written := Written{Text: comment.Body, At: comment.Created, URL: comment.Page}
			ours, err := f.madeByUs(ctx, comment.commentAnswer)
			if err != nil {
				return false, err
			}
			if !ours || !wanted(written) {
				continue
			}
			byOthers, err := f.editedByOthers(ctx, repository, comment)
			if err != nil {
				return false, err
			}
			if !byOthers {
				found = written
				return false, nil
			}
			if edited++; edited == maximumOwnEdited {
				return false, nil
			}
		}
		return true, nil
	})
	return found, err
}

// OwnCheckRuns gives the check runs of that name which our app made on the newest commits of the default branch that have
// workflow runs, until enough reports true. One call, and one for each commit.
// (https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference)
func (f *Forge) OwnCheckRuns(ctx context.Context, repository promotion.Repository, name string, enough func(Written) bool) error {
	commits, err := f.builtLately(ctx, repository)
	if err != nil {
		return err
	}
	operation := fmt.Sprintf("look for our check runs %.100q in %s", name, repository.FullName())
	found := false
	for _, commit := range commits {
		err := f.eachCheckRun(ctx, repository, operation, commit, name, func(run checkRunAnswer) {
			found = found || enough(Written{Title: run.Output.Title, At: run.StartedAt, URL: run.URL})
		})
		if err != nil && !errors.Is(err, promotion.ErrNotFound) {
			return err
		}
		if found {
			break
		}
	}
	return nil
}

// builtLately gives the newest commits of the default branch that have workflow runs. One call.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository)
func (f *Forge) builtLately(ctx context.Context, repository promotion.Repository) ([]promotion.Commit, error) {
	operation := fmt.Sprintf("list the runs of the default branch of %s", repository.FullName())
	query := url.Values{"per_page": {pageSize}}
	if repository.DefaultBranch != "" {
		query.Set("branch", repository.DefaultBranch)
	}
	var answer struct {
		Runs *[]struct {
			HeadSHA string `json:"head_sha"`
		} `json:"workflow_runs"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable, address: inRepository(repository, "/actions/runs"), query: query,
	}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Runs == nil {
		return nil, lacking(operation, "workflow_runs")
	}
	var commits []promotion.Commit
	for _, run := range *answer.Runs {
		commit, err := promotion.ParseCommit(run.HeadSHA)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", operation, err)
		}
		if !slices.Contains(commits, commit) && len(commits) < maximumOwnCommits {
			commits = append(commits, commit)
		}
	}
	return commits, nil
}
