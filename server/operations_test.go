package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

var metricName = regexp.MustCompile(`\bverbatim_[a-z_]+`)

// What the dashboard and the alert rules ask for is what there is.
func TestDashboardAndAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := server.NewMetrics(nil).Names()
	used := map[string]bool{}
	for file, expressions := range map[string][]string{"../deploy/grafana/verbatim.json": dashboard(t), "../deploy/prometheus/alerts.yml": alerts(t)} {
		if len(expressions) < 10 {
			t.Errorf("%s: %d expressions", file, len(expressions))
		}
		for _, expression := range expressions {
			for _, pair := range []string{"()", "{}", "[]"} {
				if strings.Count(expression, pair[:1]) != strings.Count(expression, pair[1:]) {
					t.Errorf("%s: brackets of %s", file, expression)
				}
			}
			for _, name := range metricName.FindAllString(expression, -1) {
				base := name
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					base = strings.TrimSuffix(base, suffix)
				}
				if used[base] = true; !slices.Contains(known, base) {
					t.Errorf("%s: no metric %s in %s", file, name, expression)
				}
			}
		}
	}
	for _, name := range known {
		if strings.HasPrefix(name, "verbatim_") && !used[name] {
			t.Errorf("nobody looks at %s", name)
		}
	}
}

// A counter that begins with its first event has not risen, as Prometheus sees it: the alert would miss that event.
func TestWhatAlertsWatchBeginsAtNothing(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	server.NewMetrics([]string{"workflow_run"}).Handler(noWork{}, nil, nil).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	watched := 0
	for _, expression := range alerts(t) {
		for _, found := range risenSeries.FindAllStringSubmatch(expression, -1) {
			watched++
			if name, label := found[1], found[2]; !regexp.MustCompile(`(?m)^` + name + `\{[^}]*` + label + `[^}]*\} 0$`).MatchString(recorder.Body.String()) {
				t.Errorf("there is no %s{%s} of 0 before anything happens", name, label)
			}
		}
	}
	if watched < 3 {
		t.Errorf("found %d counters in the alerts, expected three at least", watched)
	}
}

// risenSeries finds the series of a counter whose label is to have one value.
var risenSeries = regexp.MustCompile(`(?:rate|increase)\((verbatim_[a-z_]+)\{([^}]+)\}`)

type noWork struct{}

func (noWork) Depth(context.Context) (ledger.Depth, error) { return ledger.Depth{}, nil }

func dashboard(t *testing.T) (expressions []string) {
	t.Helper()
	content, err := os.ReadFile("../deploy/grafana/verbatim.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	for _, panel := range document.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("panel %s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}

func alerts(t *testing.T) (expressions []string) {
	t.Helper()
	content, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Expr        string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	for _, rule := range document.Groups[0].Rules {
		expressions = append(expressions, rule.Expr)
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s says nothing", rule.Alert)
		}
		if !strings.Contains(string(manual), "\n### "+rule.Alert+"\n") || rule.Annotations["runbook"] != "docs/operations.md#"+strings.ToLower(rule.Alert) {
			t.Errorf("%s: nothing in docs/operations.md says what to do", rule.Alert)
		}
	}
	return expressions
}
