package forge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	listBranches = "GET /repos/acme/shop/git/matching-refs/heads/release?per_page=100"
	readDetail   = "GET /repos/acme/shop/commits/" + shaA
)

func listedReference(name, kind, sha string) map[string]any {
	return map[string]any{"ref": name, "object": map[string]any{"type": kind, "sha": sha}}
}

func listedBranch(name, sha string) map[string]any {
	return listedReference("refs/heads/"+name, "commit", sha)
}

func askBranches(ctx context.Context, f *forge.Forge) error {
	read, err := f.Branches(ctx, shop, "release")
	if err != nil && read != nil {
		return fmt.Errorf("branches %v together with %w", read, err)
	}
	return err
}

func TestBranchHead(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"main":               "main",
		"feature/a/b":        "feature/a/b",
		"feature/a#b%c?d é":  "feature/a%23b%25c%3Fd%20%C3%A9",
		"v1%2Fx":             "v1%252Fx",
		"a+b&c=d;e:f@g":      "a+b&c=d%3Be:f@g",
		"heads/main":         "heads/main",
		"refs/heads/main":    "refs/heads/main",
		"..hidden/...":       "..hidden/...",
		"\u202egnp":          "%E2%80%AEgnp",
		shaA:                 shaA,
		"feature/<b>\"x\"`y": "feature/%3Cb%3E%22x%22%60y",
	} {
		github := newStub(t)
		request := "GET /repos/acme/shop/git/ref/heads/" + address
		github.on(request, reference(name, shaB))
		head, err := github.forge().BranchHead(t.Context(), shop, name)
		expectKind(t, err, "none")
		github.expect(request)
		if head.String() != shaB {
			t.Errorf("%q: head %s", name, head)
		}
	}
	for _, name := range []string{"", "/", ".", "..", "a/../../../user", "a//b", "/a", "a/", "a\nb", "a\x00b", "a/./b"} {
		head, err := newStub(t).forge().BranchHead(t.Context(), shop, name)
		expectKind(t, err, "permanent")
		if !head.IsZero() {
			t.Errorf("%q: head %s", name, head)
		}
	}
}

func TestBranchHeadThatIsNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		head, err := f.BranchHead(ctx, shop, "main")
		if err != nil && !head.IsZero() {
			return fmt.Errorf("head %s together with %w", head, err)
		}
		return err
	}
	oddities(t, readHead, ask, map[string]answer{
		"a list":         list(listedBranch("main", shaA)),
		"empty":          ok(map[string]any{}),
		"a tag":          ok(listedReference("refs/tags/main", "commit", shaA)),
		"a tag object":   ok(listedReference("refs/heads/main", "tag", shaA)),
		"another branch": ok(listedBranch("main/2", shaA)),
		"other case":     ok(listedBranch("Main", shaA)),
		"no ref":         ok(document(listedBranch("main", shaA), "ref", nil)),
		"no object":      ok(document(listedBranch("main", shaA), "object", null)),
		"no type":        ok(listedReference("refs/heads/main", "", shaA)),
		"a short sha":    ok(listedBranch("main", "aaaaaaa")),
		"a number":       ok(document(listedBranch("main", shaA), "ref", 7)),
	})
	refusals(t, readHead, ask, map[int]string{404: "not found", 409: "retryable", 410: "permanent", 422: "permanent", 451: "permanent"})
}

func TestBranches(t *testing.T) {
	t.Parallel()
	a, b := commit(t, shaA), commit(t, shaB)
	for name, test := range map[string]struct {
		prefix, request string
		answer          answer
		expected        []promotion.Branch
	}{
		"two": {
			"release", listBranches, list(listedBranch("release/1", shaA), listedBranch("release/2", shaB)),
			[]promotion.Branch{{Name: "release/1", Head: a}, {Name: "release/2", Head: b}},
		},
		"none": {"release", listBranches, list(), nil},
		"a folder": {
			"release/", listBranches, list(listedBranch("release", shaA), listedBranch("release-1", shaA), listedBranch("release/2", shaB)),
			[]promotion.Branch{{Name: "release/2", Head: b}},
		},
		"all": {
			"", "GET /repos/acme/shop/git/matching-refs/heads?per_page=100", list(listedBranch("main", shaA)),
			[]promotion.Branch{{Name: "main", Head: a}},
		},
		"what is no branch of that name": {
			"release", listBranches,
			list(
				listedReference("refs/tags/release", "commit", shaA), listedReference("refs/heads-up/release", "commit", shaA),
				listedReference("refs/heads/release", "tag", shaA), listedBranch("Release", shaA), listedBranch("main", shaA), listedBranch("release", shaB),
			),
			[]promotion.Branch{{Name: "release", Head: b}},
		},
		"odd characters": {
			"a b/#%é", "GET /repos/acme/shop/git/matching-refs/heads/a%20b/%23%25%C3%A9?per_page=100", list(listedBranch("a b/#%é?", shaA)),
			[]promotion.Branch{{Name: "a b/#%é?", Head: a}},
		},
		"out of order": {
			"release", listBranches, list(listedBranch("release/2", shaB), listedBranch("release/10", shaA), listedBranch("release/1", shaA)),
			[]promotion.Branch{{Name: "release/1", Head: a}, {Name: "release/10", Head: a}, {Name: "release/2", Head: b}},
		},
		"an empty repository": {"release", listBranches, status(409, "Git Repository is empty."), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(test.request, test.answer)
			read, err := github.forge().Branches(t.Context(), shop, test.prefix)
			expectKind(t, err, "none")
			github.expect(test.request)
			if difference := cmp.Diff(test.expected, read, same); difference != "" {
				t.Error(difference)
			}
		})
	}
	for _, prefix := range []string{"../../user", "a//b", "a//", "//", "a/./", "a\nb", "."} {
		_, err := newStub(t).forge().Branches(t.Context(), shop, prefix)
		expectKind(t, err, "permanent")
	}
}

// TestManyBranches: GitHub lists all that match at once, whatever the size of the page.
func TestManyBranches(t *testing.T) {
	t.Parallel()
	var listed []any
	for number := range 250 {
		listed = append(listed, listedBranch(fmt.Sprintf("release/%03d", number), shaA))
	}
	github := newStub(t)
	github.on(listBranches, list(listed...))
	read, err := github.forge().Branches(t.Context(), shop, "release")
	expectKind(t, err, "none")
	github.expect(listBranches)
	if len(read) != 250 || read[0].Name != "release/000" || read[249].Name != "release/249" {
		t.Errorf("%d branches", len(read))
	}
}

func TestBranchesThatAreNone(t *testing.T) {
	t.Parallel()
	oddities(t, listBranches, askBranches, map[string]answer{
		"an object":      ok(listedBranch("release", shaA)),
		"a short sha":    list(listedBranch("release", "aaaaaaa")),
		"no sha":         list(listedReference("refs/heads/release", "commit", "")),
		"no ref":         list(document(listedBranch("release", shaA), "ref", nil)),
		"no type":        list(listedReference("refs/heads/release", "", shaA)),
		"no object":      list(document(listedBranch("release", shaA), "object", null)),
		"null in a list": list(nil, listedBranch("release", shaA)),
	})
	refusals(t, listBranches, askBranches, map[int]string{404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
}

func detail(changes ...any) map[string]any {
	return document(map[string]any{
		"sha": shaA, "commit": map[string]any{"tree": map[string]any{"sha": "0976950c1fdbcb52435a433913017bf044b3a58f"}},
		"parents": []any{map[string]any{"sha": shaB}, map[string]any{"sha": shaA}},
		"files": []any{
			map[string]any{"filename": "cart.go", "status": "modified"},
			map[string]any{"filename": "new name.go", "status": "renamed", "previous_filename": "old/name.go"},
			map[string]any{"filename": "gone\x07.go", "status": "removed"},
		},
	}, changes...)
}

// changedFiles lists as many files.
func changedFiles(count int) []any {
	files := make([]any, 0, count)
	for number := range count {
		files = append(files, map[string]any{"filename": fmt.Sprintf("file%d", number), "status": "added"})
	}
	return files
}

func TestDetail(t *testing.T) {
	t.Parallel()
	const tree = "0976950c1fdbcb52435a433913017bf044b3a58f"
	a, b := commit(t, shaA), commit(t, shaB)
	for name, test := range map[string]struct {
		answer   map[string]any
		expected promotion.CommitDetail
	}{
		"a merge": {detail(), promotion.CommitDetail{
			Commit: a, Tree: tree, Parents: []promotion.Commit{b, a}, Files: []string{"cart.go", "new name.go", "old/name.go", "gone\x07.go"}, AllFiles: true,
		}},
		"the first one, without changes": {detail("parents", []any{}, "files", []any{}), promotion.CommitDetail{Commit: a, Tree: tree, AllFiles: true, Contents: promotion.FileContents{}}},
		"contents": {detail("files", []any{
			map[string]any{"filename": "cart.go", "status": "modified", "sha": "1"},
			map[string]any{"filename": "new.go", "status": "renamed", "previous_filename": "old.go", "sha": "2"},
			map[string]any{"filename": "gone.go", "status": "removed", "sha": "3"},
		}), promotion.CommitDetail{
			Commit: a, Tree: tree, Parents: []promotion.Commit{b, a}, Files: []string{"cart.go", "new.go", "old.go", "gone.go"}, AllFiles: true,
			Contents: promotion.FileContents{"cart.go": "1", "new.go": "2", "old.go": "", "gone.go": ""},
		}},
		"nobody knows what it changes": {detail("parents", []any{}, "files", nil), promotion.CommitDetail{Commit: a, Tree: tree}},
		"null for files":               {detail("parents", []any{}, "files", null), promotion.CommitDetail{Commit: a, Tree: tree}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readDetail, ok(test.answer))
			read, err := github.forge().Detail(t.Context(), shop, a)
			expectKind(t, err, "none")
			github.expect(readDetail)
			if difference := cmp.Diff(test.expected, read, same); difference != "" {
				t.Error(difference)
			}
		})
	}
	for count, whole := range map[int]bool{299: true, 300: false, 301: false} {
		github := newStub(t)
		github.on(readDetail, next(2, ok(detail("files", changedFiles(count)))))
		read, err := github.forge().Detail(t.Context(), shop, a)
		expectKind(t, err, "none")
		github.expect(readDetail)
		if len(read.Files) != count || read.AllFiles != whole {
			t.Errorf("%d files, all: %t", len(read.Files), read.AllFiles)
		}
	}
}

func TestDetailThatIsNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.Detail(ctx, shop, commit(t, shaA))
		if err != nil && (!read.Commit.IsZero() || read.Tree != "" || read.Files != nil) {
			return fmt.Errorf("commit %v together with %w", read, err)
		}
		return err
	}
	file := func(changes ...any) answer {
		return ok(detail("files", []any{document(map[string]any{"filename": "a", "status": "added"}, changes...)}))
	}
	oddities(t, readDetail, ask, map[string]answer{
		"a list":                     list(detail()),
		"empty":                      ok(map[string]any{}),
		"another commit":             ok(detail("sha", shaB)),
		"in capitals":                ok(detail("sha", strings.ToUpper(shaA))),
		"no tree":                    ok(detail("commit", map[string]any{"tree": nil})),
		"no commit":                  ok(detail("commit", nil)),
		"no parents":                 ok(detail("parents", nil)),
		"null for parents":           ok(detail("parents", null)),
		"a parent without name":      ok(detail("parents", []any{map[string]any{"sha": shaB}, map[string]any{}})),
		"null for a parent":          ok(detail("parents", []any{nil})),
		"a branch for a parent":      ok(detail("parents", []any{map[string]any{"sha": "main"}})),
		"files of another kind":      ok(detail("files", map[string]any{"cart.go": 1})),
		"a file without name":        file("filename", nil),
		"a file with a number":       file("filename", 7),
		"an empty name":              file("filename", ""),
		"null for a file":            ok(detail("files", []any{nil})),
		"renamed, nobody knows from": file("status", "renamed"),
	})
	refusals(t, readDetail, ask, map[int]string{404: "not found", 409: "retryable", 410: "permanent", 422: "not found"})
	t.Run("an empty repository", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		github.on(readDetail, status(409, "Git Repository is empty."))
		expectKind(t, ask(t.Context(), github.forge()), "not found")
	})
	t.Run("no commit", func(t *testing.T) {
		t.Parallel()
		_, err := newStub(t).forge().Detail(t.Context(), shop, promotion.Commit{})
		expectKind(t, err, "permanent")
	})
}
