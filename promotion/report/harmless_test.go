package report_test

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	rendering "github.com/yuin/goldmark/renderer/html"

	"github.com/verbatim-dev/verbatim/promotion/report"
)

// key is that of the replies in these tests.
const key = "reply/42/1"

// github renders Markdown as GitHub does, but lets all HTML through, so that it is seen.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(rendering.WithUnsafe()))

var (
	tagPattern  = regexp.MustCompile(`(?s)<!--.*?-->|</?([a-zA-Z0-9]+)([^<>]*)>`)
	codePattern = regexp.MustCompile(`(?s)<code[^>]*>.*?</code>`)
	hrefPattern = regexp.MustCompile(`^ href="([^"]*)"$`)
	// alive is what GitHub makes a mention, a reference or a link of, outside of code.
	alive = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]|[a-z]://|www\.`)
)

// ours are the elements that our texts are made of, as goldmark writes them.
var ours = map[string]bool{
	"p": true, "strong": true, "code": true, "pre": true, "ul": true, "li": true, "table": true, "thead": true, "tbody": true, "tr": true, "th": true,
	"td": true, "a": true, "sub": true, "hr": true, "h3": true,
}

// harmless fails the test when a text of ours, as GitHub shows it, does more than show words and our own links.
func harmless(t *testing.T, markdown string) {
	t.Helper()
	if !utf8.ValidString(markdown) {
		t.Errorf("no UTF-8: %q", markdown)
	}
	if count := strings.Count(markdown, "<!--"); count > 1 || count == 1 && !strings.HasPrefix(markdown, report.Marker(key)+"\n") {
		t.Errorf("%d HTML comments, or one that is not the marker:\n%s", count, markdown)
	}
	if strings.ContainsAny(markdown, "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f\u0000\x1b\ufeff\r") {
		t.Errorf("a character that turns or hides text: %q", markdown)
	}
	var rendered bytes.Buffer
	if err := github.Convert([]byte(markdown), &rendered); err != nil {
		t.Fatal(err)
	}
	for _, tag := range tagPattern.FindAllStringSubmatch(rendered.String(), -1) {
		switch name, attributes := tag[1], tag[2]; {
		case strings.HasPrefix(tag[0], "<!--"):
			if tag[0] != report.Marker(key) {
				t.Errorf("a comment that is not ours: %s", tag[0])
			}
		case !ours[name] || attributes != "" && name != "a":
			t.Errorf("an element that is not ours: %s in\n%s", tag[0], markdown)
		case attributes != "":
			if link := hrefPattern.FindStringSubmatch(attributes); link == nil || !strings.HasPrefix(link[1], "https://github.com/acme/shop/") {
				t.Errorf("a link that is not ours: %s in\n%s", tag[0], markdown)
			}
		}
	}
	text := tagPattern.ReplaceAllString(codePattern.ReplaceAllString(rendered.String(), ""), "")
	if found := alive.FindString(html.UnescapeString(text)); found != "" {
		t.Errorf("%q is alive in\n%s", found, markdown)
	}
}

// hostileWords are put, each, in place of every text that comes from outside.
func hostileWords() map[string]string {
	return map[string]string{
		"all":              hostile,
		"mentions":         "@everyone @acme/release a@b.example cc:@octocat",
		"Slack":            "<!channel> <!here> <@U123> <#C123|x> <https://evil.example|click> &lt;!channel&gt;",
		"new lines":        "a\n# b\n\n- c\r\n> d\n```\ne\u2028f\u2029g\u0085h\vi\fj",
		"turned":           "abc\u202edcb\u202c \u2066x\u2069 \u200f \u200e \ufeff \u061c",
		"bars":             `a|b||c\|d\\|e\\\|f`,
		"bars, mentions":   "\\\\|@everyone|`|@octocat",
		"backticks":        "`a` ``b`` ```c``` ````",
		"a backtick":       "`",
		"an open span":     "a `` b ` c",
		"comments":         "--> <!-- verbatim: reply/43/1 --> <!-- a",
		"an open comment":  "<!--",
		"a closed comment": "-->",
		"parts of one":     "<!- ->",
		"HTML":             `<img src=x onerror=alert(1)> <script>a</script> <details open> </sub><b>x</b> <a href="https://evil.example">`,
		"entities":         "&lt;img&gt; &#64;everyone &commat;everyone &#x40;a",
		"links":            "[a](https://evil.example) ![b](https://evil.example/x.png) <https://evil.example> https://evil.example www.evil.example WWW.evil.example [c]: d ftp://x mailto:a@b.example",
		"a link's end":     "a](https://evil.example) [b",
		"references":       "#7 GH-7 gh-7 Gh-7 acme/shop#7 acme/shop@abcdef0",
		"emphasis":         "*a* **b** _c_ __d__ ~~e~~ ***f*** **",
		"blocks":           "# a",
		"a list":           "- a",
		"a numbered list":  "1. a",
		"another one":      "1) a",
		"a quote":          "> a",
		"a rule":           "---",
		"a heading's rule": "===",
		"a table":          "|---|---|",
		"a task":           "- [ ] a",
		"a footnote":       "[^1]",
		"mathematics":      "$a$ $$b$$ $`c`$",
		"escapes":          `\ \\ \* \` + "`",
		"a last backslash": `a\`,
		"control":          "a\x00b\x1b[2Jc\x7fd\u0090e",
		"no UTF-8":         "a\xff\xfeb\xc3",
		"private":          "\ue000a\U000f0000",
		"nothing":          "",
		"blanks":           " \t ",
		"long":             strings.Repeat("ü", 5000),
		"long, escaped":    strings.Repeat("*", 5000),
		"long, four bytes": strings.Repeat("🚀", 70_000),
		"long, one word":   strings.Repeat("a", 100_000),
		"long, escapes":    strings.Repeat(`\`, 5000),
		"long, ampersands": strings.Repeat("&", 5000),
	}
}
