package forge_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	recentRuns     = "GET /repos/acme/shop/actions/runs?per_page=100"
	recentRunsNext = "GET /repos/acme/shop/actions/runs?page=2&per_page=100"
	recentComments = "GET /repos/acme/shop/issues/comments?direction=desc&per_page=100&since=2026-03-01T09%3A00%3A00Z&sort=updated"
)

// since is when the tests look back to.
var since = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// tagged answers 304 to whoever has the tag.
func tagged(tag string, give answer) answer {
	return func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("ETag", tag)
		if request.Header.Get("If-None-Match") == tag {
			writer.WriteHeader(http.StatusNotModified)
			return
		}
		give(writer, request)
	}
}

func runsPage(runs ...map[string]any) answer {
	return ok(map[string]any{"total_count": len(runs), "workflow_runs": runs})
}

// created is a run that was created at that hour of the day.
func created(id int64, hour int) map[string]any {
	return run(func(run map[string]any) {
		run["id"], run["created_at"] = id, fmt.Sprintf("2026-03-01T%02d:00:00Z", hour)
	})
}

func idsOf(runs []promotion.Run) []int64 {
	var ids []int64
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return ids
}

func TestRecentRunsGivesThePagesThatChanged(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	first, second := next(2, runsPage(created(44, 12), created(43, 11))), next(3, runsPage(created(43, 11), created(42, 10), created(41, 8)))
	github.on(recentRuns, tagged(`W/"a"`, first), tagged(`W/"a"`, first), tagged(`W/"c"`, first), tagged(`W/"c"`, first))
	github.on(recentRunsNext, tagged(`W/"b"`, second))
	f := github.forge()
	var tags []string
	for _, expected := range []struct {
		runs []int64
		tags []string
	}{
		{runs: []int64{44, 43, 42}, tags: []string{`W/"a"`, `W/"b"`}}, // what is older ends it
		{tags: []string{`W/"a"`, `W/"b"`}},
		{runs: []int64{44, 43}, tags: []string{`W/"c"`, `W/"b"`}},
	} {
		listing, err := f.RecentRuns(t.Context(), shop, since, tags)
		expectKind(t, err, "none")
		if ids := idsOf(listing.Items); !slices.Equal(ids, expected.runs) || !slices.Equal(listing.Tags, expected.tags) {
			t.Errorf("runs %v with tags %v, expected %v with %v", ids, listing.Tags, expected.runs, expected.tags)
		}
		tags = listing.Tags
	}
	github.expect(recentRuns, recentRunsNext, recentRuns, recentRunsNext, recentRuns, recentRunsNext)
}

func TestRecentRunsAreBounded(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(recentRuns, next(2, runsPage(created(100, 12))))
	var asked []string
	for page := 2; page <= 11; page++ {
		github.on(fmt.Sprintf("GET /repos/acme/shop/actions/runs?page=%d&per_page=100", page), next(page+1, runsPage(created(int64(100-page), 12))))
	}
	for page := 1; page <= 10; page++ {
		path := recentRuns
		if page > 1 {
			path = fmt.Sprintf("GET /repos/acme/shop/actions/runs?page=%d&per_page=100", page)
		}
		asked = append(asked, path)
	}
	listing, err := github.forge().RecentRuns(t.Context(), shop, since, nil)
	expectKind(t, err, "none")
	github.expect(asked...)
	if len(listing.Items) != 10 {
		t.Errorf("%d runs, expected those of ten pages", len(listing.Items))
	}
}

// listedComment is a comment as the listing of a repository has it.
func listedComment(change ...func(map[string]any)) map[string]any {
	comment := map[string]any{
		"id": 7, "body": "/promote", "user": map[string]any{"id": 4, "login": "bob", "type": "User"}, "author_association": "MEMBER",
		"html_url": "https://github.com/acme/shop/pull/42#issuecomment-7", "issue_url": "https://api.github.com/repos/acme/shop/issues/42",
		"created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
	}
	for _, apply := range change {
		apply(comment)
	}
	return comment
}

func TestRecentComments(t *testing.T) {
	t.Parallel()
	ten := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	bob := promotion.RecentComment{
		ID: 7, Issue: 42, PullRequest: true, Body: "/promote", Author: promotion.Person{ID: 4, Login: "bob"}, Insider: true, Created: ten, Updated: ten,
	}
	for name, test := range map[string]struct {
		change   func(map[string]any)
		expected func(*promotion.RecentComment)
		kind     string
	}{
		"on a pull request": {},
		"on an issue": {
			change: func(comment map[string]any) {
				comment["html_url"] = "https://github.com/acme/shop/issues/42#issuecomment-7"
			},
			expected: func(comment *promotion.RecentComment) { comment.PullRequest = false },
		},
		"edited": {
			change:   func(comment map[string]any) { comment["updated_at"] = "2026-03-01T10:00:01Z" },
			expected: func(comment *promotion.RecentComment) { comment.Updated = ten.Add(time.Second) },
		},
		"of a stranger": {
			change:   func(comment map[string]any) { comment["author_association"] = "NONE" },
			expected: func(comment *promotion.RecentComment) { comment.Insider = false },
		},
		"of somebody deleted": {
			change:   func(comment map[string]any) { comment["user"] = nil },
			expected: func(comment *promotion.RecentComment) { comment.Author = promotion.Person{} },
		},
		"without a time":   {change: func(comment map[string]any) { delete(comment, "created_at") }, kind: "retryable"},
		"without an issue": {change: func(comment map[string]any) { delete(comment, "issue_url") }, kind: "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			listed := listedComment()
			if test.change != nil {
				test.change(listed)
			}
			github.on(recentComments, ok([]any{listed}))
			listing, err := github.forge().RecentComments(t.Context(), shop, since, nil)
			if test.kind != "" {
				expectKind(t, err, test.kind)
				return
			}
			expectKind(t, err, "none")
			expected := bob
			if test.expected != nil {
				test.expected(&expected)
			}
			if len(listing.Items) != 1 || listing.Items[0] != expected {
				t.Errorf("comments %+v, expected %+v", listing.Items, expected)
			}
		})
	}
}
