package config

// The types of a policy file. field.go says what the tags mean; `wanted` and `empty` are for messages about a key that
// is missing and a list that is empty.

type policyDocument struct {
	Version            int                        `yaml:"version" jsonschema:"required,minimum=1,maximum=1" wanted:"version: 1" jsonschema_description:"The version of this format: 1."`
	Mode               modeWord                   `yaml:"mode" jsonschema:"default=enforce" jsonschema_description:"enforce, or observe: record and report, promote nothing. Default: enforce."`
	Images             named[imageDocument]       `yaml:"images" jsonschema:"required" wanted:"at least one image" jsonschema_description:"The images, by the names that commands use."`
	Stages             named[stageDocument]       `yaml:"stages" jsonschema:"required" wanted:"at least one stage" jsonschema_description:"The steps that prove something, each bound to a workflow or to jobs of it."`
	Groups             named[groupDocument]       `yaml:"groups" jsonschema_description:"Images that are promoted together: all gates before any tag, moved tags restored if one fails."`
	Environments       named[environmentDocument] `yaml:"environments" jsonschema:"required,maxItems=20" wanted:"at least one environment" jsonschema_description:"Where promotions go."`
	DefaultEnvironment reference                  `yaml:"default_environment" jsonschema_description:"The environment of a command that names none. Not needed when there is only one."`
	Artifacts          *artifactsDocument         `yaml:"artifacts" jsonschema_description:"Rules for workflow artifacts."`
}

type imageDocument struct {
	Repository repositoryTemplate `yaml:"repository" jsonschema:"required" wanted:"the image's registry repository" jsonschema_description:"The registry repository: host/path, without tag. {owner} and {repo} stand for the GitHub repository's, in lower case."`
	Tag        sourceTag          `yaml:"tag" jsonschema:"default={sha}" jsonschema_description:"The tag that CI pushes, with {sha} or {short_sha} (7 digits). Default: {sha}."`
	Paths      []pathGlob         `yaml:"paths" jsonschema:"minItems=1" empty:"leave it out for all paths" jsonschema_description:"In a monorepo: where the image's sources are; * stops at a slash, ** does not. Unchanged there since a verified commit, that commit's digest counts."`
}

type stageDocument struct {
	Workflow    workflowPath      `yaml:"workflow" jsonschema:"required" wanted:"a workflow's exact path, such as .github/workflows/ci.yml" jsonschema_description:"The workflow's exact path."`
	Job         jobName           `yaml:"job" jsonschema_description:"The job's name as the API gives it; * stands for anything. All that match must succeed. Without it, the whole run must."`
	Builds      bool              `yaml:"builds" jsonschema_description:"This stage defines the commit's digest: its newest success makes the candidate. At most one stage builds."`
	After       []reference       `yaml:"after" jsonschema_description:"Stages that must have passed for the same digest before this one's run starts."`
	Events      []event           `yaml:"events" jsonschema:"minItems=1" empty:"leave it out for [push, merge_group]" jsonschema_description:"The events whose runs count. Those other than push, merge_group and pull_request need evidence.digest. Default: push and merge_group."`
	Branches    []branchName      `yaml:"branches" jsonschema:"minItems=1" empty:"leave it out for the default branch" jsonschema_description:"The branches whose runs count; * stands for anything. Default: the default branch."`
	MinDuration duration          `yaml:"min_duration" jsonschema_description:"A success that came faster is a failure."`
	Evidence    *evidenceDocument `yaml:"evidence" jsonschema_description:"What the run's artifacts have to show."`
}

type evidenceDocument struct {
	JUnit    *artifactDocument `yaml:"junit" jsonschema_description:"Test results in JUnit XML: no failures, at least one test."`
	Coverage *coverageDocument `yaml:"coverage" jsonschema_description:"A coverage report."`
	Digest   *artifactDocument `yaml:"digest" jsonschema_description:"The digest that the run says it used: it must be what was recorded."`
}

type artifactDocument struct {
	Artifact artifactName `yaml:"artifact" jsonschema:"required" wanted:"an artifact's exact name" jsonschema_description:"The artifact's name, exactly."`
}

type coverageDocument struct {
	Artifact artifactName `yaml:"artifact" jsonschema:"required" wanted:"an artifact's exact name" jsonschema_description:"The artifact's name, exactly."`
	Min      float64      `yaml:"min" jsonschema:"minimum=0,maximum=100,default=0" jsonschema_description:"The least share of covered lines, in percent. Default: 0, so that there only has to be a report."`
}

// groupDocument is the images of a group.
type groupDocument []reference

type environmentDocument struct {
	Requires      []reference        `yaml:"requires" jsonschema:"required,minItems=1" wanted:"the stages that a digest must have passed" empty:"name the stages that a digest must have passed" jsonschema_description:"The stages that the digest must have passed."`
	From          []branchName       `yaml:"from" jsonschema:"minItems=1" empty:"leave it out for the default branch" jsonschema_description:"The branches whose commits may go here; * stands for anything. Default: the default branch."`
	Tags          []tagTemplate      `yaml:"tags" jsonschema:"required,minItems=1,maxItems=20" wanted:"the tags to move" empty:"name the tags to move" jsonschema_description:"The tags to move; {sha} and {short_sha} stand for the commit."`
	Promoters     *peopleDocument    `yaml:"promoters" jsonschema_description:"Who may promote: any one entry suffices. Default: permission maintain."`
	Approvals     *approvalsDocument `yaml:"approvals" jsonschema_description:"How many others must approve: never the requester, nor an author of what ships. Default: none."`
	Reviewed      bool               `yaml:"reviewed" jsonschema_description:"Every commit came through an approved pull request."`
	Soak          duration           `yaml:"soak" jsonschema_description:"How long the digest was in the last required stage, uninterrupted by another."`
	MaxAge        duration           `yaml:"max_age" jsonschema_description:"How old the last verification may be. Default: any age."`
	Wait          duration           `yaml:"wait" jsonschema_description:"How long --when-verified waits."`
	Windows       []windowDocument   `yaml:"windows" jsonschema:"minItems=1" empty:"leave it out for any time" jsonschema_description:"The times in which promotions may happen. Default: any time."`
	Provenance    provenanceWord     `yaml:"provenance" jsonschema:"default=none" jsonschema_description:"How the image must prove where it is from. Default: none."`
	AllowUnmerged bool               `yaml:"allow_unmerged" jsonschema_description:"Heads of open pull requests may be promoted."`
	SameTree      bool               `yaml:"same_tree" jsonschema_description:"A digest of the pull request's head counts for the merged commit if the git trees are equal."`
	Override      *overrideDocument  `yaml:"override" jsonschema_description:"Who may waive which gates. Default: nobody."`
	Holds         *holdsDocument     `yaml:"holds" jsonschema_description:"Who may lift a hold. Default: whoever may promote."`
	Drift         *driftDocument     `yaml:"drift" jsonschema_description:"What happens when other hands move a tag."`
	Repository    *destination       `yaml:"repository" jsonschema_description:"Another registry repository to promote to, or a map of them by image. Default: the image's own."`
	Attest        attestWord         `yaml:"attest" jsonschema:"default=none" jsonschema_description:"The signed promotion attestation. Default: none."`
	Deploy        *deployDocument    `yaml:"deploy" jsonschema_description:"The workflow to dispatch after a promotion, with the digest as input."`
	Comment       commentWord        `yaml:"comment" jsonschema:"default=never" jsonschema_description:"The sticky comment on merged pull requests. Default: never."`
	Slack         webhookName        `yaml:"slack" jsonschema_description:"The name of a webhook in the server's settings; none for nothing. Default: the one named default, if the server has it."`
}

type peopleDocument struct {
	Permission permission `yaml:"permission" jsonschema_description:"This permission in the repository, or a higher one."`
	Teams      []slug     `yaml:"teams" jsonschema_description:"Slugs of the owner's teams."`
	Users      []login    `yaml:"users" jsonschema_description:"Logins."`
}

type approvalsDocument struct {
	Required *int    `yaml:"required" jsonschema:"minimum=0,maximum=20,default=1" jsonschema_description:"How many people, other than the requester and the authors. Default: 1."`
	Teams    []slug  `yaml:"teams" jsonschema_description:"Slugs of the teams whose members' approvals count."`
	Users    []login `yaml:"users" jsonschema_description:"Logins of people whose approvals count."`
}

type windowDocument struct {
	Days dayRange `yaml:"days" jsonschema:"required" wanted:"days of the week such as mon-thu or sat,sun" jsonschema_description:"Days of the week, such as mon-thu or sat,sun."`
	From openTime `yaml:"from" jsonschema:"required" wanted:"the time of day at which it opens" jsonschema_description:"The time of day at which it opens, as in 09:00."`
	To   endTime  `yaml:"to" jsonschema:"required" wanted:"the time of day at which it closes" jsonschema_description:"The time of day at which it closes, as in 16:00; later than from."`
	Zone zoneName `yaml:"zone" jsonschema:"default=UTC" jsonschema_description:"The time zone's IANA name, as in Europe/Berlin. Default: UTC."`
}

type overrideDocument struct {
	Teams  []slug  `yaml:"teams" jsonschema_description:"Slugs of the teams whose members may waive gates."`
	Users  []login `yaml:"users" jsonschema_description:"Logins of people who may waive gates."`
	Gates  []gate  `yaml:"gates" jsonschema:"required,minItems=1" wanted:"the gates that may be waived" empty:"name the gates that may be waived" jsonschema_description:"What may be waived: reason codes, or the names of the rules."`
	Second bool    `yaml:"second" jsonschema_description:"A second person must agree."`
}

type holdsDocument struct {
	Lift permission `yaml:"lift" jsonschema:"required" wanted:"the permission that it takes to lift a hold" jsonschema_description:"The permission that it takes to lift a hold."`
}

type driftDocument struct {
	Restore bool `yaml:"restore" jsonschema_description:"Put the recorded digest back."`
}

type deployDocument struct {
	Workflow workflowPath `yaml:"workflow" jsonschema:"required" wanted:"a workflow's exact path, such as .github/workflows/deploy.yml" jsonschema_description:"The workflow's exact path."`
	Rollback bool         `yaml:"rollback" jsonschema_description:"Dispatch it after rollbacks too."`
}

type artifactsDocument struct {
	MaxRetentionDays int `yaml:"max_retention_days" jsonschema:"minimum=1,maximum=400" jsonschema_description:"Artifacts that are kept longer are pointed out on the check run."`
}

// destination is one registry repository for all images, or one for each.
type destination struct {
	All     repositoryTemplate
	ByImage named[repositoryTemplate]
}
