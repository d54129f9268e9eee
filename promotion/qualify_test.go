package promotion

import "testing"

// TestWhichRunsQualify goes by what runs say of themselves.
func TestWhichRunsQualify(t *testing.T) {
	shop := Repository{ID: 1, DefaultBranch: "main"}
	stage := Stage{Name: "test", Workflow: ".github/workflows/ci.yml", Events: []string{"push", "merge_group", "pull_request", "workflow_dispatch"}}
	genuine := Run{Path: stage.Workflow, Repository: 1, HeadRepository: 1, Event: "push", HeadBranch: "main"}
	of := func(change func(*Run)) Run {
		run := genuine
		change(&run)
		return run
	}
	for name, test := range map[string]struct {
		run      Run
		expected bool
	}{
		"genuine":                     {genuine, true},
		"another path":                {of(func(r *Run) { r.Path = ".github/workflows/ci.yaml" }), false},
		"of another repository":       {of(func(r *Run) { r.Repository = 2 }), false},
		"of a fork":                   {of(func(r *Run) { r.HeadRepository = 2 }), false},
		"another event":               {of(func(r *Run) { r.Event = "schedule" }), false},
		"another branch":              {of(func(r *Run) { r.HeadBranch = "feature" }), false},
		"a merge group":               {of(func(r *Run) { r.Event, r.HeadBranch = "merge_group", "gh-readonly-queue/main/pr-7-0123abc" }), true},
		"a merge group of another":    {of(func(r *Run) { r.Event, r.HeadBranch = "merge_group", "gh-readonly-queue/next/pr-7-0123abc" }), false},
		"a pull request":              {of(func(r *Run) { r.Event, r.Bases = "pull_request", []string{"main"} }), true},
		"a pull request of nowhere":   {of(func(r *Run) { r.Event = "pull_request" }), false},
		"pull requests into two":      {of(func(r *Run) { r.Event, r.Bases = "pull_request", []string{"main", "elsewhere"} }), false},
		"a pull request into another": {of(func(r *Run) { r.Event, r.Bases = "pull_request", []string{"elsewhere"} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			if fits, why := stage.Qualifies(shop, test.run); fits != test.expected || fits != (why == "") {
				t.Errorf("%s: got %t (%s)", name, fits, why)
			}
		})
	}
}
