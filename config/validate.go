package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// What names may look like, so that commands, check runs and tags can hold them.
var (
	namePattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	workflowPattern = regexp.MustCompile(`^\.github/workflows/[^/\s*]+\.ya?ml$`)
	slugPattern     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)
	branchPattern   = regexp.MustCompile(`^[^\s~^:?\[\\\x00-\x1f\x7f]{1,244}$`)
	variablePattern = regexp.MustCompile(`\{[^}]*\}?`)
)

// commandWords are words that no environment or image can be called: they mean something else in a command.
var commandWords = []string{"promote", "status", "help", "approve", "rollback", "hold", "resume", "cancel", "override", "latest", promotion.PolicyCheck}

var (
	permissions = []string{"read", "triage", "write", "maintain", "admin"}
	allEvents   = []string{"push", "merge_group", "pull_request", "pull_request_target", "workflow_run", "workflow_dispatch", "schedule", "repository_dispatch"}
	// waivable are the gates that an override may name: never identity, scope, digest or policy.
	waivable = []string{
		"soak", "soaking", "window", "outside_window", "max_age", "too_old", "approvals", "approvals_missing", "reviewed", "not_reviewed",
		"held", "tests_failed", "coverage_low", "evidence_missing", "stage_missing", "stage_failed", "stage_running",
		"provenance_missing", "older_than_production",
	}
)

// validator checks what a policy says, beyond its form.
type validator struct {
	*decoder
	document policyDocument
}

func (v *validator) validate() {
	doc := v.document
	if doc.Version != 1 {
		v.report("version", "write version: 1", "expected version 1, found %d", doc.Version)
	}
	v.oneOf("mode", doc.Mode, []string{"enforce", "observe"})
	for _, section := range []struct {
		key   string
		count int
	}{{"images", len(doc.Images)}, {"stages", len(doc.Stages)}, {"environments", len(doc.Environments)}} {
		if section.count == 0 {
			v.report(section.key, "", "expected at least one")
		}
	}
	v.names()
	for _, name := range inOrder(v.decoder, "images", doc.Images) {
		v.image("images."+name, doc.Images[name])
	}
	v.sameImages()
	for _, name := range inOrder(v.decoder, "stages", doc.Stages) {
		v.stage("stages."+name, doc.Stages[name])
	}
	v.builds()
	v.cycles()
	for _, name := range inOrder(v.decoder, "groups", doc.Groups) {
		v.known("groups."+name, doc.Groups[name], inOrder(v.decoder, "images", doc.Images), "image", 2)
	}
	for _, name := range inOrder(v.decoder, "environments", doc.Environments) {
		v.environment("environments."+name, doc.Environments[name])
	}
	if doc.DefaultEnvironment != "" {
		v.knownOne("default_environment", doc.DefaultEnvironment, inOrder(v.decoder, "environments", doc.Environments), "environment")
	}
	if doc.Artifacts != nil && (doc.Artifacts.MaxRetentionDays < 1 || doc.Artifacts.MaxRetentionDays > 400) {
		v.report("artifacts.max_retention_days", "", "expected 1 to 400 days, found %d", doc.Artifacts.MaxRetentionDays)
	}
}

// names checks that each name can be written in a command, and means one thing.
func (v *validator) names() {
	seen := map[string]string{}
	check := func(kind string, names []string) {
		for _, name := range names {
			path := kind + "." + name
			lower := strings.ToLower(name)
			if !namePattern.MatchString(name) {
				v.report(path, "", "expected a name of at most 64 letters, digits, dots, dashes and underscores")
			}
			if slices.Contains(commandWords, lower) {
				v.report(path, "call it something else", "%q is a word of the commands", name)
			}
			if other, taken := seen[lower]; taken {
				v.report(path, "call one of them something else", "%q is the name of %s too", name, other)
			}
			seen[lower] = path
		}
	}
	check("images", inOrder(v.decoder, "images", v.document.Images))
	check("environments", inOrder(v.decoder, "environments", v.document.Environments))
	check("groups", inOrder(v.decoder, "groups", v.document.Groups))
	clear(seen)
	for _, name := range inOrder(v.decoder, "stages", v.document.Stages) {
		if !namePattern.MatchString(name) {
			v.report("stages."+name, "", "expected a name of at most 64 letters, digits, dots, dashes and underscores")
		}
		if other, taken := seen[strings.ToLower(name)]; taken {
			v.report("stages."+name, "call one of them something else", "%q is the name of %s too", name, other)
		}
		seen[strings.ToLower(name)] = "stages." + name
	}
}

func (v *validator) image(path string, image imageDocument) {
	if v.needed(path+".repository", image.Repository) {
		v.registryRepository(path+".repository", image.Repository)
	}
	if image.Tag != "" && !strings.Contains(image.Tag, "{sha}") && !strings.Contains(image.Tag, "{short_sha}") {
		v.report(path+".tag", `write "{sha}"`, "expected a tag with {sha} or {short_sha}, so that it names one commit; found %.100q", image.Tag)
	}
	v.tag(path+".tag", image.Tag)
	for i, glob := range image.Paths {
		if glob == "" || strings.HasPrefix(glob, "/") || strings.Contains(glob, "..") {
			v.report(fmt.Sprintf("%s.paths[%d]", path, i), "write it as in api/**", "expected a pattern of paths from the repository's root, found %.100q", glob)
		}
	}
}

// registryRepository checks a template by filling it in.
func (v *validator) registryRepository(path, template string) {
	for _, variable := range variablePattern.FindAllString(template, -1) {
		if variable != "{owner}" && variable != "{repo}" {
			v.report(path, promotion.DidYouMean(variable, []string{"{owner}", "{repo}"}), "unknown variable %s: there are {owner} and {repo}", variable)
			return
		}
	}
	sample := promotion.Image{Name: "image", Repository: template}
	if _, err := sample.Registry(promotion.Repository{Owner: "owner", Name: "repo"}); err != nil {
		v.report(path, "", "expected host/path in lower case, such as registry.example.com/shop/api, without tag or digest; found %.120q", template)
	}
}

// tag checks a template of a tag by filling it in.
func (v *validator) tag(path, template string) {
	if template == "" {
		return
	}
	for _, variable := range variablePattern.FindAllString(template, -1) {
		if variable != "{sha}" && variable != "{short_sha}" {
			v.report(path, promotion.DidYouMean(variable, []string{"{sha}", "{short_sha}"}), "unknown variable %s: there are {sha} and {short_sha}", variable)
			return
		}
	}
	filled := strings.NewReplacer("{sha}", strings.Repeat("0", 40), "{short_sha}", "0000000").Replace(template)
	if !promotion.ValidTag(filled) {
		v.report(path, "", "expected a tag of at most 128 letters, digits, dots, dashes and underscores, found %.140q", template)
	}
}

// sameImages refuses two images that are one and the same.
func (v *validator) sameImages() {
	seen := map[string]string{}
	for _, name := range inOrder(v.decoder, "images", v.document.Images) {
		image := v.document.Images[name]
		key := strings.ToLower(image.Repository) + ":" + strings.Replace(image.Tag, "{sha}", "", 1)
		if image.Tag == "" {
			key = strings.ToLower(image.Repository) + ":"
		}
		if other, taken := seen[key]; taken && image.Repository != "" {
			v.report("images."+name, "give each its own repository or tag", "images %s and %s have the same repository and tag", other, name)
		}
		seen[key] = name
	}
}

func (v *validator) stage(path string, stage stageDocument) {
	if v.needed(path+".workflow", stage.Workflow) {
		v.workflow(path+".workflow", stage.Workflow)
	}
	v.known(path+".after", stage.After, inOrder(v.decoder, "stages", v.document.Stages), "stage", 0)
	if stage.Events != nil && len(stage.Events) == 0 {
		v.report(path+".events", "leave it out for [push, merge_group]", "expected at least one event")
	}
	for i, event := range stage.Events {
		v.oneOf(fmt.Sprintf("%s.events[%d]", path, i), event, allEvents)
	}
	for i, branch := range stage.Branches {
		v.branch(fmt.Sprintf("%s.branches[%d]", path, i), branch)
	}
	v.duration(path+".min_duration", stage.MinDuration)
	if evidence := stage.Evidence; evidence != nil {
		v.evidence(path+".evidence", *evidence)
	}
}

func (v *validator) evidence(path string, evidence evidenceDocument) {
	if evidence.JUnit != nil {
		v.needed(path+".junit.artifact", evidence.JUnit.Artifact)
	}
	if evidence.Digest != nil {
		v.needed(path+".digest.artifact", evidence.Digest.Artifact)
	}
	if evidence.Coverage != nil {
		v.needed(path+".coverage.artifact", evidence.Coverage.Artifact)
		if evidence.Coverage.Min < 0 || evidence.Coverage.Min > 100 {
			v.report(path+".coverage.min", "", "expected 0 to 100 percent, found %g", evidence.Coverage.Min)
		}
	}
}

func (v *validator) builds() {
	var builders []string
	for _, name := range inOrder(v.decoder, "stages", v.document.Stages) {
		if v.document.Stages[name].Builds {
			builders = append(builders, name)
		}
	}
	if len(builders) > 1 {
		v.report("stages."+builders[1]+".builds", "let one stage build", "stages %s build: what a commit's digest is could not be told", strings.Join(builders, " and "))
	}
}

// cycles refuses stages that come after themselves.
func (v *validator) cycles() {
	state := map[string]int{} // 1: on the way, 2: done
	var visit func(string) bool
	visit = func(name string) bool {
		switch state[name] {
		case 1:
			return true
		case 2:
			return false
		}
		state[name] = 1
		defer func() { state[name] = 2 }()
		return slices.ContainsFunc(v.document.Stages[name].After, visit)
	}
	for _, name := range inOrder(v.decoder, "stages", v.document.Stages) {
		if visit(name) {
			v.report("stages."+name+".after", "take one of them out", "the stages come after each other in a circle")
			return
		}
	}
}

func (v *validator) environment(path string, environment environmentDocument) {
	v.known(path+".requires", environment.Requires, inOrder(v.decoder, "stages", v.document.Stages), "stage", 1)
	for i, branch := range environment.From {
		v.branch(fmt.Sprintf("%s.from[%d]", path, i), branch)
	}
	if len(environment.Tags) == 0 {
		v.report(path+".tags", "write tags: [production]", "expected at least one tag")
	}
	for i, tag := range environment.Tags {
		at := fmt.Sprintf("%s.tags[%d]", path, i)
		v.needed(at, tag)
		v.tag(at, tag)
		for _, name := range slices.Sorted(maps.Keys(v.document.Images)) {
			if source := v.document.Images[name].Tag; tag == source || source == "" && tag == "{sha}" {
				v.report(at, "give the environment a tag of its own", "%q is the tag that CI pushes for image %s", tag, name)
			}
		}
		if slices.Index(environment.Tags, tag) < i {
			v.report(at, "keep one of them", "%q is there twice", tag)
		}
	}
	if people := environment.Promoters; people != nil {
		v.people(path+".promoters", people.Teams, people.Users)
		v.oneOf(path+".promoters.permission", people.Permission, permissions)
		if people.Permission == "" && len(people.Teams)+len(people.Users) == 0 {
			v.report(path+".promoters", "name a permission, teams or users, or leave it out for permission: maintain", "expected somebody who may promote")
		}
	}
	v.rules(path, environment)
	v.after(path, environment)
}

// rules checks what an environment asks of people and of time.
func (v *validator) rules(path string, environment environmentDocument) {
	if approvals := environment.Approvals; approvals != nil {
		v.people(path+".approvals", approvals.Teams, approvals.Users)
		if approvals.Required < 0 || approvals.Required > 20 {
			v.report(path+".approvals.required", "", "expected 0 to 20 people, found %d", approvals.Required)
		}
	}
	v.duration(path+".soak", environment.Soak)
	v.duration(path+".max_age", environment.MaxAge)
	v.duration(path+".wait", environment.Wait)
	for i, window := range environment.Windows {
		if _, err := parseWindow(window); err != nil {
			v.report(fmt.Sprintf("%s.windows[%d]", path, i), "", "%s", err)
		}
	}
	if override := environment.Override; override != nil {
		v.people(path+".override", override.Teams, override.Users)
		if len(override.Teams)+len(override.Users) == 0 {
			v.report(path+".override", "", "expected teams or users who may override")
		}
		v.known(path+".override.gates", override.Gates, waivable, "gate that may be waived", 1)
	}
	if environment.Holds != nil && v.needed(path+".holds.lift", environment.Holds.Lift) {
		v.oneOf(path+".holds.lift", environment.Holds.Lift, permissions)
	}
}

// after checks what an environment has done beside and after moving the tags.
func (v *validator) after(path string, environment environmentDocument) {
	v.oneOf(path+".provenance", environment.Provenance, []string{"none", "labels", "attestation"})
	v.oneOf(path+".attest", environment.Attest, []string{"none", "best_effort", "required"})
	v.oneOf(path+".comment", environment.Comment, []string{"always", "when_ready", "never"})
	if environment.Deploy != nil && v.needed(path+".deploy.workflow", environment.Deploy.Workflow) {
		v.workflow(path+".deploy.workflow", environment.Deploy.Workflow)
	}
	if environment.Slack != "" && !namePattern.MatchString(environment.Slack) {
		v.report(path+".slack", "", "expected the name of a webhook in the server's settings, not its address")
	}
	if environment.Repository == nil {
		return
	}
	for _, image := range slices.Sorted(maps.Keys(environment.Repository.ByImage)) {
		at := path + ".repository"
		if image != "" {
			at += "." + image
			v.knownOne(at, image, inOrder(v.decoder, "images", v.document.Images), "image")
		}
		v.registryRepository(at, environment.Repository.ByImage[image])
	}
}
