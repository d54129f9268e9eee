package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// readJSON decodes the file strictly: unknown keys and a second document are errors.
func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(read(t, file)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Fatalf("%s: something follows the document", file)
	}
}

func readYAML(t *testing.T, file string) map[string]any {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal(read(t, file), &document); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return document
}

// texts is a JSON text, or a list of them.
type texts []string

func (l *texts) UnmarshalJSON(content []byte) error {
	if len(content) > 0 && content[0] == '[' {
		return json.Unmarshal(content, (*[]string)(l))
	}
	*l = texts{""}
	return json.Unmarshal(content, &(*l)[0])
}

type iamPolicy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Principal        map[string]string
		Action, Resource texts
		Condition        map[string]map[string]string
	}
}

func TestIAMPolicyAllowsWhatIsUsed(t *testing.T) {
	var policy iamPolicy
	readJSON(t, "iam-policy.json", &policy)
	var actions []string
	for _, statement := range policy.Statement {
		if statement.Effect != "Allow" {
			t.Errorf("%s: effect %s", statement.Sid, statement.Effect)
		}
		for _, resource := range statement.Resource {
			if !regexp.MustCompile(`^arn:aws:ecr:[a-z0-9-]+:\d{12}:repository/[^*]`).MatchString(resource) {
				t.Errorf("%s: %s is not a repository, or all of them", statement.Sid, resource)
			}
		}
		actions = append(actions, statement.Action...)
	}
	slices.Sort(actions)
	if diff := cmp.Diff([]string{"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:GetDownloadUrlForLayer", "ecr:PutImage"}, actions); diff != "" {
		t.Errorf("actions (-wanted +iam-policy.json):\n%s", diff)
	}
	if diff := cmp.Diff(calledOfECR(t), actions); diff != "" {
		t.Errorf("actions (-called in promotion/registry +iam-policy.json):\n%s", diff)
	}
	if policy.Version != "2012-10-17" {
		t.Errorf("version %s", policy.Version)
	}
}

// calledOfECR gives the actions whose inputs promotion/registry makes.
func calledOfECR(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../promotion/registry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, input := range regexp.MustCompile(`\becr\.(\w+)Input\{`).FindAllStringSubmatch(string(read(t, file)), -1) {
			if input[1] == "GetAuthorizationToken" {
				continue // asked for to see whether the credentials are taken: not being allowed to says that they are
			}
			called = append(called, "ecr:"+input[1])
		}
	}
	slices.Sort(called)
	return slices.Compact(called)
}

func TestTrustPolicyAsksForTheExternalID(t *testing.T) {
	var policy iamPolicy
	readJSON(t, "iam-trust-policy.json", &policy)
	if len(policy.Statement) != 1 || !slices.Equal(policy.Statement[0].Action, []string{"sts:AssumeRole"}) {
		t.Fatalf("%+v", policy)
	}
	external := policy.Statement[0].Condition["StringEquals"]["sts:ExternalId"]
	if external == "" {
		t.Error("no external id is asked for")
	}
	if settings := loadSettings(t); !slices.ContainsFunc(slices.Collect(maps.Values(settings.Roles)), func(role config.Role) bool {
		return role.ExternalID == external
	}) {
		t.Errorf("no role of settings.example.yml has the external id %q", external)
	}
}

type manifest struct {
	Name, Description, URL string
	HookAttributes         struct {
		URL    string
		Active bool
	} `json:"hook_attributes"`
	Public      bool
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

// table gives the rows of README.md's table with the heading: the first column, without its backquotes, to the second.
func table(t *testing.T, heading string) map[string]string {
	t.Helper()
	_, after, found := strings.Cut(string(read(t, "README.md")), "\n| "+heading+" |")
	if !found {
		t.Fatalf("README.md has no table with the heading %q", heading)
	}
	rows := map[string]string{}
	for line := range strings.Lines(after) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			if len(rows) > 0 {
				break
			}
			continue
		}
		if name := strings.TrimSpace(cells[1]); strings.HasPrefix(name, "`") {
			rows[strings.Trim(name, "`")] = strings.TrimSpace(cells[2])
		}
	}
	return rows
}

func TestManifestIsWhatTheReadmeSays(t *testing.T) {
	var app manifest
	readJSON(t, "app-manifest.json", &app)
	if diff := cmp.Diff(table(t, "permission | access | for"), app.Permissions); diff != "" {
		t.Errorf("permissions (-README.md +app-manifest.json):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(table(t, "event | for"))), app.Events); diff != "" {
		t.Errorf("events (-README.md +app-manifest.json):\n%s", diff)
	}
	want := map[string]string{
		"actions": "read", "attestations": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}
	if diff := cmp.Diff(want, app.Permissions); diff != "" {
		t.Errorf("permissions (-wanted +app-manifest.json):\n%s", diff)
	}
	if !app.HookAttributes.Active || !strings.HasSuffix(app.HookAttributes.URL, "/api/github/hook") {
		t.Errorf("webhook %+v", app.HookAttributes)
	}
	if app.Public {
		t.Error("a public app can be installed by anybody")
	}
}

// loadSettings loads the example with its secrets beside it and an empty environment.
func loadSettings(t *testing.T) config.Settings {
	t.Helper()
	example, err := filepath.Abs("settings.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("secrets", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"webhook-secret": "it's a secret", "private-key.pem": "-----BEGIN RSA PRIVATE KEY-----",
		"slack-default": "https://hooks.slack.com/services/default", "slack-ops": "https://hooks.slack.com/services/ops",
	} {
		if err := os.WriteFile(filepath.Join("secrets", name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := config.Load(example, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestExampleSettingsLoad(t *testing.T) {
	settings := loadSettings(t)
	if !settings.AppConfigured() || settings.GitHub.App.WebhookSecret != "it's a secret" {
		t.Error("the app is not configured")
	}
	shop := promotion.Repository{Owner: "acme", Name: "shop"}
	for registry, allowed := range map[string]bool{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api": true,
		"ghcr.io/acme/shop": true,
		"210987654321.dkr.ecr.eu-west-1.amazonaws.com/billing": false,
	} {
		repository, err := promotion.ParseRegistryRepository(registry)
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.Scope.Allows(shop, repository); got != allowed {
			t.Errorf("acme/shop may use %s: %v, wanted %v", registry, got, allowed)
		}
	}
	if diff := cmp.Diff(promotion.Floor{{Repositories: "acme/*", Environments: []string{"production"}, Approvals: 1, ForbidOverride: true}}, settings.Floor); diff != "" {
		t.Errorf("floor (-wanted +settings.example.yml):\n%s", diff)
	}
	role := settings.Roles["210987654321.dkr.ecr.eu-west-1.amazonaws.com"]
	if role.ARN == "" || role.ExternalID == "" {
		t.Errorf("role of the other account: %+v", role)
	}
	if got, want := slices.Sorted(maps.Keys(settings.Slack)), []string{"default", "ops"}; !slices.Equal(got, want) {
		t.Errorf("Slack webhooks %v, wanted %v", got, want)
	}
}

// What the example sets without need is the default, so that it can be read as documentation.
func TestExampleSettingsShowTheDefaults(t *testing.T) {
	example := loadSettings(t)
	defaults, err := config.Load("", func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][2]any{
		"addr":           {example.Addr, defaults.Addr},
		"metrics_addr":   {example.MetricsAddr, defaults.MetricsAddr},
		"database_url":   {example.DatabaseURL, defaults.DatabaseURL},
		"log_level":      {example.LogLevel, defaults.LogLevel},
		"workers":        {example.Workers, defaults.Workers},
		"lease":          {example.Lease, defaults.Lease},
		"shutdown_grace": {example.ShutdownGrace, defaults.ShutdownGrace},
		"drift_interval": {example.DriftInterval, defaults.DriftInterval},
		"artifact_limit": {example.ArtifactLimit, defaults.ArtifactLimit},
		"web_url":        {example.GitHub.WebURL, defaults.GitHub.WebURL},
		"v3_api_url":     {example.GitHub.V3APIURL, defaults.GitHub.V3APIURL},
	} {
		if values[0] != values[1] {
			t.Errorf("%s: the example has %v, the default is %v", name, values[0], values[1])
		}
	}
}

func TestPoliciesAreValid(t *testing.T) {
	for _, file := range []string{"verbatim.yml", "../.github/verbatim.yml"} {
		policy, err := config.ParsePolicy(file, read(t, file))
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		for _, stage := range policy.Stages {
			path := strings.Replace(stage.Workflow, ".github/workflows", "workflows", 1)
			if filepath.Dir(file) != "." {
				path = filepath.Join("..", stage.Workflow)
			}
			name, _, called := strings.Cut(strings.TrimSuffix(stage.Job, "*"), " / ")
			jobs, _ := readYAML(t, path)["jobs"].(map[string]any)
			job, found := jobs[name].(map[string]any)
			if !found {
				t.Errorf("%s: stage %s is bound to job %q, which %s has not", file, stage.Name, stage.Job, path)
			}
			if _, calls := job["uses"]; calls != called {
				t.Errorf("%s: stage %s is bound to job %q; calls another workflow: %v", file, stage.Name, stage.Job, calls)
			}
		}
	}
}

var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

func TestWorkflowsPinAndLimit(t *testing.T) {
	var files []string
	for _, pattern := range []string{"workflows/*.yml", "../.github/workflows/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		workflow := readYAML(t, file)
		if permissions, found := workflow["permissions"].(map[string]any); !found || len(permissions) > 0 {
			t.Errorf("%s: the workflow's own permissions are %v, wanted {}: each job names its own", file, workflow["permissions"])
		}
		jobs, _ := workflow["jobs"].(map[string]any)
		if len(jobs) == 0 {
			t.Errorf("%s has no jobs", file)
		}
		for name, value := range jobs {
			job, _ := value.(map[string]any)
			if job["permissions"] == nil {
				t.Errorf("%s: job %s names no permissions", file, name)
			}
			if job["timeout-minutes"] == nil && job["uses"] == nil {
				t.Errorf("%s: job %s has no time limit", file, name)
			}
			steps, _ := job["steps"].([]any)
			for _, value := range steps {
				step, _ := value.(map[string]any)
				if action, uses := step["uses"].(string); uses && !pinned.MatchString(action) {
					t.Errorf("%s: job %s uses %s: pin it by its full commit", file, name, action)
				}
				if script, runs := step["run"].(string); runs && strings.Contains(script, "${{") {
					t.Errorf("%s: job %s puts an expression into a script: pass it as a variable", file, name)
				}
			}
		}
	}
}

func TestComposeIsHardened(t *testing.T) {
	services, _ := readYAML(t, "compose.yml")["services"].(map[string]any)
	verbatim, found := services["verbatim"].(map[string]any)
	if !found {
		t.Fatal("no service verbatim")
	}
	if verbatim["read_only"] != true {
		t.Error("its files can be written")
	}
	if diff := cmp.Diff([]any{"ALL"}, verbatim["cap_drop"]); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"data:/data"}, verbatim["volumes"]); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"127.0.0.1:8080:8080"}, verbatim["ports"]); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}
