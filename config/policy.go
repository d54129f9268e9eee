// Package config reads what people write: repository policies and the server's settings. It decodes strictly, fills in
// defaults, and names everything that is wrong at once, with where it is and what was probably meant.
package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion"
)

// PolicyError says everything that is wrong with a policy.
type PolicyError struct{ Problems []promotion.Problem }

// Error gives one line a problem.
func (e *PolicyError) Error() string {
	var lines []string
	for _, problem := range e.Problems {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// ParsePolicy reads a policy file and fills in the defaults. The file's name is for messages. The error is a
// *PolicyError with every problem, in the order of the file.
func ParsePolicy(file string, content []byte) (promotion.Policy, error) {
	reader := newDecoder(file)
	var document policyDocument
	if root, ok := reader.parse(content); ok {
		reader.decode(root, reflect.ValueOf(&document).Elem(), "")
		v := validator{decoder: reader, document: document}
		v.validate()
	}
	if len(reader.problems) > 0 {
		slices.SortStableFunc(reader.problems, func(a, b promotion.Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return promotion.Policy{}, &PolicyError{Problems: reader.problems}
	}
	return reader.policy(document), nil
}

// EnvironmentNames gives the names that a policy file gives to environments, also when the file is invalid otherwise: at
// most 20 that could be names.
func EnvironmentNames(content []byte) []string {
	reader := newDecoder("")
	root, ok := reader.parse(content)
	if !ok {
		return nil
	}
	var names []string
	reader.pairs(root, "", "", func(key string, _, value *yaml.Node) {
		if key != "environments" {
			return
		}
		reader.pairs(value, "", "", func(name string, _, _ *yaml.Node) {
			if namePattern.MatchString(name) && len(names) < 20 {
				names = append(names, name)
			}
		})
	})
	return names
}

// inOrder gives a map's names as the file orders them.
func inOrder[T any](d *decoder, path string, values map[string]T) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(d.order[joined(path, a)], d.order[joined(path, b)]), cmp.Compare(a, b))
	})
	return names
}

// policy gives the domain's policy of a document that is valid.
func (d *decoder) policy(document policyDocument) promotion.Policy {
	policy := promotion.Policy{Mode: promotion.Mode(cmp.Or(document.Mode, "enforce")), DefaultEnvironment: document.DefaultEnvironment}
	for _, name := range inOrder(d, "images", document.Images) {
		image := document.Images[name]
		policy.Images = append(policy.Images, promotion.Image{Name: name, Repository: image.Repository, Tag: cmp.Or(image.Tag, "{sha}"), Paths: image.Paths})
	}
	for _, name := range inOrder(d, "stages", document.Stages) {
		policy.Stages = append(policy.Stages, stageOf(name, document.Stages[name]))
	}
	for _, name := range inOrder(d, "groups", document.Groups) {
		policy.Groups = append(policy.Groups, promotion.Group{Name: name, Images: document.Groups[name]})
	}
	for _, name := range inOrder(d, "environments", document.Environments) {
		policy.Environments = append(policy.Environments, environmentOf(name, document.Environments[name]))
	}
	if document.Artifacts != nil {
		policy.MaxRetentionDays = document.Artifacts.MaxRetentionDays
	}
	return policy
}

func stageOf(name string, document stageDocument) promotion.Stage {
	minimum, _ := parseDuration(document.MinDuration)
	stage := promotion.Stage{
		Name: name, Workflow: document.Workflow, Job: document.Job, Builds: document.Builds, After: document.After, Events: document.Events,
		Branches: document.Branches, MinDuration: minimum,
	}
	if document.Events == nil {
		stage.Events = []string{"push", "merge_group"}
	}
	if evidence := document.Evidence; evidence != nil {
		if evidence.JUnit != nil {
			stage.JUnit = &promotion.JUnitEvidence{Artifact: evidence.JUnit.Artifact}
		}
		if evidence.Coverage != nil {
			stage.Coverage = &promotion.CoverageEvidence{Artifact: evidence.Coverage.Artifact, Min: evidence.Coverage.Min}
		}
		if evidence.Digest != nil {
			stage.Digest = &promotion.DigestEvidence{Artifact: evidence.Digest.Artifact}
		}
	}
	return stage
}

func environmentOf(name string, document environmentDocument) promotion.Environment {
	soak, _ := parseDuration(document.Soak)
	maxAge, _ := parseDuration(document.MaxAge)
	wait, _ := parseDuration(document.Wait)
	environment := promotion.Environment{
		Name: name, Requires: document.Requires, From: document.From, Tags: document.Tags, Promoters: promotion.People{Permission: "maintain"},
		Reviewed: document.Reviewed, Soak: soak, MaxAge: maxAge, Wait: wait, Provenance: cmp.Or(document.Provenance, "none"),
		AllowUnmerged: document.AllowUnmerged, SameTree: document.SameTree, Attest: cmp.Or(document.Attest, "best_effort"),
		Comment: cmp.Or(document.Comment, "never"), Slack: document.Slack,
	}
	if people := document.Promoters; people != nil {
		environment.Promoters = promotion.People{Permission: people.Permission, Teams: people.Teams, Users: people.Users}
	}
	if approvals := document.Approvals; approvals != nil {
		environment.Approvals = promotion.Approvals{Required: approvals.Required, Teams: approvals.Teams, Users: approvals.Users}
	}
	for _, window := range document.Windows {
		parsed, _ := parseWindow(window)
		environment.Windows = append(environment.Windows, parsed)
	}
	if override := document.Override; override != nil {
		environment.Override = promotion.Override{Teams: override.Teams, Users: override.Users, Gates: override.Gates, Second: override.Second}
	}
	if document.Holds != nil {
		environment.HoldsLift = document.Holds.Lift
	}
	if document.Drift != nil {
		environment.DriftRestore = document.Drift.Restore
	}
	if document.Repository != nil {
		environment.Repository = document.Repository.ByImage
	}
	if document.Deploy != nil {
		environment.Deploy = &promotion.Deploy{Workflow: document.Deploy.Workflow, Rollback: document.Deploy.Rollback}
	}
	return environment
}

// quoted lists names for messages.
func quoted(names []string) string {
	if len(names) == 0 {
		return "there is none"
	}
	return fmt.Sprintf("one of %s", strings.Join(names, ", "))
}
