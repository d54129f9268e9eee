package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

func TestReleaseBranches(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := strings.Replace(s.defaultPolicy(`from: [main, "release/*"]`), "    after: [build]\n", "    after: [build]\n    branches: [main, \"release/*\"]\n", 1)
	policy = strings.Replace(policy, "    builds: true\n", "    builds: true\n    branches: [main, \"release/*\"]\n", 1)
	policy = strings.Replace(policy, "    after: [test]\n", "    after: [test]\n    branches: [main, \"release/*\"]\n", 1)
	s.govern(policy)
	begun := s.Merged("Begin")
	first := s.staged(begun.MergeCommit(), "begin")
	s.promotes(begun.Issue, s.Alice, "/promote", first)
	s.Repository.CreateBranch("release/1.x", s.Repository.Head("main"), s.Alice)
	repair := s.Repository.Commit("release/1.x", "Repair the basket", s.Walter, map[string]string{"repair.txt": "1"})
	pull := s.Merged("Add a voucher") // production gets it
	newer := s.staged(pull.MergeCommit(), "voucher")
	s.promotes(pull.Issue, s.Alice, "/promote", newer)
	s.onBranch(repair, "release/1.x", "repair")
	reply := s.refuses(pull.Issue, s.Alice, "/promote --sha "+repair.SHA(), "older_than_production")
	s.expect(reply, "it would lose 1 commit:", "Add a voucher")

	// With what production has, it may go.
	s.Repository.CreateBranch("release/2.x", s.Repository.Head("main"), s.Alice)
	other := s.Repository.Commit("release/2.x", "Repair the voucher", s.Walter, map[string]string{"repair.txt": "2"})
	digest := s.onBranch(other, "release/2.x", "repair of two")
	s.promotes(pull.Issue, s.Alice, "/promote --sha "+other.SHA(), digest)

	stray := s.Repository.Commit("feature", "Not released", s.Walter, map[string]string{"stray.txt": "1"})
	s.refuses(pull.Issue, s.Alice, "/promote --sha "+stray.SHA(), "not_on_branch")
}

// onBranch takes a commit of another branch through all stages.
func (s *story) onBranch(commit *githubtest.Commit, branch, seed string) string {
	s.t.Helper()
	ci := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, HeadBranch: branch, Actor: s.Walter})
	ci.Request()
	ci.Start()
	build := ci.Job("build").Start()
	digest, err := s.Registry.PushIndex(scene.Image, commit.SHA(), seed)
	s.must(err)
	build.Complete("success")
	ci.Job("test").Start().Complete("success")
	ci.Complete("success")
	staging := s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: commit, HeadBranch: branch, Actor: s.Walter})
	staging.Request()
	staging.Start()
	staging.Complete("success")
	s.settled()
	return digest
}

func TestTheLatestCommit(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	commit := s.Repository.Commit("main", "Pushed without a pull request", s.Walter, map[string]string{"a.txt": "1"})
	digest := s.staged(commit, "pushed")
	s.later()
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote --sha latest", digest), commit.SHA())
}

func TestCommandsInCommentsOnCommits(t *testing.T) {
	s := governed(t)
	commit := s.Repository.Commit("main", "Pushed without a pull request", s.Walter, map[string]string{"a.txt": "1"})
	digest := s.staged(commit, "pushed")
	comment := s.Repository.CommentOn(commit, s.Alice, "Ship it.\n\n/promote production")
	var reply string
	s.must(s.Eventually(s.ctx, "a reply on the commit", func() bool {
		for _, other := range s.Repository.CommitComments(commit) {
			if other.Author() == s.GitHub.AppBot() {
				reply = other.Body()
			}
		}
		return reply != ""
	}))
	s.settled()
	s.expect(reply, "Promoted api to production", commit.SHA())
	if reactions := comment.Reactions(s.GitHub.AppBot()); !slices.Equal(reactions, []string{"eyes", "rocket"}) {
		t.Errorf("reactions %v", reactions)
	}
	s.names("production", digest)
	before := len(s.Repository.CommitComments(commit))
	s.Repository.CommentOn(commit, s.Stranger, "/promote production")
	s.Repository.CommentOn(commit, s.Alice, "nice")
	s.settled()
	if after := len(s.Repository.CommitComments(commit)); after != before+2 {
		t.Errorf("%d comments, expected %d", after, before+2)
	}
}

// The app's manifest does not ask for contents: write, without which GitHub lets it neither react to comments on commits nor
// edit its own.
func TestCommentsOnCommitsAreAnsweredWithoutTheRightToEditThem(t *testing.T) {
	s := governed(t)
	s.Repository.Installation().SetPermission("contents", "read")
	commit := s.Repository.Commit("main", "Pushed without a pull request", s.Walter, map[string]string{"a.txt": "1"})
	s.Repository.CommentOn(commit, s.Alice, "/promote production --when-verified")
	said := func(words string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.Repository.CommitComments(commit), func(comment *githubtest.CommitComment) bool {
				return comment.Author() == s.GitHub.AppBot() && strings.Contains(comment.Body(), words)
			})
		}
	}
	s.must(s.Eventually(s.ctx, "the reply that it waits", said("Waiting")))
	digest := s.staged(commit, "pushed")
	s.must(s.Eventually(s.ctx, "another reply that it was promoted", said("Promoted api to production")))
	s.settled()
	s.names("production", digest)
	if found := s.degraded(); len(found) > 0 {
		t.Errorf("degraded: %v", found)
	}
}

// monorepo is a policy of two images with paths.
func (s *story) monorepo(more string) string {
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "stages:", "  worker:\n    repository: "+s.Registry.Host()+"/shop/worker\n    paths: [\"worker/**\"]\nstages:", 1)
	return strings.Replace(policy, "/shop/api\n", "/shop/api\n    paths: [\"api/**\", \"lib/*.go\"]\n", 1) + more
}

// change commits to main, and runs all stages; the images named are pushed.
func (s *story) change(file string, images ...string) (*githubtest.Commit, map[string]string) {
	s.t.Helper()
	commit := s.Repository.Commit("main", "Change "+file, s.Walter, map[string]string{file: file})
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	build := run.Job("build").Start()
	digests := map[string]string{}
	for _, image := range images {
		digest, err := s.Registry.PushIndex("shop/"+image, commit.SHA(), image+file)
		s.must(err)
		digests[image] = digest
	}
	build.Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	return commit, digests
}

func (s *story) namesIn(image, tag, digest string) {
	s.t.Helper()
	if got, err := s.Registry.Digest("shop/"+image, tag); err != nil && digest != "" || got != digest {
		s.t.Errorf("tag %s of %s: got %q, want %q (%v)", tag, image, got, digest, err)
	}
}

func TestAnUnchangedImageCarriesItsDigest(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	pull := s.Merged("Begin")
	both, first := s.change("README.md", "api", "worker")
	commit, second := s.change("worker/main.go", "worker")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+commit.SHA())
	s.expect(reply, "Promoted api, worker", "api is unchanged since "+both.Short(), first["api"], second["worker"])
	s.namesIn("api", "production", first["api"])
	s.namesIn("worker", "production", second["worker"])

	changed, _ := s.change("api/main.go", "worker") // ci forgot to build it
	comment, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+changed.SHA())
	s.expect(reply, "**api** → production: refused", "image_missing", "**worker** → production: promoted")
	s.reacted(comment, "eyes", "-1")
	s.namesIn("api", "production", first["api"])
}

func TestASubmoduleIsWhatIsBelowIt(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string]string{"all below": "libs/core/**", "a folder in it": "libs/core/src/**", "any module's": "libs/*/src/**"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.govern(strings.Replace(s.monorepo(""), `"lib/*.go"`, `"`+paths+`"`, 1))
			s.Repository.Commit("main", "Use the library", s.Walter, map[string]string{"libs/core": githubtest.Submodule(strings.Repeat("1", 40))})
			pull := s.Merged("Begin")
			_, first := s.change("README.md", "api", "worker")
			s.says(pull.Issue, s.Alice, "/promote --sha "+s.Repository.Head("main").SHA())
			s.namesIn("api", "production", first["api"])

			s.Repository.Commit("main", "Use the newer library", s.Walter, map[string]string{"libs/core": githubtest.Submodule(strings.Repeat("2", 40))})
			bumped, _ := s.change("worker/main.go", "worker") // ci forgot to build the api
			_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+bumped.SHA())
			s.expect(reply, "**api** → production: refused", "image_missing", "**worker** → production: promoted")
		})
	}
}

func TestAGroupIsPromotedTogetherOrNotAtAll(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(strings.Replace(s.monorepo("groups: { shop: [api, worker] }\n"), "    paths: [\"worker/**\"]\n", "", 1))
	pull := s.Merged("Begin")
	alone, _ := s.change("README.md", "api")
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+alone.SHA())
	s.expect(reply, "Refused", "**api** → production: refused", "group shop", "worker does not", "image_missing")
	s.namesIn("api", "production", "")

	both, digests := s.change("both.txt", "api", "worker")
	_, reply = s.says(pull.Issue, s.Alice, "/promote api --sha "+both.SHA()) // the others come along
	s.expect(reply, "Promoted api, worker")
	s.namesIn("api", "production", digests["api"])
	s.namesIn("worker", "production", digests["worker"])
}

func TestTheSameTreeCountsForTheMergedCommit(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := s.defaultPolicy("same_tree: true")
	for _, name := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, name, name+"    events: [push, pull_request]\n", 1)
	}
	s.Repository.Commit("main", "Add workflows", s.Alice, map[string]string{scene.CI: "on: push\n", scene.DeployStaging: "on: push\n"})
	s.govern(policy)
	pull := s.opened("Add a basket")
	digest := s.onPull(pull, "basket")
	pull.Merge("squash", s.Alice)
	s.settled()
	reply := s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.expect(reply, "api was built and verified for "+pull.Head().Short(), "the files of both commits are the same")

	// Another change came between: what was merged is not what was built.
	late := s.opened("Add a voucher")
	s.onPull(late, "voucher")
	s.Repository.Commit("main", "Something else", s.Walter, map[string]string{"else.txt": "else"})
	late.Merge("squash", s.Alice)
	s.settled()
	s.refuses(late.Issue, s.Alice, "/promote", "stage_missing")
}

// onPull runs all stages by pull_request on the head.
func (s *story) onPull(pull *githubtest.PullRequest, seed string) string {
	s.t.Helper()
	run := func(workflow string) *githubtest.Run {
		run := s.Repository.Run(githubtest.RunSpec{Workflow: workflow, Event: "pull_request", Head: pull.Head(), HeadBranch: "feature", Actor: s.Walter, PullRequests: []*githubtest.PullRequest{pull}})
		run.Request()
		run.Start()
		return run
	}
	ci := run(scene.CI)
	build := ci.Job("build").Start()
	digest, err := s.Registry.PushIndex(scene.Image, pull.Head().SHA(), seed)
	s.must(err)
	build.Complete("success")
	s.Tested(ci, "success")
	run(scene.DeployStaging).Complete("success")
	s.settled()
	return digest
}

// unmerged begins a story in which heads of open pull requests may be promoted, and what was missed is looked for that often.
func unmerged(t *testing.T, every time.Duration) (*story, *githubtest.User) {
	t.Helper()
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.CatchUpInterval = every }})
	policy := s.defaultPolicy("allow_unmerged: true")
	for _, name := range []string{"    builds: true\n", "    after: [build]\n", "    after: [test]\n"} {
		policy = strings.Replace(policy, name, name+"    events: [push, pull_request]\n", 1)
	}
	s.Repository.Commit("main", "Add workflows", s.Alice, map[string]string{scene.CI: "on: push\n", scene.DeployStaging: "on: push\n"})
	s.govern(policy)
	return s, s.member("bob", "write")
}

func TestAnOpenHeadThatSomebodyApproved(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	digest := s.onPull(pull, "basket")
	s.later()
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), "by somebody other than its author")
	pull.Review(s.Walter, "APPROVED", "my own")
	s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed")
	pull.Review(s.Rita, "APPROVED", "I may only read")
	s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed")
	pull.Review(bob, "APPROVED", "fine")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestAPushAfterTheCommentIsNotPromotedByIt(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.onPull(pull, "basket")
	verified := pull.Head()
	pull.Push("More", s.Walter, map[string]string{"more.txt": "more"})
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	s.later()
	deliveries := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
	s.later()
	s.Repository.ForcePush("add-a-basket", verified, s.Walter) // back to a head that was verified
	pull.Review(bob, "APPROVED", "fine")
	s.settled()
	for _, delivery := range deliveries {
		delivery.Send()
	}
	s.settled()
	comments := pull.Comments()
	s.expect(s.Reply(pull.Issue, comments[0]), "Refused", "head_moved", "was pushed at")
	s.names("production", "")
}

func TestAHeadThatNobodySawComingIsNotPromotedAtOnce(t *testing.T) {
	s, bob := unmerged(t, 0)
	var pull *githubtest.PullRequest
	s.settled()
	s.GitHub.Quietly(func() { pull = s.opened("Add a basket") })
	digest := s.onPull(pull, "basket")
	pull.Review(bob, "APPROVED", "fine")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "head_moved"), "from now on it is known")
	s.later()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestAWorkflowThatThePullRequestChangesProvesNothing(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"the workflow itself":  {scene.CI: "on: pull_request\n# tests nothing\n"},
		"a reusable workflow":  {".github/workflows/reusable.yml": "on: workflow_call\n# changed\n"},
		"a local action":       {".github/actions/check/index.js": "process.exit(0)"},
		"an action's own part": {"tools/inner/run.sh": "exit 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			policy := strings.ReplaceAll(s.defaultPolicy("allow_unmerged: true"), "    builds: true\n", "    builds: true\n    events: [push, pull_request]\n")
			policy = strings.Replace(policy, "    after: [build]\n", "    after: [build]\n    events: [push, pull_request]\n", 1)
			policy = strings.Replace(policy, "    after: [test]\n", "    after: [test]\n    events: [push, pull_request]\n", 1)
			s.Repository.Commit("main", "Add workflows", s.Alice, map[string]string{
				scene.CI: "on: push\njobs:\n  build:\n    uses: ./.github/workflows/reusable.yml\n  test:\n    steps:\n      - uses: ./.github/actions/check\n", scene.DeployStaging: "on: push\n",
				".github/workflows/reusable.yml":   "on: workflow_call\n",
				".github/actions/check/action.yml": "runs:\n  using: composite\n  steps:\n    - uses: ./tools/inner\n", ".github/actions/check/index.js": "check()",
				"tools/inner/action.yml": "runs: {}\n", "tools/inner/run.sh": "test",
			})
			s.govern(policy)
			bob := s.member("bob", "write")
			honest := s.opened("Add a voucher")
			s.onPull(honest, "voucher")
			honest.Review(bob, "APPROVED", "fine")
			pull := s.opened("Add a basket")
			pull.Push("Change how it is tested", s.Walter, files)
			s.onPull(pull, "basket")
			pull.Review(bob, "APPROVED", "fine")
			s.settled()
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "workflow_changed"), "is not the default branch's")
			_, reply := s.says(honest.Issue, s.Alice, "/promote")
			s.expect(reply, "Promoted")
		})
	}
}

func TestAGroupOfWhichOneTagCannotBeSetIsPutBack(t *testing.T) {
	mock, genuine := failing(t)
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	var refusing atomic.Bool
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			if refusing.Load() && repository.Path() == "shop/worker" {
				return promotion.ErrTagImmutable
			}
			return genuine.SetTag(ctx, repository, manifest, tag)
		}).AnyTimes()
	s := begin(t, scene.Options{Policy: "-", Registry: mock})
	s.govern(strings.Replace(s.monorepo("groups: { shop: [api, worker] }\n"), "    paths: [\"worker/**\"]\n", "", 1))
	pull := s.Merged("Begin")
	first, older := s.change("first.txt", "api", "worker")
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+first.SHA())
	s.expect(reply, "Promoted api, worker")
	refusing.Store(true)
	second, newer := s.change("second.txt", "api", "worker")
	comment, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+second.SHA())
	s.expect(reply, "Refused", "tag_immutable", "**api** → production: refused", "nothing of the group was promoted", "**worker** → production: refused")
	s.reacted(comment, "eyes", "-1")
	s.namesIn("api", "production", older["api"])
	s.namesIn("worker", "production", older["worker"])
	refusing.Store(false)
	_, reply = s.says(pull.Issue, s.Alice, "/promote --sha "+second.SHA())
	s.expect(reply, "Promoted api, worker")
	s.namesIn("worker", "production", newer["worker"])
}

func TestAGroupThatWasInterruptedIsFinished(t *testing.T) {
	mock, genuine := failing(t)
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	var failed atomic.Int64
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			if repository.Path() == "shop/worker" && failed.Add(1) <= 2 {
				return errors.New("the connection was lost")
			}
			return genuine.SetTag(ctx, repository, manifest, tag)
		}).AnyTimes()
	s := begin(t, scene.Options{Policy: "-", Registry: mock})
	s.govern(strings.Replace(s.monorepo("groups: { shop: [api, worker] }\n"), "    paths: [\"worker/**\"]\n", "", 1))
	pull := s.Merged("Begin")
	commit, digests := s.change("first.txt", "api", "worker")
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+commit.SHA())
	s.expect(reply, "Promoted api, worker")
	s.namesIn("api", "production", digests["api"])
	s.namesIn("worker", "production", digests["worker"])
}

// What is compared is bounded, and what was not compared is said.
func TestAnUnchangedImageIsFoundBehindNewerCommits(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	s.Merged("Begin")
	_, base := s.change("README.md", "api", "worker")
	wanted, first := s.change("api/main.go", "api")
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		s.change("worker/"+name+".go", "api", "worker") // newer than what is asked for: none of them is looked at for long
	}
	pull := s.Merged("Ask")
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+wanted.SHA())
	s.expect(reply, "Promoted api, worker", first["api"], base["worker"])
}

func TestWhatWasNotComparedIsSaid(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.monorepo(""))
	pull := s.Merged("Begin")
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		s.change("worker/"+name+".go", "api", "worker")
	}
	commit, _ := s.change("worker/g.go", "api") // the worker changed, and was not built
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+commit.SHA())
	s.expect(reply, "Refused", "`image_missing`", "not looked at were older ones than the newest 5 before it")
}
