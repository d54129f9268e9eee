package githubtest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// description gives GitHub's description; without it the test is skipped, but on CI it fails.
func description(t *testing.T) *OpenAPI {
	t.Helper()
	found, err := Description()
	if errors.Is(err, ErrNoDescription) && os.Getenv("CI") != "true" {
		t.Skipf("NOTHING IS HELD AGAINST GITHUB'S DESCRIPTION: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryRouteIsDescribedByGitHub(t *testing.T) {
	held := description(t)
	for _, route := range routes {
		if route.pattern == graphRoute {
			continue // of another API
		}
		path := held.document.Paths.Value(strings.ReplaceAll(route.pattern, "...}", "}"))
		if path == nil || path.GetOperation(route.method) == nil {
			t.Errorf("%s is not in GitHub's description", route)
		}
	}
}

func TestWhatDoesNotFitIsReported(t *testing.T) {
	held := description(t)
	exchange := func(method, path, body string, said answer) error {
		route, parameters := find(method, segmentsOf(path))
		c := &call{request: httptest.NewRequest(method, path, strings.NewReader(body)), body: []byte(body), route: route, parameters: parameters}
		return held.exchange(c, path, said, encode(said.body))
	}
	reaction := object{"id": 1, "node_id": "x", "user": nil, "content": "eyes", "created_at": "2026-01-01T00:00:00Z"}
	const path = "/repos/o/r/issues/comments/1/reactions"
	if err := exchange("POST", path, `{"content":"eyes"}`, created(reaction)); err != nil {
		t.Errorf("a good exchange: %v", err)
	}
	for name, err := range map[string]error{
		"request":       exchange("POST", path, `{"content":"tada"}`, created(reaction)),
		"answer":        exchange("POST", path, `{"content":"eyes"}`, created(object{"id": "one"})),
		"missing field": exchange("POST", path, `{"content":"eyes"}`, created(object{"id": 1})),
		"status":        exchange("DELETE", path+"/1", "", answer{status: http.StatusAccepted}),
		"webhook":       held.Webhook("workflow_run", "completed", []byte(`{"action":"completed"}`)),
		"no webhook":    held.Webhook("workflow_run", "exploded", []byte(`{}`)),
	} {
		if err == nil {
			t.Errorf("%s: nothing was reported", name)
		}
	}
	if err := exchange("POST", path, `{"content":"tada"}`, invalid("Reaction", "content", "invalid", "")); err != nil {
		t.Errorf("a refused request need not fit: %v", err)
	}
}

func TestHoldReportsTraffic(t *testing.T) {
	held := description(t)
	s := New(Options{})
	defer s.Close()
	var mu sync.Mutex
	var reported []error
	s.Hold(held, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, err)
	})
	s.SetHook("http://127.0.0.1:1/", "")
	s.change(func() {
		s.accounts["odd"] = &account{server: s, id: 1, login: "odd", kind: "User"}
		s.enqueue("ping", "odd", 0, 0, object{})
	})
	response, err := http.Get(s.URL() + "/users/odd")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(reported) != 1 || !strings.Contains(reported[0].Error(), "ping-odd") {
		t.Errorf("reported: %v", reported)
	}
}
