package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/server"
)

// degraded reads what /readyz says is degraded, by name. It fails the test unless the server is ready.
func (s *story) degraded() map[string]selfcheck.Finding {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+s.Server.Addr()+"/readyz", nil)
	s.must(err)
	status, body := s.post(request)
	if status != http.StatusOK {
		s.t.Fatalf("/readyz: %d %s, expected 200: deliveries can be kept", status, body)
	}
	var document struct{ Degraded []selfcheck.Finding }
	s.must(json.Unmarshal([]byte(body), &document))
	found := map[string]selfcheck.Finding{}
	for _, finding := range document.Degraded {
		found[finding.Name] = finding
	}
	return found
}

// says waits until health names the fault, with the words, and the metric too.
func (s *story) isDegraded(what string, words ...string) {
	s.t.Helper()
	var found selfcheck.Finding
	s.must(s.Eventually(s.ctx, "health to name "+what, func() bool { found = s.degraded()[what]; return found.Name != "" }))
	s.expect(found.String(), words...)
	if s.metrics()[`verbatim_degraded{what="`+what+`"}`] != 1 {
		s.t.Errorf("no metric says that %s is degraded", what)
	}
}

// namesMissing fails the test unless a metric names the permission.
func (s *story) namesMissing(permission string) {
	s.t.Helper()
	if s.metrics()[`verbatim_permission_missing{permission="`+permission+`"}`] != 1 {
		s.t.Errorf("no metric names %s", permission)
	}
}

func (s *story) isWell() {
	s.t.Helper()
	s.must(s.Eventually(s.ctx, "health to be well", func() bool { return len(s.degraded()) == 0 }))
}

// nothingSetAside fails the test when a row was set aside.
func (s *story) nothingSetAside() {
	s.t.Helper()
	if told := s.setAside(); told != "" {
		s.t.Errorf("set aside: %s", told)
	}
}

func unauthorised(message string) githubtest.Fault {
	return githubtest.Fault{Status: http.StatusUnauthorized, Body: `{"message":"` + message + `"}`}
}

func TestAServerWithAWrongKeyOrIDDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault githubtest.Fault
		says  string
	}{
		"GitHub does not take the key": {unauthorised("A JSON web token could not be decoded"), "GITHUB_APP_PRIVATE_KEY"},
		"GitHub knows no such app":     {githubtest.Fault{Status: 404, Body: `{"message":"Integration not found"}`}, "GITHUB_APP_INTEGRATION_ID"},
		"the key is another app's":     {githubtest.Fault{Status: 200, Body: `{"id": 4711, "slug": "other"}`}, "belongs to app 4711"},
		"it is no GitHub":              {githubtest.Fault{Status: 404, Body: `404 page not found`}, "GITHUB_V3_API_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{})
			s.must(s.StopServer())
			s.GitHub.Hold(nil, nil)
			s.GitHub.Inject(test.fault.On("GET", "/app"))
			replica, err := s.Replica(s.ctx)
			s.must(err)
			ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
			defer cancel()
			err = replica.Run(ctx)
			if !errors.Is(err, server.ErrWrongSettings) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, expected that it does not start, and %q", err, test.says)
			}
		})
	}
}

func TestAServerStartsDegradedWhenGitHubDoesNotAnswer(t *testing.T) {
	s := begin(t, scene.Options{})
	s.must(s.StopServer())
	s.GitHub.Hold(nil, nil)
	fault := s.GitHub.Inject(githubtest.Fault{Status: 502}.On("GET", "/app"))
	s.must(s.StartServer(s.ctx))
	s.isDegraded(selfcheck.GitHub, "502")
	fault.Remove()
	s.isWell()
}

func TestMissingPermissionsAndEventsAreTold(t *testing.T) {
	s := begin(t, scene.Options{})
	s.must(s.StopServer())
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{Status: 200, Body: `{"id": ` + strconv.FormatInt(s.GitHub.AppID(), 10) + `, "slug": "verbatim", "events": ["push"],
		"permissions": {"actions": "read", "checks": "read", "contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write"}}`}.On("GET", "/app"))
	s.must(s.StartServer(s.ctx))
	s.isDegraded(selfcheck.GitHubPermissions, "checks: write, members: read")
	s.namesMissing("checks: write")
	s.namesMissing("members: read")
	s.isDegraded(selfcheck.GitHubEvents, "workflow_run", "issue_comment")
}

// Who asked for a promotion, who looks at health and who looks at metrics is told which permission is missing.
func TestAMissingPermissionIsNamed(t *testing.T) {
	s, pull, digest := ready(t)
	s.GitHub.Hold(nil, nil)
	fault := s.GitHub.Inject(githubtest.Fault{
		Status: http.StatusForbidden, Body: `{"message":"Resource not accessible by integration"}`, Header: http.Header{"X-Accepted-Github-Permissions": {"actions=read"}},
	}.On("GET", runsRoute))
	comment := pull.Comment(s.Alice, "/promote")
	s.interim(pull.Issue, comment, "Cannot tell yet", "lacks the permission actions=read", tryingAgain)
	s.isDegraded(selfcheck.GitHubPermissions, "actions=read")
	s.namesMissing("actions: read")
	s.names("production", "")
	fault.Remove()
	s.must(s.Eventually(s.ctx, "the reply", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Promoted") }))
	s.names("production", digest)
	s.isWell()
	for series := range s.metrics() {
		if strings.HasPrefix(series, "verbatim_permission_missing") {
			t.Errorf("%s is still there", series)
		}
	}
}

func TestAWrongKeyCostsNoWork(t *testing.T) {
	s := begin(t, scene.Options{})
	s.GitHub.Hold(nil, nil)
	pull := s.Merged("Add a basket")
	s.settled()
	refused := s.GitHub.Inject(unauthorised("Bad credentials"))
	tokens := s.GitHub.Inject(unauthorised("A JSON web token could not be decoded").On("POST", "/app/installations/{installation_id}/access_tokens"))
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.isDegraded(selfcheck.GitHubCredentials, "401", "GITHUB_APP_PRIVATE_KEY")
	s.nothingSetAside()
	refused.Remove()
	tokens.Remove()
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.isWell()
	s.nothingSetAside()
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// TestAStageWhoseEndIsToldBeforeTheBuild: deliveries come in any order, and so does work that had paused.
func TestAStageWhoseEndIsToldBeforeTheBuild(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.settled()
	var digest string
	built := s.GitHub.Capture(func() {
		run, built, err := s.Built(pull.MergeCommit(), "basket")
		s.must(err)
		s.Tested(run, "success")
		digest = built
	})
	staged := s.GitHub.Capture(func() { s.Staged(pull.MergeCommit(), "success") })
	staged[len(staged)-1].Send()
	s.settled()
	s.notReady(pull.MergeCommit())
	for _, delivery := range built {
		delivery.Send()
	}
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestRefusedCredentialsPauseACommand(t *testing.T) {
	t.Parallel()
	registry := func(status int) func(s *story) func() {
		return func(s *story) func() {
			s.Registry.Inject(func(w http.ResponseWriter, r *http.Request) bool {
				refused := r.Method != http.MethodHead || strings.Contains(r.URL.Path, "/manifests/")
				if refused {
					http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, status)
				}
				return refused
			})
			return func() { s.Registry.Inject(nil) }
		}
	}
	github := func(fault githubtest.Fault) func(s *story) func() {
		return func(s *story) func() { return s.GitHub.Inject(fault).Remove }
	}
	const forbidden = `{"message":"Resource not accessible by integration"}`
	for name, test := range map[string]struct {
		inject func(s *story) func()
		what   string
		words  string
	}{
		"the token is refused":  {github(unauthorised("Bad credentials").On("GET", permissionRoute)), selfcheck.GitHubCredentials, "401"},
		"the role is forbidden": {github(githubtest.Fault{Status: 403, Body: forbidden}.On("GET", permissionRoute)), selfcheck.GitHubPermissions, "metadata=read"},
		"the runs are forbidden": {
			github(githubtest.Fault{Status: 403, Body: forbidden, Header: http.Header{"X-Accepted-Github-Permissions": {"actions=read"}}}.On("GET", runsRoute)),
			selfcheck.GitHubPermissions, "actions=read",
		},
		"the registry's password is old": {registry(401), "", "DOCKER_CONFIG"},
		"the registry says no":           {registry(403), "", "DOCKER_CONFIG"},
		"the registry refuses the write": {func(s *story) func() {
			s.Registry.Inject(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					http.Error(w, `{"errors":[{"code":"DENIED","message":"no"}]}`, http.StatusForbidden)
				}
				return r.Method == http.MethodPut
			})
			return func() { s.Registry.Inject(nil) }
		}, "", "DOCKER_CONFIG"},
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, digest := ready(t)
			s.GitHub.Hold(nil, nil)
			if test.what == "" {
				test.what = selfcheck.RegistryName(s.Registry.Host())
			}
			mend := test.inject(s)
			comment := pull.Comment(s.Alice, "/promote")
			s.isDegraded(test.what, test.words)
			s.names("production", "")
			mend()
			s.must(s.Eventually(s.ctx, "the promotion", func() bool { return s.Tag("production") == digest }))
			s.must(s.Eventually(s.ctx, "the reply", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Promoted") }))
			s.isWell()
			s.nothingSetAside()
		})
	}
}

// A registry is tried by itself: nobody has to ask for a promotion first.
func TestARegistryThatTakesNoCredentialsIsNamedBeforeAnybodyNeedsIt(t *testing.T) {
	s := begin(t, scene.Options{})
	s.isWell()
	s.must(s.StopServer())
	s.Registry.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`, http.StatusUnauthorized)
		}
		return r.URL.Path == "/v2/"
	})
	s.must(s.StartServer(s.ctx))
	s.isDegraded(selfcheck.RegistryName(s.Registry.Host()), "DOCKER_CONFIG")
}
