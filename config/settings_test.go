package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

// privateKey looks enough like one: nothing here signs.
const privateKey = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsWithoutAnything(t *testing.T) {
	t.Parallel()
	settings, err := config.Load("", environment())
	if err != nil {
		t.Fatal(err)
	}
	if settings.Addr != "127.0.0.1:8080" || settings.MetricsAddr != "127.0.0.1:9090" || settings.DatabaseURL != "sqlite:verbatim.db" || settings.AppConfigured() {
		t.Errorf("defaults: %+v", settings.Addr)
	}
	if settings.DriftInterval != 5*time.Minute || settings.ArtifactLimit != 32<<20 || settings.TrustedRootFile != "" || settings.TrustCache != "" || settings.Floor != nil {
		t.Errorf("defaults: drift every %s, artifacts of %d bytes, trust %q %q, floor %v", settings.DriftInterval, settings.ArtifactLimit, settings.TrustedRootFile, settings.TrustCache, settings.Floor)
	}
}

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	secret, key := write(t, "secret", "from a file\n"), write(t, "key", privateKey+"\n")
	file := write(t, "settings.yml", `addr: 127.0.0.1:1111
metrics_addr: 127.0.0.1:2222
lease: 90s
github:
  app: { integration_id: 7, webhook_secret_file: `+secret+`, private_key_file: `+key+` }
registries:
  - { repositories: acme/shop, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/*, role_arn: "arn:aws:iam::123456789012:role/verbatim", external_id: ours }
slack:
  webhooks:
    ops: { url_file: `+write(t, "slack", "https://hooks.example.com/ops")+`, repositories: [acme/shop] }
`)
	settings, err := config.Load(file, environment("VERBATIM_ADDR=127.0.0.1:3333", "VERBATIM_REGISTRY_SCOPE=acme/*=ghcr.io/acme/{repo}, acme/x=ghcr.io/acme/y",
		"SLACK_WEBHOOK_URL=https://hooks.example.com/default", "GITHUB_APP_WEBHOOK_SECRET_PREVIOUS=old"))
	if err != nil {
		t.Fatal(err)
	}
	if settings.Addr != "127.0.0.1:3333" || settings.MetricsAddr != "127.0.0.1:2222" || settings.Lease != 90*time.Second {
		t.Errorf("addresses %s %s, lease %s", settings.Addr, settings.MetricsAddr, settings.Lease)
	}
	if settings.GitHub.App.WebhookSecret != "from a file" || settings.GitHub.App.PrivateKey != privateKey || settings.PreviousWebhookSecret.Reveal() != "old" {
		t.Error("the secrets were not read")
	}
	if len(settings.Scope) != 2 || settings.Scope[0].Registry != "ghcr.io/acme/{repo}" {
		t.Errorf("scope %+v", settings.Scope)
	}
	if role := settings.Roles["123456789012.dkr.ecr.eu-west-1.amazonaws.com"]; role.ARN == "" || role.ExternalID != "ours" {
		t.Errorf("roles %+v", settings.Roles)
	}
	if settings.Slack["ops"].URL.Reveal() != "https://hooks.example.com/ops" || settings.Slack["default"].URL.Reveal() != "https://hooks.example.com/default" {
		t.Error("the webhooks were not read")
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	file := write(t, "settings.yml", "addrs: 127.0.0.1:1\nworkers: many\n")
	_, err := config.Load(file, environment(
		"VERBATIM_METRICS_ADDR=nowhere", "VERBATIM_PUBLIC_URL=http://verbatim.example.com", "VERBATIM_DATABASE_URL=mysql://x", "VERBATIM_LOG_LEVEL=loud",
		"GITHUB_APP_INTEGRATION_ID=seven", "GITHUB_APP_PRIVATE_KEY=key", "VERBATIM_REGISTRY_SCOPE=*/*=ghcr.io/*", "SLACK_WEBHOOK_URL=ftp://secret-hook", "VERBATIM_LEASE=1s",
	))
	var wrong *config.SettingsError
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"addrs", "did you mean addr?", "workers", "VERBATIM_METRICS_ADDR", "VERBATIM_PUBLIC_URL", "VERBATIM_DATABASE_URL", "VERBATIM_LOG_LEVEL",
		"GITHUB_APP_INTEGRATION_ID", "GITHUB_APP_WEBHOOK_SECRET:", "needs {repo}", "SLACK_WEBHOOK_URL", "VERBATIM_LEASE",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%s", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret-hook") {
		t.Error("the error shows the webhook's address")
	}
}

func TestAnAppWithoutASecretIsRefused(t *testing.T) {
	t.Parallel()
	_, err := config.Load("", environment("GITHUB_APP_INTEGRATION_ID=7", "GITHUB_APP_PRIVATE_KEY="+privateKey, "GITHUB_APP_WEBHOOK_SECRET="))
	if err == nil || !strings.Contains(err.Error(), "GITHUB_APP_WEBHOOK_SECRET") {
		t.Errorf("got %v", err)
	}
}

func wrongSettings(t *testing.T, path string, pairs ...string) []string {
	t.Helper()
	_, err := config.Load(path, environment(pairs...))
	var wrong *config.SettingsError
	if err != nil && !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	if wrong == nil {
		return nil
	}
	return wrong.Problems
}

// One mistake is one problem, which begins with where it is.
func TestASettingThatIsWrong(t *testing.T) {
	t.Parallel()
	const app = "GITHUB_APP_INTEGRATION_ID=7\x00GITHUB_APP_WEBHOOK_SECRET=it's a secret\x00GITHUB_APP_PRIVATE_KEY=" + privateKey
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct{ name, file, environment, where, what string }{
		{"no port", "", "VERBATIM_ADDR=localhost", "VERBATIM_ADDR", "expected host:port"},
		{"a port that is none", "", "VERBATIM_ADDR=:99999", "VERBATIM_ADDR", "expected host:port"},
		{"one address for two", "", "VERBATIM_ADDR=:9090\x00VERBATIM_METRICS_ADDR=:9090", "VERBATIM_METRICS_ADDR", "expected another address"},
		{"plain http", "", "VERBATIM_PUBLIC_URL=http://verbatim.example.com", "VERBATIM_PUBLIC_URL", "plain http is for loopback only"},
		{"plain http to GitHub", "", "GITHUB_V3_API_URL=http://github.example.com/api/v3/", "GITHUB_V3_API_URL", "plain http is for loopback only"},
		{"PostgreSQL nowhere", "", "VERBATIM_DATABASE_URL=postgres:///verbatim", "VERBATIM_DATABASE_URL", "expected postgres://user:password@host/database"},
		{"no database", "", "VERBATIM_DATABASE_URL=sqlite:", "VERBATIM_DATABASE_URL", "expected sqlite:PATH"},
		{"no workers", "workers: 0", "", "settings.yml:1:10: workers", "expected a whole number from 1 to 256, found 0"},
		{"many workers", "", "VERBATIM_WORKERS=257", "VERBATIM_WORKERS", "expected a whole number from 1 to 256, found 257"},
		{"a short lease", "lease: 4s", "", "VERBATIM_LEASE", "from 5s to 1h0m0s, found \"4s\""},
		{"a lease that is none", "", "VERBATIM_LEASE=long", "VERBATIM_LEASE", "expected a length of time"},
		{"a short drift interval", "drift_interval: 29s", "", "VERBATIM_DRIFT_INTERVAL", "expected 0, which switches it off, or a length of time from 30s to 24h0m0s, found \"29s\""},
		{"a long drift interval", "", "VERBATIM_DRIFT_INTERVAL=25h", "VERBATIM_DRIFT_INTERVAL", "from 30s to 24h0m0s"},
		{"an artifact limit of nothing", "", "VERBATIM_ARTIFACT_LIMIT=0", "VERBATIM_ARTIFACT_LIMIT", "expected a whole number from 1 to 256, found 0"},
		{"an artifact limit with its unit", "artifact_limit: 32MiB", "", "settings.yml:1:17: artifact_limit", "expected a whole number from 1 to 256"},
		{"a trusted root that is not there", "", "VERBATIM_TRUSTED_ROOT_FILE=" + missing, "VERBATIM_TRUSTED_ROOT_FILE", "no such file"},
		{"a trusted root that is none", "trusted_root_file: " + write(t, "root.pem", privateKey), "", "VERBATIM_TRUSTED_ROOT_FILE", "found something else"},
		{"a trusted root of nothing", "trusted_root_file: " + write(t, "root.json", " \n"), "", "VERBATIM_TRUSTED_ROOT_FILE", "found something else"},
		{"a cache that is a file", "trust_cache: " + write(t, "cache", ""), "", "VERBATIM_TRUST_CACHE", "is a file"},
		{"a floor for nobody", "floor: [{ reviewed: true }]", "", "settings.yml:1:9: floor[0].repositories", "expected the GitHub repositories that the rule is for"},
		{"a floor for an owner", "floor: [{ repositories: acme, reviewed: true }]", "", "settings.yml:1:25: floor[0].repositories", "expected owner/repo"},
		{"a floor of nothing", "floor: [{ repositories: acme/*, approvals: 0, reviewed: false }]", "", "floor[0]", "expected something that no policy can undercut, found nothing"},
		{"a floor that is no list", "floor: { repositories: acme/* }", "", "settings.yml:1:8: floor", "expected a list, found a map"},
		{"a floor with an unknown key", "floor: [{ repositories: acme/*, approval: 1, reviewed: true }]", "", "settings.yml:1:33: floor[0].approval", "did you mean approvals?"},
		{"a floor that allows", "floor: [{ repositories: acme/*, allow_unmerged: true }]", "", "settings.yml:1:49: floor[0].allow_unmerged", "expected false, found true: a floor forbids, and cannot allow (leave it out"},
		{"a floor with people", "floor: [{ repositories: acme/*, override: { teams: [sre] } }]", "", "settings.yml:1:43: floor[0].override", "expected false, found a map"},
		{"a floor of no word", "floor: [{ repositories: acme/*, same_tree: no }]", "", "settings.yml:1:44: floor[0].same_tree", "write false"},
		{"a floor's environment", "floor: [{ repositories: acme/*, environments: ['to production'], reviewed: true }]", "", "settings.yml:1:48: floor[0].environments[0]", "expected an environment's name"},
		{"a floor for no environment", "floor: [{ repositories: acme/*, environments: [], reviewed: true }]", "", "settings.yml:1:47: floor[0].environments", "leave it out for all environments"},
		{"a floor's stage", "floor: [{ repositories: acme/*, requires: ['test*'] }]", "", "settings.yml:1:44: floor[0].requires[0]", "expected a name"},
		{"a floor of many approvals", "floor: [{ repositories: acme/*, approvals: 21 }]", "", "settings.yml:1:44: floor[0].approvals", "expected a whole number from 0 to 20, found 21"},
		{"a floor's soak", "floor: [{ repositories: acme/*, soak: long }]", "", "settings.yml:1:39: floor[0].soak", "expected a length of time"},
		{"a floor of no age", "floor: [{ repositories: acme/*, max_age: 0 }]", "", "floor[0].max_age", "no verification would be young enough"},
		{"a floor's provenance", "floor: [{ repositories: acme/*, provenance: attestations }]", "", "settings.yml:1:45: floor[0].provenance", "did you mean attestation?"},
		{"a floor's permission", "floor: [{ repositories: acme/*, permission: owner }]", "", "settings.yml:1:45: floor[0].permission", "expected one of read, triage, write, maintain, admin"},
		{"a floor's event", "floor: [{ repositories: acme/*, events: [pushes] }]", "", "settings.yml:1:42: floor[0].events[0]", "did you mean push?"},
		{"no such file", "-" + missing, "", "--config", "no such file"},
		{"a second document", "workers: 1\n---\nworkers: 2", "", "settings.yml:2:1", "found a second"},
		{"a secret in the file", "github: { app: { webhook_secret: hush } }", "", "settings.yml:1:18: github.app.webhook_secret", "secrets are not in this file"},
		{"a key in the file", "github: { app: { private_key: hush } }", "", "settings.yml:1:18: github.app.private_key", "write private_key_file"},
		{"a webhook in the file", "slack: { webhooks: { ops: { url: https://hush, url_env: OPS } } }", "OPS=https://hooks.example.com", "settings.yml:1:29: slack.webhooks.ops.url", "write url_file"},
		{"a secret for its file", "", app + "\x00GITHUB_APP_WEBHOOK_SECRET=\x00GITHUB_APP_WEBHOOK_SECRET_FILE=hush", "GITHUB_APP_WEBHOOK_SECRET_FILE", "no such file"},
		{"a key for its file", "", app + "\x00GITHUB_APP_PRIVATE_KEY=\x00GITHUB_APP_PRIVATE_KEY_FILE=-----BEGIN hush", "GITHUB_APP_PRIVATE_KEY_FILE", "no such file"},
		{"a key that is none", "", app + "\x00GITHUB_APP_PRIVATE_KEY=hush", "GITHUB_APP_PRIVATE_KEY", "PEM"},
		{"an app without id", "", app + "\x00GITHUB_APP_INTEGRATION_ID=", "GITHUB_APP_INTEGRATION_ID", "set GITHUB_APP_INTEGRATION_ID, or github.app.integration_id in the settings file"},
		{"an app without key", "", app + "\x00GITHUB_APP_PRIVATE_KEY=", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE"},
		{"an app with a blank secret", "", app + "\x00GITHUB_APP_WEBHOOK_SECRET= ", "GITHUB_APP_WEBHOOK_SECRET", "anybody could send deliveries"},
		{"an id that is none", "", app + "\x00GITHUB_APP_INTEGRATION_ID=-7", "GITHUB_APP_INTEGRATION_ID", "expected a whole number from 1"},
		{"half of signing in", "", "GITHUB_OAUTH_CLIENT_ID=Iv1.1", "GITHUB_OAUTH_CLIENT_SECRET", "GITHUB_OAUTH_CLIENT_SECRET_FILE"},
		{"a scope without registry", "", "VERBATIM_REGISTRY_SCOPE=acme/shop", "VERBATIM_REGISTRY_SCOPE", "after the equals sign"},
		{"a scope of a word", "", "VERBATIM_REGISTRY_SCOPE=acme/shop=ghcr.io/acme/shop, foo", "VERBATIM_REGISTRY_SCOPE", `scope rule "foo": expected owner/repo=`},
		{"a scope without repository", "", "VERBATIM_REGISTRY_SCOPE=acme/shop=ghcr.io", "VERBATIM_REGISTRY_SCOPE", `scope rule "acme/shop=ghcr.io": expected`},
		{"a scope that is none", "", "VERBATIM_REGISTRY_SCOPE=, ,", "VERBATIM_REGISTRY_SCOPE", "expected rules such as"},
		{"a scope for everybody", "", "VERBATIM_REGISTRY_SCOPE=*/*=ghcr.io/*/*", "VERBATIM_REGISTRY_SCOPE", "needs {repo} (or {owner})"},
		{"a scope with an unknown variable", "", "VERBATIM_REGISTRY_SCOPE=acme/*=ghcr.io/acme/{rep}", "VERBATIM_REGISTRY_SCOPE", "did you mean {repo}?"},
		{"a registry for nobody", "registries: [{ registry: ghcr.io/acme/shop }]", "", "registries[0]", "before the equals sign"},
		{"a registry for nothing", "registries: [{ registry: ghcr.io }]", "", "registries[0]", "expected repositories that may use ghcr.io, or a role_arn"},
		{"a role elsewhere", "registries: [{ registry: ghcr.io, role_arn: 'arn:aws:iam::123456789012:role/x' }]", "", "registries[0]", "for an Amazon ECR registry only"},
		{"two roles", "registries: [{ registry: 1.dkr.ecr.x, role_arn: 'arn:aws:iam::123456789012:role/x' }, { registry: 1.dkr.ecr.x, role_arn: 'arn:aws:iam::123456789012:role/y' }]", "", "registries[1]", "expected one role"},
		{"a role that is none", "registries: [{ registry: 1.dkr.ecr.x, role_arn: verbatim }]", "", "settings.yml:1:49: registries[0].role_arn", "expected a role's ARN"},
		{"an external id alone", "registries: [{ registry: 1.dkr.ecr.x/y, repositories: acme/y, external_id: ours }]", "", "registries[0]", "role_arn that external_id belongs to"},
		{"a webhook over http", "", "SLACK_WEBHOOK_URL=http://example.com/hush", "slack.webhooks.default", "expected a webhook's address with https"},
		{"a webhook by the name of none", "slack: { webhooks: { None: { url_env: OPS } } }", "OPS=https://hooks.example.com", "slack.webhooks.None", "choose another name"},
		{"a webhook without address", "slack: { webhooks: { ops: {} } }", "", "slack.webhooks.ops", "set SLACK_WEBHOOK_URL_OPS, or url_file"},
		{"a webhook by a variable that is not set", "slack: { webhooks: { ops: { url_env: OPS } } }", "", "slack.webhooks.ops", "set OPS, or url_file"},
		{"a webhook by a file that is not there", "slack: { webhooks: { ops: { url_file: https://hush } } }", "", "slack.webhooks.ops.url_file", "no such file"},
		{"a webhook for odd repositories", "slack: { webhooks: { default: { repositories: [shop] } } }", "SLACK_WEBHOOK_URL=https://hooks.example.com", "settings.yml:1:48: slack.webhooks.default.repositories[0]", "expected owner/repo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path, isPath := strings.CutPrefix(test.file, "-")
			if !isPath && test.file != "" {
				path = write(t, "settings.yml", test.file+"\n")
			}
			pairs := strings.Split(test.environment, "\x00")
			slices.Reverse(pairs) // the last one counts
			wrong := wrongSettings(t, path, pairs...)
			if len(wrong) != 1 {
				t.Fatalf("%d problems, wanted one:\n%s", len(wrong), strings.Join(wrong, "\n"))
			}
			where, what, _ := strings.Cut(strings.TrimPrefix(wrong[0], filepath.Dir(path)+"/"), ": ")
			if strings.HasPrefix(test.where, "settings.yml") {
				where, what = test.where, strings.TrimPrefix(strings.TrimPrefix(wrong[0], filepath.Dir(path)+"/"), test.where)
				if what == wrong[0] {
					t.Errorf("got %s, wanted it at %s", wrong[0], test.where)
				}
			}
			if where != test.where || !strings.Contains(what, test.what) {
				t.Errorf("got %s\nwanted %s: %s", wrong[0], test.where, test.what)
			}
			if strings.Contains(wrong[0], "hush") {
				t.Errorf("it shows what may be secret: %s", wrong[0])
			}
		})
	}
}

func TestAFileThatSaysNothing(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "# workers: 3\n", "---\n"} {
		if wrong := wrongSettings(t, write(t, "settings.yml", content)); wrong != nil {
			t.Errorf("%q: %v", content, wrong)
		}
	}
}

func TestEnterpriseServersAddressesFollowTheFirst(t *testing.T) {
	t.Parallel()
	for v3, want := range map[string][2]string{
		"":                                   {"https://api.github.com/graphql", "https://github.com"},
		"https://github.example.com/api/v3/": {"https://github.example.com/api/graphql", "https://github.example.com"},
		"http://127.0.0.1:8080/":             {"http://127.0.0.1:8080/graphql", "https://github.com"},
	} {
		settings, err := config.Load("", environment("GITHUB_V3_API_URL="+v3))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{settings.GitHub.V4APIURL, settings.GitHub.WebURL}; got != want {
			t.Errorf("%q: got %v, wanted %v", v3, got, want)
		}
	}
}

func TestAKeyInOneLine(t *testing.T) {
	t.Parallel()
	settings, err := config.Load("", environment("GITHUB_APP_INTEGRATION_ID=7", "GITHUB_APP_WEBHOOK_SECRET=it's a secret",
		"GITHUB_APP_PRIVATE_KEY="+strings.ReplaceAll(privateKey, "\n", `\n`)))
	if err != nil {
		t.Fatal(err)
	}
	if settings.GitHub.App.PrivateKey != privateKey || !settings.AppConfigured() {
		t.Error("the key was not read")
	}
}

func TestWebhooksByFileAndVariable(t *testing.T) {
	t.Parallel()
	file := write(t, "settings.yml", `slack:
  webhooks:
    default: { repositories: [acme/*] }
    ops-1: {}
    team: { url_env: TEAM_HOOK, repositories: [acme/shop] }
`)
	settings, err := config.Load(file, environment("SLACK_WEBHOOK_URL_FILE="+write(t, "hook", "http://localhost:1/default\n"),
		"SLACK_WEBHOOK_URL_OPS_1=https://hooks.example.com/ops", "TEAM_HOOK=https://hooks.example.com/team"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"default": "http://localhost:1/default acme/*", "ops-1": "https://hooks.example.com/ops ", "team": "https://hooks.example.com/team acme/shop"} {
		webhook := settings.Slack[name]
		if got := webhook.URL.Reveal() + " " + strings.Join(webhook.Repositories, " "); got != want {
			t.Errorf("%s: got %s, wanted %s", name, got, want)
		}
	}
}

func TestWhatPromotionsRestOn(t *testing.T) {
	t.Parallel()
	root, cache := write(t, "trusted_root.json", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`+"\n{}\n"), filepath.Join(t.TempDir(), "not made yet")
	file := write(t, "settings.yml", "drift_interval: 0\nartifact_limit: 64\ntrusted_root_file: "+root+"\ntrust_cache: "+cache+"\n")
	settings, err := config.Load(file, environment("VERBATIM_ARTIFACT_LIMIT=256"))
	if err != nil {
		t.Fatal(err)
	}
	if settings.DriftInterval != 0 || settings.ArtifactLimit != 256<<20 || settings.TrustedRootFile != root || settings.TrustCache != cache {
		t.Errorf("drift every %s, artifacts of %d bytes, trust %q %q", settings.DriftInterval, settings.ArtifactLimit, settings.TrustedRootFile, settings.TrustCache)
	}
	settings, err = config.Load(file, environment("VERBATIM_DRIFT_INTERVAL=30s", "VERBATIM_TRUSTED_ROOT_FILE="+root, "VERBATIM_TRUST_CACHE="+filepath.Dir(root)))
	if err != nil || settings.DriftInterval != 30*time.Second || settings.TrustCache != filepath.Dir(root) {
		t.Errorf("drift every %s, cache %q: %v", settings.DriftInterval, settings.TrustCache, err)
	}
	if settings, err = config.Load("", environment("VERBATIM_DRIFT_INTERVAL=0")); err != nil || settings.DriftInterval != 0 {
		t.Errorf("drift every %s: %v", settings.DriftInterval, err)
	}
}

func TestTheFloor(t *testing.T) {
	t.Parallel()
	settings, err := config.Load(write(t, "settings.yml", `floor:
  - { repositories: "*/*", reviewed: true }
  - repositories: acme/*
    environments: [production, "prod-*"]
    tags: [live]
    requires: [test, staging]
    approvals: 2
    soak: 1h
    max_age: 14d
    provenance: attestation
    permission: maintain
    allow_unmerged: false
    override: false
    same_tree: false
    events: [push, merge_group]
  - { repositories: acme/shop, override: false }
`), environment())
	if err != nil {
		t.Fatal(err)
	}
	want := promotion.Floor{
		{Repositories: "*/*", Reviewed: true},
		{
			Repositories: "acme/*", Environments: []string{"production", "prod-*"}, Tags: []string{"live"}, Requires: []string{"test", "staging"}, Approvals: 2, Soak: time.Hour,
			MaxAge: 14 * 24 * time.Hour, Provenance: "attestation", Permission: "maintain", ForbidUnmerged: true, ForbidOverride: true, ForbidSameTree: true,
			Events: []string{"push", "merge_group"},
		},
		{Repositories: "acme/shop", ForbidOverride: true},
	}
	if diff := cmp.Diff(want, settings.Floor); diff != "" {
		t.Error(diff)
	}
}

// Of a secret that is given twice one is stale, and nobody knows which.
func TestASecretThatIsGivenTwice(t *testing.T) {
	t.Parallel()
	file := write(t, "secret", "hush-1")
	for variable, others := range map[string][]string{
		"GITHUB_APP_WEBHOOK_SECRET": {"GITHUB_APP_INTEGRATION_ID=7", "GITHUB_APP_PRIVATE_KEY=" + privateKey}, "SLACK_WEBHOOK_URL": nil,
	} {
		_, err := config.Load("", environment(append(others, variable+"=https://hush-2.example.com", variable+"_FILE="+file)...))
		var wrong *config.SettingsError
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.Contains(err.Error(), variable+"_FILE") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", variable, err)
		}
		if _, err := config.Load("", environment(append(others, variable+"=https://hush-2.example.com", variable+"_FILE=")...)); err != nil {
			t.Errorf("%s with an empty %s_FILE: %v", variable, variable, err)
		}
	}
}

func TestVariablesThatNothingReads(t *testing.T) {
	t.Parallel()
	found := config.UnknownVariables([]string{
		"VERBATIM_ADDR=127.0.0.1:1", "VERBATIM_DATABSE_URL=sqlite:x", "VERBATIM_DATABASE_URL_FILE=/run/url", "VERBATIM_REGISTRY_SCOPE=x", "VERBATIM_COLOUR=blue", "VERBATIM_LEASES=",
		"VERBATIM_SERVICE_HOST=10.0.0.1", "VERBATIM_SERVICE_PORT_HTTP=80", "VERBATIM_PORT=tcp://10.0.0.1:80", "VERBATIM_PORT_80_TCP_ADDR=10.0.0.1", "VERBATIM_METRICS_PORT=tcp://10.0.0.2:9090", "PATH=/bin",
	})
	expected := []config.UnknownVariable{
		{Name: "VERBATIM_COLOUR"},
		{Name: "VERBATIM_DATABASE_URL_FILE", Suggestion: "did you mean VERBATIM_DATABASE_URL?"},
		{Name: "VERBATIM_DATABSE_URL", Suggestion: "did you mean VERBATIM_DATABASE_URL?"},
	}
	if difference := cmp.Diff(expected, found); difference != "" {
		t.Error(difference)
	}
}
