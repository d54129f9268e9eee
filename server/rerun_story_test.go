package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// stagedBy begins a repository whose staging is deployed by runs of the event, which say what they deployed. It returns what starts one
// on main's head.
func stagedBy(t *testing.T, event string, change func(policy string) string) (s *story, starts func() *githubtest.Run) {
	t.Helper()
	s = begin(t, scene.Options{Policy: "-"})
	s.govern(change(strings.Replace(s.deployed(), "events: [workflow_run]", "events: ["+event+"]", 1)))
	return s, func() *githubtest.Run {
		return s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: event, Head: s.Repository.Head("main"), HeadBranch: "main", Actor: s.Walter}).Request().Start()
	}
}

func asItIs(policy string) string { return policy }

// awaits builds and tests a commit: its digest waits for staging.
func (s *story) awaits(commit *githubtest.Commit, seed string) string {
	s.t.Helper()
	run, digest, err := s.Built(commit, seed)
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	return digest
}

// deployedBy ends the run: it has deployed the digest.
func (s *story) deployedBy(run *githubtest.Run, digest, conclusion string) {
	s.t.Helper()
	run.Upload("image-digest", map[string]string{"digest": "api@" + digest}, 0)
	run.Complete(conclusion)
	s.settled()
}

// everyDeployment tries all kinds of event by which a deployment starts.
func everyDeployment(t *testing.T, try func(t *testing.T, event string)) {
	t.Helper()
	t.Parallel()
	for _, event := range []string{"workflow_dispatch", "schedule", "workflow_run"} {
		t.Run(event, func(t *testing.T) { try(t, event) })
	}
}

// A run of weeks ago is run again: by its workflow of then, over what is deployed now.
func TestARerunOfAnOldRunPassesNoStage(t *testing.T) {
	everyDeployment(t, func(t *testing.T, event string) {
		s, starts := stagedBy(t, event, asItIs)
		s.Repository.Commit("main", "Deploy, test nothing yet", s.Alice, map[string]string{scene.DeployStaging: emptied})
		first := s.Merged("Begin")
		digest := s.awaits(first.MergeCommit(), "begin")
		old := starts()
		s.deployedBy(old, digest, "success")
		s.promotes(first.Issue, s.Alice, "/promote", digest)

		s.later()
		s.Repository.Commit("main", "Test all", s.Alice, tests)
		pull := s.Merged("Add a basket")
		digest = s.awaits(pull.MergeCommit(), "basket")
		s.later()
		s.deployedBy(old.Rerun(s.Walter).Start(), digest, "success")
		s.notReady(pull.MergeCommit())
		reply := s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
		s.expect(reply, "attempt 2, does not count", "was not seen as its head", "Start the workflow anew on main")

		s.later()
		s.deployedBy(starts(), digest, "success")
		s.promotes(pull.Issue, s.Alice, "/promote", digest)
	})
}

// Nor does one that waited, for an approval of its environment or for a runner, until what it deploys was there.
func TestARunThatWaitedPassesNoStageForWhatIsNewer(t *testing.T) {
	everyDeployment(t, func(t *testing.T, event string) {
		s, starts := stagedBy(t, event, asItIs)
		s.Repository.Commit("main", "Deploy, test nothing yet", s.Alice, map[string]string{scene.DeployStaging: emptied})
		waits := starts()
		s.settled()
		s.later()
		s.Repository.Commit("main", "Test all", s.Alice, tests)
		pull := s.Merged("Add a basket")
		digest := s.awaits(pull.MergeCommit(), "basket")
		s.deployedBy(waits, digest, "success")
		s.notReady(pull.MergeCommit())
		s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "was not seen as its head")
	})
}

// A dispatch on a tag at a former head, whose workflow is the branch's, and whose smoke tests test nothing yet.
func TestADispatchOnAFormerHeadWithItsTestsOfThenPassesNoStage(t *testing.T) {
	s, starts := stagedBy(t, "workflow_dispatch", asItIs)
	s.Repository.Commit("main", "Workflows", s.Alice, tests)
	former := s.Repository.Commit("main", "Smoke tests, to be written", s.Alice, map[string]string{"smoke.sh": "true\n"})
	s.Repository.Commit("main", "Smoke tests", s.Alice, map[string]string{"smoke.sh": "curl --fail ...\n"})
	pull := s.Merged("Add a basket")
	digest := s.awaits(pull.MergeCommit(), "basket")
	s.Repository.Tag("main", former, s.Walter)
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Event: "workflow_dispatch", Head: former, HeadBranch: "main", Actor: s.Walter}).Request().Start()
	s.deployedBy(run, digest, "success")
	s.notReady(pull.MergeCommit())
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "was not seen as its head", "its tests are older")

	s.deployedBy(starts(), digest, "success")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// What failed is run again, when the branch has moved on: it tests the same digest, of a branch that main does not have.
func TestARerunOfWhatTestedTheDigestCounts(t *testing.T) {
	everyDeployment(t, func(t *testing.T, event string) {
		s, starts := stagedBy(t, event, func(policy string) string {
			for _, name := range []string{"    builds: true\n", "    after: [build]\n"} {
				policy = strings.Replace(policy, name, name+"    branches: [main, \"release/*\"]\n", 1)
			}
			return policy + "    from: [main, \"release/*\"]\n"
		})
		pull := s.Merged("Begin")
		s.Repository.CreateBranch("release/1", s.Repository.Head("main"), s.Alice)
		commit := s.Repository.Commit("release/1", "Mend the basket", s.Walter, map[string]string{"basket": "1"})
		run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, HeadBranch: "release/1", Actor: s.Walter}).Request().Start()
		build := run.Job("build").Start()
		digest, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "mended")
		s.must(err)
		build.Complete("success")
		s.Tested(run, "success")
		s.settled()
		s.later()
		flaky := starts()
		s.settled()
		s.deployedBy(flaky, digest, "failure")
		s.later()
		s.Repository.Commit("main", "Deploy in another way", s.Alice, map[string]string{scene.DeployStaging: "on: workflow_dispatch\n# another way\n"})
		s.deployedBy(flaky.Rerun(s.Walter).Start(), digest, "success")
		s.must(s.Check(s.ctx, commit, "Ready to promote"))
		s.promotes(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), digest)
	})
}
