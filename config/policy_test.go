package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

// small is a policy that is valid, and that tests change in one place.
const small = `version: 1
images:
  api:
    repository: registry.example.com/shop/api
  worker:
    repository: registry.example.com/shop/worker
stages:
  test:
    workflow: .github/workflows/ci.yml
environments:
  production:
    requires: [test]
    tags: [production]
`

func problemsOf(t *testing.T, content string) []promotion.Problem {
	t.Helper()
	_, err := config.ParsePolicy("verbatim.yml", []byte(content))
	var invalid *config.PolicyError
	if err != nil && !errors.As(err, &invalid) {
		t.Fatalf("an error without problems: %v", err)
	}
	if invalid == nil {
		return nil
	}
	return invalid.Problems
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	policy, err := config.ParsePolicy("verbatim.yml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := promotion.Policy{
		Mode: promotion.Enforce,
		Images: []promotion.Image{
			{Name: "api", Repository: "registry.example.com/shop/api", Tag: "{sha}"},
			{Name: "worker", Repository: "registry.example.com/shop/worker", Tag: "{sha}"},
		},
		Stages: []promotion.Stage{{Name: "test", Workflow: ".github/workflows/ci.yml", Events: []string{"push", "merge_group"}}},
		Environments: []promotion.Environment{{
			Name: "production", Requires: []string{"test"}, Tags: []string{"production"}, Promoters: promotion.People{Permission: "maintain"},
			Provenance: "none", Attest: "none", Comment: "never",
		}},
	}
	if diff := cmp.Diff(want, policy); diff != "" {
		t.Error(diff)
	}
}

// testdata/policy/everything.yml is the contract's own sample, with every key that there is.
func TestTheWholeSample(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/policy/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := config.ParsePolicy("verbatim.yml", content)
	if err != nil {
		t.Fatal(err)
	}
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday}
	want := promotion.Environment{
		Name: "production", Requires: []string{"test", "staging"}, From: []string{"main", "release/*"}, Tags: []string{"production", "production-{short_sha}"},
		Promoters: promotion.People{Permission: "maintain", Teams: []string{"release"}}, Approvals: promotion.Approvals{Required: 1, Teams: []string{"release"}},
		Soak: time.Hour, MaxAge: 14 * 24 * time.Hour, Wait: 24 * time.Hour,
		Windows:    []promotion.Window{{Days: weekdays, From: 9 * 60, To: 16 * 60, Zone: "Europe/Berlin"}},
		Provenance: "none", Override: promotion.Override{Teams: []string{"sre"}, Gates: []string{"soaking", "outside_window"}, Second: true}, HoldsLift: "maintain",
		Repository: map[string]string{"": "210987654321.dkr.ecr.eu-west-1.amazonaws.com/shop/api"}, Attest: "best_effort",
		Deploy: &promotion.Deploy{Workflow: ".github/workflows/deploy-production.yml"}, Comment: "when_ready", Slack: "ops",
	}
	if diff := cmp.Diff([]promotion.Environment{want}, policy.Environments); diff != "" {
		t.Error(diff)
	}
	if policy.DefaultEnvironment != "production" || policy.MaxRetentionDays != 30 || len(policy.Images) != 2 || len(policy.Stages) != 3 || len(policy.Groups) != 1 {
		t.Errorf("the rest: %+v", policy)
	}
}

func TestPoliciesThatAreFine(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"hours, days and weeks":             {"tags: [production]", "tags: [production]\n    soak: 1w2d3h4m5s\n    max_age: 1.5d\n    wait: 0"},
		"an override of every kind":         {"tags: [production]", "tags: [production]\n    override: { users: [alice], gates: [soak, held, older_than_production, stage_failed] }"},
		"days over the weekend":             {"tags: [production]", "tags: [production]\n    windows: [{ days: 'fri-mon, wed', from: 00:00, to: 24:00 }]"},
		"a map of repositories":             {"tags: [production]", "tags: [production]\n    repository: { worker: ghcr.io/acme/worker }"},
		"the source tag, elsewhere":         {"tags: [production]", "tags: ['{sha}']\n    repository: { api: ghcr.io/acme/api, worker: ghcr.io/acme/worker }"},
		"images of one repository":          {"registry.example.com/shop/worker", "registry.example.com/shop/api\n    tag: worker-{sha}"},
		"a registry with a port":            {"registry.example.com/shop/worker", "localhost:5000/{owner}/{repo}"},
		"events of other people's runs":     {"ci.yml", "ci.yml\n    events: [push, workflow_run]"},
		"events that say what they ran":     {"ci.yml", "ci.yml\n    events: [workflow_run, schedule]\n    evidence: { digest: { artifact: image-digest } }"},
		"pull requests":                     {"ci.yml", "ci.yml\n    events: [pull_request]"},
		"a group for each":                  {"version: 1", "version: 1\ngroups: { one: [api], two: [worker] }"},
		"a workflow with a blank":           {"ci.yml", "the tests.yaml"},
		"approvals, one by default":         {"tags: [production]", "tags: [production]\n    approvals: {}"},
		"an image called like a check run":  {"worker:", "policy:"},
		"an environment called in capitals": {"production:", "EU.West-1_a:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := strings.Replace(small, change[0], change[1], 1)
			if problems := problemsOf(t, content); problems != nil {
				t.Errorf("%v\nin\n%s", problems, content)
			}
		})
	}
}

// One mistake is one problem: nothing follows from a value that is not known.
func TestOneMistakeIsOneProblem(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, from, to, key, message, suggestion string }{
		{"a wrong type", "version: 1", `version: "1"`, "version", `expected 1, found the text "1"`, "write it without quotes"},
		{"another version", "version: 1", "version: 2", "version", "expected 1, found 2", ""},
		{"stages as a list", "stages:\n  test:\n    workflow: .github/workflows/ci.yml", "stages: [test]", "stages", "expected a map of names, found a list", ""},
		{"a number for a text", "registry.example.com/shop/api", "5", "images.api.repository", "found the number 5", `put it in quotes: "5"`},
		{"a variable without quotes", "registry.example.com/shop/api", "ghcr.io/acme/api\n    tag: {sha}", "images.api.tag", "found a map", `put it in quotes, as in "{sha}"`},
		{"nothing", "requires: [test]", "requires:", "environments.production.requires", "expected a list, found nothing", ""},
		{"yes", "[production]", "[production]\n    reviewed: yes", "environments.production.reviewed", `expected true or false, found the text "yes"`, "write true"},
		{"a duration without unit", "[production]", "[production]\n    soak: 3600", "environments.production.soak", "found the number 3600", `put it in quotes: "3600"`},
		{"a negative duration", "[production]", "[production]\n    soak: -1h", "environments.production.soak", `expected a length of time such as 90s, 1h30m or 14d, found "-1h"`, ""},
		{"eleven years", "[production]", "[production]\n    soak: 4015d", "environments.production.soak", `expected at most ten years, found "4015d"`, ""},
		{"an overflow", "[production]", "[production]\n    soak: 9999999999999999999h", "environments.production.soak", "expected at most ten years", ""},
		{"no age at all", "[production]", "[production]\n    max_age: 0s", "environments.production.max_age", "no verification would be young enough", "leave it out for any age"},
		{"over midnight", "[production]", "[production]\n    windows: [{ days: mon, from: 22:00, to: 04:00 }]", "environments.production.windows[0].to", "expected a time after 22:00, found 04:00", "write two windows for one that goes over midnight"},
		{"a time with a sign", "[production]", "[production]\n    windows: [{ days: mon, from: '+9:00', to: 10:00 }]", "environments.production.windows[0].from", `found "+9:00"`, ""},
		{"the server's own zone", "[production]", "[production]\n    windows: [{ days: mon, from: 09:00, to: 10:00, zone: Local }]", "environments.production.windows[0].zone", "IANA", ""},
		{"a zone that is none", "[production]", "[production]\n    windows: [{ days: mon, from: 09:00, to: 10:00, zone: Europe/Berlyn }]", "environments.production.windows[0].zone", `such as Europe/Berlin or UTC, found "Europe/Berlyn"`, ""},
		{"a zone's abbreviation", "[production]", "[production]\n    windows: [{ days: mon, from: 09:00, to: 10:00, zone: CEST }]", "environments.production.windows[0].zone", `found "CEST"`, ""},
		{"days in capitals", "[production]", "[production]\n    windows: [{ days: Mon-Thu, from: 09:00, to: 10:00 }]", "environments.production.windows[0].days", `found "Mon-Thu"`, "write mon-thu"},
		{"a window without an end", "[production]", "[production]\n    windows: [{ days: mon, from: 09:00 }]", "environments.production.windows[0].to", "found no such key", ""},
		{"no window", "[production]", "[production]\n    windows: []", "environments.production.windows", "expected at least 1, found 0", "leave it out for any time"},
		{"an unknown variable", "[production]", `["production-{short-sha}"]`, "environments.production.tags[0]", `unknown variable "{short-sha}"`, "did you mean {short_sha}?"},
		{"an open variable", "[production]", `["production-{sha"]`, "environments.production.tags[0]", `unknown variable "{sha"`, "did you mean {sha}?"},
		{"a tag that gets too long", "[production]", `["{sha}{sha}{sha}{sha}"]`, "environments.production.tags[0]", "at most 128", ""},
		{"a tag that no commit is in", "shop/api", "shop/api\n    tag: latest", "images.api.tag", "expected a tag with {sha} or {short_sha}", `write "{sha}"`},
		{"the tag that CI pushes", "[production]", `["{sha}"]`, "environments.production.tags[0]", `which it pushes for image "api"`, "give the environment a tag of its own"},
		{"a tag twice", "[production]", "[production, production]", "environments.production.tags[1]", `"production" is there twice`, "keep one of them"},
		{"a registry's address", "registry.example.com/shop/api", "https://ghcr.io/acme/api", "images.api.repository", "found", `write "ghcr.io/acme/api"`},
		{"a repository with a tag", "registry.example.com/shop/api", "ghcr.io/acme/api:latest", "images.api.repository", "without tag or digest", ""},
		{"a variable of tags", "registry.example.com/shop/api", "ghcr.io/acme/{sha}", "images.api.repository", `unknown variable "{sha}"; there are {owner} and {repo}`, ""},
		{"the same image", "shop/worker", "shop/api", "images.worker.repository", "have the same repository and tag", "give each image a repository or a tag of its own"},
		{"a workflow's ref", ".github/workflows/ci.yml", ".github/workflows/ci.yml@main", "stages.test.workflow", "exact path", "did you mean .github/workflows/ci.yml?"},
		{"a workflow elsewhere", ".github/workflows/ci.yml", "ci", "stages.test.workflow", "exact path", "did you mean .github/workflows/ci.yml?"},
		{"no workflow", "workflow: .github/workflows/ci.yml", "job: test", "stages.test.workflow", "found no such key", ""},
		{"an event", "ci.yml", "ci.yml\n    events: [Push]", "stages.test.events[0]", "expected one of push, merge_group", "did you mean push?"},
		{"no event", "ci.yml", "ci.yml\n    events: []", "stages.test.events", "expected at least 1, found 0", "leave it out for [push, merge_group]"},
		{"a branch's ref", "ci.yml", "ci.yml\n    branches: [refs/heads/main]", "stages.test.branches[0]", "expected a branch's name alone", `write "main"`},
		{"paths from the root", "shop/api", "shop/api\n    paths: [/api/**]", "images.api.paths[0]", "from the repository's root", `write "api/**"`},
		{"paths upwards", "shop/api", "shop/api\n    paths: [api/../..]", "images.api.paths[0]", `found ".." in "api/../.."`, ""},
		{"a folder", "shop/api", "shop/api\n    paths: [api/]", "images.api.paths[0]", "from the repository's root", `write "api/**"`},
		{"a broken pattern", "shop/api", `shop/api` + "\n    paths: ['a[pi']", "images.api.paths[0]", `found "a[pi"`, ""},
		{"percent", "ci.yml", "ci.yml\n    evidence: { coverage: { artifact: a, min: 101 } }", "stages.test.evidence.coverage.min", "expected a number from 0 to 100, found 101", ""},
		{"an artifact's path", "ci.yml", "ci.yml\n    evidence: { junit: { artifact: a/b } }", "stages.test.evidence.junit.artifact", "expected an artifact's exact name", ""},
		{"a stage after itself", "ci.yml", "ci.yml\n    after: [test]", "stages.test.after[0]", "test after test", "take one of them out"},
		{"a dangling stage", "ci.yml", "ci.yml\n    after: [tests]", "stages.test.after[0]", `expected the name of one of the stages (test), found "tests"`, "did you mean test?"},
		{"a dangling image", "[production]", "[production]\n    repository: { apis: ghcr.io/acme/api }", "environments.production.repository.apis", "expected the name of one of the images (api, worker)", "did you mean api?"},
		{"a dangling default", "version: 1", "version: 1\ndefault_environment: prod", "default_environment", "expected the name of one of the environments (production)", ""},
		{"an empty group", "version: 1", "version: 1\ngroups: { shop: [] }", "groups.shop", "expected at least one image, found none", ""},
		{"an image in two groups", "version: 1", "version: 1\ngroups: { one: [api, worker], two: [api] }", "groups.two[0]", `found "api" in "one" already`, "keep it in one of them"},
		{"an image twice in a group", "version: 1", "version: 1\ngroups: { one: [api, api] }", "groups.one[1]", `"api" is there twice`, "keep one of them"},
		{"a group called like a command", "version: 1", "version: 1\ngroups: { Rollback: [api, worker] }", "groups.Rollback", `"Rollback" means something else`, "choose another name"},
		{"a group called like an image", "version: 1", "version: 1\ngroups: { API: [api, worker] }", "groups.API", `"API" is the name of images.api too`, "choose another name"},
		{"a group called like an environment", "version: 1", "version: 1\ngroups: { production: [api, worker] }", "groups.production", `"production" is the name of environments.production too`, "choose another name"},
		{"two groups of a name", "version: 1", "version: 1\ngroups: { shop: [api], Shop: [worker] }", "groups.Shop", `"Shop" is the name of groups.shop too`, "choose another name"},
		{"an event that says nothing", "ci.yml", "ci.yml\n    events: [workflow_run, schedule]", "stages.test.events", "expected evidence.digest, found none: runs of workflow_run, schedule do not say", "evidence: { digest:"},
		{"an event that says nothing, with other evidence", "ci.yml", "ci.yml\n    events: [workflow_dispatch]\n    evidence: { junit: { artifact: a } }", "stages.test.events", "expected evidence.digest", "evidence: { digest:"},
		{"an event beside a wrong one", "ci.yml", "ci.yml\n    events: [schedule, pushes]", "stages.test.events[1]", "expected one of push, merge_group", "did you mean push?"},
		{"an event with broken evidence", "ci.yml", "ci.yml\n    events: [schedule]\n    evidence: { digest: image-digest }", "stages.test.evidence.digest", "expected a map", ""},
		{"nobody", "[production]", "[production]\n    promoters: {}", "environments.production.promoters", "expected somebody who may promote, found nobody", "name a permission"},
		{"a permission", "[production]", "[production]\n    promoters: { permission: maintainer }", "environments.production.promoters.permission", "expected one of read, triage, write, maintain, admin", "did you mean maintain?"},
		{"a team with its owner", "[production]", "[production]\n    promoters: { teams: ['@acme/release'] }", "environments.production.promoters.teams[0]", "expected a team's slug", `write "release" alone`},
		{"a gate of identity", "[production]", "[production]\n    override: { teams: [sre], gates: [not_authorised] }", "environments.production.override.gates[0]", "expected one of soaking", ""},
		{"a gate of digests", "[production]", "[production]\n    override: { teams: [sre], gates: [digest_moved] }", "environments.production.override.gates[0]", "expected one of soaking", ""},
		{"a gate of scope", "[production]", "[production]\n    override: { teams: [sre], gates: [registry_scope] }", "environments.production.override.gates[0]", "expected one of soaking", ""},
		{"a gate of the policy", "[production]", "[production]\n    override: { teams: [sre], gates: [not_enforced] }", "environments.production.override.gates[0]", "expected one of soaking", ""},
		{"a gate of what is there", "[production]", "[production]\n    override: { teams: [sre], gates: [image_missing] }", "environments.production.override.gates[0]", "expected one of soaking", "did you mean stage_missing?"},
		{"a gate of what the tag is", "[production]", "[production]\n    override: { teams: [sre], gates: [tag_immutable] }", "environments.production.override.gates[0]", "expected one of soaking", ""},
		{"nobody who overrides", "[production]", "[production]\n    override: { gates: [soak] }", "environments.production.override", "expected somebody who may waive gates", "name teams or users"},
		{"an address for a webhook", "[production]", "[production]\n    slack: https://hooks.slack.com/x", "environments.production.slack", "not its address", ""},
		{"an environment's name", "production:", "promote:", "environments.promote", `"promote" means something else`, "choose another name"},
		{"a name for two things", "production:", "API:", "environments.API", `"API" is the name of images.api too`, "choose another name"},
		{"a name with a blank", "production:", "to production:", `environments."to production"`, `found "to production"`, ""},
		{"a number as name", "production:", "1:", "environments", "expected a name as key, found the number 1", `put it in quotes: "1"`},
		{"a key that is near", "tags:", "soak: 1h\n    tag: [production]\n    tags:", "environments.production.tag", `unknown key "tag"`, "did you mean tags?"},
		{"a key that nothing is near", "tags:", "kubernetes: x\n    tags:", "environments.production.kubernetes", `unknown key "kubernetes"; the keys here are requires, from, tags`, ""},
		{"a key twice", "tags:", "tags: [other]\n    tags:", "environments.production.tags", "the key is there twice; the first is in line 13", "keep one of them"},
		{"an alias", "[production]", "*tags", "", "anchors (&) and aliases (*) are not allowed", "write the value out"},
		{"an anchor", "[production]", "&tags [production]", "", "anchors (&) and aliases (*) are not allowed", "write the value out"},
		{"a tag of YAML", "[production]", "[!!str production]", "", "tags (!) are not allowed", "leave it out"},
		{"a boolean that is none", "[production]", "[production]\n    reviewed: !!bool banana", "", "tags (!) are not allowed", "leave it out"},
		{"a control character", "[production]", "[production]\x01", "", "expected text in UTF-8, found a control character", ""},
		{"Latin 1", "[production]", "[production] # \xe4", "", "expected text in UTF-8, found bytes that are not", ""},
		{"a tab", "    tags", "\ttags", "", "expected YAML", "indent with spaces"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			content := strings.Replace(small, test.from, test.to, 1)
			problems := problemsOf(t, content)
			if len(problems) != 1 {
				t.Fatalf("%d problems, wanted one:\n%v\nin\n%s", len(problems), problems, content)
			}
			got := problems[0]
			if got.Key != test.key || !strings.Contains(got.Message, test.message) || !strings.Contains(got.Suggestion, test.suggestion) || (test.suggestion == "") != (got.Suggestion == "") {
				t.Errorf("got %s\nkey %q, wanted %q\nwanted %s (%s)", got, got.Key, test.key, test.message, test.suggestion)
			}
		})
	}
}

func TestEnvironmentNamesOfABrokenPolicy(t *testing.T) {
	t.Parallel()
	many := "environments:\n"
	for i := range 100 {
		many += fmt.Sprintf("  e%d: {}\n", i)
	}
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"wrong values":           {"version: 3\nenvironments:\n  production: 5\n  \"not a name!\": {}\n  canary: {}\n", []string{"production", "canary"}},
		"aliases":                {"a: &a {}\nenvironments: { production: *a, staging: {} }\n", []string{"production", "staging"}},
		"two documents":          {small + "---\nenvironments: { other: {} }\n", []string{"production"}},
		"no YAML further up":     {"images: [[[\nenvironments:\n  production: # live\n    requires: [test]\n\n  'staging':\n    tags: [x]\nslack:\n  no: 1\n", []string{"production", "staging"}},
		"no YAML further down":   {"environments:\n  production:\n    tags: [production\n  staging:\n    tags: }\n", []string{"production", "staging"}},
		"no YAML at all":         {"[[[", nil},
		"bytes":                  {"\x00\xff\xfe", nil},
		"a list of environments": {"environments: [production]\n", nil},
		"a name twice":           {"environments: { a: {}, A: {} }\n", []string{"a"}},
		"nothing":                {"", nil},
	} {
		if diff := cmp.Diff(test.want, config.EnvironmentNames([]byte(test.content))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if names := config.EnvironmentNames([]byte(many)); len(names) != config.MaximumEnvironments {
		t.Errorf("%d names of 100 environments, wanted %d", len(names), config.MaximumEnvironments)
	}
	if names := config.EnvironmentNames(bytes.Repeat([]byte("environments:\n  a:\n"), 1<<20)); names != nil {
		t.Errorf("names of a file that is too large: %v", names)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(small, "environments:")
	environments := func(count int) string {
		return head + "environments:\n" + manyLines("  e%d: { requires: [test], tags: [production] }\n", count)
	}
	images := func(count, paths int) string {
		var added strings.Builder
		for number := range count {
			fmt.Fprintf(&added, "  i%d:\n    repository: registry.example.com/shop/i%d\n    paths:\n%s", number, number, manyLines("      - p%d\n", paths))
		}
		return strings.Replace(small, "images:\n", "images:\n"+added.String(), 1)
	}
	for name, test := range map[string]struct{ fits, exceeds, key string }{
		"environments": {environments(config.MaximumEnvironments), environments(config.MaximumEnvironments + 1), "environments"},
		"a list": {
			strings.Replace(small, "shop/api", "shop/api\n    paths:\n"+manyLines("      - p%d\n", 100), 1),
			strings.Replace(small, "shop/api", "shop/api\n    paths:\n"+manyLines("      - p%d\n", 101), 1), "images.api.paths",
		},
		"paths of all images": {
			images(5, 100), images(6, 100), "images.i5.paths",
		},
		"a pattern of paths": {
			strings.Replace(small, "shop/api", "shop/api\n    paths: ["+strings.Repeat("p", 256)+"]", 1),
			strings.Replace(small, "shop/api", "shop/api\n    paths: ["+strings.Repeat("p", 257)+"]", 1), "images.api.paths[0]",
		},
		"wildcards of a pattern": {
			strings.Replace(small, "shop/api", "shop/api\n    paths: ["+strings.Repeat("p*", 12)+"]", 1),
			strings.Replace(small, "shop/api", "shop/api\n    paths: ["+strings.Repeat("p*", 13)+"]", 1), "images.api.paths[0]",
		},
		"names": {
			strings.Replace(small, "stages:\n", "stages:\n"+manyLines("  s%d: { workflow: .github/workflows/ci.yml }\n", 199), 1),
			strings.Replace(small, "stages:\n  test:\n    workflow: .github/workflows/ci.yml\n", "stages:\n  test:\n    workflow: .github/workflows/ci.yml\n"+manyLines("  s%d: { workflow: .github/workflows/ci.yml }\n", 200), 1), "stages",
		},
		"the file": {small + strings.Repeat("#", config.MaximumPolicySize-len(small)), small + strings.Repeat("#", config.MaximumPolicySize-len(small)+1), ""},
		"a name":   {strings.Replace(small, "production:", strings.Repeat("e", 64)+":", 1), strings.Replace(small, "production:", strings.Repeat("e", 65)+":", 1), "environments." + strings.Repeat("e", 65)},
	} {
		if problems := problemsOf(t, test.fits); problems != nil {
			t.Errorf("%s: %v", name, problems)
		}
		if problems := problemsOf(t, test.exceeds); len(problems) != 1 || problems[0].Key != test.key {
			t.Errorf("%s: got %v, wanted one problem with %s", name, problems, test.key)
		}
	}
}

// Files that are made to be costly are refused with few problems and little memory. Their cost is memory because time
// depends on the machine; none of them takes more than some milliseconds.
func TestHostileFilesAreCheap(t *testing.T) {
	nest := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := range 1100 {
		nest += fmt.Sprintf("b%d: &b%d [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", i, i)
	}
	for name, content := range map[string]string{
		"a nest of aliases":  nest[:40<<10],
		"brackets":           strings.Repeat("[", 60<<10),
		"dashes":             strings.Repeat("- ", 30<<10),
		"too large":          strings.Repeat("#", 1<<20),
		"many documents":     strings.Repeat("---\n", 15<<10),
		"many unknown keys":  manyLines("k%d: 1\n", 5000),
		"many environments":  "environments:\n" + manyLines("  e%d: {requires: [x], tags: [y]}\n", 1500),
		"many dangling":      small + "default_environment: x\ngroups:\n" + manyLines("  g%d: [aa, bb, cc, dd]\n", 2000),
		"a long key":         strings.Repeat("k", 60<<10) + ": 1\n",
		"a circle of stages": "stages:\n" + manyLines("  s%d: {after: [s0, s1, s2, s3]}\n", 150),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		problems := problemsOf(t, content)
		runtime.ReadMemStats(&after)
		if len(problems) == 0 || len(problems) > 51 {
			t.Errorf("%s: %d problems", name, len(problems))
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 24 {
			t.Errorf("%s: took %d MB", name, used)
		}
		for _, problem := range problems {
			if len(problem.String()) > 2000 {
				t.Errorf("%s: a problem of %d bytes", name, len(problem.String()))
			}
		}
	}
}

func manyLines(format string, count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

// A name with an escape sequence, say, must not get into a terminal or a comment by way of a message.
func TestMessagesShowNothingStrange(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		strings.Replace(small, "production:", `"\x1b[2J\n\u202e@everyone":`, 1),
		strings.Replace(small, "[test]", `["\x1b[2J\n\u202e"]`, 1),
		strings.Replace(small, "  test:", `  "te\x1bst":`, 1),
		strings.Replace(small, "tags:", `"tags\x1b": x`+"\n    tags:", 1),
	} {
		problems := problemsOf(t, content)
		if len(problems) == 0 {
			t.Errorf("no problem in\n%s", content)
		}
		for _, problem := range problems {
			if strings.ContainsAny(problem.String(), "\x1b\n\u202e") {
				t.Errorf("%q", problem.String())
			}
		}
	}
}
