package forge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	readPull    = "GET /repos/acme/shop/pulls/5"
	readPrefix  = "GET /repos/acme/shop/commits/aaaaaaa?per_page=1"
	compareBoth = "GET /repos/acme/shop/compare/" + shaA + "..." + shaB + "?per_page=100"
	listMerged  = "GET /repos/acme/shop/pulls?base=main&direction=desc&per_page=100&sort=updated&state=closed"
)

func pull(change ...func(map[string]any)) map[string]any {
	pull := map[string]any{
		"number": 5, "state": "closed", "merged": true, "merged_at": "2026-03-01T10:00:00Z", "merge_commit_sha": shaB,
		"title": "Add\u202e a\x07 cart", "html_url": "https://github.com/acme/shop/pull/5",
		"user": map[string]any{"id": 3, "login": "alice", "type": "User"},
		"head": map[string]any{"sha": shaA, "ref": "cart", "repo": map[string]any{"id": 1}},
		"base": map[string]any{"sha": shaB, "ref": "main", "repo": map[string]any{"id": 1}},
	}
	for _, apply := range change {
		apply(pull)
	}
	return pull
}

func TestPullRequest(t *testing.T) {
	t.Parallel()
	merged := promotion.PullRequest{
		Number: 5, State: "closed", Merged: true, MergeCommit: commit(t, shaB), Head: commit(t, shaA), HeadRepository: 1, HeadBranch: "cart", Base: "main", BaseCommit: commit(t, shaB),
		Title: "Add a cart", Author: alice, URL: "https://github.com/acme/shop/pull/5",
	}
	open := merged
	open.State, open.Merged, open.MergeCommit = "open", false, promotion.Commit{}
	fork := open
	fork.HeadRepository, fork.HeadBranch, fork.Author = 0, "", promotion.Person{}
	unnamed := merged
	unnamed.MergeCommit = promotion.Commit{}
	opened := func(p map[string]any) { p["state"], p["merged"], p["merged_at"] = "open", false, nil }
	for name, test := range map[string]struct {
		answer   answer
		kind     string
		expected promotion.PullRequest
	}{
		"merged":                           {ok(pull()), "none", merged},
		"open, with a test merge":          {ok(pull(opened)), "none", open},
		"from a fork that was deleted":     {ok(pull(opened, func(p map[string]any) { p["head"], p["user"] = map[string]any{"sha": shaA, "repo": nil}, nil })), "none", fork},
		"an issue, not a pull request":     {status(404, "Not Found"), "not found", promotion.PullRequest{}},
		"another one":                      {ok(pull(func(p map[string]any) { p["number"] = 6 })), "retryable", promotion.PullRequest{}},
		"an unknown state":                 {ok(pull(func(p map[string]any) { p["state"] = "draft" })), "retryable", promotion.PullRequest{}},
		"merged, and nobody knows to what": {ok(pull(func(p map[string]any) { p["merge_commit_sha"] = nil })), "none", unnamed},
		"merged into something odd":        {ok(pull(func(p map[string]any) { p["merge_commit_sha"] = "main" })), "retryable", promotion.PullRequest{}},
		"no head":                          {ok(pull(func(p map[string]any) { p["head"] = map[string]any{} })), "retryable", promotion.PullRequest{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readPull, test.answer)
			read, err := github.forge().PullRequest(t.Context(), shop, 5)
			expectKind(t, err, test.kind)
			github.expect(readPull)
			if difference := cmp.Diff(test.expected, read, same); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestResolveCommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prefix string
		answer answer
		kind   string
	}{
		"the one":                        {"aaaaaaa", ok(map[string]any{"sha": shaA}), "none"},
		"in capitals":                    {"AAAAAAA", ok(map[string]any{"sha": shaA}), "none"},
		"unknown":                        {"aaaaaaa", status(422, "No commit found for SHA: aaaaaaa"), "not found"},
		"ambiguous":                      {"aaaaaaa", status(422, "No commit found for SHA: aaaaaaa"), "not found"},
		"no repository":                  {"aaaaaaa", status(404, "Not Found"), "not found"},
		"an empty repository":            {"aaaaaaa", status(409, "Git Repository is empty."), "not found"},
		"a branch of that name":          {"aaaaaaa", ok(map[string]any{"sha": shaB}), "not found"},
		"a tag object":                   {"aaaaaaa", ok(map[string]any{"sha": "aaaaaab" + shaB[7:]}), "not found"},
		"an answer without a commit":     {"aaaaaaa", ok(map[string]any{}), "retryable"},
		"an answer in capitals":          {"aaaaaaa", ok(map[string]any{"sha": strings.ToUpper(shaA)}), "retryable"},
		"too short":                      {"aaaaaa", nil, "permanent"},
		"too long":                       {strings.Repeat("a", 65), nil, "permanent"},
		"not hexadecimal":                {"aaaaaag", nil, "permanent"},
		"a branch":                       {"main", nil, "permanent"},
		"something that leads elsewhere": {"../../../user", nil, "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			if test.answer != nil {
				github.on(readPrefix, test.answer)
			}
			read, err := github.forge().ResolveCommit(t.Context(), shop, test.prefix)
			expectKind(t, err, test.kind)
			if test.answer != nil {
				github.expect(readPrefix)
			}
			if err == nil && read.String() != shaA {
				t.Errorf("commit %s", read)
			}
		})
	}
}

func comparison(change ...func(map[string]any)) map[string]any {
	comparison := map[string]any{
		"status": "ahead", "ahead_by": 3, "behind_by": 0, "total_commits": 3, "html_url": "https://github.com/acme/shop/compare/a...b",
		"commits": []any{
			map[string]any{
				"sha": shaA, "html_url": "https://github.com/acme/shop/commit/a",
				"author": map[string]any{"id": 3, "login": "alice"},
				"commit": map[string]any{"message": "Add a cart\n\nand explain it", "author": map[string]any{"name": "Alice A."}},
			},
			map[string]any{
				"sha": shaB, "author": nil,
				"commit": map[string]any{"message": "\x1b[31mred\r\nmore", "author": map[string]any{"name": "Bob\nB."}},
			},
		},
	}
	for _, apply := range change {
		apply(comparison)
	}
	return comparison
}

func TestCompare(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(compareBoth, ok(comparison()))
	read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
	expectKind(t, err, "none")
	github.expect(compareBoth)
	expected := promotion.Comparison{
		Status: "ahead", AheadBy: 3, Total: 3, URL: "https://github.com/acme/shop/compare/a...b",
		Commits: []promotion.ShippedCommit{
			{Commit: commit(t, shaA), Title: "Add a cart", Author: "alice", People: []promotion.Person{{ID: 3, Login: "alice"}}, URL: "https://github.com/acme/shop/commit/a"},
			{Commit: commit(t, shaB), Title: "[31mred", Author: "Bob B."},
		},
	}
	if difference := cmp.Diff(expected, read, same); difference != "" {
		t.Error(difference)
	}
}

// TestCompareBranches: a branch is resolved to its head first, so that no tag of the same name can answer for it.
func TestCompareBranches(t *testing.T) {
	t.Parallel()
	const branch = "GET /repos/acme/shop/git/ref/heads/feature/a%23b%25c%3Fd%20%C3%A9"
	github := newStub(t)
	github.on(branch, reference("feature/a#b%c?d é", shaB))
	github.on(compareBoth, ok(comparison()))
	_, err := github.forge().Compare(t.Context(), shop, shaA, "feature/a#b%c?d é")
	expectKind(t, err, "none")
	github.expect(branch, compareBoth)

	gone := newStub(t)
	gone.on(readHead, status(404, "Not Found"))
	_, err = gone.forge().Compare(t.Context(), shop, "main", shaB)
	expectKind(t, err, "not found")
	gone.expect(readHead)
}

func TestComparisonsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"identical":            {ok(comparison(func(c map[string]any) { c["status"], c["ahead_by"], c["commits"] = "identical", 0, []any{} })), "none"},
		"behind":               {ok(comparison(func(c map[string]any) { c["status"], c["ahead_by"], c["behind_by"] = "behind", 0, 2 })), "none"},
		"diverged":             {ok(comparison(func(c map[string]any) { c["status"], c["behind_by"] = "diverged", 2 })), "none"},
		"ahead, and behind":    {ok(comparison(func(c map[string]any) { c["behind_by"] = 2 })), "retryable"},
		"identical, and ahead": {ok(comparison(func(c map[string]any) { c["status"] = "identical" })), "retryable"},
		"an unknown word":      {ok(comparison(func(c map[string]any) { c["status"] = "sideways" })), "retryable"},
		"no numbers":           {ok(comparison(func(c map[string]any) { delete(c, "behind_by") })), "retryable"},
		"a broken commit":      {ok(comparison(func(c map[string]any) { c["commits"] = []any{map[string]any{"sha": "x"}} })), "retryable"},
		"nothing in common":    {status(404, "No common ancestor between a and b."), "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(compareBoth, test.answer)
			_, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, test.kind)
		})
	}
}

func TestMergedPullRequests(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(listMerged, ok([]any{
		pull(),
		pull(func(p map[string]any) { p["number"], p["merged_at"], p["merge_commit_sha"] = 6, nil, shaA }),
		pull(func(p map[string]any) { p["number"], p["base"] = 7, map[string]any{"ref": "other"} }),
		pull(func(p map[string]any) {
			p["number"], p["merged_at"], p["merge_commit_sha"], p["title"], p["user"] = 8, "2026-03-01T11:00:00Z", shaA, "Later", nil
		}),
	}))
	read, err := github.forge().MergedPullRequests(t.Context(), shop, "main")
	expectKind(t, err, "none")
	github.expect(listMerged)
	expected := []promotion.ShippedPullRequest{
		{Number: 8, Title: "Later", Commit: commit(t, shaA), URL: "https://github.com/acme/shop/pull/5"},
		{Number: 5, Title: "Add a cart", Author: "alice", Commit: commit(t, shaB), URL: "https://github.com/acme/shop/pull/5"},
	}
	if difference := cmp.Diff(expected, read, same); difference != "" {
		t.Error(difference)
	}

	_, err = github.forge().MergedPullRequests(t.Context(), shop, "")
	expectKind(t, err, "permanent")
}
