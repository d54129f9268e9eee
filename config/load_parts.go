package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// github reads the app. None of its three parts is fine: then there is nothing to serve yet. Some without the others is not.
func (l *loader) github(settings *Settings) {
	document, github := l.document.GitHub, &settings.GitHub
	const at = keyPath("github.app")
	github.V3APIURL, github.V4APIURL, github.WebURL = string(document.V3APIURL), string(document.V4APIURL), string(document.WebURL)
	l.enterprise(github.V3APIURL, &github.V4APIURL, &github.WebURL)
	github.App.IntegrationID = int64(document.App.IntegrationID)
	github.App.WebhookSecret = l.secrets[at.key("webhook_secret_file")]
	github.App.PrivateKey = strings.ReplaceAll(l.secrets[at.key("private_key_file")], `\n`, "\n")
	settings.PreviousWebhookSecret = NewSecret(l.secrets[at.key("previous_webhook_secret_file")])
	github.OAuth.ClientID, github.OAuth.ClientSecret = string(document.OAuth.ClientID), l.secrets["github.oauth.client_secret_file"]
	l.signIn(github.OAuth.ClientID, github.OAuth.ClientSecret)

	parts := []struct {
		missing        bool
		variable, what string
		at             keyPath
	}{
		{github.App.IntegrationID == 0, "GITHUB_APP_INTEGRATION_ID", "the app's id, as its settings page shows it", at.key("integration_id")},
		{github.App.PrivateKey == "", "GITHUB_APP_PRIVATE_KEY", "the app's private key in PEM form", at.key("private_key_file")},
		{strings.TrimSpace(github.App.WebhookSecret) == "", "GITHUB_APP_WEBHOOK_SECRET", "the webhook's secret: without it anybody could send deliveries", at.key("webhook_secret_file")},
	}
	begun := !settings.PreviousWebhookSecret.IsZero()
	for _, part := range parts {
		begun = begun || !part.missing || l.broken[part.at]
	}
	for _, part := range parts {
		if begun && part.missing && !l.broken[part.at] {
			l.problem(part.variable, howTo(part.variable, part.at), "expected %s, found none", part.what)
		}
	}
	if key := github.App.PrivateKey; key != "" && !privateKeyPattern.MatchString(key) {
		l.problem("GITHUB_APP_PRIVATE_KEY", howTo("GITHUB_APP_PRIVATE_KEY", at.key("private_key_file")), "expected the private key in PEM form, found something else")
	}
}

var privateKeyPattern = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)

// howTo says how something that is missing can be set.
func howTo(variable string, at keyPath) string {
	if !strings.HasSuffix(string(at), "_file") {
		return "set " + variable + ", or " + string(at) + " in the settings file"
	}
	return "set " + variable + ", or the path of a file that holds it: " + variable + "_FILE, or " + string(at) + " in the settings file"
}

// enterprise lets the two other addresses follow that of the REST API, where only that one is set.
func (l *loader) enterprise(v3 string, v4, web *string) {
	if l.variable("GITHUB_V3_API_URL") == "" && !l.given("github.v3_api_url") {
		return
	}
	root := strings.TrimSuffix(v3, "/")
	api, isEnterprise := strings.CutSuffix(root, "/api/v3")
	if l.variable("GITHUB_V4_API_URL") == "" && !l.given("github.v4_api_url") {
		*v4 = strings.TrimSuffix(root, "/v3") + "/graphql"
	}
	if isEnterprise && l.variable("GITHUB_WEB_URL") == "" && !l.given("github.web_url") {
		*web = api
	}
}

// signIn wants both or none.
func (l *loader) signIn(client, secret string) {
	const at = keyPath("github.oauth")
	switch {
	case client == "" && secret != "" && !l.broken[at.key("client_id")]:
		l.problem("GITHUB_OAUTH_CLIENT_ID", howTo("GITHUB_OAUTH_CLIENT_ID", at.key("client_id")), "expected the client id that the client secret belongs to, found none")
	case client != "" && secret == "" && !l.broken[at.key("client_secret_file")]:
		l.problem("GITHUB_OAUTH_CLIENT_SECRET", howTo("GITHUB_OAUTH_CLIENT_SECRET", at.key("client_secret_file")), "expected the client secret that belongs to the client id, found none")
	}
}

var ecrPattern = regexp.MustCompile(`\.dkr[.-]ecr[.-]`)

func (l *loader) registries(settings *Settings) {
	for i, document := range l.document.Registries {
		at := keyPath("registries").index(i)
		host, _, isRule := strings.Cut(string(document.Registry), "/")
		host = strings.ToLower(host)
		switch {
		case l.broken[at] || l.broken[at.key("registry")] || l.broken[at.key("repositories")]:
			continue
		case document.Repositories != "" || isRule && document.RoleARN == "":
			l.rule(settings, string(at), string(document.Repositories), string(document.Registry))
		case document.RoleARN == "" && !l.broken[at.key("role_arn")]:
			l.problem(string(at), "", "expected repositories that may use %s, or a role_arn, found neither", host)
		}
		if document.RoleARN == "" || l.broken[at.key("role_arn")] {
			if document.ExternalID != "" && document.RoleARN == "" {
				l.problem(string(at), "", "expected the role_arn that external_id belongs to, found none")
			}
			continue
		}
		role := Role{ARN: string(document.RoleARN), ExternalID: string(document.ExternalID)}
		if known, found := settings.Roles[host]; found && known != role {
			l.problem(string(at), "", "expected one role for %s, found a second", host)
		}
		if !ecrPattern.MatchString(host) {
			l.problem(string(at), "", "expected role_arn for an Amazon ECR registry only, found it for %s", host)
		}
		settings.Roles[host] = role
	}
	l.scope(settings)
}

// scope lets the variable's rules replace those of the file.
func (l *loader) scope(settings *Settings) {
	const variable = "VERBATIM_REGISTRY_SCOPE"
	text := l.variable(variable)
	if text == "" {
		return
	}
	settings.Scope = nil
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		repositories, registry, _ := strings.Cut(part, "=")
		if strings.TrimSpace(registry) == "" {
			l.problem(variable, "write it as in acme/shop=registry.example.com/shop/*", "scope rule %q: expected owner/repo=registry-host/repository, found nothing after the equals sign", strings.TrimSpace(part))
			continue
		}
		l.rule(settings, variable, repositories, registry)
	}
	if strings.Trim(text, ", ") == "" {
		l.problem(variable, "", "expected rules such as acme/shop=registry.example.com/shop/*, found none")
	}
}

func (l *loader) rule(settings *Settings, name, repositories, registry string) {
	rule, wrong, suggestion := scopeRule(repositories, registry)
	if wrong != "" {
		l.problem(name, suggestion, "%s", wrong)
		return
	}
	settings.Scope = append(settings.Scope, rule)
}

// trust reads by what attestations are verified.
func (l *loader) trust(settings *Settings) {
	const root, cache = keyPath("trusted_root_file"), keyPath("trust_cache")
	settings.TrustedRootFile, settings.TrustCache = string(l.document.TrustedRootFile), string(l.document.TrustCache)
	if settings.TrustedRootFile != "" && !l.broken[root] {
		content, err := readFile(settings.TrustedRootFile)
		if err == nil && !isJSONLines(content) {
			err = errors.New("expected sigstore's trusted_root.json, or several as JSON lines; found something else")
		}
		if err != nil {
			l.problem("VERBATIM_TRUSTED_ROOT_FILE", "name the file that `gh attestation trusted-root` writes, or leave it out for TUF", "%q cannot be used: %s", settings.TrustedRootFile, err)
		}
	}
	if settings.TrustCache == "" || l.broken[cache] {
		return
	}
	if found, err := os.Stat(settings.TrustCache); err == nil && !found.IsDir() {
		l.problem("VERBATIM_TRUST_CACHE", "name a directory; one that is not there is made", "%q is a file", settings.TrustCache)
	}
}

// isJSONLines reports whether there are JSON objects, at least one, and nothing else.
func isJSONLines(content []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(content))
	for count := 0; ; count++ {
		var object map[string]json.RawMessage
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return count > 0
		} else if err != nil || object == nil {
			return false
		}
	}
}

// floor reads what no policy can undercut.
func (l *loader) floor(settings *Settings) {
	for i, document := range l.document.Floor {
		at := keyPath("floor").index(i)
		rule := promotion.FloorRule{
			Repositories: string(document.Repositories), Environments: texts(document.Environments), Tags: texts(document.Tags), Requires: texts(document.Requires),
			Approvals: document.Approvals, Reviewed: document.Reviewed, Soak: document.Soak.length(), MaxAge: document.MaxAge.length(),
			Provenance: string(document.Provenance), Permission: string(document.Permission), ForbidUnmerged: document.AllowUnmerged != nil,
			ForbidOverride: document.Override != nil, ForbidSameTree: document.SameTree != nil, Events: texts(document.Events),
		}
		if document.MaxAge != "" && rule.MaxAge == 0 && !l.broken[at.key("max_age")] {
			l.problem(string(at.key("max_age")), "leave it out for any age", "expected more than nothing, found %.40q: no verification would be young enough", document.MaxAge)
		} else if asksNothing(rule) && !l.anyBroken(at) {
			l.problem(string(at), "say what environments must ask at least, or take the rule out", "expected something that no policy can undercut, found nothing")
		}
		settings.Floor = append(settings.Floor, rule)
	}
}

// anyBroken reports whether the value at the path, or one below it, is not known.
func (l *loader) anyBroken(at keyPath) bool {
	for path := range l.broken {
		if path == at || strings.HasPrefix(string(path), string(at)+".") {
			return true
		}
	}
	return false
}

// asksNothing reports whether every policy fulfils the rule.
func asksNothing(rule promotion.FloorRule) bool {
	return len(rule.Requires)+len(rule.Events)+rule.Approvals == 0 && rule.Soak == 0 && rule.MaxAge == 0 && rule.Provenance == "" && rule.Permission == "" &&
		!rule.Reviewed && !rule.ForbidUnmerged && !rule.ForbidOverride && !rule.ForbidSameTree
}

// NoWebhook is what a policy names in place of a webhook to have nothing told.
const NoWebhook = "none"

// defaultWebhook is the one that a variable of its own is enough for.
const defaultWebhook, defaultWebhookVariable = "default", "SLACK_WEBHOOK_URL"

// slack reads the webhooks: those of the file, each with a file or a variable for its address, and the default one.
func (l *loader) slack(settings *Settings) {
	webhooks := l.document.Slack.Webhooks
	if !slices.ContainsFunc(webhooks, func(webhook entry[webhookDocument]) bool { return webhook.Name == defaultWebhook }) {
		webhooks = append(slices.Clone(webhooks), entry[webhookDocument]{Name: defaultWebhook})
	}
	for _, webhook := range webhooks {
		at := keyPath("slack.webhooks").key(webhook.Name)
		if !namePattern.MatchString(webhook.Name) {
			l.problem(string(at), "", "expected %s", nameExpected)
			continue
		}
		if strings.EqualFold(webhook.Name, NoWebhook) {
			l.problem(string(at), "choose another name", "expected a webhook's name, found %q, by which a policy has nothing told", webhook.Name)
			continue
		}
		address, source := l.webhook(at, webhook.Name, webhook.Value)
		broken := l.broken[at] || l.broken[at.key("url_file")] || l.broken[at.key("url_env")] || l.broken[at.key("repositories")]
		switch {
		case broken:
		case address != "" && addressOfSlackWrong(address) != "":
			l.problem(string(at), "check "+source+" and url_file", "%s", addressOfSlackWrong(address))
		case address != "":
			settings.Slack[webhook.Name] = SlackWebhook{URL: NewSecret(address), Repositories: texts(webhook.Value.Repositories)}
		case l.given(at):
			l.problem(string(at), "set "+source+", or url_file to the path of a file that holds it", "expected the webhook's address, found none")
		}
	}
}

// webhook gives a webhook's address, and where it is from: the default one's variable stands over what the file has.
func (l *loader) webhook(at keyPath, name string, document webhookDocument) (address, source string) {
	key := at.key("url_file")
	if name == defaultWebhook {
		if address = l.secret(defaultWebhookVariable, "", key); address != "" || !l.given(at) {
			return address, defaultWebhookVariable
		}
	}
	variable := string(document.URLEnv)
	if variable == "" {
		variable = defaultWebhookVariable + "_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	}
	return l.secret(variable, string(document.URLFile), key), variable
}

// addressOfSlackWrong says what is wrong with a webhook's address, without showing it.
func addressOfSlackWrong(address string) string {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return "expected a webhook's address such as https://hooks.slack.com/services/…, found something else"
	case parsed.Scheme == "http" && !isLoopback(parsed.Hostname()):
		return "expected a webhook's address with https, found plain http, which is for loopback only"
	}
	return ""
}
