package server_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// usesOf are ways in which YAML lets a workflow name the same action.
var usesOf = map[string]string{
	"anchor":  "uses: &check ./.github/actions/check\n      - uses: *check\n",
	"tag":     "uses: !!str ./.github/actions/check\n",
	"escape":  "uses: \"\\x2e/.github/actions/check\"\n",
	"folded":  "uses: >-2\n          ./.github/actions/check\n",
	"comment": "uses: # the check\n          ./.github/actions/check\n",
	"key":     "\"\\x75ses\": ./.github/actions/check\n",
}

const (
	checkDefinition = ".github/actions/check/action.yml"
	checkScript     = ".github/actions/check/index.js"
)

// An action is compared in whichever way the workflow names it.
func TestAnActionThatThePullRequestChangesProvesNothingHoweverItIsNamed(t *testing.T) {
	t.Parallel()
	for name, uses := range usesOf {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.Repository.Commit("main", "Add workflows", s.Alice, map[string]string{
				scene.CI: "on: [push, pull_request]\njobs:\n  test:\n    steps:\n      - " + uses, scene.DeployStaging: "on: push\n",
				checkDefinition: "runs:\n  using: composite\n", checkScript: "check()",
			})
			policy := s.defaultPolicy("allow_unmerged: true")
			for _, line := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
				policy = strings.Replace(policy, line, line+"    events: [push, pull_request]\n", 1)
			}
			s.govern(policy)
			bob := s.member("bob", "write")
			pull := s.opened("Add a basket")
			pull.Push("Change how it is tested", s.Walter, map[string]string{checkScript: "process.exit(0)"})
			s.onPull(pull, "basket")
			pull.Review(bob, "APPROVED", "fine")
			s.settled()
			s.later()
			s.refuses(pull.Issue, s.Alice, "/promote", "workflow_changed")
		})
	}
}

func TestACommitInsideAPullRequestPassesNoStageByAnActionOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, uses := range usesOf {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{})
			s.Repository.Commit("main", "Test all", s.Alice, map[string]string{
				scene.CI: "on: push\njobs:\n  test:\n    steps:\n      - " + uses, scene.DeployStaging: "on: push\n",
				checkDefinition: "runs:\n  using: composite\n", checkScript: "check()",
			})
			s.Repository.CreateBranch("basket", s.Repository.Head("main"), s.Walter)
			commit := s.Repository.Commit("basket", "Try something", s.Walter, map[string]string{checkScript: "process.exit(0)"})
			s.Repository.Commit("basket", "Add a basket", s.Walter, map[string]string{checkScript: "check()"})
			pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a basket", Author: s.Walter, Head: "basket"})
			pull.Merge("merge", s.Alice)
			s.Repository.Tag("main", commit, s.Walter)
			s.staged(commit, "not tested")
			s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "stage_missing")
		})
	}
}

// elsewhere are actions that a workflow uses and whose files are not where it names them, and what changes what they do.
var elsewhere = map[string]struct {
	uses          string
	files, change map[string]string
}{
	"of a checkout in a folder": {
		"./src/.github/actions/check", map[string]string{checkDefinition: "runs:\n  using: composite\n", checkScript: "check()"}, map[string]string{checkScript: "process.exit(0)"},
	},
	"in a submodule": {
		"./shared/actions/check", map[string]string{"shared": githubtest.Submodule(strings.Repeat("1", 40))}, map[string]string{"shared": githubtest.Submodule(strings.Repeat("2", 40))},
	},
	"in a submodule of a checkout in a folder": {
		"./src/shared/actions/check", map[string]string{"shared": githubtest.Submodule(strings.Repeat("1", 40))}, map[string]string{"shared": githubtest.Submodule(strings.Repeat("2", 40))},
	},
	"with a script elsewhere": {
		"./.github/actions/check", map[string]string{checkDefinition: "runs:\n  using: node20\n  main: ../../../tools/check.js\n", "tools/check.js": "check()"}, map[string]string{"tools/check.js": "process.exit(0)"},
	},
}

// withAction begins a repository whose workflow uses an action, and where heads of pull requests may be promoted.
func withAction(t *testing.T, uses string, files map[string]string) (*story, *githubtest.PullRequest) {
	t.Helper()
	s := begin(t, scene.Options{Policy: "-"})
	workflows := map[string]string{scene.DeployStaging: "on: push\n"}
	workflows[scene.CI] = "on: [push, pull_request]\njobs:\n  test:\n    steps:\n      - uses: actions/checkout@v5\n        with: { path: src, submodules: true }\n      - uses: " + uses + "\n"
	maps.Copy(workflows, files)
	s.Repository.Commit("main", "Add workflows", s.Alice, workflows)
	policy := s.defaultPolicy("allow_unmerged: true")
	for _, line := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, line, line+"    events: [push, pull_request]\n", 1)
	}
	s.govern(policy)
	return s, s.opened("Add a basket")
}

func TestAnActionThatIsElsewhereIsComparedToo(t *testing.T) {
	t.Parallel()
	for name, action := range elsewhere {
		t.Run(name, func(t *testing.T) {
			s, pull := withAction(t, action.uses, action.files)
			pull.Push("Change how it is tested", s.Walter, action.change)
			s.onPull(pull, "basket")
			pull.Review(s.member("bob", "write"), "APPROVED", "fine")
			s.settled()
			s.later()
			s.refuses(pull.Issue, s.Alice, "/promote", "workflow_changed")
		})
		t.Run(name+", unchanged", func(t *testing.T) {
			s, pull := withAction(t, action.uses, action.files)
			digest := s.onPull(pull, "basket")
			pull.Review(s.member("bob", "write"), "APPROVED", "fine")
			s.settled()
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// What a workflow checks out of another repository is not this one's, whatever it is called.
func TestAnActionOfAnotherRepositorysCheckoutCounts(t *testing.T) {
	s, pull := withAction(t, "./.shared/tools/check", map[string]string{"check": "#!/bin/sh\n", "tools/check": "#!/bin/sh\n"})
	pull.Push("Check more", s.Walter, map[string]string{"check": "#!/bin/sh\nmore\n", "tools/check": "#!/bin/sh\nmore\n"})
	digest := s.onPull(pull, "basket")
	pull.Review(s.member("bob", "write"), "APPROVED", "fine")
	s.settled()
	s.later()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
