package server

import (
	"github.com/verbatim-dev/verbatim/config"
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

// slackWebhooks gives the notifier the addresses, which are secrets.
func slackWebhooks(settings config.Settings) map[string]notify.Webhook {
	webhooks := map[string]notify.Webhook{}
	for name, webhook := range settings.Slack {
		webhooks[name] = notify.Webhook{URL: webhook.URL.Reveal(), Repositories: webhook.Repositories}
	}
	return webhooks
}
