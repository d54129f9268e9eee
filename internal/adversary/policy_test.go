package adversary

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// rules is a policy as this package understands it. Its YAML is for the program alone.
type rules struct {
	Glob      bool     // the stage test is all jobs called test*, else test-unit alone
	Events    []string // of build and test; nil: push and merge_group
	Branches  []string // of all stages; nil: the default branch
	Reported  bool     // the stage staging goes by the digest that its run reports
	From      []string // nil: the default branch
	Who       people
	Approvals int
	Approvers people
	Unmerged  bool
	Restore   bool
	Test      bool // production requires the tests
	Staging   bool // production requires the deployment to staging
}

// people are those who may do something: any one entry suffices.
type people struct {
	Permission string
	Teams      []string
	Users      []string
}

// stage is what one stage asks of a run.
type stage struct {
	name     string
	workflow string
	job      string // "": the whole run
	after    string
	events   []string
	branches []string
	reported bool
}

const (
	ciFile      = ".github/workflows/ci.yml"
	stagingFile = ".github/workflows/deploy-staging.yml"
	policyFile  = ".github/verbatim.yml"
)

// stages returns what production requires, directly or by way of another stage.
func (r rules) stages() []stage {
	job := "test-unit"
	if r.Glob {
		job = "test*"
	}
	list := []stage{{name: "build", workflow: ciFile, job: "build", events: r.Events, branches: r.Branches}}
	if r.Test {
		list = append(list, stage{name: "test", workflow: ciFile, job: job, after: "build", events: r.Events, branches: r.Branches})
	}
	if !r.Staging {
		return list
	}
	staging := stage{name: "staging", workflow: stagingFile, after: list[len(list)-1].name, branches: r.Branches, reported: r.Reported}
	if r.Reported {
		staging.events = []string{"push", "workflow_run", "workflow_dispatch"}
	}
	return append(list, staging)
}

// counts reports whether runs of the event count for the stage.
func (s stage) counts(event string) bool {
	if s.events == nil {
		return event == "push" || event == "merge_group"
	}
	return slices.Contains(s.events, event)
}

func (s stage) matches(job string) bool { return s.job == "" || glob(s.job, job) }

// glob is path.Match in which * also matches slashes.
func glob(pattern, name string) bool {
	found, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && found
}

// render returns the policy file.
func (r rules) render(image string) string {
	var text strings.Builder
	write := func(format string, arguments ...any) { fmt.Fprintf(&text, format+"\n", arguments...) }
	write("version: 1\nimages:\n  api:\n    repository: %s\nstages:", image)
	for _, s := range r.stages() {
		write("  %s:\n    workflow: %s", s.name, s.workflow)
		if s.job != "" {
			write("    job: %q", s.job)
		}
		if s.name == "build" {
			write("    builds: true")
		} else {
			write("    after: [%s]", s.after)
		}
		if s.events != nil {
			write("    events: [%s]", strings.Join(s.events, ", "))
		}
		if s.branches != nil {
			write("    branches: [%s]", quoted(s.branches))
		}
		if s.reported {
			write("    evidence: { digest: { artifact: image-digest } }")
		}
	}
	required := r.stages()[len(r.stages())-1].name
	write("environments:\n  production:\n    requires: [%s]\n    tags: [production]\n    promoters: %s", required, r.Who.render(true))
	if r.From != nil {
		write("    from: [%s]", quoted(r.From))
	}
	if r.Approvals > 0 {
		write("    approvals: { required: %d, %s", r.Approvals, strings.TrimPrefix(r.Approvers.render(false), "{ "))
	}
	if r.Unmerged {
		write("    allow_unmerged: true")
	}
	if r.Restore {
		write("    drift: { restore: true }")
	}
	return text.String()
}

func (p people) render(permission bool) string {
	var entries []string
	if permission && p.Permission != "" {
		entries = append(entries, "permission: "+p.Permission)
	}
	if len(p.Teams) > 0 {
		entries = append(entries, "teams: ["+strings.Join(p.Teams, ", ")+"]")
	}
	if len(p.Users) > 0 {
		entries = append(entries, "users: ["+strings.Join(p.Users, ", ")+"]")
	}
	return "{ " + strings.Join(entries, ", ") + " }"
}

func quoted(words []string) string {
	var all []string
	for _, word := range words {
		all = append(all, fmt.Sprintf("%q", word))
	}
	return strings.Join(all, ", ")
}
