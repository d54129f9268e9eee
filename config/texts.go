package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	_ "time/tzdata" // windows name time zones, and images without a shell have no database of them

	"github.com/verbatim-dev/verbatim/promotion"
)

// The kinds of text in a policy. Each is a type, so that the type of a field says what it may hold.
type (
	modeWord           string
	permission         string
	provenanceWord     string
	attestWord         string
	commentWord        string
	event              string
	gate               string
	reference          string // to a name that the policy gives; validate.go follows it
	workflowPath       string
	jobName            string
	branchName         string
	pathGlob           string
	sourceTag          string
	tagTemplate        string
	repositoryTemplate string
	artifactName       string
	slug               string
	login              string
	webhookName        string
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const nameExpected = "a name of at most 64 letters, digits, dots, dashes and underscores, a letter or digit first"

func (modeWord) rule() rule { return rule{words: []string{"enforce", "observe"}} }

func (permission) rule() rule {
	return rule{words: []string{"read", "triage", "write", "maintain", "admin"}}
}

func (provenanceWord) rule() rule { return rule{words: []string{"none", "labels", "attestation"}} }

func (attestWord) rule() rule { return rule{words: []string{"none", "best_effort", "required"}} }

func (commentWord) rule() rule { return rule{words: []string{"always", "when_ready", "never"}} }

// Runs of events other than the first three do not say by their head what they ran. That they count with evidence.digest
// only is a gate's to enforce: a policy may name them beside others, and runs of the others count without it. Where no
// run could ever count, validate.go says so.
func (event) rule() rule {
	return rule{words: append(slices.Clone(headEvents), "pull_request_target", "workflow_run", "workflow_dispatch", "schedule", "repository_dispatch")}
}

// headEvents are those whose runs ran on their head.
var headEvents = []string{"push", "merge_group", "pull_request"}

func (gate) rule() rule {
	words := texts(promotion.Waivable())
	return rule{words: append(words, "soak", "max_age", "window", "windows", "hold", "approvals", "reviewed")}
}

// reason gives the code with which the gate refuses.
func (g gate) reason() promotion.Reason {
	if reason, found := promotion.RuleReasons()[string(g)]; found {
		return reason
	}
	return promotion.Reason(g)
}

func (reference) rule() rule { return rule{expected: "a name", pattern: namePattern} }

func (webhookName) rule() rule {
	return rule{
		expected: "the name of a webhook in the server's settings, not its address",
		pattern:  namePattern,
	}
}

var workflowPattern = regexp.MustCompile(`^\.github/workflows/[^/*\\\x00-\x1f\x7f]{1,200}\.ya?ml$`)

func (workflowPath) rule() rule {
	return rule{expected: "a workflow's exact path, such as .github/workflows/ci.yml", pattern: workflowPattern, mend: func(text string) string {
		name, _, _ := strings.Cut(path.Base(text), "@")
		for _, likely := range []string{name, name + ".yml"} {
			if full := ".github/workflows/" + likely; workflowPattern.MatchString(full) {
				return "did you mean " + full + "?"
			}
		}
		return ""
	}}
}

var jobPattern = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,250}$`)

func (jobName) rule() rule {
	return rule{expected: "a job's name, in which * stands for anything", pattern: jobPattern}
}

// What git forbids in a branch's name is left out: git-check-ref-format(1).
var branchPattern = regexp.MustCompile(`^[^\s~^:?\[\\\x00-\x1f\x7f]{1,244}$`)

func (branchName) rule() rule {
	return rule{expected: "a branch's name, in which * stands for anything", pattern: branchPattern, check: func(text string) (string, string) {
		if short, isRef := strings.CutPrefix(text, "refs/heads/"); isRef {
			return fmt.Sprintf("expected a branch's name alone, found %.80q", text), fmt.Sprintf("write %.80q", short)
		}
		return "", ""
	}}
}

var pathPattern = regexp.MustCompile(`^[^/!\\\x00-\x1f\x7f][^\\\x00-\x1f\x7f]{0,255}$`)

func (pathGlob) rule() rule {
	expected := "a pattern of at most 256 characters, of paths from the repository's root, such as api/**"
	return rule{expected: expected, pattern: pathPattern, mend: func(text string) string {
		if short := strings.TrimPrefix(strings.TrimPrefix(text, "!"), "/"); short != text && pathPattern.MatchString(short) {
			return fmt.Sprintf("write %.80q", short)
		}
		return ""
	}, check: func(text string) (string, string) {
		if found := strings.Count(strings.ReplaceAll(text, "**", "*"), "*"); found > promotion.MaximumPathWildcards {
			return fmt.Sprintf("expected a pattern with at most %d wildcards, found %d", promotion.MaximumPathWildcards, found), "name a folder: folder/**"
		}
		if strings.HasSuffix(text, "/") {
			return fmt.Sprintf("expected %s, found %.80q", expected, text), fmt.Sprintf("write %.80q", text+"**")
		}
		for segment := range strings.SplitSeq(text, "/") {
			if _, err := path.Match(segment, ""); err != nil || segment == "" || segment == "." || segment == ".." {
				return fmt.Sprintf("expected %s, found %.80q in %.80q", expected, segment, text), ""
			}
		}
		return "", ""
	}}
}

var templatePattern = regexp.MustCompile(`^[A-Za-z0-9_{][A-Za-z0-9._{}-]{0,299}$`)

const tagExpected = "a tag of at most 128 letters, digits, dots, dashes and underscores, in which {sha} and {short_sha} stand for the commit"

func (tagTemplate) rule() rule {
	return rule{expected: tagExpected, pattern: templatePattern, check: tagWrong}
}

func (sourceTag) rule() rule {
	return rule{expected: tagExpected, pattern: templatePattern, check: func(text string) (string, string) {
		if wrong, suggestion := tagWrong(text); wrong != "" {
			return wrong, suggestion
		}
		if !strings.Contains(text, "{") {
			return fmt.Sprintf("expected a tag with {sha} or {short_sha}, so that it names one commit; found %.80q", text), `write "{sha}"`
		}
		return "", ""
	}}
}

// tagWrong checks a template of a tag by filling it in.
func tagWrong(template string) (wrong, suggestion string) {
	if wrong, suggestion = variableWrong(template, "{sha}", "{short_sha}"); wrong != "" {
		return wrong, suggestion
	}
	filled := strings.NewReplacer("{sha}", strings.Repeat("0", 40), "{short_sha}", "0000000").Replace(template)
	if !promotion.ValidTag(filled) {
		return fmt.Sprintf("expected %s, found %.160q", tagExpected, template), ""
	}
	return "", ""
}

var variablePattern = regexp.MustCompile(`\{[^}]*\}?`)

// variableWrong finds a variable that there is not.
func variableWrong(template string, variables ...string) (wrong, suggestion string) {
	for _, variable := range variablePattern.FindAllString(template, -1) {
		if !slices.Contains(variables, variable) {
			return fmt.Sprintf("unknown variable %.80q; there are %s", variable, strings.Join(variables, " and ")), promotion.DidYouMean(variable, variables)
		}
	}
	return "", ""
}

var repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9{][A-Za-z0-9.:{}_-]*(/[A-Za-z0-9._{}-]+)+$`)

func (repositoryTemplate) rule() rule {
	const expected = "host/path in lower case, such as registry.example.com/shop/api, without tag or digest"
	return rule{expected: expected, pattern: repositoryPattern, mend: func(text string) string {
		if _, after, found := strings.Cut(text, "://"); found && repositoryPattern.MatchString(after) {
			return fmt.Sprintf("write %.120q", after)
		}
		return ""
	}, check: func(text string) (string, string) {
		if wrong, suggestion := variableWrong(text, "{owner}", "{repo}"); wrong != "" {
			return wrong, suggestion
		}
		for _, sample := range []promotion.Repository{{Owner: "acme", Name: "shop"}, {Owner: "o", Name: "a.b_c-d"}} {
			if _, err := (promotion.Image{Repository: text}).Registry(sample); err != nil {
				return fmt.Sprintf("expected %s, found %.160q", expected, text), ""
			}
		}
		return "", ""
	}}
}

// What an artifact may be called is what actions/upload-artifact allows.
var artifactPattern = regexp.MustCompile(`^[^":<>|*?\\/\x00-\x1f\x7f]{1,255}$`)

func (artifactName) rule() rule {
	return rule{expected: "an artifact's exact name", pattern: artifactPattern}
}

var slugPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

func (slug) rule() rule {
	return rule{expected: "a team's slug", pattern: slugPattern, mend: func(text string) string {
		if short := path.Base(text); slugPattern.MatchString(short) {
			return fmt.Sprintf("write %q alone, without @ and owner", short)
		}
		return ""
	}}
}

func (login) rule() rule {
	return rule{expected: "a login", pattern: slugPattern, mend: func(text string) string {
		if short := strings.TrimPrefix(text, "@"); slugPattern.MatchString(short) {
			return fmt.Sprintf("write %q alone, without @", short)
		}
		return ""
	}}
}
