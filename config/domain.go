package config

import (
	"cmp"

	"github.com/verbatim-dev/verbatim/promotion"
)

// policy gives the domain's policy of a document that is valid, with the defaults filled in.
func (p policyDocument) policy() promotion.Policy {
	policy := promotion.Policy{Mode: promotion.Mode(cmp.Or(p.Mode, "enforce")), DefaultEnvironment: string(p.DefaultEnvironment)}
	for _, image := range p.Images {
		policy.Images = append(policy.Images, image.Value.image(image.Name))
	}
	for _, stage := range p.Stages {
		policy.Stages = append(policy.Stages, stage.Value.stage(stage.Name))
	}
	for _, group := range p.Groups {
		policy.Groups = append(policy.Groups, promotion.Group{Name: group.Name, Images: texts(group.Value)})
	}
	for _, environment := range p.Environments {
		policy.Environments = append(policy.Environments, environment.Value.environment(environment.Name))
	}
	if p.Artifacts != nil {
		policy.MaxRetentionDays = p.Artifacts.MaxRetentionDays
	}
	return policy
}

// texts gives the texts of a list, and nil for none.
func texts[L ~[]T, T ~string](texts L) []string {
	var list []string
	for _, text := range texts {
		list = append(list, string(text))
	}
	return list
}

func (i imageDocument) image(name string) promotion.Image {
	image := promotion.Image{Name: name, Repository: string(i.Repository), Tag: string(cmp.Or(i.Tag, "{sha}"))}
	for _, pattern := range i.Paths {
		image.Paths = append(image.Paths, promotion.ParsePathPattern(string(pattern)))
	}
	return image
}

func (s stageDocument) stage(name string) promotion.Stage {
	stage := promotion.Stage{
		Name: name, Workflow: string(s.Workflow), Job: string(s.Job), Builds: s.Builds, After: texts(s.After), Events: texts(s.Events),
		Branches: texts(s.Branches), MinDuration: s.MinDuration.length(),
	}
	if stage.Events == nil {
		stage.Events = []string{"push", "merge_group"}
	}
	if s.Evidence == nil {
		return stage
	}
	if junit := s.Evidence.JUnit; junit != nil {
		stage.JUnit = &promotion.JUnitEvidence{Artifact: string(junit.Artifact)}
	}
	if coverage := s.Evidence.Coverage; coverage != nil {
		stage.Coverage = &promotion.CoverageEvidence{Artifact: string(coverage.Artifact), Min: coverage.Min}
	}
	if digest := s.Evidence.Digest; digest != nil {
		stage.Digest = &promotion.DigestEvidence{Artifact: string(digest.Artifact)}
	}
	return stage
}

func (e environmentDocument) environment(name string) promotion.Environment {
	environment := promotion.Environment{
		Name: name, Requires: texts(e.Requires), From: texts(e.From), Tags: texts(e.Tags), Reviewed: e.Reviewed,
		Soak: e.Soak.length(), MaxAge: e.MaxAge.length(), Wait: e.Wait.length(), Provenance: string(cmp.Or(e.Provenance, "none")),
		AllowUnmerged: e.AllowUnmerged, SameTree: e.SameTree, Attest: string(cmp.Or(e.Attest, "none")),
		Comment: string(cmp.Or(e.Comment, "never")), Slack: string(e.Slack),
	}
	for _, window := range e.Windows {
		environment.Windows = append(environment.Windows, promotion.Window{
			Days: window.Days.days(), From: minutes(string(window.From)), To: minutes(string(window.To)), Zone: string(cmp.Or(window.Zone, "UTC")),
		})
	}
	e.people(&environment)
	e.beside(&environment)
	return environment
}

// people fills in who may do what.
func (e environmentDocument) people(environment *promotion.Environment) {
	environment.Promoters = promotion.People{Permission: "maintain"}
	if people := e.Promoters; people != nil {
		environment.Promoters = promotion.People{Permission: string(people.Permission), Teams: texts(people.Teams), Users: texts(people.Users)}
	}
	if approvals := e.Approvals; approvals != nil {
		environment.Approvals = promotion.Approvals{Required: 1, Teams: texts(approvals.Teams), Users: texts(approvals.Users)}
		if approvals.Required != nil {
			environment.Approvals.Required = *approvals.Required
		}
	}
	if override := e.Override; override != nil {
		environment.Override = promotion.Override{Teams: texts(override.Teams), Users: texts(override.Users), Second: override.Second}
		for _, gate := range override.Gates {
			environment.Override.Gates = append(environment.Override.Gates, string(gate.reason()))
		}
	}
	if e.Holds != nil {
		environment.HoldsLift = string(e.Holds.Lift)
	}
}

// beside fills in what happens beside and after moving the tags.
func (e environmentDocument) beside(environment *promotion.Environment) {
	if e.Drift != nil {
		environment.DriftRestore = e.Drift.Restore
	}
	if e.Deploy != nil {
		environment.Deploy = &promotion.Deploy{Workflow: string(e.Deploy.Workflow), Rollback: e.Deploy.Rollback}
	}
	if e.Repository == nil {
		return
	}
	environment.Repository = map[string]string{}
	if e.Repository.All != "" {
		environment.Repository[""] = string(e.Repository.All)
	}
	for _, image := range e.Repository.ByImage {
		environment.Repository[image.Name] = string(image.Value)
	}
}
