package promotion

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdviceOnBranchesThatNoStageCounts(t *testing.T) {
	for name, test := range map[string]struct {
		from, branches, events []string
		expected               []string
	}{
		"the default branch":       {nil, nil, []string{"push"}, nil},
		"its name":                 {[]string{"main"}, nil, []string{"push"}, nil},
		"a pattern":                {[]string{"main", "release/*"}, nil, []string{"push"}, []string{"release/*"}},
		"another name":             {[]string{"main", "next"}, nil, []string{"push"}, []string{"next"}},
		"the same pattern":         {[]string{"main", "release/*"}, []string{"main", "release/*"}, []string{"push"}, nil},
		"a wider pattern":          {[]string{"release/*"}, []string{"rel*"}, []string{"push"}, nil},
		"a narrower pattern":       {[]string{"release/*"}, []string{"main", "release/1"}, []string{"push"}, []string{"release/*"}},
		"a stage that deploys":     {[]string{"release/*"}, nil, []string{"push", "workflow_run"}, nil},
		"one of pull requests":     {[]string{"release/*"}, nil, []string{"pull_request"}, []string{"release/*"}},
		"one of their base branch": {[]string{"release/*"}, nil, []string{"pull_request_target"}, []string{"release/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			policy := Policy{
				Stages:       []Stage{{Name: "test", Events: test.events, Branches: test.branches}},
				Environments: []Environment{{Name: "production", Requires: []string{"test"}, From: test.from}},
			}
			found := policy.Advice()
			if len(found) != len(test.expected) {
				t.Fatalf("advice %q, expected some on %q", found, test.expected)
			}
			if left := uncovered(test.from, test.branches); len(test.expected) > 0 && !cmp.Equal(left, test.expected) {
				t.Errorf("uncovered %q, expected %q", left, test.expected)
			}
		})
	}
}

func TestNotesOnWhatGitHubsSettingsKeep(t *testing.T) {
	policy := Policy{Environments: []Environment{
		{Name: "staging", From: []string{"main"}, Promoters: People{Teams: []string{"release"}}},
		{Name: "production", From: []string{"main", "release/*", "v1"}, Promoters: People{Teams: []string{"release"}, Users: []string{"carol"}}, Approvals: Approvals{Teams: []string{"quality"}}, Override: Override{Teams: []string{"sre"}}},
	}}
	notes := strings.Join(policy.Notes(), "\n")
	for _, expected := range []string{"fits release/* runs", "teams release, quality, sre: ", "there is no branch v1", "users carol: "} {
		if strings.Count(notes, expected) != 1 {
			t.Errorf("expected %q once in\n%s", expected, notes)
		}
	}
	if notes := (Policy{Environments: []Environment{{Name: "production", From: []string{"main"}, Promoters: People{Permission: "maintain"}}}}).Notes(); len(notes) > 0 {
		t.Errorf("notes on a policy that trusts nothing of the kind: %q", notes)
	}
}
