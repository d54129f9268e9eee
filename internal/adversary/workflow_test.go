package adversary

import (
	"fmt"
	"slices"
	"strings"
)

// workflow is what a workflow's file says, as far as the runner understands it.
type workflow struct {
	On   []string
	Jobs []job
}

// job is one job: what it does, and which jobs must have succeeded before.
type job struct {
	Name  string
	Does  string // build, test, stage, report (a digest without having used it) or nothing
	Needs []string
}

// The honest workflows, and what somebody makes of them who wants untested images through.
var (
	honestCI = workflow{On: []string{"push", "pull_request"}, Jobs: []job{
		{"build", "build", nil}, {"test-unit", "test", []string{"build"}}, {"test-e2e", "test", []string{"test-unit"}},
	}}
	emptiedCI = workflow{On: []string{"push", "pull_request"}, Jobs: []job{
		{"build", "build", nil}, {"test-unit", "nothing", nil}, {"test-e2e", "nothing", nil},
	}}
	honestStaging  = workflow{On: []string{"push", "workflow_run", "workflow_dispatch"}, Jobs: []job{{"deploy", "stage", nil}}}
	emptiedStaging = workflow{On: honestStaging.On, Jobs: []job{{"deploy", "report", nil}}}
)

func (w workflow) render() string {
	var text strings.Builder
	fmt.Fprintf(&text, "on: [%s]\njobs:\n", strings.Join(w.On, ", "))
	for _, j := range w.Jobs {
		fmt.Fprintf(&text, "  %s:\n    does: %s\n    needs: [%s]\n", j.Name, j.Does, strings.Join(j.Needs, ", "))
	}
	return text.String()
}

// parseWorkflow reads what render wrote.
func parseWorkflow(content string) workflow {
	var read workflow
	list := func(text string) []string {
		return slices.DeleteFunc(strings.Split(strings.Trim(text, "[]"), ", "), func(word string) bool { return word == "" })
	}
	for line := range strings.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "on":
			read.On = list(value)
		case strings.HasPrefix(line, "    ") && key == "does":
			read.Jobs[len(read.Jobs)-1].Does = value
		case strings.HasPrefix(line, "    ") && key == "needs":
			read.Jobs[len(read.Jobs)-1].Needs = list(value)
		case strings.HasPrefix(line, "  "):
			read.Jobs = append(read.Jobs, job{Name: key})
		}
	}
	return read
}
