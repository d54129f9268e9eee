package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/config"
)

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	const hidden = "do-not-show-this"
	secret := config.NewSecret(hidden)
	settings := config.Settings{PreviousWebhookSecret: secret, Slack: map[string]config.SlackWebhook{"default": {URL: secret}}}
	settings.GitHub.App.PrivateKey, settings.GitHub.App.WebhookSecret, settings.GitHub.OAuth.ClientSecret = hidden, hidden, hidden
	var shown bytes.Buffer
	logger := zerolog.New(&shown)
	for _, value := range []any{secret, &secret, settings, &settings, settings.Slack, []config.Secret{secret}, struct{ Inner config.Secret }{secret}, struct{ inner config.Secret }{secret}} {
		fmt.Fprintf(&shown, "%v %+v %#v %s %q %x %d %T\n", value, value, value, value, value, value, value, value)
		fmt.Fprintln(&shown, value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
		logger.Error().Interface("value", value).Any("again", value).Send()
		slog.New(slog.NewJSONHandler(&shown, nil)).Error("text", "value", value)
		slog.New(slog.NewTextHandler(&shown, nil)).Error("text", "value", value)
	}
	logger.Error().Object("value", secret).Object("settings", settings).Stringer("text", secret).Err(fmt.Errorf("with %w %v", &config.SettingsError{}, secret)).Send()
	text, err := yaml.Marshal(map[string]any{"secret": secret, "webhooks": settings.Slack})
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(text)
	for _, coded := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%d", []byte(hidden))} {
		if strings.Contains(shown.String(), coded) {
			t.Errorf("%s is in\n%s", coded, shown.String())
		}
	}
	if secret.Reveal() != hidden || secret.IsZero() {
		t.Error("the secret is lost")
	}
}
