package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// Each file of testdata/policy is a policy; the golden file beside it says what it means, or all that is wrong with it.
func TestPoliciesGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/policy/*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d policies: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			policy, err := config.ParsePolicy("verbatim.yml", content)
			got := ""
			var invalid *config.PolicyError
			switch {
			case errors.As(err, &invalid):
				got = invalid.Error()
			case err != nil:
				t.Fatal(err)
			default:
				text, err := json.MarshalIndent(policy, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".golden", got+"\n")
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	policy, err := config.ParsePolicy("verbatim.yml", []byte(`version: 1
images: { api: { repository: registry.example.com/shop/api } }
stages: { test: { workflow: .github/workflows/ci.yml } }
environments: { production: { requires: [test], tags: [production] } }
`))
	if err != nil {
		t.Fatal(err)
	}
	want := promotion.Policy{
		Mode:   promotion.Enforce,
		Images: []promotion.Image{{Name: "api", Repository: "registry.example.com/shop/api", Tag: "{sha}"}},
		Stages: []promotion.Stage{{Name: "test", Workflow: ".github/workflows/ci.yml", Events: []string{"push", "merge_group"}}},
		Environments: []promotion.Environment{{
			Name: "production", Requires: []string{"test"}, Tags: []string{"production"}, Promoters: promotion.People{Permission: "maintain"},
			Provenance: "none", Attest: "best_effort", Comment: "never",
		}},
	}
	if diff := cmp.Diff(want, policy); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentNamesOfABrokenPolicy(t *testing.T) {
	t.Parallel()
	names := config.EnvironmentNames([]byte("version: 3\nenvironments:\n  production: 5\n  \"not a name!\": {}\n  canary: {}\n"))
	if diff := cmp.Diff([]string{"production", "canary"}, names); diff != "" {
		t.Error(diff)
	}
	if names := config.EnvironmentNames([]byte("[[[")); names != nil {
		t.Errorf("names of no YAML: %v", names)
	}
}

func TestSchemaGolden(t *testing.T) {
	t.Parallel()
	schema, err := config.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/policy.schema.json", string(schema)+"\n")
}

// What the decoder calls unknown, the schema must not have, and the other way round: each key of the whole sample is taken
// out of the schema's properties, level by level.
func TestTheSchemaKnowsEveryKeyOfTheSample(t *testing.T) {
	t.Parallel()
	schema, err := config.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"mode", "paths", "builds", "min_duration", "junit", "coverage", "digest", "groups", "requires", "from", "tags", "promoters", "approvals", "reviewed",
		"soak", "max_age", "wait", "windows", "provenance", "allow_unmerged", "same_tree", "override", "holds", "drift", "repository", "attest", "deploy",
		"comment", "slack", "default_environment", "artifacts", "max_retention_days",
	} {
		if !strings.Contains(string(schema), `"`+key+`"`) {
			t.Errorf("the schema lacks %s", key)
		}
	}
	if !strings.Contains(string(schema), `"additionalProperties": false`) {
		t.Error("the schema lets unknown keys pass")
	}
}

func FuzzParsePolicy(f *testing.F) {
	files, err := filepath.Glob("testdata/policy/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := config.ParsePolicy("verbatim.yml", content)
		var invalid *config.PolicyError
		if err != nil && !errors.As(err, &invalid) {
			t.Fatalf("an error without problems: %v", err)
		}
		lines := strings.Count(string(content), "\n") + 2
		if invalid != nil {
			for _, problem := range invalid.Problems {
				if problem.Line < 1 || problem.Line > lines || problem.Column < 1 || problem.Message == "" {
					t.Errorf("a problem outside of the file's %d lines: %s", lines, problem)
				}
			}
		}
		config.EnvironmentNames(content)
	})
}
