package depcheck

import (
	"fmt"
	"slices"
	"strings"
)

// module is the import path of the whole.
const module = "github.com/verbatim-dev/verbatim"

// pkg is one package of the module. Paths of the module's own packages are relative to it: "promotion/ledger".
type pkg struct {
	path    string
	own     []string // the module's packages that it imports
	outside []string // every other package that it imports, the standard library's too
	reaches []string // the standard library's packages that it imports, directly or not
	tags    []string // positions of struct tags
}

// violation says who imports what, against which rule, and what to do instead.
type violation struct {
	importer, imported string
	rule, instead      string
}

func (v violation) String() string {
	return fmt.Sprintf("%s imports %s\n  rule:    %s\n  instead: %s", v.importer, v.imported, v.rule, v.instead)
}

// room is a part of the house: a folder and all below it, or (shallow) that folder's package alone.
type room struct {
	folder  string
	shallow bool
}

func (r room) has(path string) bool {
	return path == r.folder || !r.shallow && strings.HasPrefix(path, r.folder+"/")
}

func hasAny(rooms []room, path string) bool {
	return slices.ContainsFunc(rooms, func(r room) bool { return r.has(path) })
}

var (
	domain   = room{folder: "promotion", shallow: true}
	adapters = room{folder: "promotion"} // asked after domain
	settings = room{folder: "config"}
	handlers = room{folder: "handlers"}
	server   = room{folder: "server"}
	commands = room{folder: "cmd"}
	support  = room{folder: "internal"}
	demo     = room{folder: "internal/demo"}
	checking = room{folder: "internal/selfcheck"}
	files    = room{folder: "deploy"}
)

// below gives the rooms that a package may import from besides its own folder, and the sentence that says so.
func below(path string) (allowed []room, rule, instead string) {
	switch {
	case domain.has(path):
		return nil,
			"promotion imports the standard library only",
			"declare a small interface in promotion (ports.go), implement it in an adapter, and let server pass it in"
	case adapters.has(path):
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "promotion/"), "/")
		return []room{domain, {folder: "promotion/" + name}},
			"an adapter imports promotion, never another adapter or a room above",
			"move what is shared into promotion, or take it as an argument and let server pass it in"
	case settings.has(path):
		return []room{domain, settings},
			"config imports promotion only",
			"keep config to decoding and checking; what acts on it belongs into server"
	case handlers.has(path):
		return []room{domain, handlers},
			"handlers import promotion only",
			"declare a small interface in handlers, and let server pass the implementation in"
	case server.has(path):
		return []room{adapters, settings, handlers, server, checking},
			"server imports handlers, config, adapters and promotion",
			"move what is needed into server or a room below it; test support stays in tests"
	case commands.has(path):
		return []room{adapters, settings, handlers, server, commands, demo, checking},
			"a command imports the rooms below it, and internal/demo as its only helper of internal",
			"move what is needed into a room below; stand-ins are for tests and the demo"
	case checking.has(path):
		return []room{adapters, checking},
			"internal/selfcheck imports adapters and promotion",
			"pass what it needs to know of the settings in"
	case support.has(path):
		return []room{adapters, settings, handlers, server, support},
			"what is internal imports no command",
			"move what is needed out of the command"
	case files.has(path):
		return nil,
			"deploy is files and their tests",
			"put the code into a room of its own kind"
	default:
		return nil,
			"the house has the rooms cmd, server, handlers, promotion, config, deploy and internal",
			"put the package into one of them"
	}
}

// library is an outside package, or a family of them, with the rooms that it may be imported in.
type library struct {
	prefixes []string
	rooms    []room
	rule     string
	instead  string
}

var libraries = []library{
	{
		prefixes: []string{"github.com/google/go-github"},
		rooms:    []room{{folder: "promotion/forge"}, handlers, server, support},
		rule:     "only promotion/forge, handlers and server speak to GitHub",
		instead:  "ask through a port of promotion, which promotion/forge implements",
	},
	{
		prefixes: []string{"github.com/palantir/go-githubapp"},
		rooms:    []room{{folder: "promotion/forge"}, handlers, server, settings, support}, // config: its settings are go-githubapp's
		rule:     "only promotion/forge, handlers, server and config know the app",
		instead:  "ask through a port of promotion, which promotion/forge implements",
	},
	{
		prefixes: []string{"github.com/aws/"},
		rooms:    []room{{folder: "promotion/registry"}, {folder: "internal/ecrtest"}},
		rule:     "only promotion/registry speaks to AWS",
		instead:  "ask through a port of promotion, which promotion/registry implements",
	},
	{
		prefixes: []string{"github.com/google/go-containerregistry"},
		rooms:    []room{{folder: "promotion/registry"}, support},
		rule:     "only promotion/registry speaks to registries",
		instead:  "ask through a port of promotion, which promotion/registry implements",
	},
	{
		prefixes: []string{"github.com/sigstore/", "github.com/theupdateframework/", "github.com/digitorus/timestamp"},
		rooms:    []room{{folder: "promotion/evidence"}, {folder: "internal/attestationtest"}},
		rule:     "only promotion/evidence verifies attestations",
		instead:  "ask through a port of promotion, which promotion/evidence implements",
	},
	{
		prefixes: []string{"database/sql", "github.com/jackc/pgx", "github.com/pressly/goose", "modernc.org/sqlite"},
		rooms:    []room{{folder: "promotion/ledger"}, {folder: "internal/postgrestest"}},
		rule:     "only promotion/ledger speaks SQL",
		instead:  "ask through a port of promotion, which promotion/ledger implements",
	},
	{
		prefixes: []string{"github.com/yuin/goldmark"},
		rooms:    []room{handlers},
		rule:     "comments are parsed in handlers, once",
		instead:  "pass the parsed command on",
	},
	{
		prefixes: []string{
			"testing", "github.com/getkin/kin-openapi", "github.com/google/go-cmp", "github.com/rogpeppe/go-internal",
			"go.uber.org/mock", "pgregory.net/rapid",
		},
		rooms:   []room{support},
		rule:    "the program contains no test code",
		instead: "move it into a _test.go file or below internal",
	},
}

// shunned are packages of the standard library that the domain may not even reach.
var shunned = []string{"database/sql", "net/http"}

// loggers are those it may not import itself.
var loggers = []string{"log", "log/slog", "log/syslog"}

// check gives every violation among the packages, in their order.
func check(packages []pkg) []violation {
	var found []violation
	for _, p := range packages {
		allowed, rule, instead := below(p.path)
		for _, imported := range p.own {
			if !hasAny(allowed, imported) {
				found = append(found, violation{p.path, imported, rule, instead})
			}
		}
		for _, imported := range p.outside {
			for _, l := range libraries {
				if slices.ContainsFunc(l.prefixes, func(prefix string) bool { return within(imported, prefix) }) && !hasAny(l.rooms, p.path) {
					found = append(found, violation{p.path, imported, l.rule, l.instead})
				}
			}
			if domain.has(p.path) && !standard(imported) {
				found = append(found, violation{p.path, imported, rule, instead})
			}
			if domain.has(p.path) && slices.Contains(loggers, imported) {
				found = append(found, violation{
					p.path, imported, "promotion does not log", "return what happened, and let the caller log it",
				})
			}
		}
		if domain.has(p.path) {
			for _, reached := range p.reaches {
				if slices.Contains(shunned, reached) {
					found = append(found, violation{
						p.path, reached + " (if only through another package)", "promotion knows no SQL and no HTTP", instead,
					})
				}
			}
			for _, position := range p.tags {
				found = append(found, violation{
					p.path, "a wire format by a struct tag: " + position, "promotion has no struct tags",
					"decode into a type of the adapter or of config, and make the domain's value from it",
				})
			}
		}
	}
	return found
}

// within says whether the import path is the prefix, or below it; a prefix that ends in a slash is only above.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

// standard says whether the import path is one of the standard library: no dot in its first element.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
