package forge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	listReviews = "GET /repos/acme/shop/pulls/5/reviews?per_page=100"
	listPullsOf = "GET /repos/acme/shop/commits/" + shaA + "/pulls?per_page=100"
)

func review(changes ...any) map[string]any {
	return document(map[string]any{
		"id": 11, "user": map[string]any{"id": 3, "login": "alice", "type": "User"}, "state": "APPROVED", "commit_id": shaA,
		"submitted_at": "2026-03-01T12:00:00+02:00", "html_url": "https://github.com/acme/shop/pull/5#pullrequestreview-11",
	}, changes...)
}

func TestReviews(t *testing.T) {
	t.Parallel()
	second := "GET /repos/acme/shop/pulls/5/reviews?page=2&per_page=100"
	bob := map[string]any{"id": 4, "login": "bob[bot]", "type": "Bot"}
	github := newStub(t)
	github.on(listReviews, next(2, list(
		review("submitted_at", "2026-03-01T11:00:00Z", "state", "CHANGES_REQUESTED"),
		review("state", "PENDING", "submitted_at", null), review("state", "PENDING", "submitted_at", nil),
		review("user", null), review("user", map[string]any{"id": 0, "login": "ghost"}),
		review("user", bob, "commit_id", null),
	)))
	github.on(second, list(
		review("submitted_at", "2026-03-01T10:00:00Z", "state", "DISMISSED", "html_url", nil),
		review("submitted_at", "2026-03-01T09:00:00Z", "state", "COMMENTED", "commit_id", shaB),
	))
	read, err := github.forge().Reviews(t.Context(), shop, 5)
	expectKind(t, err, "none")
	github.expect(listReviews, second)
	const page = "https://github.com/acme/shop/pull/5#pullrequestreview-11"
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	expected := []promotion.Review{
		{Person: alice, State: "COMMENTED", Commit: commit(t, shaB), Submitted: at(9), URL: page},
		{Person: promotion.Person{ID: 4, Login: "bob[bot]", Bot: true}, State: "APPROVED", Submitted: at(10), URL: page},
		{Person: alice, State: "DISMISSED", Commit: commit(t, shaA), Submitted: at(10)},
		{Person: alice, State: "CHANGES_REQUESTED", Commit: commit(t, shaA), Submitted: at(11), URL: page},
	}
	if difference := cmp.Diff(expected, read, same); difference != "" {
		t.Error(difference)
	}
}

func TestReviewsThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.Reviews(ctx, shop, 5)
		if err != nil && read != nil {
			return fmt.Errorf("reviews %v together with %w", read, err)
		}
		return err
	}
	oddities(t, listReviews, ask, map[string]answer{
		"an object":            ok(review()),
		"empty":                list(map[string]any{}),
		"no state":             list(review(), review("state", nil)),
		"null for a state":     list(review("state", null)),
		"null in the list":     list(nil),
		"a name for a user":    list(review("user", "alice")),
		"a text for an id":     list(review("user", map[string]any{"id": "3"})),
		"a time that is none":  list(review("submitted_at", "yesterday")),
		"an empty time":        list(review("submitted_at", "")),
		"a number for a state": list(review("state", 1)),
		"a branch, no commit":  list(review("commit_id", "main")),
	})
	refusals(t, listReviews, ask, map[int]string{404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
}

// TestManyReviews: anybody can review on a public repository, so that the list is read to its end.
func TestManyReviews(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	requests := pages(github, listReviews, "GET /repos/acme/shop/pulls/5/reviews?page=%d&per_page=100", 14, list(review()))
	last := "GET /repos/acme/shop/pulls/5/reviews?page=15&per_page=100"
	github.on(last, list(review()))
	read, err := github.forge().Reviews(t.Context(), shop, 5)
	expectKind(t, err, "none")
	github.expect(append(requests, last)...)
	if len(read) != 15 {
		t.Errorf("%d reviews", len(read))
	}
}

// pages prepares a listing of so many pages, each of which names a further one, and gives the requests for them.
func pages(github *stub, first, later string, count int, give answer) []string {
	requests := []string{first}
	github.on(first, next(2, give))
	for page := 2; page <= count; page++ {
		request := fmt.Sprintf(later, page)
		github.on(request, next(page+1, give))
		requests = append(requests, request)
	}
	return requests
}

func TestPullRequestsOf(t *testing.T) {
	t.Parallel()
	second := "GET /repos/acme/shop/commits/" + shaA + "/pulls?page=2&per_page=100"
	github := newStub(t)
	github.on(listPullsOf, next(2, list(
		pull(func(p map[string]any) { delete(p, "merged") }), // listings have no such field
		pull(func(p map[string]any) {
			p["number"], p["base"] = 6, map[string]any{"sha": shaB, "ref": "main", "repo": map[string]any{"id": 2}}
		}),
	)))
	github.on(second, list(
		pull(func(p map[string]any) {
			p["number"], p["state"], p["merged_at"], p["user"] = 7, "open", nil, nil
			p["head"] = map[string]any{"sha": shaB, "repo": nil}
		}),
		pull(func(p map[string]any) { p["number"], p["merge_commit_sha"] = 8, nil }),
	))
	read, err := github.forge().PullRequestsOf(t.Context(), shop, commit(t, shaA))
	expectKind(t, err, "none")
	github.expect(listPullsOf, second)
	merged := promotion.PullRequest{
		Number: 5, State: "closed", Merged: true, MergeCommit: commit(t, shaB), Head: commit(t, shaA), HeadRepository: 1, HeadBranch: "cart", Base: "main", BaseCommit: commit(t, shaB),
		Title: "Add a cart", Author: alice, URL: "https://github.com/acme/shop/pull/5",
	}
	open, unnamed := merged, merged
	open.Number, open.State, open.Merged, open.MergeCommit = 7, "open", false, promotion.Commit{}
	open.Head, open.HeadRepository, open.HeadBranch, open.Author = commit(t, shaB), 0, "", promotion.Person{}
	unnamed.Number, unnamed.MergeCommit = 8, promotion.Commit{}
	if difference := cmp.Diff([]promotion.PullRequest{merged, open, unnamed}, read, same); difference != "" {
		t.Error(difference)
	}
}

func TestPullRequestsOfThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.PullRequestsOf(ctx, shop, commit(t, shaA))
		if err != nil && read != nil {
			return fmt.Errorf("pull requests %v together with %w", read, err)
		}
		return err
	}
	with := func(key string, value any) answer {
		return list(pull(), pull(func(p map[string]any) { p[key] = value }))
	}
	own := map[string]any{"id": 1}
	oddities(t, listPullsOf, ask, map[string]answer{
		"an object":             ok(pull()),
		"empty":                 list(map[string]any{}),
		"null in the list":      list(nil),
		"no number":             with("number", nil),
		"a negative number":     with("number", -5),
		"an unknown state":      with("state", "merged"),
		"no state":              with("state", nil),
		"no base":               with("base", nil),
		"a base nowhere":        with("base", map[string]any{"ref": "main", "repo": nil}),
		"a base without name":   with("base", map[string]any{"repo": own}),
		"no head":               with("head", nil),
		"a short head":          with("head", map[string]any{"sha": "aaaaaaa", "repo": own}),
		"merged into a branch":  with("merge_commit_sha", "main"),
		"merged at some time":   with("merged_at", "yesterday"),
		"merged at no time":     with("merged_at", ""),
		"a text for a number":   with("number", "5"),
		"repository by name":    with("base", map[string]any{"ref": "main", "repo": "acme/shop"}),
		"a head with no commit": with("head", map[string]any{"repo": own}),
	})
	refusals(t, listPullsOf, ask, map[int]string{404: "not found", 409: "retryable", 410: "permanent", 422: "not found"})
	t.Run("as many as there are", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		requests := pages(github, listPullsOf, "GET /repos/acme/shop/commits/"+shaA+"/pulls?page=%d&per_page=100", 4, list(pull()))
		last := "GET /repos/acme/shop/commits/" + shaA + "/pulls?page=5&per_page=100"
		github.on(last, list(pull()))
		expectKind(t, ask(t.Context(), github.forge()), "none")
		github.expect(append(requests, last)...)
	})
	t.Run("no commit", func(t *testing.T) {
		t.Parallel()
		_, err := newStub(t).forge().PullRequestsOf(t.Context(), shop, promotion.Commit{})
		expectKind(t, err, "permanent")
	})
}
