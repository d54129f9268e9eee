package githubtest

import (
	"encoding/json"
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

// descriptionLimit is that of commit statuses and of deployment statuses.
const descriptionLimit = 140

func createStatus(c *call) answer {
	var wanted struct {
		State       string  `json:"state"`
		TargetURL   *string `json:"target_url"`
		Description *string `json:"description"`
		Context     *string `json:"context"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	if c.repository.network.byID[c.parameters["sha"]] == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.parameters["sha"])
	}
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, wanted.State) {
		return invalid("Status", "state", "custom", "state is not included in the list")
	}
	if utf8.RuneCountInString(text(wanted.Description)) > descriptionLimit {
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	status := &CommitStatus{
		ID: next(&c.server.sequence.status), SHA: c.parameters["sha"], State: wanted.State, Description: text(wanted.Description),
		TargetURL: text(wanted.TargetURL), Context: text(wanted.Context), created: c.server.now(), creator: c.speaker(),
	}
	if wanted.Context == nil {
		status.Context = "default"
	}
	c.repository.statuses = append(c.repository.statuses, status)
	return created(status.document(c.repository))
}

func listStatuses(c *call) answer {
	commit := c.repository.resolve(c.parameters["ref"])
	if commit == nil {
		return notFound()
	}
	var found []*CommitStatus
	for _, status := range slices.Backward(c.repository.statuses) {
		if status.SHA == commit.sha {
			found = append(found, status)
		}
	}
	return list(c, found, func(status *CommitStatus) object { return status.document(c.repository) })
}

// createDeployment follows "Create a deployment": an unknown ref is 422; with auto_merge (the default) a branch behind the
// default branch is merged first and 202 says so; without required_contexts every check on the commit must be green (409).
func createDeployment(c *call) answer {
	var wanted struct {
		Ref              string          `json:"ref"`
		Task             *string         `json:"task"`
		AutoMerge        *bool           `json:"auto_merge"`
		RequiredContexts *[]string       `json:"required_contexts"`
		Payload          json.RawMessage `json:"payload"`
		Environment      *string         `json:"environment"`
		Description      *string         `json:"description"`
		Transient        bool            `json:"transient_environment"`
		Production       *bool           `json:"production_environment"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	r := c.repository
	commit := r.resolve(wanted.Ref)
	if commit == nil {
		return refuse(http.StatusUnprocessableEntity, "No ref found for: "+wanted.Ref)
	}
	trunk := r.branches[r.defaultBranch]
	if (wanted.AutoMerge == nil || *wanted.AutoMerge) && r.branches[wanted.Ref] != nil && len(between(commit, trunk)) > 0 {
		message := fmt.Sprintf("Auto-merged %s into %s on deployment.", r.defaultBranch, wanted.Ref)
		return answer{status: http.StatusAccepted, body: object{"message": message}}
	}
	if refusal := r.contexts(commit, wanted.Ref, wanted.RequiredContexts); refusal.status != 0 {
		return refusal
	}
	deployment := &Deployment{
		repository: r, id: next(&c.server.sequence.deployment), commit: commit, ref: wanted.Ref, task: "deploy",
		environment: "production", payload: any(object{}), transient: wanted.Transient, creator: c.speaker(),
		created: c.server.now(), updated: c.server.now(),
	}
	if wanted.Task != nil {
		deployment.task = *wanted.Task
	}
	if wanted.Environment != nil {
		deployment.environment = *wanted.Environment
	}
	if wanted.Description != nil {
		deployment.description = *wanted.Description
	}
	if len(wanted.Payload) > 0 {
		_ = json.Unmarshal(wanted.Payload, &deployment.payload) // a part of a body that was decoded already
	}
	deployment.production = deployment.environment == "production"
	if wanted.Production != nil {
		deployment.production = *wanted.Production
	}
	r.deployments = append(r.deployments, deployment)
	return created(deployment.document())
}

// contexts refuses a deployment of a commit whose statuses or check runs are not all green.
func (r *Repository) contexts(commit *Commit, ref string, required *[]string) answer {
	states := map[string]bool{}
	for _, status := range r.statuses {
		if status.SHA == commit.sha {
			states[status.Context] = status.State == "success"
		}
	}
	for _, check := range r.checkRuns {
		if check.head == commit {
			states[check.state.Name] = slices.Contains([]string{"success", "neutral", "skipped"}, check.state.Conclusion)
		}
	}
	conflict := refuse(http.StatusConflict, "Conflict: Commit status checks failed for "+ref+".")
	if required == nil {
		for _, green := range states {
			if !green {
				return conflict
			}
		}
		return answer{}
	}
	for _, name := range *required {
		if !states[name] {
			return conflict
		}
	}
	return answer{}
}

func (c *call) deployment() *Deployment {
	return c.repository.deploymentByID(c.number("deployment_id"))
}

func getDeployment(c *call) answer {
	deployment := c.deployment()
	if deployment == nil {
		return notFound()
	}
	return ok(deployment.document())
}

func listDeployments(c *call) answer {
	var found []*Deployment
	for _, deployment := range slices.Backward(c.repository.deployments) {
		fits := func(parameter, value string) bool {
			return c.query.Get(parameter) == "" || c.query.Get(parameter) == value
		}
		if fits("sha", deployment.commit.sha) && fits("ref", deployment.ref) && fits("environment", deployment.environment) && fits("task", deployment.task) {
			found = append(found, deployment)
		}
	}
	return list(c, found, (*Deployment).document)
}

func listDeploymentStatuses(c *call) answer {
	deployment := c.deployment()
	if deployment == nil {
		return notFound()
	}
	newest := slices.Clone(deployment.statuses)
	slices.Reverse(newest)
	return list(c, newest, deployment.statusDocument)
}

func createDeploymentStatus(c *call) answer {
	deployment := c.deployment()
	if deployment == nil {
		return notFound()
	}
	var wanted struct {
		State          string  `json:"state"`
		Description    string  `json:"description"`
		LogURL         string  `json:"log_url"`
		TargetURL      string  `json:"target_url"`
		EnvironmentURL string  `json:"environment_url"`
		Environment    *string `json:"environment"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	states := []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
	if !slices.Contains(states, wanted.State) {
		return invalid("DeploymentStatus", "state", "custom", "state is not included in the list")
	}
	if utf8.RuneCountInString(wanted.Description) > descriptionLimit {
		return invalid("DeploymentStatus", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	status := DeploymentStatus{
		ID: next(&c.server.sequence.deploymentStatus), State: wanted.State, Description: wanted.Description, LogURL: wanted.LogURL,
		EnvironmentURL: wanted.EnvironmentURL, Environment: deployment.environment, created: c.server.now(), creator: c.speaker(),
	}
	if status.LogURL == "" {
		status.LogURL = wanted.TargetURL
	}
	if wanted.Environment != nil {
		status.Environment = *wanted.Environment
	}
	deployment.statuses = append(deployment.statuses, status)
	deployment.updated = c.server.now()
	return created(deployment.statusDocument(status))
}
