package server_test

import (
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
