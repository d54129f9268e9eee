package config_test

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

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
	for _, seed := range []string{small, "", "---\n---\n", "? [a]\n: b\n", "a: &a [*a]\n", "\xef\xbb\xbfversion: 1\r\n", "environments:\n  a:\n\tb: {", "!!map {}", "\"\\x00\": 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		policy, err := config.ParsePolicy("verbatim.yml", content)
		var invalid *config.PolicyError
		switch {
		case err == nil:
			sound(t, policy)
		case !errors.As(err, &invalid) || len(invalid.Problems) == 0:
			t.Fatalf("an error without problems: %v", err)
		default:
			lines := 1 + bytes.Count(content, []byte("\n"))
			for _, problem := range invalid.Problems {
				if problem.Line < 1 || problem.Line > lines || problem.Column < 1 || problem.Message == "" {
					t.Errorf("a problem outside of the file's %d lines: %s", lines, problem)
				}
				if text := problem.String(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
					t.Errorf("a message with strange letters: %q", text)
				}
			}
		}
		for _, name := range config.EnvironmentNames(content) {
			if len(name) > 64 {
				t.Errorf("a name of %d bytes", len(name))
			}
		}
	})
}

// sound checks what everything else relies on in a policy that was taken.
func sound(t *testing.T, policy promotion.Policy) {
	t.Helper()
	if len(policy.Images) == 0 || len(policy.Stages) == 0 || len(policy.Environments) == 0 {
		t.Errorf("a policy without a section: %+v", policy)
	}
	for _, image := range policy.Images {
		if _, err := image.Registry(promotion.Repository{Owner: "acme", Name: "shop"}); err != nil {
			t.Error(err)
		}
	}
	for _, environment := range policy.Environments {
		if len(environment.Requires) == 0 || environment.Promoters.Empty() {
			t.Errorf("an environment without a gate: %+v", environment)
		}
		for _, name := range environment.Requires {
			if _, found := policy.Stage(name); !found {
				t.Errorf("no stage %q", name)
			}
		}
		commit, err := promotion.ParseCommit(strings.Repeat("a", 40))
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range environment.TagsFor(commit) {
			if !promotion.ValidTag(tag) {
				t.Errorf("tag %q", tag)
			}
		}
	}
}

// FuzzScope feeds rules about registries: those that are taken say what they let through, and no more.
func FuzzScope(f *testing.F) {
	for _, seed := range []string{
		"acme/shop=123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/*,acme/*=ghcr.io/acme/{repo}", "*/*=ghcr.io/*", "a/b=c", "acme/*=GHCR.io/{owner}/{repo}", "=,=", "acme/[a-z]=ghcr.io/x",
	} {
		f.Add(seed, "acme", "shop", "ghcr.io/acme/shop")
	}
	f.Fuzz(func(t *testing.T, rules, owner, name, registry string) {
		settings, err := config.Load("", environment("VERBATIM_REGISTRY_SCOPE="+rules))
		if err != nil {
			return
		}
		for _, rule := range settings.Scope {
			if err := rule.Validate(); err != nil {
				t.Errorf("taken, but wrong: %v", err)
			}
		}
		repository, err := promotion.ParseRegistryRepository(registry)
		if err != nil || !settings.Scope.Allows(promotion.Repository{Owner: owner, Name: name}, repository) {
			return
		}
		for _, rule := range settings.Scope {
			if matches, err := path.Match(strings.ToLower(rule.Repositories), strings.ToLower(owner+"/"+name)); err == nil && matches && strings.HasPrefix(repository.String(), strings.SplitN(rule.Registry, "/", 2)[0]+"/") {
				return
			}
		}
		t.Errorf("%s/%s may use %s by none of %v", owner, name, repository, settings.Scope)
	})
}
