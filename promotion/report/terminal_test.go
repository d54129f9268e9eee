package report_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/verbatim-dev/verbatim/promotion/report"
)

func TestTerminalGolden(t *testing.T) {
	t.Parallel()
	all := answers()
	for _, name := range []string{"promoted", "refused", "several_commands", "help", "invalid"} {
		golden(t, "terminal_"+name, report.Terminal(report.Reply(all[name], key))+"\n")
	}
}

func TestTerminalsGetNoControlCharacters(t *testing.T) {
	t.Parallel()
	for name, word := range hostileWords() {
		for _, of := range answers() {
			shown := report.Terminal(report.Reply(with(of, word), key))
			if at := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }); at >= 0 {
				t.Errorf("%s: %q", name, shown[at:min(len(shown), at+20)])
			}
		}
	}
}

// A word is shown as it was before it was escaped.
func TestTerminalsShowWords(t *testing.T) {
	t.Parallel()
	for _, word := range []string{
		"api", "a_b", "a|b", `a\b`, `a\_b`, `\`, "**a**", "[a](b)", "<b>", "a `b` c", "1. a", "# a", "<sub>", "~~a~~", "@a", "#7", "a*", "https://example.com/a",
	} {
		for _, markdown := range []string{report.Text(word), report.Code(word), "**" + report.Text(word) + "**", report.Link(report.Text(word), pages)} {
			if shown := report.Terminal(markdown); shown != word {
				t.Errorf("%q as %s is shown as %q", word, markdown, shown)
			}
		}
	}
}
