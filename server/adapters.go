package server

import (
	"context"
	"net/http"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion/budget"
	"github.com/verbatim-dev/verbatim/promotion/evidence/provenance"
	"github.com/verbatim-dev/verbatim/promotion/notify"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// registryOptions gives the registries what the settings say of them.
func registryOptions(settings config.Settings, version string, metrics *Metrics, spend *budget.Budget) registry.Options {
	options := registry.Options{
		UserAgent: "verbatim/" + version, Roles: map[string]registry.Role{}, Observe: metrics.Outside,
		Around: func(next http.RoundTripper) http.RoundTripper { return spend.Transport(next, nil) },
		Admit: func(ctx context.Context, host string) (func(int, error), error) {
			done, err := spend.Admit(ctx, host, "")
			return func(status int, err error) { done(status, nil, err) }, err
		},
		Pace: func(ctx context.Context, account string) error {
			return spend.Pace(ctx, "ecr PutImage "+account, float64(max(settings.ECRPutRate, 1)))
		},
	}
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
