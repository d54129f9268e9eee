package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

const policyFile = ".github/verbatim.yml"

// lax is the default policy, of which production asks for less.
func (s *story) lax() string {
	return strings.Replace(s.defaultPolicy(), "requires: [test, staging]", "requires: [build]", 1)
}

// begun promotes a first commit, under the policy of now.
func (s *story) begun() {
	s.t.Helper()
	pull := s.Merged("Begin")
	s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "begin"))
}

// judgedByBoth builds the commit, and expects it to be refused until it has what the former policy asks for, too.
func (s *story) judgedByBoth(issue *githubtest.Issue, commit *githubtest.Commit, command string) {
	s.t.Helper()
	run, digest, err := s.Built(commit, commit.SHA())
	s.must(err)
	s.settled()
	s.expect(s.refuses(issue, s.Alice, command, "stage_missing"), "stage staging (former policy)", "the old one and the new one both judge")
	s.Tested(run, "success")
	s.settled()
	s.refuses(issue, s.Alice, command, "stage_missing")
	s.Staged(commit, "success")
	s.settled()
	s.promotes(issue, s.Alice, command, digest)
}

// judgedByTheNew builds one more commit, and expects that the new policy alone governs by now.
func (s *story) judgedByTheNew() {
	s.t.Helper()
	pull := s.Merged("Another thing")
	_, digest, err := s.Built(pull.MergeCommit(), "another thing")
	s.must(err)
	s.settled()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestACommitThatChangesThePolicyIsJudgedByBoth(t *testing.T) {
	s := governed(t)
	s.begun()
	pull := s.opened("Add a basket")
	pull.Push("Ask for less", s.Walter, map[string]string{policyFile: s.lax()})
	pull.Merge("squash", s.Alice)
	later := s.Merged("Add a voucher") // it comes with the change, too
	s.judgedByBoth(later.Issue, later.MergeCommit(), "/promote")
	s.judgedByTheNew()
}

func TestAPolicyChangedInARebaseMergeIsJudgedByBoth(t *testing.T) {
	s := governed(t)
	s.begun()
	s.judgedByBoth(s.rebased())
	s.judgedByTheNew()
}

func TestAPolicyChangedInTheFirstPromotionsRebaseMergeIsJudgedByBoth(t *testing.T) {
	s := governed(t)
	s.Merged("What others merged")
	s.judgedByBoth(s.rebased())
	s.judgedByTheNew()
}

// rebased merges a pull request by rebase, whose first commit asks for less and whose others do not touch the policy.
func (s *story) rebased() (*githubtest.Issue, *githubtest.Commit, string) {
	s.Repository.CreateBranch("loosen", s.Repository.Head("main"), s.Walter)
	s.Repository.Commit("loosen", "Ask for less", s.Walter, map[string]string{policyFile: s.lax()})
	s.Repository.Commit("loosen", "Add a basket", s.Walter, map[string]string{"basket.txt": "basket"})
	s.Repository.Commit("loosen", "Add a voucher", s.Walter, map[string]string{"voucher.txt": "voucher"})
	pull := s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a basket", Author: s.Walter, Head: "loosen"})
	s.Merged("Meanwhile")
	return pull.Issue, pull.Merge("rebase", s.Alice), "/promote"
}

func TestAPolicyChangedAfterTheCommitIsJudgedByBoth(t *testing.T) {
	s := governed(t)
	s.begun()
	pull := s.Merged("Add a basket")
	s.govern(s.lax())
	s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
}

func TestARepositorysOwnPolicyThatIsDeletedJudgesOnceMore(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"after a promotion": false, "at the first promotion": true} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			s.GitHub.Repository("acme/.github", githubtest.Private).Commit("main", "Add a policy", s.Alice, map[string]string{"verbatim.yml": s.lax()})
			if !first {
				s.begun()
			}
			pull := s.opened("Add a basket")
			pull.Push("Use the owner's policy", s.Walter, map[string]string{policyFile: githubtest.Deleted})
			pull.Merge("squash", s.Alice)
			s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
			s.judgedByTheNew()
		})
	}
}

func TestTheOwnersPolicyAsItWasJudgesOnceMore(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	owners := s.GitHub.Repository("acme/.github", githubtest.Private)
	owners.Commit("main", "Add a policy", s.Alice, map[string]string{"verbatim.yml": s.defaultPolicy()})
	s.begun()
	owners.Commit("main", "Ask for less", s.Alice, map[string]string{"verbatim.yml": s.lax()})
	pull := s.Merged("Add a basket")
	s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
	s.judgedByTheNew()
}

func TestAPolicyThatHidesTheOwnersIsJudgedByBoth(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"after a promotion": false, "at the first promotion": true} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.GitHub.Repository("acme/.github", githubtest.Private).Commit("main", "Add a policy", s.Alice, map[string]string{"verbatim.yml": s.defaultPolicy()})
			if !first {
				s.begun()
			}
			pull := s.opened("Add a basket")
			pull.Push("Ask for less", s.Walter, map[string]string{policyFile: s.lax()})
			pull.Merge("squash", s.Alice)
			s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
		})
	}
}

func TestAPolicyChangedAmongSoManyFilesIsJudgedByBoth(t *testing.T) {
	s := governed(t)
	first := s.Merged("Begin")
	files := map[string]string{policyFile: s.lax()}
	for number := range 320 {
		files[fmt.Sprintf(".a/%03d.txt", number)] = "many" // listed before the policy, which is cut
	}
	s.Repository.Commit("main", "Move everything", s.Walter, files)
	s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
	pull := s.Merged("Add a basket")
	s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
}

// The policy was changed before production got what it has, and after the commit that it has.
func TestThePolicyAtProductionsCommitJudges(t *testing.T) {
	s := governed(t)
	first := s.Merged("Begin")
	s.govern(s.lax())
	s.promotes(first.Issue, s.Alice, "/promote", s.staged(first.MergeCommit(), "begin"))
	pull := s.Merged("Add a basket")
	s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
	s.judgedByTheNew()
}

func TestAPolicyThatWasRevertedIsThatOfProduction(t *testing.T) {
	s := governed(t)
	s.begun()
	s.govern(s.lax())
	s.govern(s.defaultPolicy())
	pull := s.Merged("Add a basket")
	s.promotes(pull.Issue, s.Alice, "/promote", s.verified(pull.MergeCommit(), "basket"))
}

func TestAFormerPolicyThatCannotBeReadIsNoPermission(t *testing.T) {
	s := governed(t)
	s.Merged("Begin")
	pull := s.opened("Add a basket")
	pull.Push("Ask for less", s.Walter, map[string]string{policyFile: s.lax()})
	pull.Merge("squash", s.Alice)
	_, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	s.GitHub.Inject(githubtest.Fault{Method: http.MethodGet, Path: "/repos/{owner}/{repo}/compare/{basehead}", Status: http.StatusUnavailableForLegalReasons, Body: `{"message":"Repository access blocked"}`})
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "`github_error`", "former policy", "could not tell")
	s.names("production", "")
}

// Stages that the new policy defines in another way were never recorded under the old one: they are judged from the commit's runs.
func TestAStageThatIsDefinedAnewCanMeetBoth(t *testing.T) {
	s := governed(t)
	s.begun()
	pull := s.opened("Add a basket")
	pull.Push("Name the job", s.Walter, map[string]string{policyFile: strings.Replace(s.defaultPolicy(), `"test*"`, "test", 1)})
	pull.Merge("squash", s.Alice)
	s.promotes(pull.Issue, s.Alice, "/promote", s.verified(pull.MergeCommit(), "basket"))
}

// A policy under which nobody watches the old one's runs must not let them vouch for what the tag names afterwards.
func TestTheOldPolicysRunsDoNotVouchForAnotherDigest(t *testing.T) {
	t.Parallel()
	for name, stages := range map[string]string{
		"not watched at all": "stages:\n",
		"watched, by another name": "stages:\n  once-built:\n    workflow: .github/workflows/ci.yml\n    job: build\n  once-tested:\n" +
			"    workflow: .github/workflows/ci.yml\n    job: test\n  once-staged:\n    workflow: .github/workflows/deploy-staging.yml\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			s.begun()
			pull := s.opened("Add a basket")
			policy := s.defaultPolicy()
			from, to := strings.Index(policy, "stages:"), strings.Index(policy, "environments:")
			policy = policy[:from] + stages + "  other:\n    workflow: .github/workflows/other.yml\n    builds: true\n" + policy[to:]
			pull.Push("Build elsewhere", s.Walter, map[string]string{policyFile: strings.Replace(policy, "requires: [test, staging]", "requires: [other]", 1)})
			commit := pull.Merge("squash", s.Alice)
			run := s.Repository.Run(githubtest.RunSpec{Workflow: ".github/workflows/other.yml", Head: commit, Actor: s.Walter})
			run.Request()
			run.Start() // before there is a tag
			s.staged(commit, "tested")
			_, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "never tested")
			s.must(err)
			run.Complete("success")
			s.settled()
			before := s.Tag("production")
			_, reply := s.says(pull.Issue, s.Alice, "/promote")
			s.expect(reply, "Refused", "(former policy)")
			s.names("production", before)
		})
	}
}

// onPullRequestsToo lets the policy's stages count runs of pull requests.
func onPullRequestsToo(policy string) string {
	for _, name := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, name, name+"    events: [push, pull_request]\n", 1)
	}
	return policy
}

// loosened promotes a first commit, and adds a line to production's rules then.
func loosened(t *testing.T, line string) *story {
	s := begin(t, scene.Options{Policy: "-"})
	s.Repository.Commit("main", "Add workflows", s.Alice, map[string]string{scene.CI: "on: push\n", scene.DeployStaging: "on: push\n"})
	s.govern(onPullRequestsToo(s.defaultPolicy()))
	s.begun()
	s.govern(onPullRequestsToo(s.defaultPolicy(line)))
	return s
}

func TestAnOpenHeadThatOnlyALoosenedPolicyLetsIsRefused(t *testing.T) {
	s := loosened(t, "allow_unmerged: true")
	bob := s.member("bob", "write")
	pull := s.opened("Add a basket")
	s.settled()
	s.onPull(pull, "basket")
	pull.Review(bob, "APPROVED", "Fine")
	s.settled()
	s.later()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_merged"), "merged (former policy)", "it is open")
	other := s.Merged("Add a voucher") // what is merged meets both
	s.promotes(other.Issue, s.Alice, "/promote", s.staged(other.MergeCommit(), "voucher"))
	next := s.opened("Add a wish list")
	s.settled()
	digest := s.onPull(next, "wish list")
	next.Review(bob, "APPROVED", "Fine")
	s.settled()
	s.later()
	s.promotes(next.Issue, s.Alice, "/promote", digest)
}

func TestTheSameTreeThatOnlyALoosenedPolicyLetsDoesNotCount(t *testing.T) {
	s := loosened(t, "same_tree: true")
	pull := s.opened("Add a basket")
	s.settled()
	s.onPull(pull, "basket")
	pull.Merge("squash", s.Alice)
	s.settled()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "(former policy)")
	other := s.Merged("Add a voucher")
	s.promotes(other.Issue, s.Alice, "/promote", s.staged(other.MergeCommit(), "voucher"))
	later := s.opened("Add a wish list")
	s.settled()
	digest := s.onPull(later, "wish list")
	later.Merge("squash", s.Alice)
	s.settled()
	s.promotes(later.Issue, s.Alice, "/promote", digest)
}

// wasThere lets the pipeline of before have promoted a commit that the stages saw.
func (s *story) wasThere() {
	s.t.Helper()
	first := s.Merged("Begin")
	digest := s.staged(first.MergeCommit(), "begin")
	_, err := s.Registry.PushIndex(scene.Image, "production", "begin")
	s.must(err)
	s.names("production", digest)
}

func TestAPolicyLoosenedAfterTheCommitIsJudgedByBothOverABaseline(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.defaultPolicy())
	s.wasThere()
	pull := s.Merged("Add a basket")
	basket := s.staged(pull.MergeCommit(), "basket")
	s.govern(s.byWriters(s.lax()))
	s.expect(s.refuses(pull.Issue, s.Walter, "/promote", "not_authorised"), "promoter (former policy)")
	s.promotes(pull.Issue, s.Alice, "/promote", basket)
}

// Who has watched for a while, and enforces now, is not kept from that by the policy of then.
func TestATeamThatHasOnlyWatchedBeginsToEnforce(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(s.defaultPolicy(), "version: 1", "version: 1\nmode: observe", 1))
	s.wasThere()
	s.govern(s.defaultPolicy())
	pull := s.Merged("Add a basket")
	s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "basket"))
}
