package githubtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// ask sends a plain request with an Authorization header, and gives status and message.
func ask(s *story, method, path, authorization string) (int, string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.URL()+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var said struct{ Message string }
	decode(s, response.Body, &said)
	return response.StatusCode, said.Message
}

func TestAppIsKnownByItsKey(t *testing.T) {
	s := begin(t)
	openShop(s)
	app := must(s.app().Apps.Get(background(), ""))(s)
	equal(s, "id", app.GetID(), s.AppID())
	equal(s, "slug", app.GetSlug(), "verbatim")

	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(s.PrivateKeyPEM()))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := func(from, to time.Time, issuer any) jwt.MapClaims {
		return jwt.MapClaims{"iat": from.Unix(), "exp": to.Unix(), "iss": issuer}
	}
	signed := func(claims jwt.MapClaims) string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	byHMAC, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims(now, now.Add(time.Minute), s.AppID())).SignedString([]byte("guess"))
	if err != nil {
		t.Fatal(err)
	}
	good := signed(claims(now, now.Add(9*time.Minute), s.AppID()))
	for _, try := range []struct {
		name, header string
		status       int
		message      string
	}{
		{"good", good, 200, ""},
		{"issuer as text", signed(claims(now, now.Add(9*time.Minute), itoa(s.AppID()))), 200, ""},
		{"none", "", 401, "Requires authentication"},
		{"expired", signed(claims(now.Add(-time.Hour), now.Add(-time.Minute), s.AppID())), 401, "'Expiration time' claim ('exp') must be"},
		{"too long", signed(claims(now, now.Add(11*time.Minute), s.AppID())), 401, "is too far in the future"},
		{"another app", signed(claims(now, now.Add(time.Minute), 1)), 404, "Integration not found"},
		{"HS256", "Bearer " + byHMAC, 401, "could not be decoded"},
		{"cut short", good[:len(good)-8], 401, "could not be decoded"},
		{"garbage", "Bearer garbage", 401, "Bad credentials"},
	} {
		t.Run(try.name, func(t *testing.T) {
			status, message := ask(s, "GET", "/app", try.header)
			if status != try.status || !strings.Contains(message, try.message) {
				t.Errorf("got %d %q", status, message)
			}
		})
	}
}

func TestInstallationTokenLivesAnHour(t *testing.T) {
	hour := time.Now()
	s := begin(t, func(options *githubtest.Options) { options.AuthenticationClock = func() time.Time { return hour } })
	shop := openShop(s, githubtest.Private)
	token := "Bearer " + s.InstallationTokenFor(shop.Repository, nil)
	for _, step := range []struct {
		later  time.Duration
		status int
	}{{0, 200}, {59 * time.Minute, 200}, {time.Minute, 401}} {
		hour = hour.Add(step.later)
		status, message := ask(s, "GET", "/repos/acme/shop", token)
		equal(s, message, status, step.status)
	}
	status, message := ask(s, "GET", "/app", "Bearer "+s.InstallationTokenFor(shop.Repository, nil))
	equal(s, "an installation token is no JWT: "+message, status, 401)
}

func TestPermissionsAreEnforced(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	comment := pull.Comment(shop.bob, "Hello")
	installation := shop.Installation()
	sha := shop.first.SHA()
	for _, try := range []struct{ permission, method, path string }{
		{"contents", "GET", "/contents/README.md"},
		{"contents", "GET", "/compare/main...feature"},
		{"contents", "GET", "/branches/main"},
		{"actions", "GET", "/actions/runs"},
		{"pull_requests", "GET", "/pulls/1"},
		{"checks", "POST", "/check-runs"},
		{"checks", "GET", "/commits/" + sha + "/check-runs"},
		{"statuses", "POST", "/statuses/" + sha},
		{"deployments", "POST", "/deployments"},
	} {
		installation.SetPermission(try.permission, "")
		token := "token " + s.InstallationTokenFor(shop.Repository, map[string]string{try.permission: "write", "metadata": "read"})
		status, message := ask(s, try.method, "/repos/acme/shop"+try.path, token)
		if status != 403 || message != "Resource not accessible by integration" {
			t.Errorf("%s %s without %s: %d %s", try.method, try.path, try.permission, status, message)
		}
		installation.SetPermission(try.permission, "write")
	}
	// Read does not do where write is needed; for comments either of two permissions does.
	reader := "token " + s.InstallationTokenFor(shop.Repository, map[string]string{"checks": "read", "metadata": "read"})
	status, _ := ask(s, "POST", "/repos/acme/shop/check-runs", reader)
	equal(s, "read for write", status, 403)
	installation.SetPermission("issues", "")
	client := s.in(shop.Repository)
	if _, _, err := client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "eyes"); err != nil {
		t.Errorf("pull_requests:write suffices: %v", err)
	}
	installation.SetPermission("pull_requests", "read")
	_, _, err := client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "rocket")
	refused(s, 403, err)
}

func TestReachOfAnInstallation(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	s.Repository("acme/secret", githubtest.Private, githubtest.NotInstalled)
	open := s.Repository("acme/.github", githubtest.NotInstalled)
	open.Commit("main", "Policy", shop.alice, map[string]string{"verbatim.yml": "version: 1\n"})
	client := s.in(shop.Repository)

	_, _, err := client.Repositories.Get(background(), "acme", "secret")
	equal(s, "private, outside", refused(s, 404, err), "Not Found")
	file, _, _, err := client.Repositories.GetContents(background(), "acme", ".github", "verbatim.yml", nil)
	if err != nil {
		t.Fatalf("public ones may be read: %v", err)
	}
	equal(s, "path", file.GetPath(), "verbatim.yml")
	_, _, err = client.Issues.CreateComment(background(), "acme", ".github", 1, &github.IssueComment{Body: github.String("hi")})
	refused(s, 403, err)
	_, _, err = s.app().Apps.FindRepositoryInstallation(background(), "acme", "secret")
	refused(s, 404, err)
	found := must(s.app().Apps.FindRepositoryInstallation(background(), "acme", "shop"))(s)
	equal(s, "installation", found.GetID(), shop.Installation().ID())
	equal(s, "selection", found.GetRepositorySelection(), "selected")

	status, _ := ask(s, "GET", "/repos/acme/shop", "")
	equal(s, "private without a token", status, 404)
	status, _ = ask(s, "GET", "/repos/acme/.github", "")
	equal(s, "public without a token", status, 200)
}

func TestTokensCanBeNarrowed(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	other := s.Repository("acme/other", githubtest.Private)
	token := must(s.app().Apps.CreateInstallationToken(background(), shop.Installation().ID(), &github.InstallationTokenOptions{
		RepositoryIDs: []int64{shop.ID()}, Permissions: &github.InstallationPermissions{Contents: github.String("read")},
	}))(s)
	equal(s, "repositories", len(token.Repositories), 1)
	client, err := s.clients.NewTokenClient(token.GetToken())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Repositories.Get(background(), "acme", "shop"); err != nil {
		t.Error(err)
	}
	_, _, err = client.Repositories.GetByID(background(), other.ID())
	refused(s, 404, err)
	_, _, err = client.Repositories.Get(background(), "acme", "other")
	refused(s, 404, err)
	_, _, err = client.Checks.ListCheckRunsForRef(background(), "acme", "shop", "main", nil)
	refused(s, 403, err)
	_, _, err = s.app().Apps.CreateInstallationToken(background(), shop.Installation().ID(), &github.InstallationTokenOptions{
		Permissions: &github.InstallationPermissions{Administration: github.String("write")},
	})
	refused(s, 422, err)
}

func TestInstallationsComeAndGo(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	installation := shop.Installation()
	client := s.in(shop.Repository)
	must(client.Repositories.Get(background(), "acme", "shop"))(s)

	installation.Suspend(shop.alice)
	_, _, err := client.Repositories.Get(background(), "acme", "shop")
	equal(s, "suspended", refused(s, 403, err), "This installation has been suspended")
	installation.Unsuspend(shop.alice)
	more := s.Repository("acme/more", githubtest.NotInstalled)
	installation.Add(more)
	event := last[*github.InstallationRepositoriesEvent](s)
	equal(s, "added", event.RepositoriesAdded[0].GetFullName(), "acme/more")
	listed := must(client.Apps.ListRepos(background(), nil))(s)
	equal(s, "repositories", listed.GetTotalCount(), 2)
	installation.Remove(more)
	installation.Uninstall()
	_, _, err = s.app().Apps.GetInstallation(background(), installation.ID())
	refused(s, 404, err)
	s.Organisation("fresh").Install(s.Repository("fresh/app", githubtest.NotInstalled))
	all, _, err := s.app().Apps.ListInstallations(background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "installations", len(all), 1)
	want := []string{
		"installation.suspend", "installation.unsuspend", "installation_repositories.added", "installation_repositories.removed",
		"installation.deleted", "installation.created",
	}
	if diff := cmp.Diff(want, s.inbox.names()); diff != "" {
		t.Error(diff)
	}
}

func TestManifestBecomesAnApp(t *testing.T) {
	s := begin(t)
	code := s.OfferManifest("Verbatim for Acme")
	client := github.NewClient(nil)
	client.BaseURL = mustParse(s, s.URL()+"/")
	config := must(client.Apps.CompleteAppManifest(background(), code))(s)
	equal(s, "id", config.GetID(), s.AppID())
	equal(s, "slug", config.GetSlug(), "verbatim-for-acme")
	equal(s, "secret", config.GetWebhookSecret(), s.WebhookSecret())
	made := githubapp.NewClientCreator(s.URL(), s.URL(), config.GetID(), []byte(config.GetPEM()))
	app, err := made.NewAppClient()
	if err != nil {
		t.Fatal(err)
	}
	must(app.Apps.Get(background(), ""))(s)
	_, _, err = client.Apps.CompleteAppManifest(background(), code)
	refused(s, 404, err)
}

func TestPrefixOfEnterpriseServerWorks(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	clients := githubapp.NewClientCreator(s.URL()+"/api/v3", s.URL(), s.AppID(), []byte(s.PrivateKeyPEM()))
	client, err := clients.NewInstallationClient(shop.Installation().ID())
	if err != nil {
		t.Fatal(err)
	}
	got := must(client.Repositories.Get(background(), "ACME", "Shop"))(s)
	equal(s, "id", got.GetID(), shop.ID())
	equal(s, "unknown routes", len(s.UnknownRoutes()), 0)
}
