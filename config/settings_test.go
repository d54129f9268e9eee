package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
)

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
}

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	secret, key := write(t, "secret", "from a file\n"), write(t, "key", "a key")
	file := write(t, "settings.yml", `addr: 127.0.0.1:1111
metrics_addr: 127.0.0.1:2222
lease: 90s
github:
  app: { integration_id: 7, webhook_secret_file: `+secret+`, private_key_file: `+key+` }
registries:
  - { repositories: acme/shop, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/*, role_arn: "arn:aws:iam::1:role/x", external_id: e }
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
	if settings.GitHub.App.WebhookSecret != "from a file" || settings.GitHub.App.PrivateKey != "a key" || settings.PreviousWebhookSecret.Reveal() != "old" {
		t.Error("the secrets were not read")
	}
	if len(settings.Scope) != 2 || settings.Scope[0].Registry != "ghcr.io/acme/{repo}" {
		t.Errorf("scope %+v", settings.Scope)
	}
	if role := settings.Roles["123456789012.dkr.ecr.eu-west-1.amazonaws.com"]; role.ARN == "" || role.ExternalID != "e" {
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
	_, err := config.Load("", environment("GITHUB_APP_INTEGRATION_ID=7", "GITHUB_APP_PRIVATE_KEY=key", "GITHUB_APP_WEBHOOK_SECRET="))
	if err == nil || !strings.Contains(err.Error(), "GITHUB_APP_WEBHOOK_SECRET") {
		t.Errorf("got %v", err)
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	t.Parallel()
	secret := config.NewSecret("do-not-show-this")
	text, err := json.Marshal(map[string]any{"a": secret})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q %s", secret, secret, secret, secret, secret, text)
	if strings.Contains(shown, "do-not-show-this") {
		t.Error(shown)
	}
}
