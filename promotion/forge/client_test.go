package forge_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const findInstallation = "GET /repos/acme/shop/installation"

// TestInstallationIsLookedUp once, by the app itself.
func TestInstallationIsLookedUp(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(findInstallation, ok(map[string]any{"id": 7}))
	github.on(readRun, ok(run()))
	asking := github.forge()
	stranger := shop
	stranger.Installation = 0
	for range 2 {
		if _, err := asking.Run(t.Context(), stranger, 42); err != nil {
			t.Fatal(err)
		}
	}
	github.expect(findInstallation, readRun, readRun)
	for number, prefix := range []string{"Bearer ", "token secret-token-1", "token secret-token-1"} {
		if authorization := github.headers[number].Get("Authorization"); !strings.HasPrefix(authorization, prefix) {
			t.Errorf("request %d was authorised by %.20q", number, authorization)
		}
	}
}

// TestNotInstalled is an error, whatever was asked: there, a 404 is about the app.
func TestNotInstalled(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(findInstallation, status(404, "Not Found"))
	stranger := shop
	stranger.Installation = 0
	_, err := github.forge().PolicyFile(t.Context(), stranger, commit(t, shaA))
	expectKind(t, err, "permanent")
	github.expect(findInstallation)
}

// TestReinstalled: what was remembered of an installation that is gone is looked up anew.
func TestReinstalled(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(findInstallation, ok(map[string]any{"id": 7}), ok(map[string]any{"id": 8}))
	github.on(postToken, status(404, "Not Found"))
	github.on(readRun, ok(run()))
	stranger := shop
	stranger.Installation = 0
	asking := github.forge()
	_, err := asking.Run(t.Context(), stranger, 42)
	expectKind(t, err, "permanent")
	_, err = asking.Run(t.Context(), stranger, 42)
	expectKind(t, err, "none")
	github.expect(findInstallation, findInstallation, readRun)
}

func TestApp(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readApp, ok(map[string]any{
		"id": 99, "slug": "verbatim", "name": "Verbatim", "owner": map[string]any{"login": "acme"}, "html_url": "https://github.com/apps/verbatim",
		"permissions": map[string]any{"checks": "write"}, "events": []any{"workflow_run"},
	}))
	asking := github.forge(func(_ *forge.ClientOptions, options *forge.Options) { options.AppID = 0 })
	app, err := asking.App(t.Context())
	expectKind(t, err, "none")
	expected := forge.App{
		ID: 99, Slug: "verbatim", Name: "Verbatim", Owner: "acme", URL: "https://github.com/apps/verbatim",
		Permissions: map[string]string{"checks": "write"}, Events: []string{"workflow_run"},
	}
	if difference := cmp.Diff(expected, app); difference != "" {
		t.Error(difference)
	}
	id, err := asking.AppID(t.Context())
	if err != nil || id != 99 {
		t.Errorf("id %d, %v", id, err)
	}
	github.expect(readApp) // AppID knew it
	if github.tokens != 0 {
		t.Error("the app asked for a token")
	}
}

func TestAppWithWrongKey(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readApp, status(401, "A JSON web token could not be decoded"))
	_, err := github.forge().App(t.Context())
	expectKind(t, err, "paused")
	github.expect(readApp)
	if !strings.Contains(err.Error(), "GITHUB_APP_PRIVATE_KEY") {
		t.Errorf("error %v", err)
	}
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, ok(run()))
	asking := github.forge(func(client *forge.ClientOptions, _ *forge.Options) { client.UserAgent = "verbatim/1.2.3" })
	if _, err := asking.Run(t.Context(), shop, 42); err != nil {
		t.Fatal(err)
	}
	if agent := github.headers[0].Get("User-Agent"); !strings.HasPrefix(agent, "verbatim/1.2.3 ") {
		t.Errorf("user agent %q", agent)
	}
	if version := github.headers[0].Get("X-GitHub-Api-Version"); version != "2022-11-28" {
		t.Errorf("API version %q", version)
	}
}

// TestObserve: requests are reported by route, without ids, so that metrics stay few.
func TestObserve(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, status(502, "Server Error"), reset, ok(run()))
	github.on(readMember, github.slow)
	var mutex sync.Mutex
	var observed []string
	asking := github.forge(func(client *forge.ClientOptions, options *forge.Options) {
		options.Timeout = time.Second
		client.Observe = func(host, route, outcome string, duration time.Duration) {
			mutex.Lock()
			defer mutex.Unlock()
			if !strings.HasPrefix(host, "127.0.0.1:") || duration <= 0 {
				t.Errorf("host %q, duration %s", host, duration)
			}
			observed = append(observed, route+" "+outcome)
		}
	})
	if _, err := asking.Run(t.Context(), shop, 42); err != nil {
		t.Fatal(err)
	}
	_, err := asking.TeamMember(t.Context(), shop, "release", alice)
	expectKind(t, err, "retryable")
	const route, member = "repos/{owner}/{repo}/actions/runs/{run}", "orgs/{org}/teams/{team_slug}/memberships/{username}"
	expected := []string{
		"app/installations/{installation}/access_tokens 201", route + " 502", route + " error", route + " 200",
		member + " timeout", member + " timeout", member + " timeout",
	}
	mutex.Lock()
	defer mutex.Unlock()
	if !slices.Equal(observed, expected) {
		t.Errorf("observed %q", observed)
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	github.on(readRun, ok(run()))
	asking := github.forge(func(client *forge.ClientOptions, _ *forge.Options) {
		client.Middleware = []githubapp.ClientMiddleware{func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(request *http.Request) (*http.Response, error) {
				if authorization := request.Header.Get("Authorization"); authorization != "" {
					t.Errorf("the middleware saw %q", authorization)
				}
				request = request.Clone(request.Context())
				request.Header.Set("X-Seen", "yes")
				return next.RoundTrip(request)
			})
		}}
	})
	if _, err := asking.Run(t.Context(), shop, 42); err != nil {
		t.Fatal(err)
	}
	if github.headers[0].Get("X-Seen") != "yes" {
		t.Error("the middleware was not asked")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// TestEnterpriseServer: the API's path is kept, with and without its last slash.
func TestEnterpriseServer(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v3", "/api/v3/"} {
		github := newStub(t)
		github.on("POST /api/v3/app/installations/7/access_tokens", object(201, map[string]any{"token": "secret-token-1", "expires_at": time.Now().Add(time.Hour)}))
		github.on("GET /api/v3/repos/acme/shop/actions/runs/42", ok(run()))
		settings := github.settings()
		settings.V3APIURL += path
		creator, err := forge.NewClientCreator(settings, forge.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = forge.New(creator, forge.Options{}).Run(t.Context(), shop, 42)
		expectKind(t, err, "none")
		github.expect("GET /api/v3/repos/acme/shop/actions/runs/42")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*githubapp.Config)
		text   string // what the error names; "": no error
	}{
		"github.com":             {func(c *githubapp.Config) { c.V3APIURL = "" }, ""},
		"an enterprise server":   {func(c *githubapp.Config) { c.V3APIURL = "https://github.example.com/api/v3/" }, ""},
		"loopback":               {func(c *githubapp.Config) { c.V3APIURL = "http://localhost:1234" }, ""},
		"loopback, version 6":    {func(c *githubapp.Config) { c.V3APIURL = "http://[::1]:1234" }, ""},
		"plain HTTP":             {func(c *githubapp.Config) { c.V3APIURL = "http://github.example.com/api/v3/" }, "GITHUB_V3_API_URL"},
		"not an address":         {func(c *githubapp.Config) { c.V3APIURL = "api.github.com" }, "GITHUB_V3_API_URL"},
		"an address with secret": {func(c *githubapp.Config) { c.V3APIURL = "https://user:secret-token@github.example.com/" }, "GITHUB_V3_API_URL"},
		"a broken address":       {func(c *githubapp.Config) { c.V3APIURL = "https://secret-token:x%zz/" }, "GITHUB_V3_API_URL"},
		"a bad graph address":    {func(c *githubapp.Config) { c.V4APIURL = "graphql" }, "GITHUB_V4_API_URL"},
		"no app":                 {func(c *githubapp.Config) { c.App.IntegrationID = 0 }, "GITHUB_APP_INTEGRATION_ID"},
		"no key":                 {func(c *githubapp.Config) { c.App.PrivateKey = "" }, "GITHUB_APP_PRIVATE_KEY"},
		"not a key":              {func(c *githubapp.Config) { c.App.PrivateKey = "secret-token" }, "GITHUB_APP_PRIVATE_KEY"},
		"a key on one line":      {func(c *githubapp.Config) { c.App.PrivateKey = strings.ReplaceAll(privateKey(), "\n", `\n`) }, "GITHUB_APP_PRIVATE_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var settings githubapp.Config
			settings.App.IntegrationID, settings.App.PrivateKey = 99, privateKey()
			test.change(&settings)
			_, err := forge.NewClientCreator(settings, forge.ClientOptions{})
			if (err != nil) != (test.text != "") {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), test.text+": ") || strings.Contains(err.Error(), "secret-token")) {
				t.Errorf("error %v, expected one about %s", err, test.text)
			}
		})
	}
}
