package githubtest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// searchLimit is how many runs GitHub lists of one search, whatever its total_count says.
// (https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository)
const searchLimit = 1000

// listRuns lists runs, newest first, at their newest attempt.
func listRuns(c *call) answer { return c.searchRuns(func(*Run) bool { return true }) }

// listWorkflowRuns lists those of one workflow, which is named by its id or its file's name.
func listWorkflowRuns(c *call) answer {
	target := c.workflow()
	if target == nil {
		return notFound()
	}
	return c.searchRuns(func(run *Run) bool { return run.workflow == target })
}

func (c *call) searchRuns(fits func(*Run) bool) answer {
	var found []*Run
	for _, run := range slices.Backward(c.repository.runs) {
		if fits(run) && c.wants(run) {
			found = append(found, run)
		}
	}
	slices.SortStableFunc(found, func(a, b *Run) int { return b.created.Compare(a.created) })
	total := len(found)
	narrowed := slices.ContainsFunc([]string{"actor", "branch", "check_suite_id", "created", "event", "head_sha", "status"}, c.query.Has)
	if narrowed && total > searchLimit {
		found = found[:searchLimit]
	}
	listed := wrapped(c, "workflow_runs", found, func(run *Run) object { return run.document(run.latest().number) })
	listed.body.(object)["total_count"] = total
	return listed
}

// workflow finds the workflow that the address names, by its id or its file's name.
func (c *call) workflow() *workflow {
	for _, known := range c.repository.workflows {
		if strconv.FormatInt(known.id, 10) == c.parameters["workflow_id"] || path.Base(known.path) == c.parameters["workflow_id"] {
			return known
		}
	}
	return nil
}

func (c *call) wants(run *Run) bool {
	fits := func(parameter, value string) bool {
		asked := c.query.Get(parameter)
		return asked == "" || asked == value
	}
	status := c.query.Get("status")
	return fits("head_sha", run.head.sha) && fits("event", run.event) && fits("branch", run.headBranch) &&
		fits("actor", run.actor.login) && fits("check_suite_id", strconv.FormatInt(run.suite, 10)) &&
		(status == "" || status == run.latest().status || status == run.latest().conclusion) &&
		c.wantsCreated(run.created)
}

// wantsCreated knows the forms ">=2006-01-02T15:04:05Z", "a..b" and a day by itself, of "Searching by date".
func (c *call) wantsCreated(at time.Time) bool {
	asked := c.query.Get("created")
	if asked == "" {
		return true
	}
	when := func(text string) time.Time {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if parsed, err := time.Parse(layout, text); err == nil {
				return parsed
			}
		}
		return time.Time{}
	}
	if from, to, isRange := strings.Cut(asked, ".."); isRange {
		return (from == "*" || !at.Before(when(from))) && (to == "*" || !at.After(when(to)))
	}
	for _, form := range []struct {
		prefix string
		holds  func(time.Time) bool
	}{
		{">=", func(limit time.Time) bool { return !at.Before(limit) }},
		{"<=", func(limit time.Time) bool { return !at.After(limit) }},
		{">", at.After},
		{"<", at.Before},
	} {
		if text, found := strings.CutPrefix(asked, form.prefix); found {
			return form.holds(when(text))
		}
	}
	return strings.HasPrefix(stamp(at), asked)
}

func (c *call) run() *Run { return c.repository.runByID(c.number("run_id")) }

func getRun(c *call) answer {
	run := c.run()
	if run == nil {
		return notFound()
	}
	return ok(run.document(run.latest().number))
}

func (c *call) attempt(run *Run) int {
	number := int(c.number("attempt_number"))
	if run == nil || number < 1 || number > len(run.attempts) {
		return 0
	}
	return number
}

func getAttempt(c *call) answer {
	run := c.run()
	number := c.attempt(run)
	if number == 0 {
		return notFound()
	}
	return ok(run.document(number))
}

// listJobs lists the newest attempt's jobs, kept ones included, or with filter=all every job that ever ran. What GitHub
// lists of kept jobs has changed (r-universe-org/help#607): look at run_attempt, not at which list a job is in.
func listJobs(c *call) answer {
	run := c.run()
	if run == nil {
		return notFound()
	}
	if c.query.Get("filter") == "all" {
		return wrapped(c, "jobs", run.allJobs(), (*Job).document)
	}
	return wrapped(c, "jobs", run.jobsIn(run.latest().number), (*Job).document)
}

func listAttemptJobs(c *call) answer {
	run := c.run()
	number := c.attempt(run)
	if number == 0 {
		return notFound()
	}
	return wrapped(c, "jobs", run.jobsIn(number), (*Job).document)
}

func getJob(c *call) answer {
	for _, run := range c.repository.runs {
		for _, job := range run.allJobs() {
			if job.id == c.number("job_id") {
				return ok(job.document())
			}
		}
	}
	return notFound()
}

func listArtifacts(c *call) answer {
	run := c.run()
	if run == nil {
		return notFound()
	}
	name := c.query.Get("name")
	var found []*Artifact
	for _, artifact := range c.repository.artifacts {
		if artifact.run == run && (name == "" || artifact.name == name) {
			found = append(found, artifact)
		}
	}
	slices.SortFunc(found, func(a, b *Artifact) int { return int(a.id - b.id) })
	return wrapped(c, "artifacts", found, (*Artifact).document)
}

func getArtifact(c *call) answer {
	artifact := c.repository.artifacts[c.number("artifact_id")]
	if artifact == nil {
		return notFound()
	}
	return ok(artifact.document())
}

// downloadArtifact redirects to the archive; of an expired one it answers 410.
func downloadArtifact(c *call) answer {
	artifact := c.repository.artifacts[c.number("artifact_id")]
	if artifact == nil || c.parameters["archive_format"] != "zip" {
		return notFound()
	}
	if artifact.expired() {
		return refuse(http.StatusGone, "Artifact has expired")
	}
	location := c.server.base + downloadPrefix + "artifact/" + artifact.ticket()
	return answer{status: http.StatusFound, header: http.Header{"Location": {location}}}
}

// ticket is what the signed address of an archive ends with.
func (a *Artifact) ticket() string { return sha256Hex(fmt.Appendf(nil, "%d %s", a.id, a.name)) }

// zipped makes an archive of files.
func zipped(files map[string]string) []byte {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := writer.Create(name)
		if err == nil {
			_, err = file.Write([]byte(files[name]))
		}
		if err != nil {
			panic(fmt.Sprintf("githubtest: zip %s: %v", name, err)) // into memory: cannot fail
		}
	}
	if err := writer.Close(); err != nil {
		panic(fmt.Sprintf("githubtest: zip: %v", err))
	}
	return archive.Bytes()
}

func listWorkflows(c *call) answer {
	return wrapped(c, "workflows", c.repository.workflows, func(w *workflow) object { return w.document(c.repository) })
}

// Dispatch is a workflow run that somebody asked for by the API.
type Dispatch struct {
	Workflow string
	Ref      string
	Inputs   map[string]any
}

// Dispatches gives the workflow_dispatch requests that the repository got, oldest first.
func (r *Repository) Dispatches() []Dispatch {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return slices.Clone(r.dispatches)
}

// dispatchWorkflow notes a workflow_dispatch. The workflow is named by its id or its file's name, and must be known
// (Repository.Workflow); the ref must be a branch or a tag. No run begins by itself: the story goes on as the test says.
func dispatchWorkflow(c *call) answer {
	var wanted struct {
		Ref    string         `json:"ref"`
		Inputs map[string]any `json:"inputs"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	target := c.workflow()
	switch {
	case target == nil:
		return notFound()
	case wanted.Ref == "":
		return invalidRequest("\"ref\" wasn't supplied.")
	case len(wanted.Inputs) > 25:
		return invalidRequest("No more than 25 properties are allowed; %d were supplied.", len(wanted.Inputs))
	}
	ref := strings.TrimPrefix(strings.TrimPrefix(wanted.Ref, "refs/heads/"), "refs/tags/")
	if c.repository.branches[ref] == nil && c.repository.tags[ref] == nil {
		return refuse(http.StatusUnprocessableEntity, "No ref found for: "+wanted.Ref)
	}
	c.repository.dispatches = append(c.repository.dispatches, Dispatch{Workflow: target.path, Ref: ref, Inputs: wanted.Inputs})
	return noContent()
}
