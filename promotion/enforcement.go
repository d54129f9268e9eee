package promotion

import (
	"slices"
	"strings"
)

// NotEnforced gives the keys of the policy that are set to something that would restrict or change a promotion to the
// environment, and that this version does not enforce. An environment with such a key promotes nothing: a rule that
// is not enforced is never silently ignored.
func (p Policy) NotEnforced(environment Environment, defaultBranch string) []string {
	var keys []string
	note := func(set bool, key string) {
		if set {
			keys = append(keys, key)
		}
	}
	at := "environments." + environment.Name + "."
	note(slices.ContainsFunc(environment.From, func(branch string) bool { return branch != defaultBranch }), at+"from")
	note(environment.Approvals.Required > 0, at+"approvals")
	note(environment.Reviewed, at+"reviewed")
	note(environment.Soak > 0, at+"soak")
	note(environment.MaxAge > 0, at+"max_age")
	note(len(environment.Windows) > 0, at+"windows")
	note(environment.Provenance != "" && environment.Provenance != "none", at+"provenance")
	note(environment.AllowUnmerged, at+"allow_unmerged")
	note(environment.SameTree, at+"same_tree")
	note(len(environment.Override.Teams)+len(environment.Override.Users)+len(environment.Override.Gates) > 0, at+"override")
	note(environment.DriftRestore, at+"drift.restore")
	note(len(environment.Repository) > 0, at+"repository")
	note(environment.Attest == "required", at+"attest")
	note(environment.Deploy != nil, at+"deploy")
	for _, image := range p.Images {
		note(len(image.Paths) > 0, "images."+image.Name+".paths")
	}
	note(len(p.Groups) > 0, "groups")
	counted := p.closure(environment.Requires)
	if builds, found := p.Builds(); found && !slices.ContainsFunc(counted, func(stage Stage) bool { return stage.Name == builds.Name }) {
		counted = append(counted, builds) // it defines the digest, required or not
	}
	for _, stage := range counted {
		at := "stages." + stage.Name + "."
		note(stage.MinDuration > 0, at+"min_duration")
		note(stage.JUnit != nil, at+"evidence.junit")
		note(stage.Coverage != nil, at+"evidence.coverage")
		note(stage.Digest != nil, at+"evidence.digest")
		note(len(countedEvents(stage)) < len(stage.Events), at+"events")
	}
	return keys
}

// countedEvents gives the events of the stage whose runs count in this version.
func countedEvents(stage Stage) []string {
	var events []string
	for _, event := range stage.Events {
		if event == "push" || event == "merge_group" {
			events = append(events, event)
		}
	}
	return events
}

// closure gives the named stages and all that they come after, in the policy's order.
func (p Policy) closure(names []string) []Stage {
	wanted := map[string]bool{}
	var want func(string)
	want = func(name string) {
		stage, found := p.Stage(name)
		if !found || wanted[name] {
			return
		}
		wanted[name] = true
		for _, before := range stage.After {
			want(before)
		}
	}
	for _, name := range names {
		want(name)
	}
	var stages []Stage
	for _, stage := range p.Stages {
		if wanted[stage.Name] {
			stages = append(stages, stage)
		}
	}
	return stages
}

// Matches reports whether text fits a pattern in which "*" stands for any characters.
func Matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
