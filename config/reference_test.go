package config_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/config"
)

// The reference pages are made from the types that the decoders read into, so that they cannot drift.
func TestReferencePages(t *testing.T) {
	t.Parallel()
	golden(t, "../docs/settings.md", "# Settings\n\nBy a YAML file (`verbatim serve --config FILE`) and by environment; the environment wins. Secrets come by environment or\n"+
		"from files of their own. AWS credentials and endpoints are the SDK's own chain and variables (`AWS_ENDPOINT_URL_ECR`\n"+
		"included); other registries use the Docker keychain (`DOCKER_CONFIG`).\n\n"+
		"A secret that is given both by its variable and by that with `_FILE` is refused: one of the two is stale. A variable `VERBATIM_…` that\n"+
		"nothing reads is named in the log at the start, with the nearest known one.\n\n"+config.SettingsReference())
	golden(t, "../docs/policy.md", "# Policy\n\n`.github/verbatim.yml` on the default branch; only when that answers 404, `verbatim.yml` in the owner's `.github`\n"+
		"repository. `verbatim validate` checks a file. What this version does not enforce refuses with `not_enforced`\n"+
		"([reasons.md](reasons.md)).\n\n"+config.PolicyReference())
}
