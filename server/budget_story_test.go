package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// calls runs a part of the story and gives the calls to GitHub that it led to, tokens aside.
func (s *story) calls(act func()) []string {
	s.t.Helper()
	s.settled()
	s.GitHub.ResetRequests()
	act()
	s.settled()
	var calls []string
	for _, call := range s.GitHub.Calls() {
		calls = append(calls, call.Method+" "+call.Route)
	}
	return calls
}

func (s *story) atMost(what string, most int, act func()) {
	s.t.Helper()
	calls := s.calls(act)
	s.t.Logf("%s: %d calls: %s", what, len(calls), strings.Join(calls, ", "))
	if len(calls) > most {
		s.t.Errorf("%s took %d calls to GitHub, expected at most %d: %v", what, len(calls), most, calls)
	}
}

func TestCallsToGitHub(t *testing.T) {
	s := begin(t, scene.Options{})
	first := s.Merged("Add a basket")
	s.verified(first.MergeCommit(), "basket")
	s.says(first.Issue, s.Alice, "/promote")

	pull := s.Merged("Add a voucher")
	commit := pull.MergeCommit()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	build := run.Job("build")
	s.atMost("a job that starts", 4, func() { build.Start() })
	_, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "voucher")
	s.must(err)
	s.atMost("a job that ends", 4, func() { build.Complete("success") })
	lint := run.Job("lint")
	s.atMost("a job that no stage names", 0, func() { lint.Start().Complete("success") })
	test := run.Job("test").Start()
	s.atMost("the next job that ends", 4, func() { test.Complete("success") })
	s.atMost("the run of the jobs that ends", 4, func() { run.Complete("success") })
	staging := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, Actor: s.Walter})
	s.atMost("a run that is requested", 3, func() { staging.Request() })
	s.atMost("a run that starts", 3, func() { staging.Start() })
	s.atMost("a run that ends", 3, func() { staging.Complete("success") })
	other := s.Repository.Run(githubtest.RunSpec{Workflow: ".github/workflows/nightly.yml", Head: commit, Actor: s.Walter})
	s.atMost("a run that no stage names", 0, func() { other.Request(); other.Start(); other.Complete("success") })

	s.Registry.ResetRequests()
	s.atMost("a promotion", 12, func() { s.says(pull.Issue, s.Alice, "/promote") })
	requests := s.Registry.Requests()
	slices.Sort(requests)
	if len(requests) != 5 {
		t.Errorf("the registry saw %v, expected five requests", requests)
	}
}

func TestARepositoryWithoutPolicyCostsNothing(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.Scope = nil }})
	commit := s.Merged("Add a basket").MergeCommit()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, Actor: s.Walter})
	s.settled()   // pushes before have the next event look anew
	run.Request() // now it is known that there is none
	s.atMost("its events", 0, func() {
		run.Start()
		run.Job("build").Start().Complete("success")
		run.Complete("success")
		s.settled() // a push has the next event look anew
		s.Merged("Add a voucher")
	})
}
