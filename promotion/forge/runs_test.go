package forge_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	listRuns = "GET /repos/acme/shop/actions/runs?head_sha=" + shaA + "&per_page=100"
	listJobs = "GET /repos/acme/shop/actions/runs/42/jobs?filter=all&per_page=100"
)

// same compares values of the domain, whose types hide what is in them.
var same = cmp.Comparer(func(a, b promotion.Commit) bool { return a == b })

func TestRun(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, ok(run()))
	read, err := github.forge().Run(t.Context(), shop, 42)
	expectKind(t, err, "none")
	github.expect(readRun)
	expected := promotion.Run{
		ID: 42, Attempt: 2, Commit: commit(t, shaA), Path: ".github/workflows/ci.yml", Event: "push", HeadBranch: "main",
		HeadRepository: 1, Repository: 1, Status: "completed", Conclusion: "success",
		Created: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Started: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC),
		Updated: time.Date(2026, 3, 1, 11, 5, 0, 0, time.UTC), URL: "https://github.com/acme/shop/actions/runs/42",
		Actor: promotion.Person{ID: 4, Login: "bob"},
	}
	if difference := cmp.Diff(expected, read, same); difference != "" {
		t.Error(difference)
	}
}

// TestRunDetails: what may be missing, and what may not.
func TestRunDetails(t *testing.T) {
	t.Parallel()
	set := func(key string, value any) func(map[string]any) {
		return func(run map[string]any) { run[key] = value }
	}
	for name, test := range map[string]struct {
		change []func(map[string]any)
		kind   string
		check  func(promotion.Run) bool
	}{
		"a fork that was deleted": {
			[]func(map[string]any){set("head_repository", nil)},
			"none",
			func(r promotion.Run) bool { return r.HeadRepository == 0 },
		},
		"a path with its reference": {
			[]func(map[string]any){set("path", ".github/workflows/ci.yml@refs/heads/main")},
			"none",
			func(r promotion.Run) bool { return r.Path == ".github/workflows/ci.yml" },
		},
		"unfinished": {
			[]func(map[string]any){set("status", "in_progress"), set("conclusion", nil)},
			"none",
			func(r promotion.Run) bool { return !r.Finished() && r.Conclusion == "" },
		},
		"nobody triggered it": {
			[]func(map[string]any){set("triggering_actor", nil), set("actor", nil)},
			"none",
			func(r promotion.Run) bool { return r.Actor == promotion.Person{} },
		},
		"only an actor": {
			[]func(map[string]any){set("triggering_actor", nil)},
			"none",
			func(r promotion.Run) bool { return r.Actor.Login == "alice" },
		},
		"a bot": {
			[]func(map[string]any){set("triggering_actor", map[string]any{"id": 9, "login": "x[bot]", "type": "Bot"})},
			"none",
			func(r promotion.Run) bool { return r.Actor.Bot },
		},
		"a first attempt without its start": {
			[]func(map[string]any){set("run_attempt", 1), set("run_started_at", nil)},
			"none",
			func(r promotion.Run) bool { return r.Started.Equal(r.Created) },
		},
		"a branch that is not there": {
			[]func(map[string]any){set("head_branch", nil)},
			"none",
			func(r promotion.Run) bool { return r.HeadBranch == "" },
		},
		"a later attempt without its start":   {[]func(map[string]any){set("run_started_at", nil)}, "retryable", nil},
		"another run":                         {[]func(map[string]any){set("id", 43)}, "retryable", nil},
		"no attempt":                          {[]func(map[string]any){set("run_attempt", 0)}, "retryable", nil},
		"no repository":                       {[]func(map[string]any){set("repository", nil)}, "retryable", nil},
		"no commit":                           {[]func(map[string]any){set("head_sha", "")}, "retryable", nil},
		"no status":                           {[]func(map[string]any){set("status", nil)}, "retryable", nil},
		"no event":                            {[]func(map[string]any){set("event", "")}, "retryable", nil},
		"completed, and nobody knows how":     {[]func(map[string]any){set("conclusion", nil)}, "retryable", nil},
		"a time that is none":                 {[]func(map[string]any){set("run_started_at", "yesterday")}, "retryable", nil},
		"an id larger than any number should": {[]func(map[string]any){set("id", 1e300)}, "retryable", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readRun, ok(run(test.change...)))
			read, err := github.forge().Run(t.Context(), shop, 42)
			expectKind(t, err, test.kind)
			if test.check != nil && !test.check(read) {
				t.Errorf("run %+v", read)
			}
		})
	}
}

func runs(total int, from, to int64) answer {
	listed := []any{}
	for id := from; id <= to; id++ {
		listed = append(listed, run(func(r map[string]any) { r["id"] = id }))
	}
	return ok(map[string]any{"total_count": total, "workflow_runs": listed})
}

// kinds is what the stages ask for in these tests.
var kinds = []promotion.RunKind{{Workflow: ".github/workflows/ci.yml", Event: "push"}}

const listCI = "GET /repos/acme/shop/actions/workflows/ci.yml/runs?event=push&head_sha=" + shaA + "&per_page=100"

func TestRunsOf(t *testing.T) {
	t.Parallel()
	t.Run("one page", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		other := run(func(r map[string]any) { r["id"], r["head_sha"] = 44, shaB })
		github.on(listRuns, ok(map[string]any{"total_count": 2, "workflow_runs": []any{run(), other}}))
		read, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
		expectKind(t, err, "none")
		github.expect(listRuns)
		if len(read) != 1 || read[0].ID != 42 {
			t.Errorf("runs %+v", read)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		github.on(listRuns, runs(0, 1, 0))
		read, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
		expectKind(t, err, "none")
		if len(read) != 0 {
			t.Errorf("runs %+v", read)
		}
	})
	t.Run("so many that others may fill the list", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		second := "GET /repos/acme/shop/actions/workflows/ci.yml/runs?event=push&head_sha=" + shaA + "&page=2&per_page=100"
		github.on(listRuns, next(2, runs(1500, 1, 100)))
		github.on(listCI, next(2, runs(130, 501, 600)))
		github.on(second, runs(131, 600, 630))
		read, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
		expectKind(t, err, "none")
		github.expect(listRuns, listCI, second)
		if len(read) != 230 {
			t.Errorf("%d runs", len(read))
		}
	})
	t.Run("a workflow that GitHub does not know by its file", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		byEvent := "GET /repos/acme/shop/actions/runs?event=push&head_sha=" + shaA + "&per_page=100"
		github.on(listRuns, next(2, runs(1500, 1, 100)))
		github.on(listCI, status(404, "Not Found"))
		github.on(byEvent, runs(30, 501, 530))
		read, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
		expectKind(t, err, "none")
		github.expect(listRuns, listCI, byEvent)
		if len(read) != 130 {
			t.Errorf("%d runs", len(read))
		}
	})
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"no count":                {ok(map[string]any{}), "retryable"},
		"a run that is not whole": {ok(map[string]any{"total_count": 1, "workflow_runs": []any{map[string]any{"id": 1, "head_sha": shaA}}}), "retryable"},
		"forbidden":               {status(403, "Resource not accessible by integration"), "paused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listRuns, test.answer)
			read, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
			expectKind(t, err, test.kind)
			if len(read) != 0 {
				t.Error("runs together with an error")
			}
		})
	}
}

// TestRunsOfOneKindWithoutEnd: GitHub ends each search after a thousand runs, so that the next one asks for those before them.
// What cannot be read to its end is unclear.
func TestRunsOfOneKindWithoutEnd(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(listRuns, next(2, runs(2000, 1, 2)))
	search := func(more string, answer answer) {
		github.on(listCI, answer)
		for page := 2; page <= 10; page++ {
			github.on(fmt.Sprintf("GET /repos/acme/shop/actions/workflows/ci.yml/runs?%sevent=push&head_sha=%s&page=%d&per_page=100", more, shaA, page), answer)
		}
	}
	search("", next(2, runs(2000, 1, 2)))
	created := "created=%3C%3D" + url.QueryEscape(run()["created_at"].(string)) + "&"
	search(created, next(2, runs(2000, 1, 2)))
	github.on("GET /repos/acme/shop/actions/workflows/ci.yml/runs?"+created+"event=push&head_sha="+shaA+"&per_page=100", next(2, runs(2000, 1, 2)))
	_, err := github.forge().RunsOf(t.Context(), shop, commit(t, shaA), kinds)
	expectKind(t, err, "permanent")
	if len(github.asked) != 21 {
		t.Errorf("%d calls", len(github.asked))
	}
}

func job(change ...func(map[string]any)) map[string]any {
	job := map[string]any{
		"id": 7, "run_id": 42, "run_attempt": 1, "name": "test (a, b)", "status": "completed", "conclusion": "failure",
		"started_at": "2026-03-01T11:00:00Z", "completed_at": "2026-03-01T11:04:00Z", "html_url": "https://github.com/acme/shop/actions/runs/42/job/7",
	}
	for _, apply := range change {
		apply(job)
	}
	return job
}

func TestJobs(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	second := "GET /repos/acme/shop/actions/runs/42/jobs?filter=all&page=2&per_page=100"
	running := job(func(j map[string]any) {
		j["id"], j["run_attempt"], j["status"], j["conclusion"], j["completed_at"] = 8, 2, "in_progress", nil, nil
	})
	github.on(listJobs, next(2, ok(map[string]any{"total_count": 2, "jobs": []any{job()}})))
	github.on(second, ok(map[string]any{"total_count": 2, "jobs": []any{job(), running}}))
	read, err := github.forge().Jobs(t.Context(), shop, 42)
	expectKind(t, err, "none")
	github.expect(listJobs, second)
	started := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	expected := []promotion.Job{
		{
			ID: 7, Run: 42, Attempt: 1, Name: "test (a, b)", Status: "completed", Conclusion: "failure", Started: started,
			Completed: started.Add(4 * time.Minute), URL: "https://github.com/acme/shop/actions/runs/42/job/7",
		},
		{ID: 8, Run: 42, Attempt: 2, Name: "test (a, b)", Status: "in_progress", Started: started, URL: "https://github.com/acme/shop/actions/runs/42/job/7"},
	}
	if difference := cmp.Diff(expected, read); difference != "" {
		t.Error(difference)
	}
}

func TestJobsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]answer{
		"another run's":             ok(map[string]any{"jobs": []any{job(func(j map[string]any) { j["run_id"] = 41 })}}),
		"no attempt":                ok(map[string]any{"jobs": []any{job(func(j map[string]any) { delete(j, "run_attempt") })}}),
		"no status":                 ok(map[string]any{"jobs": []any{job(func(j map[string]any) { delete(j, "status") })}}),
		"no id":                     ok(map[string]any{"jobs": []any{job(func(j map[string]any) { delete(j, "id") })}}),
		"completed without outcome": ok(map[string]any{"jobs": []any{job(func(j map[string]any) { j["conclusion"] = nil })}}),
		"no list":                   ok(map[string]any{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listJobs, answer)
			_, err := github.forge().Jobs(t.Context(), shop, 42)
			expectKind(t, err, "retryable")
		})
	}
}
