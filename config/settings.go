package config

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Settings are what the server runs with.
type Settings struct {
	Addr                  string
	MetricsAddr           string
	PublicURL             string
	DatabaseURL           string
	LogLevel              string
	Workers               int
	Lease                 time.Duration
	ShutdownGrace         time.Duration
	GitHub                githubapp.Config // holds the app's secrets: never to be shown
	PreviousWebhookSecret Secret           // still accepted while the secret is rotated
	Scope                 promotion.Scope
	Roles                 map[string]Role         // by registry host
	Slack                 map[string]SlackWebhook // by name
}

// Role is an AWS role to assume for a registry.
type Role struct {
	ARN        string
	ExternalID string
}

// SlackWebhook is where messages go, and which repositories may send there: patterns of owner/repo, none for all.
type SlackWebhook struct {
	URL          Secret
	Repositories []string
}

// AppConfigured reports whether there is a GitHub App to serve.
func (s Settings) AppConfigured() bool { return s.GitHub.App.IntegrationID != 0 }

// SettingsError says everything that is wrong with the settings.
type SettingsError struct{ Problems []string }

// Error gives one line a problem.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("%d settings are missing or wrong:\n  %s", len(e.Problems), strings.Join(e.Problems, "\n  "))
}

// settingsDocument is the settings file.
type settingsDocument struct {
	Addr          string             `yaml:"addr" variable:"VERBATIM_ADDR" default:"127.0.0.1:8080" meaning:"Where to listen for GitHub and people."`
	MetricsAddr   string             `yaml:"metrics_addr" variable:"VERBATIM_METRICS_ADDR" default:"127.0.0.1:9090" meaning:"The listener of /metrics."`
	PublicURL     string             `yaml:"public_url" variable:"VERBATIM_PUBLIC_URL" meaning:"The address at which people and GitHub reach it."`
	DatabaseURL   string             `yaml:"database_url" variable:"VERBATIM_DATABASE_URL" default:"sqlite:verbatim.db" meaning:"The ledger: sqlite:PATH."`
	LogLevel      string             `yaml:"log_level" variable:"VERBATIM_LOG_LEVEL" default:"info" meaning:"trace, debug, info, warn or error."`
	Workers       int                `yaml:"workers" variable:"VERBATIM_WORKERS" default:"8" meaning:"How many rows of work are worked on at once."`
	Lease         duration           `yaml:"lease" variable:"VERBATIM_LEASE" default:"1m" meaning:"How long a row of work stays with a worker that does not answer any more."`
	ShutdownGrace duration           `yaml:"shutdown_grace" variable:"VERBATIM_SHUTDOWN_GRACE" default:"20s" meaning:"How long a stop waits for what is under way before it hands the rest back."`
	GitHub        githubDocument     `yaml:"github"`
	Registries    []registryDocument `yaml:"registries" variable:"VERBATIM_REGISTRY_SCOPE" meaning:"Which GitHub repositories may use which registry repositories. The variable (owner/repo=registry/repository, comma-separated) replaces the list's rules."`
	Slack         slackDocument      `yaml:"slack"`
}

type githubDocument struct {
	WebURL   string        `yaml:"web_url" variable:"GITHUB_WEB_URL" default:"https://github.com" meaning:"GitHub's pages."`
	V3APIURL string        `yaml:"v3_api_url" variable:"GITHUB_V3_API_URL" default:"https://api.github.com/" meaning:"GitHub's REST API; of Enterprise Server with its path, as in https://github.example.com/api/v3/."`
	V4APIURL string        `yaml:"v4_api_url" variable:"GITHUB_V4_API_URL" meaning:"GitHub's GraphQL API; by itself what goes with the REST API."`
	App      appDocument   `yaml:"app"`
	OAuth    oauthDocument `yaml:"oauth"`
}

type appDocument struct {
	IntegrationID             int    `yaml:"integration_id" variable:"GITHUB_APP_INTEGRATION_ID" meaning:"The app's id, as its settings page shows it."`
	WebhookSecretFile         string `yaml:"webhook_secret_file" variable:"GITHUB_APP_WEBHOOK_SECRET" meaning:"The file that holds the webhook's secret; the variable is the secret itself, or with _FILE behind it the path."`
	PreviousWebhookSecretFile string `yaml:"previous_webhook_secret_file" variable:"GITHUB_APP_WEBHOOK_SECRET_PREVIOUS" meaning:"The secret before it, accepted as well while it is rotated; likewise."`
	PrivateKeyFile            string `yaml:"private_key_file" variable:"GITHUB_APP_PRIVATE_KEY" meaning:"The file that holds the app's private key (PEM); likewise."`
}

type oauthDocument struct {
	ClientID         string `yaml:"client_id" variable:"GITHUB_OAUTH_CLIENT_ID" meaning:"Read, and not used yet."`
	ClientSecretFile string `yaml:"client_secret_file" variable:"GITHUB_OAUTH_CLIENT_SECRET" meaning:"Read, and not used yet."`
}

type registryDocument struct {
	Repositories string `yaml:"repositories" meaning:"GitHub repositories: owner/repo, in which * does not cross /."`
	Registry     string `yaml:"registry" meaning:"Registry repositories: host/path, in which * does not cross /; {owner} and {repo} stand for the GitHub repository's."`
	RoleARN      string `yaml:"role_arn" meaning:"An AWS role to assume for this registry's host."`
	ExternalID   string `yaml:"external_id" meaning:"The external id that the role's trust policy asks for."`
}

type slackDocument struct {
	Webhooks map[string]webhookDocument `yaml:"webhooks"`
}

type webhookDocument struct {
	URLFile      string   `yaml:"url_file" variable:"SLACK_WEBHOOK_URL_<NAME>" meaning:"The file that holds the webhook's address; the variable is the address itself. SLACK_WEBHOOK_URL is the webhook named default."`
	Repositories []string `yaml:"repositories" meaning:"Which repositories may send there: patterns of owner/repo; none for all."`
}

// Load reads the settings file, if one is named, and the environment, which overrides it key by key. The error is a
// *SettingsError that names everything missing or wrong, each with how to set it.
func Load(path string, lookup func(string) (string, bool)) (Settings, error) {
	l := &loader{lookup: lookup}
	var document settingsDocument
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return Settings{}, &SettingsError{Problems: []string{fmt.Sprintf("--config: %s", err)}}
		}
		reader := newDecoder(path)
		if root, ok := reader.parse(content); ok {
			reader.decode(root, reflect.ValueOf(&document).Elem(), "")
		}
		for _, problem := range reader.problems {
			l.problems = append(l.problems, problem.String())
		}
	}
	settings := l.settings(document)
	if len(l.problems) > 0 {
		return Settings{}, &SettingsError{Problems: l.problems}
	}
	return settings, nil
}

// loader reads settings from the document and the environment.
type loader struct {
	lookup   func(string) (string, bool)
	problems []string
}

func (l *loader) problem(format string, arguments ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, arguments...))
}

// text gives the variable's value if it is set, else the file's, else the default.
func (l *loader) text(variable, fromFile, instead string) string {
	if value, found := l.lookup(variable); found && value != "" {
		return value
	}
	return cmp.Or(fromFile, instead)
}

// secret gives the variable's value, or what is in the file that the variable with _FILE or the settings file names.
func (l *loader) secret(variable, file string) string {
	if value, found := l.lookup(variable); found && value != "" {
		return value
	}
	file = l.text(variable+"_FILE", file, "")
	if file == "" {
		return ""
	}
	content, err := os.ReadFile(file)
	if err != nil {
		l.problem("%s: the file that holds it cannot be read: %s", variable, err)
		return ""
	}
	return strings.TrimRight(string(content), "\r\n")
}

func (l *loader) settings(document settingsDocument) Settings {
	settings := Settings{
		Addr:          l.text("VERBATIM_ADDR", document.Addr, "127.0.0.1:8080"),
		MetricsAddr:   l.text("VERBATIM_METRICS_ADDR", document.MetricsAddr, "127.0.0.1:9090"),
		PublicURL:     l.text("VERBATIM_PUBLIC_URL", document.PublicURL, ""),
		DatabaseURL:   l.text("VERBATIM_DATABASE_URL", document.DatabaseURL, "sqlite:verbatim.db"),
		LogLevel:      strings.ToLower(l.text("VERBATIM_LOG_LEVEL", document.LogLevel, "info")),
		Workers:       l.number("VERBATIM_WORKERS", document.Workers, 8, 1, 256),
		Lease:         l.duration("VERBATIM_LEASE", document.Lease, time.Minute, 5*time.Second),
		ShutdownGrace: l.duration("VERBATIM_SHUTDOWN_GRACE", document.ShutdownGrace, 20*time.Second, 0),
		Slack:         map[string]SlackWebhook{},
		Roles:         map[string]Role{},
	}
	l.address("VERBATIM_ADDR", settings.Addr)
	l.address("VERBATIM_METRICS_ADDR", settings.MetricsAddr)
	l.url("VERBATIM_PUBLIC_URL", settings.PublicURL)
	if levels := []string{"trace", "debug", "info", "warn", "error"}; !slices.Contains(levels, settings.LogLevel) {
		l.problem("VERBATIM_LOG_LEVEL: expected one of %s, found %.40q", strings.Join(levels, ", "), settings.LogLevel)
	}
	l.database(settings.DatabaseURL)
	l.github(&settings, document.GitHub)
	l.registries(&settings, document.Registries)
	l.slack(&settings, document.Slack)
	return settings
}

func (l *loader) database(url string) {
	switch path, isSQLite := strings.CutPrefix(url, "sqlite:"); {
	case isSQLite && path != "":
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		l.problem("VERBATIM_DATABASE_URL: PostgreSQL is not there yet in this version; use sqlite:PATH, such as sqlite:verbatim.db")
	default:
		l.problem("VERBATIM_DATABASE_URL: expected sqlite:PATH, such as sqlite:verbatim.db")
	}
}

// github reads the app. None of its three parts is fine: then there is nothing to serve yet. One without the others is not.
func (l *loader) github(settings *Settings, document githubDocument) {
	app := &settings.GitHub.App
	settings.GitHub.WebURL = l.text("GITHUB_WEB_URL", document.WebURL, "https://github.com")
	settings.GitHub.V3APIURL = l.text("GITHUB_V3_API_URL", document.V3APIURL, "https://api.github.com/")
	settings.GitHub.V4APIURL = l.text("GITHUB_V4_API_URL", document.V4APIURL, "")
	app.IntegrationID = int64(l.number("GITHUB_APP_INTEGRATION_ID", document.App.IntegrationID, 0, 0, 1<<53))
	app.WebhookSecret = l.secret("GITHUB_APP_WEBHOOK_SECRET", document.App.WebhookSecretFile)
	app.PrivateKey = strings.ReplaceAll(l.secret("GITHUB_APP_PRIVATE_KEY", document.App.PrivateKeyFile), `\n`, "\n")
	settings.PreviousWebhookSecret = NewSecret(l.secret("GITHUB_APP_WEBHOOK_SECRET_PREVIOUS", document.App.PreviousWebhookSecretFile))
	settings.GitHub.OAuth.ClientID = l.text("GITHUB_OAUTH_CLIENT_ID", document.OAuth.ClientID, "")
	settings.GitHub.OAuth.ClientSecret = l.secret("GITHUB_OAUTH_CLIENT_SECRET", document.OAuth.ClientSecretFile)
	l.url("GITHUB_WEB_URL", settings.GitHub.WebURL)
	l.url("GITHUB_V3_API_URL", settings.GitHub.V3APIURL)
	l.url("GITHUB_V4_API_URL", settings.GitHub.V4APIURL)
	if app.IntegrationID == 0 && app.WebhookSecret == "" && app.PrivateKey == "" && settings.PreviousWebhookSecret.Reveal() == "" {
		return
	}
	if app.IntegrationID == 0 {
		l.problem("GITHUB_APP_INTEGRATION_ID: expected the app's id, as its settings page shows it")
	}
	if app.PrivateKey == "" {
		l.problem("GITHUB_APP_PRIVATE_KEY: expected the app's private key in PEM form (or GITHUB_APP_PRIVATE_KEY_FILE: the path of the file that holds it)")
	}
	if app.WebhookSecret == "" {
		l.problem("GITHUB_APP_WEBHOOK_SECRET: expected the webhook's secret, found none: without it anybody could send deliveries (or GITHUB_APP_WEBHOOK_SECRET_FILE: the path of the file that holds it)")
	}
}

func (l *loader) registries(settings *Settings, documents []registryDocument) {
	for i, document := range documents {
		at := fmt.Sprintf("registries[%d]", i)
		if document.Repositories != "" || document.Registry == "" {
			l.rule(settings, at, document.Repositories, document.Registry)
		}
		if document.RoleARN != "" {
			host, _, _ := strings.Cut(document.Registry, "/")
			role := Role{ARN: document.RoleARN, ExternalID: document.ExternalID}
			if known, found := settings.Roles[host]; found && known != role {
				l.problem("%s: %s has another role already; a registry has one", at, host)
			}
			settings.Roles[host] = role
		}
	}
	rules, found := l.lookup("VERBATIM_REGISTRY_SCOPE")
	if !found || rules == "" {
		return
	}
	settings.Scope = nil
	for text := range strings.SplitSeq(rules, ",") {
		repositories, registry, _ := strings.Cut(strings.TrimSpace(text), "=")
		l.rule(settings, "VERBATIM_REGISTRY_SCOPE", repositories, registry)
	}
}

func (l *loader) rule(settings *Settings, at, repositories, registry string) {
	rule := promotion.ScopeRule{Repositories: strings.TrimSpace(repositories), Registry: strings.TrimSpace(registry)}
	if err := rule.Validate(); err != nil {
		l.problem("%s: %s; write it as in acme/shop=registry.example.com/shop/*", at, err)
		return
	}
	settings.Scope = append(settings.Scope, rule)
}

func (l *loader) slack(settings *Settings, document slackDocument) {
	for name, webhook := range document.Webhooks {
		at := "slack.webhooks." + name
		variable := "SLACK_WEBHOOK_URL_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
		url := l.secret(variable, webhook.URLFile)
		if url == "" {
			l.problem("%s: expected url_file, or the variable %s", at, variable)
			continue
		}
		l.url(at, url)
		settings.Slack[name] = SlackWebhook{URL: NewSecret(url), Repositories: webhook.Repositories}
	}
	if url := l.secret("SLACK_WEBHOOK_URL", ""); url != "" {
		l.url("SLACK_WEBHOOK_URL", url)
		settings.Slack["default"] = SlackWebhook{URL: NewSecret(url), Repositories: document.Webhooks["default"].Repositories}
	}
}
