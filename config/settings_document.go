package config

// The types of the settings file. Of their tags, variable names what in the environment overrides a key, default is what
// holds without either, and meaning is for the reference (reference.go); field.go says what the others mean.

type settingsDocument struct {
	Addr            listenAddress      `yaml:"addr" variable:"VERBATIM_ADDR" default:"127.0.0.1:8080" meaning:"The address to listen on, for GitHub and people: host:port."`
	MetricsAddr     listenAddress      `yaml:"metrics_addr" variable:"VERBATIM_METRICS_ADDR" default:"127.0.0.1:9090" meaning:"The address of a listener of its own for /metrics."`
	PublicURL       webAddress         `yaml:"public_url" variable:"VERBATIM_PUBLIC_URL" meaning:"The address at which people and GitHub reach it: https, or http for loopback."`
	DatabaseURL     databaseURL        `yaml:"database_url" variable:"VERBATIM_DATABASE_URL" default:"sqlite:verbatim.db" meaning:"The ledger: sqlite:PATH (one server), or postgres://user:password@host/database (any number of them). It may hold a password: prefer the variable."`
	Connections     int                `yaml:"database_connections" variable:"VERBATIM_DATABASE_CONNECTIONS" default:"16" jsonschema:"minimum=2,maximum=200" meaning:"How many connections a server keeps to PostgreSQL, three more aside that draw numbers and listen: 2 to 200. SQLite has one that writes, and eight that read."`
	LogLevel        logLevel           `yaml:"log_level" variable:"VERBATIM_LOG_LEVEL" default:"info" meaning:"trace, debug, info, warn or error."`
	Workers         int                `yaml:"workers" variable:"VERBATIM_WORKERS" default:"16" jsonschema:"minimum=1,maximum=256" meaning:"How many deliveries and other rows of work are worked on at once: 1 to 256. No repository gets more than three quarters of them."`
	Lease           duration           `yaml:"lease" variable:"VERBATIM_LEASE" default:"1m" meaning:"After how long another worker takes over what one does not finish: 5s to 1h."`
	ShutdownGrace   duration           `yaml:"shutdown_grace" variable:"VERBATIM_SHUTDOWN_GRACE" default:"20s" meaning:"How long a shutdown waits for what is being worked on; the rest is handed back. At most 10m."`
	CatchUpInterval duration           `yaml:"catch_up_interval" variable:"VERBATIM_CATCH_UP_INTERVAL" default:"5m" meaning:"How often GitHub is asked for deliveries that failed, which it then sends again, and after that for runs and commands that no delivery told of: 30s to 24h; 0 switches it off. Once at the start, too."`
	Retention       duration           `yaml:"retention" variable:"VERBATIM_RETENTION" default:"30d" meaning:"For how long deliveries and other work are kept after they are done: 1d to 10 years; 0 keeps them. Records, promotions and what people did are never removed."`
	DriftInterval   duration           `yaml:"drift_interval" variable:"VERBATIM_DRIFT_INTERVAL" default:"5m" meaning:"How often the tags of environments are compared with the ledger: 30s to 24h; 0 switches it off."`
	Concurrency     int                `yaml:"github_concurrency" variable:"VERBATIM_GITHUB_CONCURRENCY" default:"50" jsonschema:"minimum=1,maximum=100" meaning:"How many calls to GitHub a server makes at once for one installation: 1 to 100, which is all that GitHub allows."`
	Reserve         int                `yaml:"github_reserve" variable:"VERBATIM_GITHUB_RESERVE" default:"20" jsonschema:"minimum=1,maximum=90" meaning:"Which part of an installation's calls of an hour is kept for promotions, in percent: 1 to 90. What can wait does not use it."`
	ECRPutRate      int                `yaml:"ecr_put_rate" variable:"VERBATIM_ECR_PUT_RATE" default:"10" jsonschema:"minimum=1,maximum=1000" meaning:"How many PutImage calls a second ECR allows an account and region: its default is 10. All servers on one ledger keep below it together."`
	ArtifactLimit   int                `yaml:"artifact_limit" variable:"VERBATIM_ARTIFACT_LIMIT" default:"32" jsonschema:"minimum=1,maximum=256" meaning:"How large an artifact's zip may be to be fetched as evidence, in MiB: 1 to 256."`
	TrustedRootFile filePath           `yaml:"trusted_root_file" variable:"VERBATIM_TRUSTED_ROOT_FILE" meaning:"The path of a sigstore trusted_root.json (or several as JSON lines, as gh attestation trusted-root prints them), by which attestations are verified. Default: what sigstore and GitHub publish, fetched over TUF."`
	TrustCache      filePath           `yaml:"trust_cache" variable:"VERBATIM_TRUST_CACHE" meaning:"The path of a directory in which is kept between starts what was fetched over TUF. Default: it is fetched anew."`
	GitHub          githubDocument     `yaml:"github"`
	Floor           []floorDocument    `yaml:"floor" meaning:"Minimal rules that no policy can undercut, by repository. Of several that match, the strictest holds."`
	Registries      []registryDocument `yaml:"registries" variable:"VERBATIM_REGISTRY_SCOPE" meaning:"Which GitHub repositories may use which registry repositories, as source and destination. Without a matching rule, none may. The variable replaces the rules of the file: owner/repo=registry/repository, comma-separated."`
	Slack           slackDocument      `yaml:"slack"`
}

type githubDocument struct {
	WebURL   webAddress    `yaml:"web_url" variable:"GITHUB_WEB_URL" default:"https://github.com" meaning:"GitHub's own address. For GitHub Enterprise Server, the default follows v3_api_url."`
	V3APIURL webAddress    `yaml:"v3_api_url" variable:"GITHUB_V3_API_URL" default:"https://api.github.com/" meaning:"The REST API. GitHub Enterprise Server: https://HOST/api/v3/."`
	V4APIURL webAddress    `yaml:"v4_api_url" variable:"GITHUB_V4_API_URL" default:"https://api.github.com/graphql" meaning:"The GraphQL API. When only v3_api_url is set, the default follows it."`
	App      appDocument   `yaml:"app"`
	OAuth    oauthDocument `yaml:"oauth"`
}

type appDocument struct {
	IntegrationID             int        `yaml:"integration_id" variable:"GITHUB_APP_INTEGRATION_ID" jsonschema:"minimum=1,maximum=9007199254740992" meaning:"The GitHub App's id, as its settings page shows it. Without an app, only health answers."`
	WebhookSecretFile         secretFile `yaml:"webhook_secret_file" variable:"GITHUB_APP_WEBHOOK_SECRET" meaning:"The path of a file that holds the webhook's secret; the variable is the secret itself, or with _FILE behind it the path."`
	PreviousWebhookSecretFile secretFile `yaml:"previous_webhook_secret_file" variable:"GITHUB_APP_WEBHOOK_SECRET_PREVIOUS" meaning:"The secret before it, accepted too while it is being changed; likewise."`
	PrivateKeyFile            secretFile `yaml:"private_key_file" variable:"GITHUB_APP_PRIVATE_KEY" meaning:"The path of a file that holds the app's private key in PEM form; likewise. In the variable, line breaks may be written as \\n."`
}

type oauthDocument struct {
	ClientID         plainText  `yaml:"client_id" variable:"GITHUB_OAUTH_CLIENT_ID" meaning:"Read, and not used yet."`
	ClientSecretFile secretFile `yaml:"client_secret_file" variable:"GITHUB_OAUTH_CLIENT_SECRET" meaning:"Read, and not used yet."`
}

type registryDocument struct {
	Repositories repositoryGlob `yaml:"repositories" meaning:"GitHub repositories: owner/repo, in which * stands for anything but a slash."`
	Registry     registryGlob   `yaml:"registry" jsonschema:"required" wanted:"a registry's host, or host/repository" meaning:"Registry repositories: host/path, with * as well; {owner} and {repo} stand for the GitHub repository's. A wildcard on both sides needs one of them. The host alone, when there is only a role to name."`
	RoleARN      roleARN        `yaml:"role_arn" meaning:"The AWS role to assume for this registry. One for each host."`
	ExternalID   externalID     `yaml:"external_id" meaning:"The external id that the role asks for."`
}

type floorDocument struct {
	Repositories  repositoryGlob    `yaml:"repositories" jsonschema:"required" wanted:"the GitHub repositories that the rule is for, such as acme/*" meaning:"GitHub repositories: owner/repo, in which * stands for anything but a slash."`
	Environments  []environmentGlob `yaml:"environments" jsonschema:"minItems=1" empty:"leave it out for all environments" meaning:"The environments that the rule is for: names in any letter case, in which * stands for anything, and those that set such a tag, or a tag of one of them. Default: all."`
	Tags          []environmentGlob `yaml:"tags" jsonschema:"minItems=1" empty:"leave it out" meaning:"The tags that the rule protects, in which * stands for anything: it is for every environment that sets one, whatever its name."`
	Requires      []reference       `yaml:"requires" jsonschema:"minItems=1" empty:"leave it out" meaning:"Stages that an environment has to require."`
	Approvals     int               `yaml:"approvals" jsonschema:"minimum=0,maximum=20" meaning:"How many others must approve, at least."`
	Reviewed      bool              `yaml:"reviewed" meaning:"true: every commit must come through an approved pull request."`
	Soak          duration          `yaml:"soak" meaning:"How long a digest must have been in the last required stage, at least."`
	MaxAge        duration          `yaml:"max_age" meaning:"How old the last verification may be, at most."`
	Provenance    provenanceFloor   `yaml:"provenance" meaning:"How the image must prove where it is from, at least: labels or attestation."`
	Permission    permission        `yaml:"permission" meaning:"The permission that whoever promotes must have, at least, whichever team they are in: read, triage, write, maintain or admin."`
	AllowUnmerged *onlyFalse        `yaml:"allow_unmerged" meaning:"false: no policy may allow it. A floor cannot allow anything."`
	Override      *onlyFalse        `yaml:"override" meaning:"false: likewise."`
	SameTree      *onlyFalse        `yaml:"same_tree" meaning:"false: likewise."`
	Events        []event           `yaml:"events" jsonschema:"minItems=1" empty:"leave it out for any event" meaning:"The events whose runs may count in stages. Default: any."`
}

type slackDocument struct {
	Webhooks named[webhookDocument] `yaml:"webhooks" variable:"SLACK_WEBHOOK_URL" meaning:"Incoming webhooks by the names that policies use. The variable (or SLACK_WEBHOOK_URL_FILE) is the address of the one named default."`
}

type webhookDocument struct {
	URLFile      secretFile       `yaml:"url_file" variable:"SLACK_WEBHOOK_URL_<NAME>" meaning:"The path of a file that holds the webhook's address; the variable is the address itself (its name in capitals, with _ for dots and dashes)."`
	URLEnv       variableName     `yaml:"url_env" meaning:"Another variable that holds the address."`
	Repositories []repositoryGlob `yaml:"repositories" meaning:"The GitHub repositories that may use it: patterns of owner/repo. Default: all."`
}
