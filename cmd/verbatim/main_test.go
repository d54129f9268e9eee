package main

import (
	"bytes"
	"strings"
	"testing"
)

const validPolicy = `version: 1
images: { api: { repository: registry.example.com/shop/api } }
stages: { test: { workflow: .github/workflows/ci.yml } }
environments: { production: { requires: [test], tags: [production] } }
`

// The exit codes are part of the contract: 0 done, 1 refused or invalid, 2 usage or settings.
func TestExitCodes(t *testing.T) {
	t.Setenv("GITHUB_APP_INTEGRATION_ID", "7") // without the app's other parts
	for name, test := range map[string]struct {
		arguments []string
		stdin     string
		code      int
		shows     string
	}{
		"version":                        {[]string{"version"}, "", 0, "verbatim development"},
		"a valid policy":                 {[]string{"validate", "-"}, validPolicy, 0, "is valid: 1 image, 1 stage, 1 environment"},
		"a policy that promotes nothing": {[]string{"validate", "-"}, strings.Replace(validPolicy, "tags: [production]", "tags: [production], deploy: { workflow: .github/workflows/deploy.yml }", 1), 0, "warning: environments.production.deploy: this version does not enforce it"},
		"a policy of patterns":           {[]string{"validate", "-"}, strings.Replace(validPolicy, "tags: [production]", "tags: [production], from: [main, \"release/*\"]", 1), 0, "note: environments.production.from: whoever may create a branch that fits release/*"},
		"a policy of teams":              {[]string{"validate", "-"}, strings.Replace(validPolicy, "tags: [production]", "tags: [production], promoters: { teams: [release] }", 1), 0, "note: teams release: "},
		"an invalid policy":              {[]string{"validate", "-"}, strings.Replace(validPolicy, "tags:", "tag:", 1), 1, "did you mean tags?"},
		"no such file":                   {[]string{"validate", "no-such-file.yml"}, "", 2, "no such file"},
		"the schema":                     {[]string{"validate", "--schema"}, "", 0, `"additionalProperties": false`},
		"no such command":                {[]string{"promotte"}, "", 2, "unknown command"},
		"no such flag":                   {[]string{"serve", "--port", "1"}, "", 2, "unknown flag"},
		"settings half done":             {[]string{"serve"}, "", 2, "GITHUB_APP_WEBHOOK_SECRET"},
		"no settings file":               {[]string{"serve", "--config", "no-such-file.yml"}, "", 2, "--config"},
		"work set aside":                 {[]string{"work", "list"}, "", 2, "GITHUB_APP_WEBHOOK_SECRET"},
		"no row":                         {[]string{"work", "retry", "first"}, "", 2, "expected the number of a row"},
		"no such work":                   {[]string{"work", "rety", "5"}, "", 2, "expected one of discard, list, retry, found \"rety\""},
		"no work":                        {[]string{"work"}, "", 2, "found nothing"},
		"no such ledger":                 {[]string{"ledger", "bogus"}, "", 2, "expected one of copy, release, resume"},
		"help":                           {[]string{"--help"}, "", 0, "serve"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), test.arguments, strings.NewReader(test.stdin), &out, &out); code != test.code || !strings.Contains(out.String(), test.shows) {
			t.Errorf("%s: exit code %d, expected %d; it shows\n%s", name, code, test.code, out.String())
		}
	}
}
