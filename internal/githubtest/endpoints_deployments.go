package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

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
