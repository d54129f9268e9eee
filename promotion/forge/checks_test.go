package forge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const (
	createCheck = "POST /repos/acme/shop/check-runs"
	updateCheck = "PATCH /repos/acme/shop/check-runs/70"
	listChecks  = "GET /repos/acme/shop/commits/" + shaA + "/check-runs?app_id=99&check_name=verbatim+%2F+production&filter=all&per_page=100"
)

func TestCreateCheckRun(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(createCheck, object(http.StatusCreated, map[string]any{"id": 70}))
	id, err := github.forge().CreateCheckRun(t.Context(), shop, forge.CheckRun{
		Name: "verbatim / production", HeadSHA: shaA, Status: "completed", Conclusion: "success", ExternalID: "check/1",
		DetailsURL: "https://verbatim.example.com/1", Title: "Ready to promote", Summary: "all gates", Text: "| gate |",
		Actions:   []forge.CheckAction{{Label: "Promote to production now", Description: strings.Repeat("long ", 20), Identifier: "promote/17"}},
		StartedAt: now.Add(1500 * time.Millisecond), CompletedAt: now.In(time.FixedZone("", 3600)),
	})
	expectKind(t, err, "none")
	if id != 70 {
		t.Errorf("id %d", id)
	}
	github.expect(createCheck)
	var sent map[string]any
	github.sent(&sent)
	expected := map[string]any{
		"name": "verbatim / production", "head_sha": shaA, "status": "completed", "conclusion": "success", "external_id": "check/1",
		"details_url": "https://verbatim.example.com/1", "started_at": "2026-03-01T12:00:01Z", "completed_at": "2026-03-01T12:00:00Z",
		"output":  map[string]any{"title": "Ready to promote", "summary": "all gates", "text": "| gate |"},
		"actions": []any{map[string]any{"label": "Promote to producti…", "description": "long long long long long long long long…", "identifier": "promote/17"}},
	}
	if difference := cmp.Diff(expected, sent); difference != "" {
		t.Error(difference)
	}
}

// TestUpdateCheckRun: the buttons that are not given any more go away, and nothing that belongs to the end is sent before.
func TestUpdateCheckRun(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(updateCheck, ok(map[string]any{"id": 70}))
	err := github.forge().UpdateCheckRun(t.Context(), shop, 70, forge.CheckRun{
		Name: "verbatim / production", Status: "in_progress", CompletedAt: now, Summary: strings.Repeat("ö", 70_000),
	})
	expectKind(t, err, "none")
	github.expect(updateCheck)
	var sent struct {
		Actions     *[]any  `json:"actions"`
		HeadSHA     *string `json:"head_sha"`
		CompletedAt *string `json:"completed_at"`
		Conclusion  *string `json:"conclusion"`
		Output      struct{ Title, Summary, Text string }
	}
	github.sent(&sent)
	if sent.Actions == nil || len(*sent.Actions) != 0 || sent.HeadSHA != nil || sent.CompletedAt != nil || sent.Conclusion != nil {
		t.Errorf("sent %+v", sent)
	}
	if sent.Output.Title != "verbatim / production" || len(sent.Output.Summary) > 65_535 || !strings.HasSuffix(sent.Output.Summary, "(cut)\n") {
		t.Errorf("title %q, summary of %d bytes", sent.Output.Title, len(sent.Output.Summary))
	}
}

func TestCheckRunsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := forge.CheckRun{Name: "verbatim / production", HeadSHA: shaA, Status: "in_progress"}
	button := forge.CheckAction{Label: "Promote", Identifier: "promote/1"}
	for name, change := range map[string]func(*forge.CheckRun){
		"no name":                      func(c *forge.CheckRun) { c.Name = "" },
		"completed without conclusion": func(c *forge.CheckRun) { c.Status = "completed" },
		"conclusion before the end":    func(c *forge.CheckRun) { c.Conclusion = "success" },
		"four buttons":                 func(c *forge.CheckRun) { c.Actions = []forge.CheckAction{button, button, button, button} },
		"a button without a label":     func(c *forge.CheckRun) { c.Actions = []forge.CheckAction{{Identifier: "promote/1"}} },
		"a button whose press would send something else": func(c *forge.CheckRun) {
			c.Actions = []forge.CheckAction{{Label: "Promote", Identifier: "promote/production/17"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			check := good
			change(&check)
			_, err := github.forge().CreateCheckRun(t.Context(), shop, check)
			expectKind(t, err, "permanent")
			expectKind(t, github.forge().UpdateCheckRun(t.Context(), shop, 70, check), "permanent")
			github.expect()
		})
	}
	github := newStub(t)
	good.HeadSHA = "main"
	_, err := github.forge().CreateCheckRun(t.Context(), shop, good)
	expectKind(t, err, "permanent")
}

func TestFindCheckRun(t *testing.T) {
	t.Parallel()
	check := func(id int64, change ...func(map[string]any)) map[string]any {
		check := map[string]any{
			"id": id, "name": "verbatim / production", "head_sha": shaA, "status": "in_progress", "external_id": "check/1",
			"app": map[string]any{"id": 99},
		}
		for _, apply := range change {
			apply(check)
		}
		return check
	}
	set := func(key string, value any) func(map[string]any) {
		return func(check map[string]any) { check[key] = value }
	}
	for name, test := range map[string]struct {
		checks    []any
		external  string
		id        int64
		completed bool
	}{
		"none":                       {[]any{}, "check/1", 0, false},
		"unfinished":                 {[]any{check(70)}, "check/1", 70, false},
		"completed":                  {[]any{check(70, set("status", "completed"))}, "check/1", 70, true},
		"the newest, in any order":   {[]any{check(71), check(72, set("status", "completed")), check(70)}, "check/1", 72, true},
		"another external id":        {[]any{check(70, set("external_id", "check/2"))}, "check/1", 0, false},
		"no external id":             {[]any{check(70, set("external_id", nil))}, "check/1", 0, false},
		"any external id":            {[]any{check(70, set("external_id", nil))}, "", 70, false},
		"another app's":              {[]any{check(70, set("app", map[string]any{"id": 98}))}, "check/1", 0, false},
		"nobody's":                   {[]any{check(70, set("app", nil))}, "check/1", 0, false},
		"another name":               {[]any{check(70, set("name", "verbatim / staging"))}, "check/1", 0, false},
		"the same of another commit": {[]any{check(70, set("head_sha", shaB))}, "check/1", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listChecks, ok(map[string]any{"total_count": len(test.checks), "check_runs": test.checks}))
			id, completed, found, err := github.forge().FindCheckRun(t.Context(), shop, commit(t, shaA), "verbatim / production", test.external)
			expectKind(t, err, "none")
			github.expect(listChecks)
			if id != test.id || completed != test.completed || found != (test.id != 0) {
				t.Errorf("found %d %t %t", id, completed, found)
			}
		})
	}

	github := newStub(t)
	github.on(listChecks, ok(map[string]any{}))
	_, _, found, err := github.forge().FindCheckRun(t.Context(), shop, commit(t, shaA), "verbatim / production", "")
	expectKind(t, err, "retryable")
	if found {
		t.Error("found")
	}
	_, _, _, err = github.forge().FindCheckRun(t.Context(), shop, promotion.Commit{}, "verbatim / production", "")
	expectKind(t, err, "permanent")
}
