package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

const jobsRoute = "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"

// lacks fails the test when the text has one of the words.
func (s *story) lacks(text string, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			s.t.Errorf("did not expect %q in:\n%s", word, text)
		}
	}
}

// A run that has ended, as GitHub says, and whose jobs cannot be read is not told to be running because the ledger saw it begin.
func TestWhatCannotBeReadIsNotToldFromOlderNotes(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{"promote": "/promote", "status": "/promote status"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{})
			pull := s.Merged("Add a basket")
			run, _, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			job := run.Job("test").Start()
			s.settled()
			s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
			s.GitHub.Inject(githubtest.Fault{Status: 200, Body: `{"total_count":1}`}.On("GET", jobsRoute))
			job.Complete("success")
			run.Complete("success")
			_, reply := s.says(pull.Issue, s.Alice, command)
			s.expect(reply, "github_error", "could not tell")
			s.lacks(reply, "stage_running", "has not ended", "no run of", "no job test")
			s.names("production", "")
		})
	}
}

// What GitHub has just said is still told beside what it did not say.
func TestAStageThatRunsIsToldBesideWhatCannotBeRead(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	staging := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Name: "deploy staging", Head: pull.MergeCommit(), Actor: s.Walter})
	staging.Request()
	staging.Start()
	s.settled()
	run.Rerun(s.Walter).Start()
	s.settled()
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{Status: 200, Body: `{"total_count":1}`}.On("GET", jobsRoute))
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "`github_error`", "`stage_running`", "has not ended")
}

// A damaged record is our failure, and no stage is told to be missing for it.
func TestADamagedRecordIsNoVerdict(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.damage(`UPDATE verifications SET content = '{"Stage":' WHERE stage = 'staging'`)
	for _, command := range []string{"/promote", "/promote status"} {
		_, reply := s.says(pull.Issue, s.Alice, command)
		s.expect(reply, "internal_error", "could not tell")
		s.lacks(reply, "stage_running", "stage_missing")
	}
	s.names("production", "")
}

// A page of the ledger on which nothing can be written any more is our failure, too.
func TestARecordThatCannotBeKeptIsNoVerdict(t *testing.T) {
	if postgrestest.Available() {
		t.Skip("the trigger is SQLite's")
	}
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	job := run.Job("test").Start()
	s.settled()
	s.damage(`CREATE TRIGGER damaged BEFORE INSERT ON verifications BEGIN SELECT RAISE(ABORT, 'database disk image is malformed'); END`)
	job.Complete("success")
	run.Complete("success")
	for _, command := range []string{"/promote", "/promote status"} {
		_, reply := s.says(pull.Issue, s.Alice, command)
		s.expect(reply, "internal_error", "could not tell")
		s.lacks(reply, "stage_running", "stage_missing")
	}
	s.names("production", "")
}
