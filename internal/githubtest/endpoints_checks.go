package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// checkOutputLimit is the size of summary and text. The documentation says characters, and the schema check counts those
// ("Only 65535 characters are allowed"); after it bytes are counted too (github/docs#35252).
const checkOutputLimit = 65535

// checkRunRequest is the body of "Create a check run" and "Update a check run".
type checkRunRequest struct {
	Name        *string    `json:"name"`
	HeadSHA     *string    `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      *string    `json:"status"`
	StartedAt   *time.Time `json:"started_at"`
	Conclusion  *string    `json:"conclusion"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title   *string `json:"title"`
		Summary *string `json:"summary"`
		Text    *string `json:"text"`
	} `json:"output"`
	Actions []CheckRunAction `json:"actions"`
}

var conclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}

// check holds the request against the limits that the documentation gives.
func (wanted checkRunRequest) check() answer {
	status, conclusion := text(wanted.Status), text(wanted.Conclusion)
	switch {
	case wanted.Status != nil && !slices.Contains([]string{"queued", "in_progress", "completed"}, status):
		return invalidRequest("For 'properties/status', %s is not a possible value.", status)
	case wanted.Conclusion != nil && !slices.Contains(conclusions, conclusion):
		return invalidRequest("For 'properties/conclusion', %s is not a possible value.", conclusion)
	case wanted.Conclusion == nil && (status == "completed" || wanted.CompletedAt != nil):
		return invalidRequest("\"conclusion\" wasn't supplied.")
	}
	if refusal := wanted.checkOutput(); refusal.status != 0 {
		return refusal
	}
	if len(wanted.Actions) > 3 {
		return invalidRequest("No more than 3 items are allowed; %d were supplied.", len(wanted.Actions))
	}
	for _, action := range wanted.Actions {
		for _, limit := range []struct {
			text string
			most int
		}{{action.Label, 20}, {action.Description, 40}, {action.Identifier, 20}} {
			if limit.text == "" {
				return invalidRequest("\"label\", \"description\" or \"identifier\" wasn't supplied.")
			}
			if refusal := atMost(limit.text, limit.most); refusal.status != 0 {
				return refusal
			}
		}
	}
	return answer{}
}

func (wanted checkRunRequest) checkOutput() answer {
	if wanted.Output == nil {
		return answer{}
	}
	if wanted.Output.Title == nil || wanted.Output.Summary == nil {
		return invalidRequest("\"title\" or \"summary\" wasn't supplied.")
	}
	for field, content := range map[string]string{"summary": text(wanted.Output.Summary), "text": text(wanted.Output.Text)} {
		if refusal := atMost(content, checkOutputLimit); refusal.status != 0 {
			return refusal
		}
		if len(content) > checkOutputLimit {
			return invalid("CheckRun", field, "custom", fmt.Sprintf("%s exceeds a maximum bytesize of %d", field, checkOutputLimit))
		}
	}
	return answer{}
}

func atMost(content string, most int) answer {
	if length := utf8.RuneCountInString(content); length > most {
		return invalidRequest("Only %d characters are allowed; %d were supplied.", most, length)
	}
	return answer{}
}

func text(pointer *string) string {
	if pointer == nil {
		return ""
	}
	return *pointer
}

// apply gives the state after the request. A completed check run keeps its status and conclusion: GitHub answers 200 and
// does not reopen it (Mergifyio/mergify#1989, tektoncd/pipelines-as-code#998); the rest changes.
func (wanted checkRunRequest) apply(state CheckRunState, now time.Time) CheckRunState {
	set := func(field *string, value *string) {
		if value != nil {
			*field = *value
		}
	}
	set(&state.Name, wanted.Name)
	set(&state.DetailsURL, wanted.DetailsURL)
	set(&state.ExternalID, wanted.ExternalID)
	if wanted.StartedAt != nil {
		state.Started = *wanted.StartedAt
	}
	if wanted.Output != nil {
		state.HasOutput = true
		state.Title, state.Summary, state.Text = text(wanted.Output.Title), text(wanted.Output.Summary), text(wanted.Output.Text)
	}
	if wanted.Actions != nil {
		state.Actions = slices.Clone(wanted.Actions)
	}
	if state.Status == "completed" {
		return state
	}
	set(&state.Status, wanted.Status)
	if wanted.Conclusion != nil {
		state.Status, state.Conclusion, state.Ended = "completed", *wanted.Conclusion, now
		if wanted.CompletedAt != nil {
			state.Ended = *wanted.CompletedAt
		}
	}
	return state
}

func createCheckRun(c *call) answer {
	var wanted checkRunRequest
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	if wanted.Name == nil || wanted.HeadSHA == nil {
		return invalidRequest("\"name\" or \"head_sha\" wasn't supplied.")
	}
	if refusal := wanted.check(); refusal.status != 0 {
		return refusal
	}
	head := c.repository.network.byID[*wanted.HeadSHA]
	if head == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+*wanted.HeadSHA)
	}
	now := c.server.now()
	check := &CheckRun{
		repository: c.repository, id: next(&c.server.sequence.checkRun), suite: c.repository.suiteFor(head), head: head, created: now,
	}
	check.set(wanted.apply(CheckRunState{Status: "queued", Started: now}, now))
	c.repository.checkRuns = append(c.repository.checkRuns, check)
	c.server.announceCheckRun(check, "created", c.speaker(), nil)
	if check.state.Status == "completed" {
		c.server.announceCheckRun(check, "completed", c.speaker(), nil)
	}
	return created(check.document())
}

func getCheckRun(c *call) answer {
	check := c.repository.checkRunByID(c.number("check_run_id"))
	if check == nil {
		return notFound()
	}
	return ok(check.document())
}

func updateCheckRun(c *call) answer {
	check := c.repository.checkRunByID(c.number("check_run_id"))
	if check == nil {
		return notFound()
	}
	var wanted checkRunRequest
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	if refusal := wanted.check(); refusal.status != 0 {
		return refusal
	}
	before := check.state.Status
	check.set(wanted.apply(check.state, c.server.now()))
	if before != "completed" && check.state.Status == "completed" {
		c.server.announceCheckRun(check, "completed", c.speaker(), nil)
	}
	return ok(check.document())
}

// listCheckRuns lists the app's check runs on a commit, newest first; with filter=latest (the default) only the newest of
// each name. The check runs of workflow jobs are not among them.
func listCheckRuns(c *call) answer {
	commit := c.repository.resolve(c.parameters["ref"])
	if commit == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.parameters["ref"])
	}
	name, status, all := c.query.Get("check_name"), c.query.Get("status"), c.query.Get("filter") == "all"
	app := c.query.Get("app_id")
	seen := map[string]bool{}
	var found []*CheckRun
	for _, check := range slices.Backward(c.repository.checkRuns) {
		if check.head != commit || name != "" && name != check.state.Name || status != "" && status != check.state.Status ||
			app != "" && app != fmt.Sprint(c.server.app.id) || !all && seen[check.state.Name] {
			continue
		}
		seen[check.state.Name] = true
		found = append(found, check)
	}
	return wrapped(c, "check_runs", found, (*CheckRun).document)
}
