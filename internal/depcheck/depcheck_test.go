package depcheck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheHouseKeepsItsRule(t *testing.T) {
	packages, err := load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"cmd/verbatim", "server", "handlers", "config", "promotion", "promotion/ledger"} {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return p.path == room }) {
			t.Errorf("%s was not looked at: is it still there?", room)
		}
	}
	for _, v := range check(packages) {
		t.Error(v)
	}
}

func TestRules(t *testing.T) {
	const none = ""
	own := func(path string, imports ...string) pkg { return pkg{path: path, own: imports} }
	outside := func(path string, imports ...string) pkg { return pkg{path: path, outside: imports} }
	for name, test := range map[string]struct {
		give pkg
		want string // part of the only violation's text; none if it is allowed
	}{
		"the domain imports the standard library": {outside("promotion", "context", "crypto/sha256", "time"), none},
		"the domain imports an adapter":           {own("promotion", "promotion/ledger"), "promotion imports the standard library only"},
		"the domain imports config":               {own("promotion", "config"), "promotion imports the standard library only"},
		"the domain imports a library":            {outside("promotion", "golang.org/x/sync/errgroup"), "promotion imports the standard library only"},
		"the domain logs":                         {outside("promotion", "log/slog"), "promotion does not log"},
		"the domain imports the old logger":       {outside("promotion", "log"), "promotion does not log"},
		"the domain reaches HTTP":                 {pkg{path: "promotion", reaches: []string{"fmt", "net/http"}}, "promotion knows no SQL and no HTTP"},
		"the domain reaches SQL":                  {pkg{path: "promotion", reaches: []string{"database/sql"}}, "promotion knows no SQL and no HTTP"},
		"the domain has a struct tag":             {pkg{path: "promotion", tags: []string{"policy.go:3: `json:\"a\"`"}}, "promotion has no struct tags"},

		"an adapter imports the domain":           {own("promotion/forge", "promotion"), none},
		"an adapter imports what is below itself": {own("promotion/ledger", "promotion/ledger/migrations"), none},
		"an adapter imports another":              {own("promotion/report", "promotion/forge"), "an adapter imports promotion, never another adapter"},
		"an adapter of like name":                 {own("promotion/forge", "promotion/forger"), "an adapter imports promotion, never another adapter"},
		"an adapter's package imports another":    {own("promotion/ledger/sqlite", "promotion/registry"), "an adapter imports promotion, never another adapter"},
		"an adapter imports config":               {own("promotion/registry", "config"), "an adapter imports promotion, never another adapter"},
		"an adapter imports server":               {own("promotion/notify", "server"), "an adapter imports promotion, never another adapter"},
		"an adapter has struct tags":              {pkg{path: "promotion/forge", tags: []string{"runs.go:9: `json:\"id\"`"}}, none},
		"an adapter reaches HTTP":                 {pkg{path: "promotion/notify", outside: []string{"net/http"}, reaches: []string{"net/http"}}, none},

		"config imports the domain":     {own("config", "promotion"), none},
		"config imports an adapter":     {own("config", "promotion/registry"), "config imports promotion only"},
		"config imports server":         {own("config", "server"), "config imports promotion only"},
		"handlers import the domain":    {own("handlers", "promotion"), none},
		"handlers import an adapter":    {own("handlers", "promotion/forge"), "handlers import promotion only"},
		"handlers import config":        {own("handlers", "config"), "handlers import promotion only"},
		"server imports all below":      {own("server", "handlers", "config", "promotion", "promotion/ledger", "server/api"), none},
		"server imports a stand-in":     {own("server", "internal/githubtest"), "server imports handlers, config, adapters and promotion"},
		"server imports a command":      {own("server", "cmd/verbatim"), "server imports handlers, config, adapters and promotion"},
		"a command imports all below":   {own("cmd/verbatim", "server", "config", "handlers", "promotion", "internal/demo"), none},
		"a command imports a stand-in":  {own("cmd/verbatim", "internal/ecrtest"), "internal/demo as its only helper"},
		"a stand-in imports the domain": {own("internal/registrytest", "promotion", "internal/githubtest"), none},
		"a stand-in imports a command":  {own("internal/demo", "cmd/verbatim"), "what is internal imports no command"},
		"deploy imports the program":    {own("deploy", "config"), "deploy is files and their tests"},
		"a room that is not in the plan": {
			own("pkg/util", "promotion"), "the house has the rooms",
		},

		"forge speaks to GitHub":           {outside("promotion/forge", "github.com/google/go-github/v60/github"), none},
		"handlers know GitHub's events":    {outside("handlers", "github.com/google/go-github/v60/github", "github.com/palantir/go-githubapp/githubapp"), none},
		"a stand-in knows GitHub's events": {outside("internal/githubtest", "github.com/google/go-github/v60/github"), none},
		"report speaks to GitHub":          {outside("promotion/report", "github.com/google/go-github/v60/github"), "only promotion/forge, handlers and server speak to GitHub"},
		"config speaks to GitHub":          {outside("config", "github.com/google/go-github/v60/github"), "only promotion/forge, handlers and server speak to GitHub"},
		"config reads the app's settings":  {outside("config", "github.com/palantir/go-githubapp/githubapp"), none},
		"a command knows the app":          {outside("cmd/verbatim", "github.com/palantir/go-githubapp/githubapp"), "only promotion/forge, handlers, server and config know the app"},
		"a command speaks to GitHub":       {outside("cmd/verbatim", "github.com/google/go-github/v61/github"), "only promotion/forge, handlers and server speak to GitHub"},
		"registry speaks to AWS":           {outside("promotion/registry", "github.com/aws/aws-sdk-go-v2/service/ecr"), none},
		"the ECR stand-in knows AWS":       {outside("internal/ecrtest", "github.com/aws/aws-sdk-go-v2/service/ecr/types"), none},
		"server speaks to AWS":             {outside("server", "github.com/aws/aws-sdk-go-v2/config"), "only promotion/registry speaks to AWS"},
		"another stand-in knows AWS":       {outside("internal/demo", "github.com/aws/smithy-go"), "only promotion/registry speaks to AWS"},
		"registry speaks OCI":              {outside("promotion/registry", "github.com/google/go-containerregistry/pkg/v1/remote"), none},
		"evidence speaks OCI":              {outside("promotion/evidence", "github.com/google/go-containerregistry/pkg/name"), "only promotion/registry speaks to registries"},
		"evidence verifies attestations":   {outside("promotion/evidence/provenance", "github.com/sigstore/sigstore-go/pkg/verify"), none},
		"a stand-in makes attestations":    {outside("internal/attestationtest", "github.com/sigstore/sigstore-go/pkg/root"), none},
		"server verifies attestations":     {outside("server", "github.com/sigstore/sigstore-go/pkg/verify"), "only promotion/evidence verifies attestations"},
		"the ledger speaks SQL":            {outside("promotion/ledger", "database/sql", "github.com/pressly/goose/v3", "modernc.org/sqlite"), none},
		"server speaks SQL":                {outside("server", "database/sql"), "only promotion/ledger speaks SQL"},
		"forge knows SQL's types":          {outside("promotion/forge", "database/sql/driver"), "only promotion/ledger speaks SQL"},
		"handlers parse Markdown":          {outside("handlers", "github.com/yuin/goldmark/ast"), none},
		"report parses Markdown":           {outside("promotion/report", "github.com/yuin/goldmark"), "comments are parsed in handlers"},
		"the program contains a test":      {outside("server", "testing"), "the program contains no test code"},
		"the program contains a test's":    {outside("promotion/forge", "testing/fstest"), "the program contains no test code"},
		"the program contains a mock":      {outside("promotion/registry", "go.uber.org/mock/gomock"), "the program contains no test code"},
		"a stand-in helps tests":           {outside("internal/githubtest", "testing", "github.com/getkin/kin-openapi/openapi3"), none},
		"a library of like name":           {outside("server", "testingx.example/lib", "github.com/awslabs/goformation"), none},
	} {
		t.Run(name, func(t *testing.T) {
			found := check([]pkg{test.give})
			switch {
			case test.want == none && len(found) > 0:
				t.Errorf("it is allowed, but: %v", found)
			case test.want != none && len(found) != 1:
				t.Errorf("%d violations, 1 wanted (%s): %v", len(found), test.want, found)
			case test.want != none && !strings.Contains(found[0].String(), test.want):
				t.Errorf("violation %v\nwanted: %s", found[0], test.want)
			}
		})
	}
}

func TestViolationSaysWhatToDo(t *testing.T) {
	got := check([]pkg{{path: "promotion", own: []string{"promotion/ledger"}}})[0].String()
	want := `promotion imports promotion/ledger
  rule:    promotion imports the standard library only
  instead: declare a small interface in promotion (ports.go), implement it in an adapter, and let server pass it in`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// A whole module that breaks the rule in several ways: what load reads from disk reaches the rules.
func TestABrokenHouse(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module " + module + "\n\ngo 1.26\n",
		"promotion/domain.go": "package promotion\n\nimport (\n\t\"fmt\"\n\t\"log\"\n\t\"net/http/httputil\"\n\n\t\"" + module + "/promotion/ledger\"\n)\n\n" +
			"type Wire struct {\n\tA int `json:\"a\"`\n\tB struct {\n\t\tC int `json:\"c\"`\n\t}\n}\n\n" +
			"var _ = fmt.Sprint(log.Default(), httputil.ErrLineTooLong, ledger.Name)\n",
		"promotion/domain_test.go":   "package promotion\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { _ = struct{ A int `json:\"a\"` }{} }\n",
		"promotion/ledger/ledger.go": "package ledger\n\n// Name is a name.\nconst Name = \"ledger\"\n",
		"server/server.go":           "package server\n\nimport \"testing\"\n\nvar _ testing.TB\n",
		"server/server_test.go":      "package server\n\nimport _ \"" + module + "/internal/githubtest\"\n",
		"internal/githubtest/s.go":   "package githubtest\n",
		"deploy/deploy_test.go":      "package deploy\n\nimport _ \"" + module + "/promotion/ledger\"\n",
		".tools/ignored.go":          "package ignored\n\nimport _ \"" + module + "/server\"\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range check(packages) {
		got = append(got, v.importer+" imports "+v.imported)
	}
	slices.Sort(got)
	want := []string{
		"promotion imports a wire format by a struct tag: domain.go:12: `json:\"a\"`",
		"promotion imports a wire format by a struct tag: domain.go:14: `json:\"c\"`",
		"promotion imports log",
		"promotion imports net/http (if only through another package)",
		"promotion imports promotion/ledger",
		"server imports testing",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
