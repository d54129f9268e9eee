package handlers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Each .txt file of testdata/command is a comment; the .golden file beside it says which commands it holds.
func TestCommentsGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/command/*.txt")
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
			golden(t, strings.TrimSuffix(file, ".txt")+".golden", printed(commands, tooMany))
		})
	}
}

// printed writes commands for people.
func printed(commands []promotion.Command, tooMany bool) string {
	var text strings.Builder
	if tooMany {
		text.WriteString("too many commands; the first:\n\n")
	}
	if len(commands) == 0 {
		text.WriteString("no commands\n")
	}
	for i, command := range commands {
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "line:       %s\n", command.Line)
		if command.Problem != "" {
			fmt.Fprintf(&text, "verb:       %s\nproblem:    %s\nsuggestion: %s\n", command.Verb, command.Problem, command.Suggestion)
		} else {
			fmt.Fprintf(&text, "reads as:   %s\n", FormatCommand(command))
		}
	}
	return text.String()
}

func TestLinesThatAreNoCommands(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":                           "",
		"a word before it":                  "please /promote production",
		"white space before it":             " /promote production",
		"three spaces before it":            "text\n   /promote production",
		"a tab before it":                   "text\n\t/promote production",
		"a no-break space before it":        "\u00a0/promote production",
		"a zero-width space before it":      "\u200b/promote production",
		"a byte order mark before it":       "\ufeff/promote production",
		"a fenced block":                    "```\n/promote production\n```",
		"a fenced block of tildes":          "~~~\n/promote production\n~~~",
		"a fenced block, never closed":      "~~~\n/promote production",
		"a fence that is too short":         "````\n```\n/promote production\n````",
		"a fence of the other kind":         "~~~\n```\n/promote production\n~~~",
		"a fence with an info string":       "```sh title=a\n/promote production\n```",
		"an indented block":                 "text\n\n    /promote production",
		"a code span":                       "`/promote production`",
		"a code span over lines":            "a `code\n/promote production\nspan` here",
		"a code span of two backticks":      "a ``code `\n/promote production\nspan`` here",
		"a quote":                           "> /promote production",
		"a quote that goes on lazily":       "> quoted\n/promote production",
		"a quote in a list, lazily":         "- > quoted\n/promote production",
		"a quote in a quote, lazily":        "> > quoted\n/promote production",
		"an alert":                          "> [!NOTE]\n> /promote production",
		"an HTML comment":                   "<!--\n/promote production\n-->",
		"an HTML comment with a blank line": "<!--\n\n/promote production\n\n-->",
		"an HTML comment, never closed":     "<!--\n\n/promote production",
		"an HTML comment in a paragraph":    "text <!-- a\n/promote production\n--> text",
		"an HTML block":                     "<div>\n/promote production\n</div>",
		"HTML that is preformatted":         "<pre>\n\n/promote production\n\n</pre>",
		"a script":                          "<script>\n\n/promote production\n\n</script>",
		"a tag's attribute":                 "a <a title=\"\n/promote production\n\">b</a>",
		"HTML with a tab in its tag":        "<div\tclass=a\n/promote production",
		"HTML with a tab behind it":         "<x>\t\n/promote production",
		"a closing tag on its own":          "</pre>\n/promote production",
		"a declaration in small letters":    "<!doctype html\n/promote production",
		"such a declaration in a paragraph": "a <!doctype\n/promote production\nb> c",
		"a tag with a garbled attribute":    "a <a b=\"\f\n/promote production\n\">",
		"a tag with a replaced attribute":   "a <a b=\"\ufffd\n/promote production\n\">",
		"a processing instruction":          "a <?php\n/promote production\n?> b",
		"a CDATA section":                   "a <![CDATA[\n/promote production\n]]> b",
		"a link's text":                     "[a\n/promote production](https://example.com)",
		"a link's title":                    "[a](https://example.com \"b\n/promote production\n\")",
		"a reference's destination":         "[a]:\n/promote\n",
		"a reference's title":               "[a]: b '\n/promote production\n'",
		"an image's text":                   "![a\n/promote production](https://example.com/a.png)",
		"bold":                              "**/promote production**",
		"a heading":                         "# /promote production",
		"an entity":                         "&#47;promote production",
		"a named entity":                    "&sol;promote production",
		"an escape":                         "\\/promote production",
		"a list":                            "- /promote production",
		"a list's second line":              "- a\n  /promote production",
		"a numbered list":                   "1. /promote production",
		"a table's cell":                    "| /promote production |",
		"a full-width slash":                "／promote production",
		"full-width letters":                "/ｐｒｏｍｏｔｅ production",
		"a letter that folds to k":          "/rollbac\u212a production",
		"a NUL in the word":                 "/pro\x00mote production",
		"a NUL behind the word":             "/promote\x00production",
		"a Unicode line end":                "text\u2028/promote production",
		"a vertical tab for a line end":     "text\v/promote production",
		"a form feed is no blank line":      "> quoted\n\f\n/promote production",
		"invalid UTF-8 before it":           "\xff/promote production",
		"another bot's command":             "/approve",
		"only a slash":                      "/",
		"more than a comment can have":      "/promote\n" + strings.Repeat("a", 4*70_000),
		"more characters than it can have":  "/promote\n" + strings.Repeat("a", 70_000),
	} {
		if commands, _ := ParseComment(body); len(commands) > 0 {
			t.Errorf("%s: %q was taken for %+v", name, body[:min(len(body), 200)], commands)
		}
	}
}

func TestLinesThatAreCommands(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"alone":                                   "/promote production",
		"in capitals":                             "/PROMOTE Production",
		"after a paragraph's line":                "Looks good.\n/promote production",
		"after a hard line break":                 "Looks good.  \n/promote production",
		"after a backslash's line break":          "Looks good.\\\n/promote production",
		"after a list, lazily":                    "- done\n/promote production",
		"with Windows line ends":                  "Looks good.\r\n/promote production\r\n",
		"with old line ends":                      "Looks good.\r/promote production\r",
		"before an HTML comment":                  "/promote production <!-- thanks -->",
		"before an HTML comment of lines":         "/promote production <!-- thanks\nfor all -->",
		"with an HTML comment in it":              "/promote <!-- the --> production",
		"with tabs":                               "/promote\tproduction",
		"with a no-break space":                   "/promote\u00a0production",
		"with an ideographic space":               "/promote\u3000production",
		"with white space behind it":              "/promote production \t\u00a0",
		"after a closed code block":               "```\ncode\n```\n/promote production",
		"above a line of dashes":                  "/promote production\n---",
		"quoted name":                             `/promote "production"`,
		"after a comment that closed":             "<!-- note -->\n\n/promote production",
		"right after a comment that closed":       "<!-- note -->\n/promote production",
		"after a quote and a blank line":          "> quoted\n\n/promote production",
		"after an empty quote":                    ">\n/promote production",
		"after a quoted fence":                    "> ```\n/promote production",
		"after a quoted heading":                  "> # quoted\n/promote production",
		"after backticks that do not close":       "a ` b\n/promote production",
		"after escaped backticks":                 "a \\` b\n/promote production",
		"before backticks":                        "/promote production\n`code`",
		"after a bracket that does not close":     "a [b\n/promote production",
		"after a comment that never closes":       "a <!-- b\n/promote production",
		"after a reference":                       "[a]: https://example.com\n/promote production",
		"in details, after a blank line":          "<details>\n\n/promote production\n\n</details>",
		"after a line of invalid UTF-8":           "\xff\n/promote production",
		"below what looks like a table":           "| a |\n|---|\n/promote production",
		"after a declaration that does not close": "a <!doctype\n/promote production",
		"after many blank lines":                  "- a\n" + strings.Repeat(" \n", 1000) + "/promote production",
		"in emphasis":                             "*a\n/promote production\nb*",
		"many characters, many bytes":             "/promote production\n" + strings.Repeat("é", 65_000),
	} {
		commands, _ := ParseComment(body)
		if len(commands) != 1 || commands[0].Problem != "" || !cmp.Equal(commands[0].Names, []string{"production"}) {
			t.Errorf("%s: %q gave %+v", name, body[:min(len(body), 200)], commands)
		}
	}
}

// What is suggested is understood, or has a placeholder, or asks for help; and it never does more than what was typed:
// nothing is suggested from which a --dry-run was lost, but where its author switched it off.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"/promtoe production": "/promote production",
		"/PROMTOE Production --dryrun —reason “so it is”":             "/promote Production --dry-run --reason “so it is”",
		"/promote production --dryrun=yes":                            "/promote production --dry-run",
		"/promote production --dry-run=off":                           "/promote production",
		"/promote production --sha lates":                             "/promote production --sha latest",
		"/promote production --sha":                                   "/promote production --sha <commit>",
		"/promote production --reason --dry-run":                      `/promote production --reason "<why>" --dry-run`,
		"/promote production --reason \"a --dry-run":                  helpLine,
		"/promote production --reason \"a —dry-run":                   helpLine,
		"/promote --reason hotfix production":                         `/promote --reason "hotfix production"`,
		"/promote production status":                                  "/promote status production",
		"/promote override --gates soaking,,held --reason now":        `/promote override --gates soaking,held --reason now`,
		"/promote production --to 1a2b3c4":                            helpLine,
		"/promote --bogus":                                            helpLine,
		"/promtoe --bogus":                                            helpLine,
		"/promote production --reason \"" + strings.Repeat("a", 1000): helpLine,
	} {
		commands, _ := ParseComment(line)
		if len(commands) != 1 || commands[0].Problem == "" || commands[0].Suggestion != want {
			t.Errorf("%q: got %+v, want the suggestion %q", line, commands, want)
			continue
		}
		if again, _ := ParseComment(want); !strings.Contains(want, "<") && again[0].Problem != "" {
			t.Errorf("%q: the suggestion %q is not understood: %s", line, want, again[0].Problem)
		}
	}
}

func TestMaximumCommands(t *testing.T) {
	t.Parallel()
	const line = "/promote production\n"
	for count, wantTooMany := range map[int]bool{1: false, 10: false, 11: true, 10_000: true} {
		body := strings.Repeat(line, count)[:min(count*len(line), 65_536)]
		commands, tooMany := ParseComment(body)
		if tooMany != wantTooMany || !tooMany && len(commands) != count || tooMany && len(commands) != 1 {
			t.Errorf("%d: got %d commands, too many %t", count, len(commands), tooMany)
		}
	}
}

// A command that is not understood has nothing in it that could be acted on.
func TestProblemsCarryNothing(t *testing.T) {
	t.Parallel()
	commands, _ := ParseComment(`/promote production api --sha 1a2b3c4 --reason "why" --dry-run --nope`)
	want := promotion.Command{Line: commands[0].Line, Verb: promotion.VerbPromote, Problem: commands[0].Problem, Suggestion: helpLine}
	if diff := cmp.Diff([]promotion.Command{want}, commands); diff != "" || want.Problem == "" {
		t.Error(diff)
	}
}

// anyCommand draws a command that the grammar has.
func anyCommand() *rapid.Generator[promotion.Command] {
	verbs := []promotion.Verb{
		promotion.VerbPromote, promotion.VerbStatus, promotion.VerbHelp, promotion.VerbApprove, promotion.VerbRollback,
		promotion.VerbHold, promotion.VerbResume, promotion.VerbCancel, promotion.VerbOverride,
	}
	name := rapid.StringMatching(`[a-z0-9][a-z0-9._/-]{0,20}`).Filter(func(name string) bool { return !isVerb(promotion.Verb(name)) })
	// What is in a reason may be anything that a line of a comment keeps as it is: no HTML comment, no line end.
	character := rapid.Rune().Filter(func(r rune) bool { return r != '<' && r != utf8.RuneError && (unicode.IsPrint(r) || r == '\t') })
	reason := rapid.StringOfN(character, 1, maximumReason, -1).Filter(func(reason string) bool { return strings.TrimSpace(reason) != "" })
	return rapid.Custom(func(t *rapid.T) promotion.Command {
		command := promotion.Command{Verb: rapid.SampledFrom(verbs).Draw(t, "verb")}
		command.Names = rapid.SliceOfN(name, 0, min(maximumNames[command.Verb], 6)).Draw(t, "names")
		has := func(flag string) bool {
			found, _ := flagNamed(flag, command.Verb)
			needed := command.Verb == promotion.VerbOverride
			return slices.Contains(found.verbs, command.Verb) && (needed || rapid.Bool().Draw(t, flag))
		}
		command.DryRun, command.WhenVerified, command.PullRequest = has("dry-run"), has("when-verified"), has("pull-request")
		if has("sha") {
			command.SHA = rapid.StringMatching(`latest|[0-9a-f]{7,64}`).Draw(t, "sha value")
		}
		if has("to") {
			command.To = rapid.StringMatching(`[0-9a-f]{7,64}|sha256:[0-9a-f]{12,64}`).Draw(t, "to value")
		}
		if has("reason") {
			command.Reason = reason.Draw(t, "reason value")
		}
		if has("gates") {
			for _, gate := range rapid.SliceOfNDistinct(rapid.SampledFrom(promotion.Reasons()), 1, 5, rapid.ID).Draw(t, "gates value") {
				command.Gates = append(command.Gates, string(gate))
			}
		}
		return command
	})
}

func TestFormattedCommandsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyCommand().Draw(t, "command")
		line := FormatCommand(want)
		commands, _ := ParseComment("A comment.\n" + line + "\n\nIts end.")
		if len(commands) != 1 {
			t.Fatalf("%q gave %d commands", line, len(commands))
		}
		got := commands[0]
		got.Line = ""
		if len(want.Names) == 0 {
			want.Names = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", line, diff)
		}
	})
}

// Code, quotes and HTML hide whatever command is in them.
func TestHiddenCommandsAreNotRead(t *testing.T) {
	t.Parallel()
	hidden := []func(string) string{
		func(line string) string { return "> text\n" + line },
		func(line string) string { return "> " + line },
		func(line string) string { return "````\n" + line + "\n````" },
		func(line string) string { return "~~~\n" + line },
		func(line string) string { return "    " + line },
		func(line string) string { return "<div>\n" + line + "\n</div>" },
	}
	rapid.Check(t, func(t *rapid.T) {
		line := FormatCommand(anyCommand().Draw(t, "command"))
		body := rapid.SampledFrom(hidden).Draw(t, "hidden")(line)
		if commands, _ := ParseComment(body); len(commands) > 0 {
			t.Fatalf("%q was taken for %+v", body, commands)
		}
	})
}

func FuzzParseComment(f *testing.F) {
	files, err := filepath.Glob("testdata/command/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	for _, seed := range []string{"/promote \"", "/rollback --to=", "> a\r/promote", "/promote —", "/promote --reason=“", "/promote <!-- -->", "`\n/promote\n``"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		commands, tooMany := ParseComment(body)
		if len(commands) > promotion.MaximumCommands || tooMany && len(commands) != 1 {
			t.Fatalf("%d commands, too many %t", len(commands), tooMany)
		}
		again, tooManyAgain := ParseComment(body)
		if !cmp.Equal(commands, again) || tooMany != tooManyAgain {
			t.Fatalf("two readings differ: %+v and %+v", commands, again)
		}
		lines := "\n" + normalised(body)
		for _, command := range commands {
			checkCommand(t, lines, command)
		}
	})
}

func checkCommand(t *testing.T, lines string, command promotion.Command) {
	t.Helper()
	if !strings.Contains(lines, "\n"+strings.TrimSuffix(command.Line, "…")) {
		t.Errorf("%q is no line of the comment", command.Line)
	}
	if utf8.RuneCountInString(command.Line) > maximumLine || len(command.Suggestion) > maximumCorrection || len(command.Problem) > 2000 {
		t.Errorf("%q is not bounded: %d, %d", command.Line, len(command.Problem), len(command.Suggestion))
	}
	if !isVerb(command.Verb) || strings.ContainsAny(command.Line+command.Suggestion+command.Reason, "\n\r") {
		t.Errorf("%+v has no verb, or several lines", command)
	}
	if command.Problem == "" {
		read, wrong := readLine(FormatCommand(command))
		read.Line = command.Line
		if wrong != nil || !cmp.Equal(read, command) {
			t.Errorf("%+v was written as %q and read as %+v, %+v", command, FormatCommand(command), read, wrong)
		}
		return
	}
	if !cmp.Equal(command, promotion.Command{Line: command.Line, Verb: command.Verb, Problem: command.Problem, Suggestion: command.Suggestion}) {
		t.Errorf("%+v is not understood, and carries something to act on", command)
	}
}

// adversarial are comments of GitHub's greatest length that are slow to parse, each with a command at its end.
func adversarial() map[string]string {
	const length = 65_000
	repeated := func(text string) string { return strings.Repeat(text, length/len(text)) + "\n\n/promote production" }
	var backticks, nested strings.Builder
	for i := 1; backticks.Len() < length; i++ {
		backticks.WriteString("e" + strings.Repeat("`", i))
	}
	for i := 0; nested.Len() < length; i++ {
		nested.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return map[string]string{
		"none":               strings.Repeat("just some text\n", length/15),
		"one":                "/promote production",
		"ten":                strings.Repeat("/promote production\n", 10),
		"10000 commands":     strings.Repeat("/promote production\n", 10_000)[:length],
		"10000 bare":         strings.Repeat("/promote\n", 7_000),
		"prose":              repeated("Some *text* with `code` and a [link](https://example.com).\n"),
		"quotes":             strings.Repeat(">", 30_000) + "\n\n/promote production",
		"quotes, few":        strings.Repeat(">", 64) + " a\n" + repeated("a\n"),
		"quotes, each line":  repeated(strings.Repeat(">", 64) + "a\n"),
		"lists, each line":   repeated(strings.Repeat("- ", 64) + "a\n"),
		"lists, blank lines": strings.Repeat("- ", 64) + "a\n" + repeated("\n"),
		"lists, indented":    nested.String() + "\n\n/promote production",
		"brackets":           strings.Repeat("[", 30_000) + "\n\n/promote production",
		"bracket pairs":      repeated("[]"),
		"brackets closed":    strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "\n\n/promote production",
		"images":             repeated("!["),
		"links, open":        repeated("[a](b"),
		"links, titles":      repeated("[a](b \""),
		"links, pointed":     repeated("[a](<b"),
		"links":              repeated("[a](b)"),
		"references":         repeated("[a]: b\n"),
		"references, open":   repeated("[a]: b 'c\n"),
		"backticks":          backticks.String() + "\n\n/promote production",
		"backticks, escaped": repeated("a\\`` "),
		"emphasis":           repeated("*a_ "),
		"comments, open":     repeated("a<!-- b"),
		"comments":           repeated("a<!-- b -->"),
		"instructions, open": repeated("a<?"),
		"declarations, open": repeated("a<!A"),
		"tags, open":         repeated("<a b='"),
		"tags, attributes":   "<a" + repeated(" b"),
		"tags":               repeated("<a>"),
		"autolinks":          repeated("a<https://a"),
		"mail":               repeated("<a@a"),
		"words":              "/promote" + strings.Repeat(" a", 32_000),
		"flags":              "/promote" + strings.Repeat(" —dryrun", 6_000),
		"gates":              "/promote override --gates " + strings.Repeat("a,", 32_000),
		"escaped quotes":     `/promote --reason "` + strings.Repeat(`\"`, 32_000),
		"near misses":        strings.Repeat("/promot\n", 8_000),
		"slashes":            strings.Repeat("/", length),
		"slash lines":        strings.Repeat("/\n", length/2),
	}
}

// A command behind hostile text is read, or refused with a reason.
func TestHostileCommentsAreAnswered(t *testing.T) {
	t.Parallel()
	for name, body := range adversarial() {
		if !strings.HasSuffix(body, "\n\n/promote production") {
			continue
		}
		commands, _ := ParseComment(body)
		if len(commands) != 1 || commands[0].Line != "/promote production" || commands[0].Problem != "" && commands[0].Suggestion != "/promote production" {
			t.Errorf("%s: got %+v", name, commands)
		}
	}
}

func BenchmarkParseComment(b *testing.B) {
	for name, body := range adversarial() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ParseComment(body)
			}
		})
	}
}
