package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion"
)

// GitHub's limits for check runs (https://docs.github.com/rest/checks/runs#create-a-check-run).
const (
	maximumCheckText        = 65_535 // summary and text, each; in bytes here, which are never fewer than characters
	maximumCheckTitle       = 255
	maximumActions          = 3
	maximumLabel            = 20
	maximumDescription      = 40
	maximumIdentifier       = 20
	maximumCheckRunPages    = 10
	checksWritable          = "checks: write"
	checkCompleted          = "completed"
	checkRunTextMustBeGiven = "(nothing to say)"
)

// CheckRun is what a check run shows.
type CheckRun struct {
	Name        string
	HeadSHA     string // full name of the commit; only looked at when the check run is created
	Status      string // queued, in_progress, completed
	Conclusion  string // only when completed: success, failure, neutral, cancelled, skipped, timed_out, action_required
	ExternalID  string // our own key, to find it again
	DetailsURL  string
	Title       string
	Summary     string // Markdown
	Text        string // Markdown
	Actions     []CheckAction
	StartedAt   time.Time // zero: left to GitHub
	CompletedAt time.Time // only when completed; zero: left to GitHub
}

// CheckAction is a button of a check run. A press sends the identifier.
type CheckAction struct {
	Label       string // cut to 20 characters
	Description string // cut to 40 characters
	Identifier  string // at most 20 characters
}

type checkRunBody struct {
	Name        string            `json:"name"`
	HeadSHA     string            `json:"head_sha,omitempty"`
	Status      string            `json:"status,omitempty"`
	Conclusion  string            `json:"conclusion,omitempty"`
	ExternalID  string            `json:"external_id,omitempty"`
	DetailsURL  string            `json:"details_url,omitempty"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	CompletedAt *time.Time        `json:"completed_at,omitempty"`
	Output      checkOutputBody   `json:"output"`
	Actions     []checkActionBody `json:"actions"` // empty takes earlier buttons away
}

type checkOutputBody struct {
	Title   string `json:"title"`
	Summary string `json:"summary"`
	Text    string `json:"text,omitempty"`
}

type checkActionBody struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// body makes what is sent, within GitHub's limits. Texts for people are cut; an identifier is not, since a cut one would
// be another one.
func (c CheckRun) body() (checkRunBody, error) {
	if c.Name == "" || len(c.Actions) > maximumActions || (c.Status == checkCompleted) != (c.Conclusion != "") {
		return checkRunBody{}, errors.New("a check run needs a name, at most three actions, and a conclusion if and only if it is completed")
	}
	body := checkRunBody{
		Name: c.Name, Status: c.Status, Conclusion: c.Conclusion, ExternalID: c.ExternalID, DetailsURL: c.DetailsURL,
		StartedAt: moment(c.StartedAt), Actions: []checkActionBody{},
		Output: checkOutputBody{
			Title: oneLine(c.Title, maximumCheckTitle), Summary: cut(c.Summary, maximumCheckText), Text: cut(c.Text, maximumCheckText),
		},
	}
	if body.Output.Title == "" {
		body.Output.Title = oneLine(c.Name, maximumCheckTitle)
	}
	if body.Output.Summary == "" {
		body.Output.Summary = checkRunTextMustBeGiven
	}
	if c.Status == checkCompleted {
		body.CompletedAt = moment(c.CompletedAt)
	}
	for _, action := range c.Actions {
		if action.Identifier == "" || action.Label == "" || utf8.RuneCountInString(action.Identifier) > maximumIdentifier {
			return checkRunBody{}, fmt.Errorf("action %.40q: expected a label and an identifier of at most %d characters", action.Identifier, maximumIdentifier)
		}
		body.Actions = append(body.Actions, checkActionBody{
			Label: oneLine(action.Label, maximumLabel), Description: oneLine(action.Description, maximumDescription), Identifier: action.Identifier,
		})
	}
	return body, nil
}

// moment writes a time as GitHub reads it, in whole seconds.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}

// CreateCheckRun creates a check run on a commit, and gives its id. Texts that are too long are cut. One call, never
// repeated: after a failure only FindCheckRun can tell whether it is there.
// (https://docs.github.com/rest/checks/runs#create-a-check-run)
func (f *Forge) CreateCheckRun(ctx context.Context, repository promotion.Repository, check CheckRun) (int64, error) {
	operation := fmt.Sprintf("create the check run %.100q of %s at %.7s", check.Name, repository.FullName(), check.HeadSHA)
	body, err := check.body()
	if err == nil {
		_, err = promotion.ParseCommit(check.HeadSHA)
	}
	if err != nil {
		return 0, &promotion.PermanentError{Err: fmt.Errorf("%s: %w", operation, err)}
	}
	body.HeadSHA = check.HeadSHA
	var answer created
	err = f.ask(ctx, repository, request{
		operation: operation, method: http.MethodPost, permission: checksWritable,
		address: inRepository(repository, "/check-runs"), body: body,
	}, &answer)
	if err != nil {
		return 0, err
	}
	if answer.ID <= 0 {
		return 0, lacking(operation, "id")
	}
	return answer.ID, nil
}

// UpdateCheckRun replaces what a check run shows, its buttons included. A completed one is not reopened by it: GitHub
// needs another of the same name. One call.
// (https://docs.github.com/rest/checks/runs#update-a-check-run)
func (f *Forge) UpdateCheckRun(ctx context.Context, repository promotion.Repository, id int64, check CheckRun) error {
	operation := fmt.Sprintf("update check run %d of %s", id, repository.FullName())
	body, err := check.body()
	if err != nil {
		return &promotion.PermanentError{Err: fmt.Errorf("%s: %w", operation, err)}
	}
	return f.ask(ctx, repository, request{
		operation: operation, method: http.MethodPatch, permission: checksWritable,
		address: inRepository(repository, "/check-runs/{check_run}", number(id)), body: body,
	}, nil)
}

// FindCheckRun looks for the newest check run of that name that our app made on the commit under the external id ("": under
// any), and says whether it has completed. One call for each hundred of them; one more, once, when the app's id is not
// known yet.
// (https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference)
func (f *Forge) FindCheckRun(
	ctx context.Context, repository promotion.Repository, commit promotion.Commit, name, externalID string,
) (id int64, completed, found bool, err error) {
	operation := fmt.Sprintf("look for the check run %.100q of %s at %s", name, repository.FullName(), commit.Short())
	if commit.IsZero() || name == "" {
		return 0, false, false, &promotion.PermanentError{Err: errors.New(operation + ": no commit or name given")}
	}
	err = f.eachCheckRun(ctx, repository, operation, commit, name, func(run checkRunAnswer) {
		if run.ID > id && (externalID == "" || run.ExternalID == externalID) {
			id, completed = run.ID, run.Status == checkCompleted
		}
	})
	if err != nil {
		return 0, false, false, err
	}
	return id, completed, id != 0, nil
}

// checkRunAnswer is a check run as GitHub answers it.
type checkRunAnswer struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	HeadSHA    string    `json:"head_sha"`
	Status     string    `json:"status"`
	ExternalID string    `json:"external_id"`
	URL        string    `json:"html_url"`
	StartedAt  time.Time `json:"started_at"`
	Output     struct {
		Title string `json:"title"`
	} `json:"output"`
	App created `json:"app"`
}

// eachCheckRun visits the check runs of that name that our app made on the commit.
func (f *Forge) eachCheckRun(ctx context.Context, repository promotion.Repository, operation string, commit promotion.Commit, name string, visit func(checkRunAnswer)) error {
	app, err := f.AppID(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	type listing struct {
		CheckRuns *[]checkRunAnswer `json:"check_runs"`
	}
	return eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: checksWritable,
		address: inRepository(repository, "/commits/{ref}/check-runs", commit.String()),
		query:   url.Values{"check_name": {name}, "app_id": {number(app)}, "filter": {"all"}, "per_page": {pageSize}},
	}, maximumCheckRunPages, func(page listing) error {
		if page.CheckRuns == nil {
			return lacking(operation, "check_runs")
		}
		for _, run := range *page.CheckRuns {
			if run.App.ID == app && run.Name == name && run.HeadSHA == commit.String() {
				visit(run)
			}
		}
		return nil
	})
}
