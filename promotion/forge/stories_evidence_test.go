package forge_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	matchingRoute       = "GET /repos/{owner}/{repo}/git/matching-refs/{ref}"
	artifactsRoute      = "GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts"
	downloadRoute       = "GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}"
	commitCommentsRoute = "GET /repos/{owner}/{repo}/commits/{commit_sha}/comments"
)

// TestStoryBranches: names that begin alike, tags of the same names, and what a commit changes.
func TestStoryBranches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	if found, err := w.forge.Branches(t.Context(), w.repository, "release/"); err != nil || len(found) != 0 {
		t.Errorf("branches of an empty repository: %v, %v", found, err)
	}
	_, err := w.forge.BranchHead(t.Context(), w.repository, "main")
	expectKind(t, err, "not found")
	first := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1", "folder/b": "2"})
	second := w.shop.Commit("release/1", "more", w.alice, map[string]string{"a": githubtest.Deleted, "c é#": "3"})
	for _, name := range []string{"release/2", "release-3", "release", "Release/4", "a/release/5"} {
		w.shop.CreateBranch(name, first, w.alice)
	}
	w.shop.Tag("release/6", first, w.alice)
	w.shop.Tag("release/1", first, w.alice)
	w.github.ResetRequests()

	head, err := w.forge.BranchHead(t.Context(), w.repository, "release/1")
	w.must(err)
	if head.String() != second.SHA() {
		t.Errorf("head %s", head)
	}
	_, err = w.forge.BranchHead(t.Context(), w.repository, "release/6") // a tag is no branch
	expectKind(t, err, "not found")
	found, err := w.forge.Branches(t.Context(), w.repository, "release/")
	w.must(err)
	expected := []promotion.Branch{{Name: "release/1", Head: head}, {Name: "release/2", Head: commit(t, first.SHA())}}
	if !reflect.DeepEqual(found, expected) {
		t.Errorf("branches %v", found)
	}
	w.calls(refRoute, refRoute, matchingRoute)

	detail, err := w.forge.Detail(t.Context(), w.repository, head)
	w.must(err)
	slices.Sort(detail.Files)
	if detail.Tree != second.Tree() || len(detail.Parents) != 1 || detail.Parents[0].String() != first.SHA() || !detail.AllFiles ||
		!slices.Equal(detail.Files, []string{"a", "c é#"}) {
		t.Errorf("commit %+v", detail)
	}
	root, err := w.forge.Detail(t.Context(), w.repository, detail.Parents[0])
	w.must(err)
	if len(root.Parents) != 0 || len(root.Files) != 2 {
		t.Errorf("commit %+v", root)
	}
	_, err = w.forge.Detail(t.Context(), w.repository, commit(t, shaA))
	expectKind(t, err, "not found")
	w.calls(commitRoute, commitRoute, commitRoute)
}

// TestStoryManyBranches: all of them cost one call.
func TestStoryManyBranches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	for number := range 130 {
		w.shop.CreateBranch(fmt.Sprintf("release/%03d", number), first, w.alice)
	}
	w.github.ResetRequests()
	found, err := w.forge.Branches(t.Context(), w.repository, "release/")
	w.must(err)
	if len(found) != 130 || found[129].Name != "release/129" {
		t.Errorf("%d branches", len(found))
	}
	w.calls(matchingRoute)
}

// TestStoryManyCommits: a comparison of more than one page, and more files than GitHub lists.
func TestStoryManyCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	files := map[string]string{}
	for number := range 301 {
		files[fmt.Sprintf("folder/%03d", number)] = "x"
	}
	last := w.shop.Commit("main", "many files", w.alice, files)
	for number := range 119 {
		last = w.shop.Commit("main", fmt.Sprintf("change %d", number), w.alice, map[string]string{"a": fmt.Sprint(number)})
	}
	w.github.ResetRequests()
	read, err := w.forge.Compare(t.Context(), w.repository, base.SHA(), last.SHA())
	w.must(err)
	if read.Total != 120 || len(read.Commits) != 120 || read.Commits[0].Title != "many files" || read.Commits[119].Commit.String() != last.SHA() {
		t.Errorf("%d commits of %d", len(read.Commits), read.Total)
	}
	if len(read.Files) != 300 || read.AllFiles {
		t.Errorf("%d files, all: %t", len(read.Files), read.AllFiles)
	}
	w.calls(compareRoute, compareRoute)
}

// TestStoryReviews: what people said before it was merged.
func TestStoryReviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	bob := w.github.User("bob")
	w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	tip := w.shop.Commit("cart", "add a cart", w.alice, map[string]string{"b": "2"})
	pull := w.shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a cart", Author: w.alice, Head: "cart"})
	pull.Review(bob, "CHANGES_REQUESTED", "no").Dismiss(w.alice)
	later := pull.Push("better", w.alice, map[string]string{"b": "3"})
	pull.Review(bob, "APPROVED", "")
	w.github.ResetRequests()

	reviews, err := w.forge.Reviews(t.Context(), w.repository, pull.Number())
	w.must(err)
	if len(reviews) != 2 || reviews[0].State != "DISMISSED" || reviews[0].Commit.String() != tip.SHA() ||
		reviews[1].State != "APPROVED" || reviews[1].Commit.String() != later.SHA() || reviews[1].Person.Login != "bob" || reviews[1].Submitted.IsZero() {
		t.Errorf("reviews %+v", reviews)
	}
	of := func(sha string) []promotion.PullRequest {
		t.Helper()
		pulls, err := w.forge.PullRequestsOf(t.Context(), w.repository, commit(t, sha))
		w.must(err)
		return pulls
	}
	if open := of(later.SHA()); len(open) != 1 || open[0].Merged || !open[0].MergeCommit.IsZero() || open[0].Head.String() != later.SHA() {
		t.Errorf("pull requests %+v", open)
	}
	merge := pull.Merge("squash", w.alice)
	merged := of(merge.SHA())
	single, err := w.forge.PullRequest(t.Context(), w.repository, pull.Number())
	w.must(err)
	single.Commits = 0 // lists do not have it
	if len(merged) != 1 || !reflect.DeepEqual(merged[0], single) || !single.Merged || single.MergeCommit.String() != merge.SHA() {
		t.Errorf("pull requests %+v, expected %+v", merged, single)
	}
	if none := of(w.shop.Commit("main", "pushed", w.alice, map[string]string{"c": "4"}).SHA()); len(none) != 0 {
		t.Errorf("pull requests %+v", none)
	}
	_, err = w.forge.PullRequestsOf(t.Context(), w.repository, commit(t, shaA))
	expectKind(t, err, "not found")
	_, err = w.forge.Reviews(t.Context(), w.repository, 99)
	expectKind(t, err, "not found")
	const pullsRoute = "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls"
	const reviewsRoute = "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews"
	w.calls(reviewsRoute, pullsRoute, pullsRoute, "GET /repos/{owner}/{repo}/pulls/{pull_number}", pullsRoute, pullsRoute, reviewsRoute)
}

// TestStoryTrees: folders at a commit, and equal ones at another.
func TestStoryTrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	first := w.shop.Commit("main", "begin", w.alice, map[string]string{"README.md": "shop", "eu west/#1/é.yml": "a: 1\n", "eu west/empty": ""})
	second := w.shop.Commit("main", "more", w.alice, map[string]string{"README.md": "a shop"})
	w.github.ResetRequests()
	list := func(at *githubtest.Commit, path string) map[string]promotion.TreeEntry {
		t.Helper()
		entries, err := w.forge.Folder(t.Context(), w.repository, commit(t, at.SHA()), path)
		w.must(err)
		byName := map[string]promotion.TreeEntry{}
		for _, entry := range entries {
			byName[entry.Name] = entry
		}
		return byName
	}
	before, after := list(first, ""), list(second, "")
	if len(before) != 2 || before["README.md"] == after["README.md"] || before["eu west"] != after["eu west"] || !before["eu west"].Folder {
		t.Errorf("entries %v, then %v", before, after)
	}
	below := list(first, "eu west")
	if len(below) != 2 || !below["#1"].Folder || below["empty"].Folder {
		t.Errorf("entries %v", below)
	}
	content, err := w.forge.File(t.Context(), w.repository, commit(t, first.SHA()), "eu west/#1/é.yml")
	w.must(err)
	empty, err := w.forge.File(t.Context(), w.repository, commit(t, first.SHA()), "eu west/empty")
	w.must(err)
	if string(content) != "a: 1\n" || len(empty) != 0 {
		t.Errorf("content %q, %q", content, empty)
	}
	w.calls(contentsRoute, contentsRoute, contentsRoute, contentsRoute, contentsRoute)

	for path, expected := range map[string]string{"none": "not found", "README.md": "not found"} {
		_, err = w.forge.Folder(t.Context(), w.repository, commit(t, first.SHA()), path)
		expectKind(t, err, expected)
	}
	for path, expected := range map[string]string{"none": "not found", "eu west": "permanent", "": "permanent"} {
		_, err = w.forge.File(t.Context(), w.repository, commit(t, first.SHA()), path)
		expectKind(t, err, expected)
	}
	_, err = w.forge.Folder(t.Context(), w.repository, commit(t, shaA), "eu west") // a replica that lags behind
	expectKind(t, err, "retryable")
	_, err = w.forge.File(t.Context(), w.repository, commit(t, shaA), "README.md")
	expectKind(t, err, "retryable")
}

// TestStoryArtifacts: of two attempts, one of them expired, before and after a rename.
func TestStoryArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	made := w.shop.Run(githubtest.RunSpec{Workflow: ".github/workflows/ci.yml", Actor: w.alice}).Start()
	made.Upload("old results", map[string]string{"a.xml": "<testsuites/>"}, -time.Second)
	made.Complete("failure")
	made.Rerun(w.alice).Start()
	made.Upload("results", map[string]string{"a.xml": "<testsuites/>"}, 0)
	for number := range 105 {
		made.UploadArchive(fmt.Sprintf("part %d", number), []byte("not a zip"), 0)
	}
	w.github.ResetRequests()
	listed, err := w.forge.Artifacts(t.Context(), w.repository, made.ID())
	w.must(err)
	if len(listed) != 107 || !listed[0].Expired || listed[1].Expired || listed[1].Name != "results" || listed[1].Size <= 0 || listed[1].Expires.IsZero() {
		t.Fatalf("%d artifacts: %+v", len(listed), listed)
	}
	w.calls(artifactsRoute, artifactsRoute)

	_, err = w.forge.Download(t.Context(), w.repository, listed[0], 1<<20)
	expectKind(t, err, "not found")
	content, err := w.forge.Download(t.Context(), w.repository, listed[1], listed[1].Size)
	w.must(err)
	reader, err := zip.NewReader(bytes.NewReader(content.Bytes), int64(len(content.Bytes)))
	if err != nil || len(reader.File) != 1 || reader.File[0].Name != "a.xml" || int64(len(content.Bytes)) != listed[1].Size {
		t.Errorf("%d bytes, %v", len(content.Bytes), err)
	}
	var evidence *promotion.EvidenceError
	if _, err = w.forge.Download(t.Context(), w.repository, listed[1], listed[1].Size-1); !errors.As(err, &evidence) {
		t.Errorf("more than allowed: %v", err)
	}
	w.calls(downloadRoute, downloadRoute, downloadRoute)

	_, err = w.forge.Download(t.Context(), w.repository, promotion.Artifact{ID: 1, Name: "none"}, 1<<20)
	expectKind(t, err, "not found")
	_, err = w.forge.Artifacts(t.Context(), w.repository, 1)
	expectKind(t, err, "not found")
	w.shop.Rename("acme/store")
	renamed, err := w.forge.Download(t.Context(), w.repository, listed[1], listed[1].Size)
	w.must(err)
	if !bytes.Equal(renamed.Bytes, content.Bytes) {
		t.Errorf("%d bytes after the rename", len(renamed.Bytes))
	}
	w.shop.Installation().SetPermission("actions", "")
	_, err = w.forge.Download(t.Context(), w.repository, listed[1], 1<<20)
	expectKind(t, err, "paused")
}

// TestStoryAttestations: of a digest, and none of another.
func TestStoryAttestations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	w.shop.Attest(digestText, json.RawMessage(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	w.shop.Attest(digestText, json.RawMessage(`{"mediaType":"another"}`))
	found, _, err := w.forge.Attestations(t.Context(), w.repository, digest(t), "")
	w.must(err)
	if len(found) != 2 || !strings.Contains(string(found[0])+string(found[1]), `"another"`) {
		t.Errorf("bundles %q", found)
	}
	other, err := promotion.ParseDigest("sha256:" + strings.Repeat("cd", 32))
	w.must(err)
	none, _, err := w.forge.Attestations(t.Context(), w.repository, other, "")
	w.must(err)
	if len(none) != 0 {
		t.Errorf("bundles %q", none)
	}
	const route = "GET /repos/{owner}/{repo}/attestations/{subject_digest}"
	w.calls(route, route)
	w.shop.Installation().SetPermission("attestations", "")
	_, _, err = w.forge.Attestations(t.Context(), w.repository, digest(t), "")
	expectKind(t, err, "paused")
}

// TestStoryCommitComments: a comment made, found and edited among fakes, and a reaction twice.
func TestStoryCommitComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Private)
	head := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	other := w.shop.Commit("main", "more", w.alice, map[string]string{"a": "2"})
	at := commit(t, head.SHA())
	fake := w.shop.CommentOn(head, w.github.User("mallory"), marker+" everything was promoted")
	w.shop.CommentOn(head, w.github.Bot("other[bot]"), marker+" so it was")
	w.shop.CommentOn(other, w.github.AppBot(), marker+" on another commit")
	_, found, err := w.forge.FindCommitComment(t.Context(), w.repository, at, marker, time.Time{})
	w.must(err)
	if found {
		t.Error("a fake was taken for ours")
	}
	id, err := w.forge.CreateCommitComment(t.Context(), w.repository, at, marker+"\nPromoted.")
	w.must(err)
	again, found, err := w.forge.FindCommitComment(t.Context(), w.repository, at, marker, time.Now().Add(time.Hour))
	w.must(err)
	if !found || again != id {
		t.Errorf("found %d %t, expected %d", again, found, id)
	}
	w.must(w.forge.EditCommitComment(t.Context(), w.repository, id, marker+"\nRolled back."))
	comments := w.shop.CommitComments(head)
	if last := comments[len(comments)-1]; last.ID() != id || !strings.HasSuffix(last.Body(), "Rolled back.") || last.Author().Login() != "verbatim[bot]" {
		t.Errorf("comment %d by %s: %q", last.ID(), last.Author().Login(), last.Body())
	}
	for range 2 {
		w.must(w.forge.ReactToCommitComment(t.Context(), w.repository, fake.ID(), "rocket"))
	}
	if reactions := fake.Reactions(w.github.AppBot()); !slices.Equal(reactions, []string{"rocket"}) {
		t.Errorf("reactions %q", reactions)
	}
	const react = "POST /repos/{owner}/{repo}/comments/{comment_id}/reactions"
	w.calls(commitCommentsRoute, "GET /app", "POST /repos/{owner}/{repo}/commits/{commit_sha}/comments", commitCommentsRoute,
		"PATCH /repos/{owner}/{repo}/comments/{comment_id}", react, react)

	expectKind(t, w.forge.EditCommitComment(t.Context(), w.repository, 1, "text"), "not found")
	expectKind(t, w.forge.ReactToCommitComment(t.Context(), w.repository, 1, "rocket"), "not found")
	expectKind(t, w.forge.ReactToCommitComment(t.Context(), w.repository, id, "tada"), "permanent")
	expectKind(t, errOf(w.forge.CreateCommitComment(t.Context(), w.repository, at, " \n")), "permanent")
	w.shop.Installation().SetPermission("contents", "read")
	expectKind(t, errOf(w.forge.CreateCommitComment(t.Context(), w.repository, at, "text")), "none")
	expectKind(t, w.forge.EditCommitComment(t.Context(), w.repository, id, "text"), "paused")
	expectKind(t, w.forge.ReactToCommitComment(t.Context(), w.repository, id, "rocket"), "paused")
	_, found, err = w.forge.FindCommitComment(t.Context(), w.repository, at, marker, time.Time{})
	w.must(err)
	if !found {
		t.Error("reading takes no more than reading")
	}
}

// TestStoryRunBases: what a run of a pull request is to be merged into.
func TestStoryRunBases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.shop.Commit("main", "begin", w.alice, map[string]string{"a": "1"})
	w.shop.CreateBranch("release/1", base, w.alice)
	w.shop.Commit("cart", "add a cart", w.alice, map[string]string{"b": "2"})
	var pulls []*githubtest.PullRequest
	for _, into := range []string{"main", "release/1"} {
		pulls = append(pulls, w.shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Add a cart", Author: w.alice, Head: "cart", Base: into}))
	}
	made := w.shop.Run(githubtest.RunSpec{
		Workflow: ".github/workflows/ci.yml", Event: "pull_request", HeadBranch: "cart", Actor: w.alice, PullRequests: pulls,
	}).Start()
	read, err := w.forge.Run(t.Context(), w.repository, made.ID())
	w.must(err)
	if !slices.Equal(read.Bases, []string{"main", "release/1"}) {
		t.Errorf("bases %q", read.Bases)
	}
}
