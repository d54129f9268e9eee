package handlers

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each file of testdata/command is a comment; the golden file beside it says which commands it holds.
func TestCommentsGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/command/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no comments to read: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			commands, tooMany := ParseComment(string(body))
			got, err := json.MarshalIndent(struct {
				TooMany  bool
				Commands []promotion.Command
			}{tooMany, commands}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".md") + ".golden"
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinesThatAreNoCommands(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a word before it":             "please /promote production",
		"white space before it":        " /promote production",
		"a fenced block":               "```\n/promote production\n```",
		"a fenced block, never closed": "~~~\n/promote production",
		"an indented block":            "text\n\n    /promote production",
		"a code span":                  "`/promote production`",
		"a code span over lines":       "a `code\n/promote production\nspan` here",
		"a quote":                      "> /promote production",
		"a quote that goes on lazily":  "> quoted\n/promote production",
		"an HTML comment":              "<!--\n/promote production\n-->",
		"an HTML comment in a line":    "text <!-- a\n/promote production\n--> text",
		"an HTML block":                "<div>\n/promote production\n</div>",
		"a link's text":                "[a\n/promote production](https://example.com)",
		"a link's title":               "[a](https://example.com \"b\n/promote production\n\")",
		"bold":                         "**/promote production**",
		"an entity":                    "&#47;promote production",
		"an escape":                    "\\/promote production",
		"a list":                       "- /promote production",
		"another word":                 "/prometheus is down",
		"a path":                       "/promote/api is the folder",
		"a full-width slash":           "／promote production",
		"a zero-width space before it": "\u200b/promote production",
		"another bot's command":        "/approve",
	} {
		if commands, _ := ParseComment(body); len(commands) > 0 {
			t.Errorf("%s: %q was taken for %+v", name, body, commands)
		}
	}
}

func TestLinesThatAreCommands(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"alone":                       "/promote production",
		"in capitals":                 "/PROMOTE Production",
		"after a paragraph's line":    "Looks good.\n/promote production",
		"after a list, lazily":        "- done\n/promote production",
		"with Windows line ends":      "Looks good.\r\n/promote production\r\n",
		"before an HTML comment":      "/promote production <!-- thanks -->",
		"with tabs":                   "/promote\tproduction",
		"after a closed code block":   "```\ncode\n```\n/promote production",
		"above a line of dashes":      "/promote production\n---",
		"quoted name":                 `/promote "production"`,
		"after a comment that closed": "<!-- note -->\n\n/promote production",
	} {
		commands, _ := ParseComment(body)
		if len(commands) != 1 || commands[0].Problem != "" || !cmp.Equal(commands[0].Names, []string{"production"}) {
			t.Errorf("%s: %q gave %+v", name, body, commands)
		}
	}
}

func TestTenThousandCommandsAreRefusedQuickly(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("/promote production\n", 10_000)
	commands, tooMany := ParseComment(body)
	if !tooMany || len(commands) != 1 {
		t.Errorf("got %d commands, too many %t", len(commands), tooMany)
	}
}

func FuzzParseComment(f *testing.F) {
	for _, seed := range []string{
		"/promote production api --sha 1a2b3c4 --reason \"why\"", "> /promote\n/promote", "```\n/rollback\n```\n/rollback --to sha256:0123456789ab",
		"/promtoe", "/promote override production --gates soaking,held --reason 'x'", "<!--\n/promote\n-->", "/promote —dry-run", "/promote \"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		commands, tooMany := ParseComment(body)
		if len(commands) > promotion.MaximumCommands || tooMany && len(commands) != 1 {
			t.Fatalf("%d commands, too many %t", len(commands), tooMany)
		}
		for _, command := range commands {
			if command.Problem == "" && command.Verb == "" {
				t.Errorf("%q: a command without a verb", command.Line)
			}
			lower := strings.ToLower(command.Line)
			if !strings.HasPrefix(lower, "/p") && !strings.HasPrefix(lower, "/r") {
				t.Errorf("%q does not begin with a command", command.Line)
			}
		}
	})
}

func BenchmarkParseComment(b *testing.B) {
	for name, body := range map[string]string{
		"none":      strings.Repeat("just some text\n", 4000),
		"one":       "/promote production",
		"ten":       strings.Repeat("/promote production\n", 10),
		"quotes":    strings.Repeat(">", 30_000) + "\n/promote",
		"brackets":  strings.Repeat("[", 30_000) + "\n/promote",
		"backticks": adversarialBackticks() + "\n/promote",
		"emphasis":  strings.Repeat("*a_", 15_000) + "\n/promote",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ParseComment(body)
			}
		})
	}
}

func adversarialBackticks() string {
	var text strings.Builder
	for i := 1; text.Len() < 60_000; i++ {
		text.WriteString("e" + strings.Repeat("`", i))
	}
	return text.String()
}
