package promotion

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Mode says whether a policy's promotions are carried out.
type Mode string

// The modes of a policy.
const (
	Enforce Mode = "enforce"
	Observe Mode = "observe"
)

// Policy is a repository's own rules, validated and with its defaults filled in. Slices keep the file's order.
type Policy struct {
	Mode               Mode
	Images             []Image
	Stages             []Stage
	Groups             []Group
	Environments       []Environment
	DefaultEnvironment string
	MaxRetentionDays   int
}

// Image is a name and the registry repository it lives in.
type Image struct {
	Name       string
	Repository string // template: {owner}, {repo}
	Tag        string // template: {sha}, {short_sha}
	Paths      []PathPattern
}

// Stage is a step that proves something, bound to a workflow or to jobs of it.
type Stage struct {
	Name        string
	Workflow    string // exact path, as in .github/workflows/ci.yml
	Job         string // "" for the whole run; else a name with * globs
	Builds      bool
	After       []string
	Events      []string
	Branches    []string // empty: the default branch
	MinDuration time.Duration
	JUnit       *JUnitEvidence
	Coverage    *CoverageEvidence
	Digest      *DigestEvidence
}

// JUnitEvidence asks for test results in an artifact.
type JUnitEvidence struct{ Artifact string }

// CoverageEvidence asks for at least Min percent of lines in an artifact.
type CoverageEvidence struct {
	Artifact string
	Min      float64
}

// DigestEvidence asks that an artifact names the digest that was recorded.
type DigestEvidence struct{ Artifact string }

// Group is a set of images promoted together.
type Group struct {
	Name   string
	Images []string
}

// People are those whom a policy names. Any one entry suffices.
type People struct {
	Least      string // "", or the permission that they need besides, by the server's floor
	Permission string // "", read, triage, write, maintain, admin
	Teams      []string
	Users      []string
}

// Empty reports whether nobody is named.
func (p People) Empty() bool { return p.Permission == "" && len(p.Teams) == 0 && len(p.Users) == 0 }

// Environment is where a promotion goes.
type Environment struct {
	Name          string
	Requires      []string
	From          []string // branches or globs; empty: the default branch
	Tags          []string // templates: {sha}, {short_sha}
	Promoters     People
	Approvals     Approvals
	Reviewed      bool
	Soak          time.Duration
	MaxAge        time.Duration
	Wait          time.Duration
	Windows       []Window
	Provenance    string // none, labels, attestation
	AllowUnmerged bool
	SameTree      bool
	Override      Override
	HoldsLift     string
	DriftRestore  bool
	Repository    map[string]string // destination by image; "" holds for every image
	Attest        string            // none, best_effort, required
	Deploy        *Deploy
	Comment       string // always, when_ready, never
	Slack         string

	FloorPermission string   // the least permission of whoever promotes, by the server's floor
	FloorRequires   []string // stages that the server's floor asks for, and that the policy must have
}

// Approvals says how many people other than the requester must agree.
type Approvals struct {
	Least    string // "", or the permission that approvers need besides, by the server's floor
	Required int
	Teams    []string
	Users    []string
}

// Window is a time of the week in which promotions may happen. From and To are minutes after midnight in Zone.
type Window struct {
	Days []time.Weekday
	From int
	To   int
	Zone string
}

// Override says who may waive which gates.
type Override struct {
	Least  string // "", or the permission that they need besides, by the server's floor
	Teams  []string
	Users  []string
	Gates  []string
	Second bool
}

// Deploy names the workflow to dispatch after a promotion.
type Deploy struct {
	Workflow string
	Rollback bool
}

// Image finds an image by name.
func (p Policy) Image(name string) (Image, bool) {
	for _, image := range p.Images {
		if image.Name == name {
			return image, true
		}
	}
	return Image{}, false
}

// Stage finds a stage by name.
func (p Policy) Stage(name string) (Stage, bool) {
	for _, stage := range p.Stages {
		if stage.Name == name {
			return stage, true
		}
	}
	return Stage{}, false
}

// Environment finds an environment by name, in any letter case.
func (p Policy) Environment(name string) (Environment, bool) {
	for _, environment := range p.Environments {
		if strings.EqualFold(environment.Name, name) {
			return environment, true
		}
	}
	return Environment{}, false
}

// Builds gives the stage that defines a commit's digest, if the policy has one.
func (p Policy) Builds() (Stage, bool) {
	for _, stage := range p.Stages {
		if stage.Builds {
			return stage, true
		}
	}
	return Stage{}, false
}

// Registry gives the image's registry repository for a GitHub repository. It returns an error when the filled-in
// template is not a registry repository.
func (i Image) Registry(repository Repository) (RegistryRepository, error) {
	filled := strings.NewReplacer("{owner}", strings.ToLower(repository.Owner), "{repo}", strings.ToLower(repository.Name)).Replace(i.Repository)
	parsed, err := ParseRegistryRepository(filled)
	if err != nil {
		return RegistryRepository{}, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return parsed, nil
}

// Source says where the image is looked for. A verification is bound to it as to the stage's definition: what a stage saw there
// proves nothing of what is elsewhere.
func (i Image) Source() string { return i.Repository + ":" + i.Tag }

// sameTag reports whether both images are looked for under one tag of one registry repository for the commit.
func (i Image) sameTag(other Image, repository Repository, commit Commit) bool {
	mine, err := i.Registry(repository)
	theirs, otherErr := other.Registry(repository)
	return err == nil && otherErr == nil && mine == theirs && i.SourceTag(commit) == other.SourceTag(commit)
}

// SourceTag gives the tag that CI pushes for a commit.
func (i Image) SourceTag(commit Commit) string { return fillTag(i.Tag, commit) }

// TagsFor fills in the environment's tags for a commit. When the commit is unknown (a baseline), tags that name it are left out.
func (e Environment) TagsFor(commit Commit) []string {
	var tags []string
	for _, template := range e.Tags {
		if commit.IsZero() && strings.Contains(template, "{") {
			continue
		}
		tags = append(tags, fillTag(template, commit))
	}
	return tags
}

func fillTag(template string, commit Commit) string {
	return strings.NewReplacer("{sha}", commit.String(), "{short_sha}", commit.Short()).Replace(template)
}

// Definition gives a hash over everything that decides what passing the stage means. A verification is bound to it.
func (s Stage) Definition() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %t %q %q %q %d %+v %+v %+v",
		s.Workflow, s.Job, s.Builds, s.After, s.Events, s.Branches, s.MinDuration, s.JUnit, s.Coverage, s.Digest))
	return hex.EncodeToString(sum[:8])
}

// defines reports whether the verification was made under this very definition of the stage and of the image's source. Those of
// before sources were recorded say none.
func (p Policy) defines(stage Stage, verification Verification) bool {
	image, found := p.Image(verification.Image)
	return verification.Definition == stage.Definition() && (verification.Source == "" || !found || image.Source() == verification.Source)
}

// Problem is one thing wrong with a file: where, which key, what, and what was probably meant.
type Problem struct {
	File       string
	Line       int
	Column     int
	Key        string
	Message    string
	Suggestion string
}

// String gives "file:line:column: key: message (suggestion)".
func (p Problem) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Key != "" {
		text.WriteString(p.Key + ": ")
	}
	text.WriteString(p.Message)
	if p.Suggestion != "" {
		text.WriteString(" (" + p.Suggestion + ")")
	}
	return text.String()
}

// PolicyFile is the file that GitHub has at one commit of a repository's default branch.
type PolicyFile struct {
	Head    Commit // the default branch's head at which it was looked for
	Found   bool
	Source  string // owner/repo:path, for people; where it was found
	Content []byte
}

// LoadedPolicy is what governs a repository at the moment: a policy, or the reason why there is none.
type LoadedPolicy struct {
	Policy       Policy
	File         PolicyFile
	Problems     []Problem  // not empty: the policy is invalid and fails closed
	Environments []string   // the names that the file gives to environments, readable even when it is invalid
	Repository   Repository // whose it is, as it was called when the policy was looked for
}

// Hash gives a hash of the file's content: an approval is bound to it.
func (l LoadedPolicy) Hash() string {
	sum := sha256.Sum256(l.File.Content)
	return hex.EncodeToString(sum[:16])
}

// Valid reports whether there is a policy to go by.
func (l LoadedPolicy) Valid() bool { return l.File.Found && len(l.Problems) == 0 }
