package forge_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// world is a GitHub with a shop in it, and a Forge that asks it.
type world struct {
	t          *testing.T
	github     *githubtest.Server
	forge      *forge.Forge
	shop       *githubtest.Repository
	alice      *githubtest.User
	repository promotion.Repository
}

func newWorld(t *testing.T, options ...githubtest.RepositoryOption) *world {
	t.Helper()
	github := githubtest.New(githubtest.Options{})
	t.Cleanup(github.Close)
	if description, err := githubtest.Description(); err == nil { // fetched by CI: what we send has to fit GitHub's own description
		github.Hold(description, func(err error) {
			if !strings.Contains(err.Error(), "/access_tokens") { // ghinstallation sends null for no options, which GitHub takes
				t.Error(err)
			}
		})
	}
	config := githubapp.Config{V3APIURL: github.URL()}
	config.App.IntegrationID = github.AppID()
	config.App.PrivateKey = github.PrivateKeyPEM()
	transport := &http.Transport{DisableKeepAlives: true}
	creator, err := forge.NewClientCreator(config, forge.ClientOptions{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, github: github, shop: github.Repository("acme/shop", options...), alice: github.User("alice")}
	w.forge = forge.New(creator, forge.Options{
		AppID: github.AppID(),
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	w.repository = promotion.Repository{
		ID: w.shop.ID(), Owner: "acme", Name: "shop", Installation: w.shop.Installation().ID(), DefaultBranch: "main",
	}
	return w
}

// calls fails the test unless exactly these calls were made since the last time.
func (w *world) calls(expected ...string) {
	w.t.Helper()
	calls := w.github.Calls()
	made := make([]string, 0, len(calls))
	for _, call := range calls {
		made = append(made, call.String())
	}
	if strings.Join(made, "\n") != strings.Join(expected, "\n") {
		w.t.Errorf("calls %q, expected %q", made, expected)
	}
	if unknown := w.github.UnknownRoutes(); len(unknown) > 0 {
		w.t.Errorf("unknown routes: %q", unknown)
	}
	w.github.ResetRequests()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

const (
	refRoute      = "GET /repos/{owner}/{repo}/git/ref/{ref}"
	contentsRoute = "GET /repos/{owner}/{repo}/contents/{path}"
	compareRoute  = "GET /repos/{owner}/{repo}/compare/{basehead}"
	commitRoute   = "GET /repos/{owner}/{repo}/commits/{ref}"
)

// TestStoryPolicy: the repository's own file, then the owner's, then none; each at the expected price.
func TestStoryPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	first := w.shop.Commit("main", "begin", w.alice, map[string]string{"README.md": "shop"})
	head, err := w.forge.Head(t.Context(), w.repository)
	w.must(err)
	if head.String() != first.SHA() {
		t.Errorf("head %s", head)
	}
	w.calls(refRoute)

	file, err := w.forge.PolicyFile(t.Context(), w.repository, head)
	w.must(err)
	if file.Found {
		t.Errorf("found %+v", file)
	}
	w.calls(contentsRoute, contentsRoute)

	owners := w.github.Repository("acme/.github")
	owners.Commit("main", "rules for all", w.alice, map[string]string{"verbatim.yml": "version: 1\n", ".github/verbatim.yml": "wrong place"})
	file, err = w.forge.PolicyFile(t.Context(), w.repository, head)
	w.must(err)
	if !file.Found || file.Source != "acme/.github:verbatim.yml" || string(file.Content) != "version: 1\n" {
		t.Errorf("found %+v", file)
	}
	w.calls(contentsRoute, contentsRoute)

	second := w.shop.Commit("main", "own rules", w.alice, map[string]string{".github/verbatim.yml": "version: 1\nmode: observe\n"})
	file, err = w.forge.PolicyFile(t.Context(), w.repository, commit(t, second.SHA()))
	w.must(err)
	if !file.Found || file.Source != "acme/shop:.github/verbatim.yml" || !strings.Contains(string(file.Content), "observe") {
		t.Errorf("found %+v", file)
	}
	w.calls(contentsRoute)

	w.shop.Installation().SetPermission("contents", "")
	_, err = w.forge.PolicyFile(t.Context(), w.repository, commit(t, second.SHA()))
	expectKind(t, err, "paused")
	if !strings.Contains(err.Error(), "contents") {
		t.Errorf("the error names no permission: %v", err)
	}
}

// TestStoryRuns: runs and jobs over two attempts, and a fork's run of the same commit.
func TestStoryRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head := w.shop.Commit("main", "add a cart", w.alice, map[string]string{"cart.go": "package cart"})
	made := w.shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Actor: w.alice, PathSuffix: "@main"}).Start()
	made.Job("build").Start().Complete("success")
	made.Job("test (1, linux)").Start().Complete("failure")
	made.Complete("failure")
	made.RerunFailed(w.alice).Start()
	made.Job("test (1, linux)").Start()

	read, err := w.forge.Run(t.Context(), w.repository, made.ID())
	w.must(err)
	if read.ID != made.ID() || read.Attempt != 2 || read.Commit.String() != head.SHA() || read.Path != ".github/workflows/ci.yml" ||
		read.Event != "push" || read.HeadBranch != "main" || read.HeadRepository != w.shop.ID() || read.Repository != w.shop.ID() ||
		read.Finished() || read.Actor.Login != "alice" || read.Started.IsZero() || read.Created.IsZero() {
		t.Errorf("run %+v", read)
	}
	w.calls("GET /repos/{owner}/{repo}/actions/runs/{run_id}")

	listed, err := w.forge.RunsOf(t.Context(), w.repository, read.Commit, nil)
	w.must(err)
	if len(listed) != 1 || !reflect.DeepEqual(listed[0], read) {
		t.Errorf("runs %+v, expected %+v", listed, read)
	}
	w.calls("GET /repos/{owner}/{repo}/actions/runs")

	jobs, err := w.forge.Jobs(t.Context(), w.repository, made.ID())
	w.must(err)
	attempts := map[string][]int{}
	for _, job := range jobs {
		attempts[job.Name] = append(attempts[job.Name], job.Attempt)
	}
	if len(attempts["test (1, linux)"]) != 2 || len(attempts["build"]) == 0 {
		t.Errorf("jobs %+v", jobs)
	}
	w.calls("GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs")

	_, err = w.forge.Run(t.Context(), w.repository, 404)
	expectKind(t, err, "not found")
}

// TestStoryPeople: roles, a custom one, teams in teams, an invitation, and a login that changed hands.
func TestStoryPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	organisation := w.github.Organisation("acme")
	bob, carol, mallory := w.github.User("bob"), w.github.User("carol"), w.github.User("mallory")
	w.shop.SetRole(w.alice, "maintain")
	w.shop.SetCustomRole(bob, "release engineer", "write")
	for user, expected := range map[*githubtest.User]string{w.alice: "maintain", bob: "write", mallory: "none"} {
		role, err := w.forge.Role(t.Context(), w.repository, promotion.Person{ID: user.ID(), Login: user.Login()})
		w.must(err)
		if role.Permission != expected {
			t.Errorf("%s has %s, expected %s", user.Login(), role.Permission, expected)
		}
	}
	w.calls("GET /repos/{owner}/{repo}/collaborators/{username}/permission",
		"GET /repos/{owner}/{repo}/collaborators/{username}/permission",
		"GET /repos/{owner}/{repo}/collaborators/{username}/permission")

	release := organisation.Team("release")
	organisation.Team("release leads").Under(release).Add(w.alice, "active")
	release.Add(carol, "pending")
	for user, expected := range map[*githubtest.User]bool{w.alice: true, carol: false, mallory: false} {
		member, err := w.forge.TeamMember(t.Context(), w.repository, "release", promotion.Person{ID: user.ID(), Login: user.Login()})
		w.must(err)
		if member != expected {
			t.Errorf("%s in the team: %t", user.Login(), member)
		}
	}
	if member, err := w.forge.TeamMember(t.Context(), w.repository, "nobody", alice); err != nil || member {
		t.Errorf("in a team that is not there: %t, %v", member, err)
	}

	before := promotion.Person{ID: w.alice.ID(), Login: "alice"}
	w.alice.Rename("alice-moved")
	w.shop.SetRole(w.github.User("alice"), "admin") // somebody else took the login
	_, err := w.forge.Role(t.Context(), w.repository, before)
	expectKind(t, err, "permanent")

	w.shop.Installation().SetPermission("members", "")
	_, err = w.forge.TeamMember(t.Context(), w.repository, "release", before)
	expectKind(t, err, "paused")
}

// TestStoryCommits: a pull request, its merge, what ships, and names that could be mistaken for others.
func TestStoryCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	w.shop.CreateBranch("feature/a#1", base, w.alice)
	tip := w.shop.Commit("feature/a#1", "add a cart\n\nwith wheels", w.alice, map[string]string{"b": "2"})
	pull := w.shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a cart", Author: w.alice, Head: "feature/a#1"})
	read, err := w.forge.PullRequest(t.Context(), w.repository, pull.Number())
	w.must(err)
	if read.Merged || !read.MergeCommit.IsZero() || read.State != "open" || read.Head.String() != tip.SHA() || read.Base != "main" {
		t.Errorf("pull request %+v", read)
	}
	w.calls("GET /repos/{owner}/{repo}/pulls/{pull_number}")

	comparison, err := w.forge.Compare(t.Context(), w.repository, "main", "feature/a#1")
	w.must(err)
	if comparison.Status != "ahead" || comparison.Total != 1 || comparison.Commits[0].Title != "add a cart" || comparison.Commits[0].Author != "alice" {
		t.Errorf("comparison %+v", comparison)
	}
	w.calls(refRoute, refRoute, compareRoute)

	w.shop.Tag("main2", tip, w.alice) // a tag is no branch
	_, err = w.forge.Compare(t.Context(), w.repository, base.SHA(), "main2")
	expectKind(t, err, "not found")
	w.calls(refRoute)

	pull.Merge("squash", w.alice)
	read, err = w.forge.PullRequest(t.Context(), w.repository, pull.Number())
	w.must(err)
	if !read.Merged || read.MergeCommit.String() != pull.MergeCommit().SHA() {
		t.Errorf("pull request %+v", read)
	}
	merged, err := w.forge.MergedPullRequests(t.Context(), w.repository, "main")
	w.must(err)
	if len(merged) != 1 || merged[0].Commit != read.MergeCommit || merged[0].Author != "alice" || merged[0].Number != pull.Number() {
		t.Errorf("merged %+v", merged)
	}
	w.github.ResetRequests()

	found, err := w.forge.ResolveCommit(t.Context(), w.repository, base.Short())
	w.must(err)
	if found.String() != base.SHA() {
		t.Errorf("commit %s", found)
	}
	w.calls(commitRoute)
	_, err = w.forge.ResolveCommit(t.Context(), w.repository, "0123456789")
	expectKind(t, err, "not found")
	w.shop.CreateBranch("deadbeef", base, w.alice)
	_, err = w.forge.ResolveCommit(t.Context(), w.repository, "deadbeef")
	expectKind(t, err, "not found")
}

// TestStoryTelling: a comment made, found and edited among fakes, a reaction twice, a check run to its end.
func TestStoryTelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	issue := w.shop.Issue("please promote", w.alice)
	issue.Comment(w.github.User("mallory"), marker+" everything was promoted")
	issue.Comment(w.github.Bot("other[bot]"), marker+" so it was")
	_, found, err := w.forge.FindComment(t.Context(), w.repository, issue.Number(), marker, time.Time{})
	w.must(err)
	if found {
		t.Error("a fake was taken for ours")
	}
	id, err := w.forge.CreateComment(t.Context(), w.repository, issue.Number(), marker+"\nPromoted.")
	w.must(err)
	again, found, err := w.forge.FindComment(t.Context(), w.repository, issue.Number(), marker, time.Time{})
	w.must(err)
	if !found || again != id {
		t.Errorf("found %t %d, expected %d", found, again, id)
	}
	w.must(w.forge.EditComment(t.Context(), w.repository, id, marker+"\nRolled back."))
	comments := issue.Comments()
	if last := comments[len(comments)-1]; !strings.HasSuffix(last.Body(), "Rolled back.") || last.Edits() != 1 {
		t.Errorf("comment %q, %d edits", last.Body(), last.Edits())
	}
	for range 2 {
		w.must(w.forge.React(t.Context(), w.repository, comments[0].ID(), "rocket"))
	}
	if reactions := comments[0].Reactions(w.github.AppBot()); len(reactions) != 1 || reactions[0] != "rocket" {
		t.Errorf("reactions %q", reactions)
	}
	comments[len(comments)-1].Delete(w.alice)
	expectKind(t, w.forge.EditComment(t.Context(), w.repository, id, "text"), "not found")
	w.github.ResetRequests()

	check := forge.CheckRun{Name: "verbatim / production", HeadSHA: head.SHA(), Status: "in_progress", ExternalID: "check/1", Title: "Waiting", Summary: "for test"}
	made, err := w.forge.CreateCheckRun(t.Context(), w.repository, check)
	w.must(err)
	check.Status, check.Conclusion, check.Title = "completed", "success", "Ready to promote"
	check.Actions = []forge.CheckAction{{Label: "Promote", Description: "Promote to production", Identifier: "promote/1"}}
	w.must(w.forge.UpdateCheckRun(t.Context(), w.repository, made, check))
	seen, completed, found, err := w.forge.FindCheckRun(t.Context(), w.repository, commit(t, head.SHA()), check.Name, "check/1")
	w.must(err)
	if seen != made || !completed || !found {
		t.Errorf("found %d %t %t, expected %d", seen, completed, found, made)
	}
	_, _, found, err = w.forge.FindCheckRun(t.Context(), w.repository, commit(t, head.SHA()), check.Name, "check/2")
	w.must(err)
	if found {
		t.Error("found another's")
	}
	w.calls("POST /repos/{owner}/{repo}/check-runs", "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}",
		"GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "GET /repos/{owner}/{repo}/commits/{ref}/check-runs")
}

// TestStoryFaults: GitHub fails in its own ways.
func TestStoryFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	w.must(errOf(w.forge.Head(t.Context(), w.repository)))
	for name, test := range map[string]struct {
		fault githubtest.Fault
		kind  string
	}{
		"502 once":         {githubtest.Fault{Status: 502, Times: 1}, "none"},
		"reset once":       {githubtest.Fault{Reset: true, Times: 1}, "none"},
		"truncated once":   {githubtest.Fault{Truncate: true, Times: 1}, "none"},
		"500 for ever":     {githubtest.Fault{Status: 500}, "retryable"},
		"the API is gone":  {githubtest.Fault{Status: 410}, "permanent"},
		"HTML with a 200":  {githubtest.Fault{Status: 200, Body: "<html>", Header: http.Header{"Content-Type": {"text/html"}}}, "retryable"},
		"forbidden by law": {githubtest.Fault{Status: 451}, "permanent"},
	} {
		fault := w.github.Inject(test.fault)
		_, err := w.forge.Head(t.Context(), w.repository)
		if kind(err) != test.kind {
			t.Errorf("%s: error is %s, expected %s: %v", name, kind(err), test.kind, err)
		}
		fault.Remove()
	}
	w.github.Inject(githubtest.SecondaryLimit(30 * time.Second).Once())
	_, err := w.forge.Head(t.Context(), w.repository)
	expectKind(t, err, "delayed 30s")
	w.github.ResetRequests()
	if _, err = w.forge.Head(t.Context(), w.repository); !strings.HasPrefix(kind(err), "delayed ") {
		t.Errorf("error is %s while the limit holds: %v", kind(err), err)
	}
	w.calls() // go-github remembers
}

func errOf[T any](_ T, err error) error { return err }

// TestStoryInstallation: looked up, suspended, uninstalled.
func TestStoryInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	w.repository.Installation = 0
	for range 2 {
		w.must(errOf(w.forge.Head(t.Context(), w.repository)))
	}
	w.calls("GET /repos/{owner}/{repo}/installation", refRoute, refRoute)
	app, err := w.forge.App(t.Context())
	w.must(err)
	if app.ID != w.github.AppID() || app.Slug != "verbatim" || app.Permissions["checks"] != "write" {
		t.Errorf("app %+v", app)
	}
	w.shop.Installation().Suspend(w.alice)
	_, err = w.forge.Head(t.Context(), w.repository)
	expectKind(t, err, "paused")
	w.shop.Installation().Unsuspend(w.alice)
	w.must(errOf(w.forge.Head(t.Context(), w.repository)))
	w.shop.Installation().Uninstall()
	_, err = w.forge.Head(t.Context(), w.repository)
	expectKind(t, err, "permanent")
}

// TestStoryRename: GitHub redirects from the old name.
func TestStoryRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	issue := w.shop.Issue("please promote", w.alice)
	w.shop.Rename("acme/store")
	w.must(errOf(w.forge.Head(t.Context(), w.repository)))
	w.must(errOf(w.forge.CreateComment(t.Context(), w.repository, issue.Number(), "hello")))
}
