package githubtest_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestFilesAreReadAtACommit(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	shop.Commit("main", "Change", shop.alice, map[string]string{".github/verbatim.yml": "version: 2\n", "README.md": githubtest.Deleted})
	client := s.in(shop.Repository)
	read := func(path, ref string) string {
		t.Helper()
		file, _, _, err := client.Repositories.GetContents(background(), "acme", "shop", path, &github.RepositoryContentGetOptions{Ref: ref})
		if err != nil {
			t.Fatal(err)
		}
		content, err := file.GetContent()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	equal(s, "by default", read(".github/verbatim.yml", ""), "version: 2\n")
	equal(s, "at a commit", read(".github/verbatim.yml", shop.first.SHA()), "version: 1\n")
	_, _, _, err := client.Repositories.GetContents(background(), "acme", "shop", "README.md", nil)
	equal(s, "deleted", refused(s, 404, err), "Not Found")
	_, _, _, err = client.Repositories.GetContents(background(), "acme", "shop", "api/main.go", &github.RepositoryContentGetOptions{Ref: "none"})
	refused(s, 404, err)
	_, folder, _, err := client.Repositories.GetContents(background(), "acme", "shop", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range folder {
		names = append(names, entry.GetType()+" "+entry.GetName())
	}
	if diff := cmp.Diff([]string{"dir .github", "dir api"}, names); diff != "" {
		t.Error(diff)
	}

	request, err := client.NewRequest("GET", "repos/acme/shop/contents/.github/verbatim.yml", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/vnd.github.raw+json")
	var raw strings.Builder
	if _, err := client.Do(background(), request, &raw); err != nil {
		t.Fatal(err)
	}
	equal(s, "raw", raw.String(), "version: 2\n")
	download, _, err := client.Repositories.DownloadContents(background(), "acme", "shop", "api/main.go", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = download.Close()
}

func TestCommitsAreNamed(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	second := shop.CommitWith(githubtest.CommitSpec{
		Branch: "main", Message: "Forged", AuthorName: "Linus", AuthorEmail: "linus@example.com", Files: map[string]string{"a": "b\n"},
		Date: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(second.SHA()) {
		t.Errorf("SHA %q", second.SHA())
	}
	client := s.in(shop.Repository)
	for _, name := range []string{second.SHA(), second.SHA()[:7], "main", "heads/main"} {
		commit := must(client.Repositories.GetCommit(background(), "acme", "shop", name, nil))(s)
		equal(s, name, commit.GetSHA(), second.SHA())
		equal(s, "author", commit.Author == nil, true)
		equal(s, "date", commit.GetCommit().GetAuthor().GetDate().Year(), 1999)
		equal(s, "file", commit.Files[0].GetFilename(), "a")
		equal(s, "parent", commit.Parents[0].GetSHA(), shop.first.SHA())
	}
	for _, name := range []string{"nowhere", strings.Repeat("0", 40), second.SHA()[:3]} {
		_, _, err := client.Repositories.GetCommit(background(), "acme", "shop", name, nil)
		equal(s, name, refused(s, 422, err), "No commit found for SHA: "+name)
	}
	sha, _, err := client.Repositories.GetCommitSHA1(background(), "acme", "shop", "main", "")
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "SHA media type", sha, second.SHA())
	branch := must(client.Repositories.GetBranch(background(), "acme", "shop", "main", 0))(s)
	equal(s, "branch", branch.GetCommit().GetSHA(), second.SHA())
	_, _, err = client.Repositories.GetBranch(background(), "acme", "shop", "release/1", 0)
	if err == nil {
		t.Error("there is no branch release/1")
	}
	shop.CreateBranch("release/1", shop.first, shop.alice)
	branch = must(client.Repositories.GetBranch(background(), "acme", "shop", "release/1", 0))(s)
	equal(s, "branch with a slash", branch.GetCommit().GetSHA(), shop.first.SHA())
	ref := must(client.Git.GetRef(background(), "acme", "shop", "heads/release/1"))(s)
	equal(s, "ref", ref.GetObject().GetSHA(), shop.first.SHA())
	shop.Tag("v1", shop.first, shop.alice)
	ref = must(client.Git.GetRef(background(), "acme", "shop", "refs/tags/v1"))(s)
	equal(s, "tag", ref.GetRef(), "refs/tags/v1")
}

func TestEqualFilesGiveEqualTrees(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	pull := openPull(s, shop)
	merged := pull.Merge("squash", shop.alice)
	equal(s, "tree", merged.Tree(), pull.Head().Tree())
	if merged.SHA() == pull.Head().SHA() {
		t.Error("a squash merge is another commit")
	}
	// What `git init; echo hello > a; git add a; git write-tree` gives.
	equal(s, "git's own", s.Repository("acme/tiny").Commit("main", "m", shop.alice, map[string]string{"a": "hello\n"}).Tree(),
		"0976950c1fdbcb52435a433913017bf044b3a58f")
}

func TestCommitsAreCompared(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	second := shop.Commit("main", "Second", shop.alice, map[string]string{"two": "2\n"})
	third := shop.Commit("main", "Third", shop.bob, map[string]string{"three": "3\n"})
	shop.CreateBranch("hotfix", second, shop.alice)
	fix := shop.Commit("hotfix", "Fix", shop.alice, map[string]string{"fix": "!\n"})
	client := s.in(shop.Repository)
	for _, try := range []struct {
		base, head, status   string
		ahead, behind, total int
	}{
		{shop.first.SHA(), "main", "ahead", 2, 0, 2},
		{third.SHA(), second.SHA(), "behind", 0, 1, 0},
		{"main", "hotfix", "diverged", 1, 1, 1},
		{third.SHA(), "main", "identical", 0, 0, 0},
	} {
		got := must(client.Repositories.CompareCommits(background(), "acme", "shop", try.base, try.head, nil))(s)
		equal(s, try.base+"..."+try.head, got.GetStatus(), try.status)
		equal(s, "ahead", got.GetAheadBy(), try.ahead)
		equal(s, "behind", got.GetBehindBy(), try.behind)
		equal(s, "total", got.GetTotalCommits(), try.total)
	}
	diverged := must(client.Repositories.CompareCommits(background(), "acme", "shop", "main", "hotfix", nil))(s)
	equal(s, "merge base", diverged.GetMergeBaseCommit().GetSHA(), second.SHA())
	equal(s, "commit", diverged.Commits[0].GetSHA(), fix.SHA())
	equal(s, "author", diverged.Commits[0].GetAuthor().GetLogin(), "alice")
	equal(s, "file", diverged.Files[0].GetFilename(), "fix")
	page, response, err := client.Repositories.CompareCommits(background(), "acme", "shop", shop.first.SHA(), "main", &github.ListOptions{PerPage: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "oldest first", page.Commits[0].GetSHA(), second.SHA())
	equal(s, "next page", response.NextPage, 2)
	_, _, err = client.Repositories.CompareCommits(background(), "acme", "shop", "main", "nowhere", nil)
	refused(s, 404, err)
}

func TestCommitsAreListed(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	second := shop.Commit("main", "Second", shop.alice, map[string]string{"web/index.html": "<p>"})
	shop.Commit("main", "Third", shop.alice, map[string]string{"api/main.go": "package other\n"})
	client := s.in(shop.Repository)
	all := must(client.Repositories.ListCommits(background(), "acme", "shop", nil))(s)
	equal(s, "newest first", all[0].GetCommit().GetMessage(), "Third")
	web := must(client.Repositories.ListCommits(background(), "acme", "shop", &github.CommitsListOptions{SHA: "main", Path: "web"}))(s)
	equal(s, "of a folder", len(web) == 1 && web[0].GetSHA() == second.SHA(), true)
	_, _, err := client.Repositories.ListCommits(background(), "acme", "shop", &github.CommitsListOptions{SHA: "nowhere"})
	refused(s, 404, err)
}

func TestCommitOfAForkIsReadButOnNoBranch(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	mallory := s.User("mallory")
	fork := shop.Fork(mallory)
	evil := fork.Commit("main", "Evil", mallory, map[string]string{"api/main.go": "package evil\n"})
	client := s.in(shop.Repository)
	commit := must(client.Repositories.GetCommit(background(), "acme", "shop", evil.SHA(), nil))(s)
	equal(s, "read through the parent", commit.GetSHA(), evil.SHA())
	compared := must(client.Repositories.CompareCommits(background(), "acme", "shop", evil.SHA(), "main", nil))(s)
	equal(s, "not on main", compared.GetStatus(), "behind")
}

func TestPushesAreTold(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	before := shop.Head("main")
	commit := shop.Commit("main", "Change", shop.alice, map[string]string{".github/verbatim.yml": "version: 2\n", "new": "n\n", "README.md": githubtest.Deleted})
	push := last[*github.PushEvent](s)
	equal(s, "ref", push.GetRef(), "refs/heads/main")
	equal(s, "before", push.GetBefore(), before.SHA())
	equal(s, "after", push.GetAfter(), commit.SHA())
	equal(s, "created", push.GetRepo().GetCreatedAt().Unix(), s.clock().Unix())
	equal(s, "commits", len(push.Commits), 1)
	got := push.Commits[0]
	if diff := cmp.Diff([][]string{{"new"}, {"README.md"}, {".github/verbatim.yml"}}, [][]string{got.Added, got.Removed, got.Modified}); diff != "" {
		t.Error(diff)
	}
	shop.ForcePush("main", before, shop.alice)
	equal(s, "forced", last[*github.PushEvent](s).GetForced(), true)
	shop.CreateBranch("main2", commit, shop.alice)
	equal(s, "created", last[*github.PushEvent](s).GetCreated(), true)
	shop.DeleteBranch("main2", shop.alice)
	equal(s, "deleted", last[*github.PushEvent](s).GetDeleted(), true)
	shop.Tag("main", commit, shop.alice)
	equal(s, "tag", last[*github.PushEvent](s).GetRef(), "refs/tags/main")
}

func TestRenamedRepositoryKeepsItsID(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	client := s.in(shop.Repository)
	shop.Rename("acme/store")
	got := must(client.Repositories.Get(background(), "acme", "shop"))(s)
	equal(s, "id", got.GetID(), shop.ID())
	equal(s, "name", got.GetFullName(), "acme/store")
	token := "Bearer " + s.InstallationTokenFor(shop.Repository, nil)
	status, _ := ask(s, http.MethodGet, "/repos/acme/shop/pulls?state=all", token)
	equal(s, "reading redirects", status, 301)
	status, _ = ask(s, http.MethodPost, "/repos/acme/shop/check-runs", token)
	equal(s, "writing redirects", status, 307)
	squatter := s.Repository("acme/shop", githubtest.Private)
	squatter.Commit("main", "Begin", shop.alice, map[string]string{"a": "b"})
	got = must(client.Repositories.Get(background(), "acme", "shop"))(s)
	equal(s, "the name belongs to another now", got.GetID(), squatter.ID())
}

func TestBigFilesComeWithoutContent(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	shop.Commit("main", "Big", shop.alice, map[string]string{"big": strings.Repeat("x", 1<<20+1)})
	file, _, _, err := s.in(shop.Repository).Repositories.GetContents(background(), "acme", "shop", "big", nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "encoding", file.GetEncoding(), "none")
	equal(s, "size", file.GetSize(), 1<<20+1)
}
