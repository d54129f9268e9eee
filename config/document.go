package config

// The types of a policy file. The decoder and the JSON Schema are both made from them, so that neither knows a key that
// the other does not.

type policyDocument struct {
	Version            int                            `yaml:"version" jsonschema:"required,enum=1" jsonschema_description:"The version of this format: 1."`
	Mode               string                         `yaml:"mode" jsonschema:"enum=enforce,enum=observe,default=enforce" jsonschema_description:"enforce, or observe: record and report, promote nothing."`
	Images             map[string]imageDocument       `yaml:"images" jsonschema:"required" jsonschema_description:"The images, by the names that commands use."`
	Stages             map[string]stageDocument       `yaml:"stages" jsonschema:"required" jsonschema_description:"The steps that prove something, each bound to a workflow or to jobs of it."`
	Groups             map[string][]string            `yaml:"groups" jsonschema_description:"Images that are promoted together: all gates before any tag."`
	Environments       map[string]environmentDocument `yaml:"environments" jsonschema:"required" jsonschema_description:"Where promotions go."`
	DefaultEnvironment string                         `yaml:"default_environment" jsonschema_description:"The environment of a command that names none."`
	Artifacts          *artifactsDocument             `yaml:"artifacts" jsonschema_description:"Rules for workflow artifacts."`
}

type imageDocument struct {
	Repository string   `yaml:"repository" jsonschema:"required" jsonschema_description:"The registry repository: host/path. {owner} and {repo} stand for the GitHub repository's."`
	Tag        string   `yaml:"tag" jsonschema:"default={sha}" jsonschema_description:"The tag that CI pushes, with {sha} or {short_sha} (7 digits)."`
	Paths      []string `yaml:"paths" jsonschema_description:"In a monorepo: where the image's sources are. Unchanged there since a verified commit, that commit's digest counts."`
}

type stageDocument struct {
	Workflow    string            `yaml:"workflow" jsonschema:"required,pattern=^\\.github/workflows/[^/]+\\.ya?ml$" jsonschema_description:"The workflow's exact path."`
	Job         string            `yaml:"job" jsonschema_description:"The job's name as the API gives it; * stands for anything. All that match must succeed. Without it, the whole run must."`
	Builds      bool              `yaml:"builds" jsonschema_description:"This stage defines the commit's digest: its newest success makes the candidate."`
	After       []string          `yaml:"after" jsonschema_description:"Stages that must have passed for the same digest before this one's run starts."`
	Events      []string          `yaml:"events" jsonschema_description:"The events whose runs count. Default: push and merge_group."`
	Branches    []string          `yaml:"branches" jsonschema_description:"The branches whose runs count; * stands for anything. Default: the default branch."`
	MinDuration duration          `yaml:"min_duration" jsonschema_description:"A success that came faster is a failure."`
	Evidence    *evidenceDocument `yaml:"evidence" jsonschema_description:"What the run's artifacts have to show."`
}

type evidenceDocument struct {
	JUnit    *artifactDocument `yaml:"junit" jsonschema_description:"Test results in JUnit XML: no failures, at least one test."`
	Coverage *coverageDocument `yaml:"coverage" jsonschema_description:"A coverage report."`
	Digest   *artifactDocument `yaml:"digest" jsonschema_description:"The digest that the run says it used: it must be what was recorded."`
}

type artifactDocument struct {
	Artifact string `yaml:"artifact" jsonschema:"required" jsonschema_description:"The artifact's name, exactly."`
}

type coverageDocument struct {
	Artifact string  `yaml:"artifact" jsonschema:"required" jsonschema_description:"The artifact's name, exactly."`
	Min      float64 `yaml:"min" jsonschema:"minimum=0,maximum=100" jsonschema_description:"The least share of covered lines, in percent."`
}

type environmentDocument struct {
	Requires      []string           `yaml:"requires" jsonschema:"required,minItems=1" jsonschema_description:"The stages that the digest must have passed."`
	From          []string           `yaml:"from" jsonschema_description:"The branches whose commits may go here. Default: the default branch."`
	Tags          []string           `yaml:"tags" jsonschema:"required,minItems=1" jsonschema_description:"The tags to move; {sha} and {short_sha} stand for the commit."`
	Promoters     *peopleDocument    `yaml:"promoters" jsonschema_description:"Who may promote: any one entry suffices. Default: permission maintain."`
	Approvals     *approvalsDocument `yaml:"approvals" jsonschema_description:"How many others must approve."`
	Reviewed      bool               `yaml:"reviewed" jsonschema_description:"Every commit came through an approved pull request."`
	Soak          duration           `yaml:"soak" jsonschema_description:"How long the digest was in the last required stage."`
	MaxAge        duration           `yaml:"max_age" jsonschema_description:"How old the last verification may be."`
	Wait          duration           `yaml:"wait" jsonschema_description:"How long --when-verified waits."`
	Windows       []windowDocument   `yaml:"windows" jsonschema_description:"The times in which promotions may happen."`
	Provenance    string             `yaml:"provenance" jsonschema:"enum=none,enum=labels,enum=attestation,default=none" jsonschema_description:"How the image must prove where it is from."`
	AllowUnmerged bool               `yaml:"allow_unmerged" jsonschema_description:"Heads of open pull requests may be promoted."`
	SameTree      bool               `yaml:"same_tree" jsonschema_description:"A digest of the pull request's head counts for the merged commit if the git trees are equal."`
	Override      *overrideDocument  `yaml:"override" jsonschema_description:"Who may waive which gates. Default: nobody."`
	Holds         *holdsDocument     `yaml:"holds" jsonschema_description:"Who may lift a hold."`
	Drift         *driftDocument     `yaml:"drift" jsonschema_description:"What happens when other hands move a tag."`
	Repository    *destination       `yaml:"repository" jsonschema_description:"Another registry repository to promote to, or a map of them by image."`
	Attest        string             `yaml:"attest" jsonschema:"enum=none,enum=best_effort,enum=required,default=best_effort" jsonschema_description:"The signed promotion attestation."`
	Deploy        *deployDocument    `yaml:"deploy" jsonschema_description:"The workflow to dispatch after a promotion."`
	Comment       string             `yaml:"comment" jsonschema:"enum=always,enum=when_ready,enum=never,default=never" jsonschema_description:"The sticky comment on merged pull requests."`
	Slack         string             `yaml:"slack" jsonschema_description:"The name of a webhook in the server's settings."`
}

type peopleDocument struct {
	Permission string   `yaml:"permission" jsonschema:"enum=read,enum=triage,enum=write,enum=maintain,enum=admin" jsonschema_description:"This permission in the repository, or a higher one."`
	Teams      []string `yaml:"teams" jsonschema_description:"Slugs of the owner's teams."`
	Users      []string `yaml:"users" jsonschema_description:"Logins."`
}

type approvalsDocument struct {
	Required int      `yaml:"required" jsonschema:"minimum=0,maximum=20" jsonschema_description:"How many people, other than the requester and the authors."`
	Teams    []string `yaml:"teams" jsonschema_description:"Slugs of the teams whose members' approvals count."`
	Users    []string `yaml:"users" jsonschema_description:"Logins of people whose approvals count."`
}

type windowDocument struct {
	Days string `yaml:"days" jsonschema:"required" jsonschema_description:"Days of the week, such as mon-thu or sat,sun."`
	From string `yaml:"from" jsonschema:"required,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$" jsonschema_description:"The time of day at which it opens, as in 09:00."`
	To   string `yaml:"to" jsonschema:"required,pattern=^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" jsonschema_description:"The time of day at which it closes, as in 16:00."`
	Zone string `yaml:"zone" jsonschema_description:"The time zone's IANA name, as in Europe/Berlin. Default: UTC."`
}

type overrideDocument struct {
	Teams  []string `yaml:"teams" jsonschema_description:"Slugs of teams."`
	Users  []string `yaml:"users" jsonschema_description:"Logins."`
	Gates  []string `yaml:"gates" jsonschema:"required,minItems=1" jsonschema_description:"What may be waived: gate names or reason codes."`
	Second bool     `yaml:"second" jsonschema_description:"A second person must agree."`
}

type holdsDocument struct {
	Lift string `yaml:"lift" jsonschema:"required,enum=read,enum=triage,enum=write,enum=maintain,enum=admin" jsonschema_description:"The permission that it takes to lift a hold."`
}

type driftDocument struct {
	Restore bool `yaml:"restore" jsonschema_description:"Put the recorded digest back."`
}

type deployDocument struct {
	Workflow string `yaml:"workflow" jsonschema:"required,pattern=^\\.github/workflows/[^/]+\\.ya?ml$" jsonschema_description:"The workflow's exact path."`
	Rollback bool   `yaml:"rollback" jsonschema_description:"Dispatch it after rollbacks too."`
}

type artifactsDocument struct {
	MaxRetentionDays int `yaml:"max_retention_days" jsonschema:"minimum=1,maximum=400" jsonschema_description:"Artifacts that are kept longer are pointed out on the check run."`
}

// duration is a length of time: Go's units, and d and w for days and weeks.
type duration string

// destination is one registry repository for all images, or one for each.
type destination struct {
	ByImage map[string]string
}
