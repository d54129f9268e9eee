package forge_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

func comparePage(page int) string {
	return fmt.Sprintf("GET /repos/acme/shop/compare/%s...%s?page=%d&per_page=100", shaA, shaB, page)
}

// compared is a page of a comparison with so many commits of a total.
func compared(from, count, total int, changes ...any) answer {
	commits := make([]any, 0, count)
	for number := from; number < from+count; number++ {
		commits = append(commits, map[string]any{
			"sha": fmt.Sprintf("%040x", number), "commit": map[string]any{"message": "m"}, "parents": []any{map[string]any{"sha": shaA}},
		})
	}
	return ok(document(map[string]any{"status": "ahead", "ahead_by": total, "behind_by": 0, "total_commits": total, "commits": commits}, changes...))
}

// TestComparePages: a further page is asked for only when the last was full and there are more.
func TestComparePages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pages   []answer
		calls   int
		commits int
		total   int
	}{
		"a full page, and no more":       {[]answer{compared(1, 100, 100)}, 1, 100, 100},
		"a full page that names another": {[]answer{next(2, compared(1, 100, 100))}, 1, 100, 100},
		"a short page of more":           {[]answer{next(2, compared(1, 99, 250))}, 1, 99, 250},
		"no commits of some":             {[]answer{compared(1, 0, 250)}, 1, 0, 250},
		"two pages":                      {[]answer{compared(1, 100, 101), compared(101, 1, 101)}, 2, 101, 101},
		"a second page without any":      {[]answer{compared(1, 100, 150), compared(101, 0, 150)}, 2, 100, 150},
		"a second page that is short":    {[]answer{compared(1, 100, 350), compared(101, 30, 350)}, 2, 130, 350},
		"files of a later page":          {[]answer{compared(1, 100, 101), compared(101, 1, 101, "files", changedFiles(3))}, 2, 101, 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			requests := []string{compareBoth}
			github.on(compareBoth, test.pages[0])
			for page := 2; page <= test.calls; page++ {
				github.on(comparePage(page), test.pages[page-1])
				requests = append(requests, comparePage(page))
			}
			read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, "none")
			github.expect(requests...)
			if len(read.Commits) != test.commits || read.Total != test.total || read.Files != nil || read.AllFiles {
				t.Errorf("%d commits of %d, files %q %t", len(read.Commits), read.Total, read.Files, read.AllFiles)
			}
			for number, shipped := range read.Commits {
				if shipped.Commit.String() != fmt.Sprintf("%040x", number+1) || len(shipped.Parents) > 1 {
					t.Fatalf("commit %d: %v", number, shipped)
				}
			}
		})
	}
}

// TestCompareWithoutEnd: of the first thousand commits, and no further.
func TestCompareWithoutEnd(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	requests := []string{compareBoth}
	github.on(compareBoth, compared(1, 100, 5000))
	for page := 2; page <= 10; page++ {
		github.on(comparePage(page), compared(100*(page-1)+1, 100, 5000))
		requests = append(requests, comparePage(page))
	}
	read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
	expectKind(t, err, "none")
	github.expect(requests...)
	if len(read.Commits) != 1000 || read.Total != 5000 {
		t.Errorf("%d commits of %d", len(read.Commits), read.Total)
	}
}

// TestCompareLaterPagesFail: a part is not taken for the whole.
func TestCompareLaterPagesFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"gone":               {status(404, "Not Found"), "not found"},
		"too much":           {status(422, "Unprocessable"), "permanent"},
		"conflict":           {status(409, "Conflict"), "retryable"},
		"broken":             {status(502, "Bad Gateway"), "retryable"},
		"null":               {ok(nil), "retryable"},
		"a broken commit":    {ok(comparison(func(c map[string]any) { c["commits"] = []any{map[string]any{"sha": "x"}} })), "retryable"},
		"no commits":         {compared(101, 1, 150, "commits", nil), "retryable"},
		"another comparison": {compared(101, 1, 150, "status", "diverged"), "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(compareBoth, compared(1, 100, 150))
			github.on(comparePage(2), test.answer)
			read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, test.kind)
			if difference := cmp.Diff(promotion.Comparison{}, read, same); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestCompareFiles(t *testing.T) {
	t.Parallel()
	renamed := []any{
		map[string]any{"filename": "new.go", "previous_filename": "old.go", "status": "renamed"},
		map[string]any{"filename": "copy.go", "previous_filename": "old.go", "status": "copied"},
		map[string]any{"filename": "é\n#", "status": "removed"},
	}
	for name, test := range map[string]struct {
		files any
		count int
		whole bool
	}{
		"none":      {[]any{}, 0, true},
		"unknown":   {nil, 0, false},
		"null":      {null, 0, false},
		"299":       {changedFiles(299), 299, true},
		"300":       {changedFiles(300), 300, false},
		"301":       {changedFiles(301), 301, false},
		"two names": {renamed, 5, true},
		"299 and a renamed one": {
			append(changedFiles(299), map[string]any{"filename": "new.go", "previous_filename": "old.go", "status": "renamed"}), 301, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(compareBoth, compared(1, 1, 1, "files", test.files))
			read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, "none")
			github.expect(compareBoth)
			if len(read.Files) != test.count || read.AllFiles != test.whole {
				t.Errorf("files %q, all: %t", read.Files, read.AllFiles)
			}
			if name == "two names" {
				if difference := cmp.Diff([]string{"new.go", "old.go", "copy.go", "old.go", "é\n#"}, read.Files); difference != "" {
					t.Error(difference)
				}
			}
		})
	}
}

func TestComparisonsThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		_, err := f.Compare(ctx, shop, shaA, shaB)
		return err
	}
	files := func(entries ...any) answer { return compared(1, 1, 1, "files", entries) }
	oddities(t, compareBoth, ask, map[string]answer{
		"a list":                     list(comparison()),
		"empty":                      ok(map[string]any{}),
		"no total":                   compared(1, 1, 1, "total_commits", nil),
		"null for a total":           compared(1, 1, 1, "total_commits", null),
		"a negative total":           compared(1, 0, 1, "total_commits", -1),
		"a text for a total":         compared(1, 1, 1, "total_commits", "1"),
		"no commits":                 compared(1, 1, 1, "commits", nil),
		"null for commits":           compared(1, 1, 1, "commits", null),
		"null for a commit":          compared(1, 1, 1, "commits", []any{nil}),
		"a negative number":          compared(1, 1, 1, "ahead_by", -1),
		"no file name":               files(map[string]any{"status": "added"}),
		"null for a file":            files(nil),
		"a number for a file":        files(map[string]any{"filename": 1, "status": "added"}),
		"renamed, nobody knows from": files(map[string]any{"filename": "new.go", "status": "renamed"}),
		"files of another kind":      compared(1, 1, 1, "files", "all of them"),
	})
	refusals(t, compareBoth, ask, map[int]string{403: "paused", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
}

// TestMergesAndPeople: what tells a merge, and who had a part in it.
func TestMergesAndPeople(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	parents := []any{map[string]any{"sha": shaA}, map[string]any{"sha": shaB}}
	github.on(compareBoth, compared(1, 1, 2, "commits", []any{
		map[string]any{"sha": shaA, "author": map[string]any{"id": 3, "login": "alice"}, "commit": map[string]any{"message": "\n\n merge \nit"}, "parents": parents},
		map[string]any{"sha": shaB, "author": map[string]any{"id": 0}, "commit": map[string]any{"author": nil}, "parents": parents[:1]},
	}))
	read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
	expectKind(t, err, "none")
	expected := []promotion.ShippedCommit{
		{Commit: commit(t, shaA), Title: "merge", Author: "alice", People: []promotion.Person{alice}, Parents: []promotion.Commit{commit(t, shaA), commit(t, shaB)}},
		{Commit: commit(t, shaB), Parents: []promotion.Commit{commit(t, shaA)}},
	}
	if difference := cmp.Diff(expected, read.Commits, same); difference != "" {
		t.Error(difference)
	}
}

// TestRunBases: the bases of the run's own pull requests, and no other repository's.
func TestRunBases(t *testing.T) {
	t.Parallel()
	base := func(branch, repository any) map[string]any {
		return map[string]any{"base": map[string]any{"ref": branch, "repo": repository}}
	}
	own := map[string]any{"id": 1}
	for name, test := range map[string]struct {
		pulls    any
		kind     string
		expected []string
	}{
		"none":                  {[]any{}, "none", nil},
		"unknown":               {nil, "none", nil},
		"null":                  {null, "none", nil},
		"two":                   {[]any{base("main", own), base("release/1", own)}, "none", []string{"main", "release/1"}},
		"of a fork":             {[]any{base("main", map[string]any{"id": 2}), base("release/1", own)}, "none", []string{"release/1"}},
		"of nowhere":            {[]any{base("main", nil), map[string]any{}, nil, map[string]any{"base": nil}}, "none", nil},
		"without a name":        {[]any{base("", own), base(nil, own)}, "none", nil},
		"a number for a name":   {[]any{base(7, own)}, "retryable", nil},
		"no list":               {map[string]any{}, "retryable", nil},
		"a repository's name":   {[]any{base("main", "acme/shop")}, "retryable", nil},
		"a text for its number": {[]any{base("main", map[string]any{"id": "1"})}, "retryable", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readRun, ok(document(run(), "pull_requests", test.pulls)))
			github.on(listRuns, ok(map[string]any{"total_count": 1, "workflow_runs": []any{document(run(), "pull_requests", test.pulls)}}))
			asking := github.forge()
			read, err := asking.Run(t.Context(), shop, 42)
			expectKind(t, err, test.kind)
			if difference := cmp.Diff(test.expected, read.Bases); difference != "" {
				t.Error(difference)
			}
			listed, err := asking.RunsOf(t.Context(), shop, commit(t, shaA), nil)
			expectKind(t, err, test.kind)
			if len(listed) == 1 && !cmp.Equal(test.expected, listed[0].Bases) || test.kind == "none" && len(listed) != 1 {
				t.Errorf("runs %v", listed)
			}
			github.expect(readRun, listRuns)
		})
	}
}

// TestCompareMoved: after a rename, each page is read where GitHub redirects to.
func TestCompareMoved(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	moved := "GET /repositories/1/compare?per_page=100"
	github.on(compareBoth, func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, "/repositories/1/compare?per_page=100", http.StatusMovedPermanently)
	})
	github.on(moved, compared(1, 1, 1))
	_, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
	expectKind(t, err, "none")
	github.expect(compareBoth, moved)
}
