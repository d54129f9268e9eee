package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
)

// An image comes into the policy when a commit's runs are over: what its tag names by now they neither built nor tested, for all that
// anybody saw. They run again, under its eyes.
func TestRunsFromBeforeAnImageWasInThePolicyProveNothingOfIt(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.defaultPolicy())
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, api, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", api)
	s.govern(strings.Replace(s.monorepo(""), "    paths: [\"worker/**\"]\n", "", 1))
	s.settled()
	_, err = s.Registry.PushIndex("shop/worker", commit.SHA(), "pushed by hand")
	s.must(err)
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote production worker", "stage_missing"), "nobody looked at the tag of worker", "Run it again")

	s.later()
	run.Rerun(s.Walter).Start()
	build := run.Job("build").Start()
	worker, err := s.Registry.PushIndex("shop/worker", commit.SHA(), "worker, built by CI")
	s.must(err)
	build.Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	_, reply := s.says(pull.Issue, s.Alice, "/promote production worker")
	s.expect(reply, "Promoted")
	s.namesIn("worker", "production", worker)
	s.namesIn("api", "production", api)
}
