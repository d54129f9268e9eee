package server

import (
	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion/evidence/provenance"
	"github.com/verbatim-dev/verbatim/promotion/notify"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// registryOptions gives the registries what the settings say of them.
func registryOptions(settings config.Settings, version string, metrics *Metrics) registry.Options {
	options := registry.Options{UserAgent: "verbatim/" + version, Roles: map[string]registry.Role{}, Observe: metrics.Outside}
	for host, role := range settings.Roles {
		options.Roles[host] = registry.Role{ARN: role.ARN, ExternalID: role.ExternalID}
	}
	return options
}

// verifier gives what verifies attestations, with the trust roots of the settings.
func verifier(settings config.Settings) *provenance.Verifier {
	return provenance.New(provenance.Options{
		TrustedRootFile: settings.TrustedRootFile, CacheDirectory: settings.TrustCache, WebURL: settings.GitHub.WebURL,
	})
}

// slackWebhooks gives the notifier the addresses, which are secrets.
func slackWebhooks(settings config.Settings) map[string]notify.Webhook {
	webhooks := map[string]notify.Webhook{}
	for name, webhook := range settings.Slack {
		webhooks[name] = notify.Webhook{URL: webhook.URL.Reveal(), Repositories: webhook.Repositories}
	}
	return webhooks
}
