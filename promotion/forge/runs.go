package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	actionsReadable = "actions: read"
	pageSize        = "100" // the most that GitHub gives
	maximumJobPages = 30
)

// runAnswer is a workflow run as GitHub answers it. go-github's own lacks the path.
// (https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run)
type runAnswer struct {
	ID              int64             `json:"id"`
	Attempt         int               `json:"run_attempt"`
	Path            string            `json:"path"`
	Event           string            `json:"event"`
	HeadSHA         string            `json:"head_sha"`
	HeadBranch      string            `json:"head_branch"`
	HeadRepository  *repositoryAnswer `json:"head_repository"`
	Repository      *repositoryAnswer `json:"repository"`
	Status          string            `json:"status"`
	Conclusion      string            `json:"conclusion"`
	CreatedAt       time.Time         `json:"created_at"`
	StartedAt       time.Time         `json:"run_started_at"`
	UpdatedAt       time.Time         `json:"updated_at"`
	URL             string            `json:"html_url"`
	Actor           *personAnswer     `json:"actor"`
	TriggeringActor *personAnswer     `json:"triggering_actor"`
	PullRequests    []struct {
		Base struct {
			Branch     string            `json:"ref"`
			Repository *repositoryAnswer `json:"repo"`
		} `json:"base"`
	} `json:"pull_requests"` // the open ones with this head, and none of forks
}

type repositoryAnswer struct {
	ID int64 `json:"id"`
}

func (r *repositoryAnswer) id() int64 {
	if r == nil {
		return 0
	}
	return r.ID
}

// run makes the domain's run. Whatever decides something must be there.
func (r runAnswer) run(operation string) (promotion.Run, error) {
	commit, err := promotion.ParseCommit(r.HeadSHA)
	if err != nil {
		return promotion.Run{}, fmt.Errorf("%s: %w", operation, err)
	}
	started := r.StartedAt
	if started.IsZero() && r.Attempt == 1 { // only a later attempt starts at another time than the run was created
		started = r.CreatedAt
	}
	for what, missing := range map[string]bool{
		"id": r.ID <= 0, "run_attempt": r.Attempt < 1, "status": r.Status == "", "event": r.Event == "",
		"repository": r.Repository.id() <= 0, "run_started_at": started.IsZero(),
		"conclusion": r.Status == "completed" && r.Conclusion == "",
	} {
		if missing {
			return promotion.Run{}, lacking(operation, what)
		}
	}
	actor := r.TriggeringActor
	if actor == nil {
		actor = r.Actor
	}
	var bases []string
	for _, pull := range r.PullRequests {
		if pull.Base.Repository.id() == r.Repository.id() && pull.Base.Branch != "" {
			bases = append(bases, pull.Base.Branch)
		}
	}
	return promotion.Run{
		Bases: bases,
		ID:    r.ID, Attempt: r.Attempt, Commit: commit, Path: promotion.WorkflowPath(r.Path), Event: r.Event,
		HeadBranch: r.HeadBranch, HeadRepository: r.HeadRepository.id(), Repository: r.Repository.id(),
		Status: r.Status, Conclusion: r.Conclusion,
		Created: r.CreatedAt.UTC(), Started: started.UTC(), Updated: r.UpdatedAt.UTC(),
		URL: r.URL, Actor: actor.person(),
	}, nil
}

// Run gives one run at its newest attempt, or promotion.ErrNotFound. One call.
// (https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run)
func (f *Forge) Run(ctx context.Context, repository promotion.Repository, id int64) (promotion.Run, error) {
	operation := fmt.Sprintf("read run %d of %s", id, repository.FullName())
	var answer runAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/runs/{run}", number(id)),
	}, &answer)
	if err != nil {
		return promotion.Run{}, err
	}
	if answer.ID != id {
		return promotion.Run{}, lacking(operation, "id")
	}
	return answer.run(operation)
}

// AttemptStart returns when an attempt of the run began, or promotion.ErrNotFound. One call.
// (https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run-attempt)
func (f *Forge) AttemptStart(ctx context.Context, repository promotion.Repository, run int64, attempt int) (time.Time, error) {
	operation := fmt.Sprintf("read attempt %d of run %d of %s", attempt, run, repository.FullName())
	var answer runAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/runs/{run}/attempts/{attempt}", number(run), number(int64(attempt))),
	}, &answer)
	switch {
	case err != nil:
		return time.Time{}, err
	case answer.ID != run:
		return time.Time{}, lacking(operation, "id")
	case answer.Attempt != attempt:
		return time.Time{}, lacking(operation, "run_attempt")
	}
	of, err := answer.run(operation)
	return of.Started, err
}

// jobAnswer is a job as GitHub answers it.
// (https://docs.github.com/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run)
type jobAnswer struct {
	ID          int64     `json:"id"`
	Run         int64     `json:"run_id"`
	Attempt     int       `json:"run_attempt"`
	Name        string    `json:"name"`
	Status      string    `json:"status"`
	Conclusion  string    `json:"conclusion"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at"`
	URL         string    `json:"html_url"`
}

func (j jobAnswer) job(operation string, run int64) (promotion.Job, error) {
	switch {
	case j.ID <= 0:
		return promotion.Job{}, lacking(operation, "id")
	case j.Run != run:
		return promotion.Job{}, lacking(operation, "run_id")
	case j.Attempt < 1:
		return promotion.Job{}, lacking(operation, "run_attempt")
	case j.Status == "":
		return promotion.Job{}, lacking(operation, "status")
	case j.Status == "completed" && j.Conclusion == "":
		return promotion.Job{}, lacking(operation, "conclusion")
	}
	return promotion.Job{
		ID: j.ID, Run: j.Run, Attempt: j.Attempt, Name: j.Name, Status: j.Status, Conclusion: j.Conclusion,
		Started: j.StartedAt.UTC(), Completed: j.CompletedAt.UTC(), URL: j.URL,
	}, nil
}

// Jobs gives the run's jobs in all of its attempts. One call for each hundred jobs; more than 3,000 are an error.
// (https://docs.github.com/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run)
func (f *Forge) Jobs(ctx context.Context, repository promotion.Repository, run int64) ([]promotion.Job, error) {
	operation := fmt.Sprintf("list the jobs of run %d of %s", run, repository.FullName())
	type listing struct {
		Jobs *[]jobAnswer `json:"jobs"`
	}
	var jobs []promotion.Job
	seen := make(map[int64]bool)
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/runs/{run}/jobs", number(run)),
		query:   url.Values{"filter": {"all"}, "per_page": {pageSize}},
	}, maximumJobPages, func(page listing) error {
		if page.Jobs == nil {
			return lacking(operation, "jobs")
		}
		for _, listed := range *page.Jobs {
			if seen[listed.ID] {
				continue
			}
			job, err := listed.job(operation, run)
			if err != nil {
				return err
			}
			seen[job.ID] = true
			jobs = append(jobs, job)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}
