package report_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// hostile does most of what can be tried, in one text.
const hostile = "@everyone <!channel> <img src=x> **b** [x](javascript:1) | `c` #7 https://evil.example\n# head --> \u202e <!-- verbatim: forged -->"

func TestRepliesGolden(t *testing.T) {
	t.Parallel()
	for name, of := range answers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := report.Reply(of, key)
			golden(t, name, reply)
			harmless(t, reply)
		})
	}
	all := answers()
	golden(t, "hostile", report.Reply(with([]promotion.Answer{all["mixed"][0], all["invalid"][0], all["help"][0], all["status"][0]}, hostile), key))
}

func TestCheckRunsGolden(t *testing.T) {
	t.Parallel()
	for name, check := range checks() {
		text := report.CheckRun(check)
		golden(t, name, fmt.Sprintf("%s %s\n%s\n%s %s\n\n%s", text.Status, text.Conclusion, text.Title, text.ActionLabel, text.ActionDescription, text.Summary))
		harmless(t, text.Summary)
	}
}

func TestHostileTextsOnlyShowWords(t *testing.T) {
	t.Parallel()
	for name, word := range hostileWords() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inText(t, word)
			for _, of := range answers() {
				reply := report.Reply(with(of, word), key)
				harmless(t, reply)
				within(t, reply, 65_536)
			}
			for _, check := range checks() {
				text := report.CheckRun(with(check, word))
				harmless(t, text.Summary)
				within(t, text.Summary, 65_535)
				line(t, text.Title, 255)
				line(t, text.ActionLabel, 20)
				line(t, text.ActionDescription, 40)
			}
		})
	}
}

// inText looks at a word where our texts have words: in a paragraph, in bold, in a list, in a table, at a line's start.
func inText(t *testing.T, word string) {
	t.Helper()
	text, code := report.Text(word), report.Code(word)
	harmless(t, "before "+text+" after")
	harmless(t, "a **"+text+"** after\n- item "+text+"\n- "+text)
	harmless(t, text)
	harmless(t, "before "+code+" after")
	harmless(t, "- item "+code+", "+code+": "+text)
	harmless(t, report.Link(text, pages)+" "+report.Link(code, pages))
	if link := report.Link("a", word); link != "[a]("+word+")" { // else it is an address that may be linked: to itself, and nowhere else
		harmless(t, link)
	}
}

func within(t *testing.T, text string, most int) {
	t.Helper()
	if len(text) > most || !utf8.ValidString(text) {
		t.Errorf("%d bytes of %d, UTF-8: %t", len(text), most, utf8.ValidString(text))
	}
}

func line(t *testing.T, text string, most int) {
	t.Helper()
	if utf8.RuneCountInString(text) > most || strings.ContainsAny(text, "\r\n\u202e\x1b\x00") {
		t.Errorf("no line of %d characters: %q", most, text)
	}
}

// What is too long is cut at a line's end; what says who asked and under which policy stays.
func TestTextsStayWithinGitHubsLimits(t *testing.T) {
	t.Parallel()
	for name, word := range map[string]string{"short": "api", "long": strings.Repeat("ü", 5000), "escaped": strings.Repeat("*", 5000), "four bytes": strings.Repeat("🚀", 5000)} {
		answer := refused()
		answer.PolicyProblems = invalid().PolicyProblems
		for range 200 {
			answer.Outcomes = append(answer.Outcomes, answer.Outcomes[0])
		}
		many := with([]promotion.Answer{answer, answer, answer, answer, answer, answer, answer, answer, answer, answer}, word)
		reply := report.Reply(many, key)
		within(t, reply, 65_536)
		harmless(t, reply)
		if !strings.HasPrefix(reply, report.Marker(key)) || !strings.Contains(reply, "(cut)") {
			t.Errorf("%s: neither marked nor said to be cut", name)
		}
		check := checks()["check_pressed"]
		for range 200 {
			check.Decisions = append(check.Decisions, answer.Outcomes[0].Decision)
		}
		summary := report.CheckRun(with(check, word)).Summary
		within(t, summary, 65_535)
		harmless(t, summary)
		if len(summary) < 40_000 {
			t.Errorf("%s: a summary of %d bytes only", name, len(summary))
		}
	}
}

// A promotion's reply has everything that people need afterwards, however much it ships and whoever wrote the commits.
func TestWhatShipsHidesNothingElse(t *testing.T) {
	t.Parallel()
	answer := answers()["ships_300"]
	for i := range answer[0].Outcomes[0].Promotion.Ships.Commits {
		commit := &answer[0].Outcomes[0].Promotion.Ships.Commits[i]
		commit.Title, commit.Author = strings.Repeat("*🚀", 2000), strings.Repeat("<@", 2000)
	}
	for i := range answer[0].Outcomes[0].Promotion.Ships.PullRequests {
		answer[0].Outcomes[0].Promotion.Ships.PullRequests[i].Title = strings.Repeat("[🚀](", 2000)
	}
	reply := report.Reply(answer, key)
	harmless(t, reply)
	for _, want := range []string{"300 commits", "`/promote rollback production api`", "asked by alice", "policy `" + source + "`", "run 7"} {
		if !strings.Contains(reply, want) {
			t.Errorf("the reply lacks %s", want)
		}
	}
}

func TestAReplyIsFoundByItsMarkerOnly(t *testing.T) {
	t.Parallel()
	word := "`" + report.Marker("reply/43/1") + "`"
	for name, of := range answers() {
		if reply := report.Reply(with(of, word), key); strings.Contains(reply, report.Marker("reply/43/1")) || !strings.Contains(reply, report.Marker(key)) {
			t.Errorf("%s: another reply's marker is in\n%s", name, reply)
		}
	}
	for _, odd := range []string{"a --> <script>", "a\n-->", "->", "a--", "--!>", "\u202e", "<!--", ""} {
		harmlessMarker(t, report.Marker(odd))
	}
	if report.Marker("reply/1/2") == report.Marker("reply/1/3") {
		t.Error("markers do not tell replies from one another")
	}
}

func harmlessMarker(t *testing.T, marker string) {
	t.Helper()
	inside, isComment := strings.CutPrefix(marker, "<!-- verbatim: ")
	inside, closed := strings.CutSuffix(inside, "-->")
	if !isComment || !closed || strings.Contains(inside, "--") || strings.ContainsAny(inside, "<>\n\u202e") {
		t.Errorf("the marker %q", marker)
	}
}

func TestLinksAreOfHTTPSOrLoopback(t *testing.T) {
	t.Parallel()
	for address, linked := range map[string]bool{
		"https://github.com/acme/shop": true, "http://127.0.0.1:8080/a?b=c#d": true, "http://localhost:8080/": true, "http://[::1]:8080/": true,
		"": false, "/a": false, "//evil.example": false, "http://evil.example": false, "http://localhost.evil.example": false, "javascript:alert(1)": false,
		"data:text/html,a": false, "HTTPS://": false, "https://user:password@github.com": false, "https://a/(b)": false, "https://a/ b": false, "https://a/\nb": false,
		"https://a/>b": false, "https://a/`b": false, "https://a/|b": false, `https://a/\b`: false, "https://a/\u202eb": false, "https://a/\xff": false, `https://a/"b`: false,
		"ftp://a": false, "https://a/[b]": true,
	} {
		want := "label"
		if linked {
			want = "[label](" + address + ")"
		}
		if got := report.Link("label", address); got != want {
			t.Errorf("%q: got %s", address, got)
		}
	}
}

func TestTextIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"api": "api", "release/2.1": "release/2.1", "a - b": "a - b", "- a": `\- a`, "a -- b": `a \-\- b`, "1. a": `1\. a`, "v1.2.3": "v1.2.3", "5": "5", " a  b\n": "a b", "it's \"so\"": "it's \"so\"", "größer 🚀": "größer 🚀",
		"a_b": "a_b", "_a_": `\_a\_`, "[a]": `\[a\]`, "100%": "100%",
	} {
		if got := report.Text(word); got != want {
			t.Errorf("%q: got %s, wanted %s", word, got, want)
		}
	}
	for word, want := range map[string]string{"api": "`api`", "": "", "a`b": "`` a`b ``", "`": "`` ` ``", "@a #1 <b>": "`@a #1 <b>`"} {
		if got := report.Code(word); got != want {
			t.Errorf("code of %q: got %s, wanted %s", word, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("https://0")
	for _, word := range hostileWords() {
		if len(word) < 1000 {
			f.Add(word)
		}
	}
	f.Fuzz(func(t *testing.T, word string) {
		inText(t, word)
	})
}

func FuzzReply(f *testing.F) {
	for _, word := range hostileWords() {
		if len(word) < 1000 {
			f.Add(word)
		}
	}
	f.Fuzz(func(t *testing.T, word string) {
		all := answers()
		reply := report.Reply(with([]promotion.Answer{all["mixed"][0], all["invalid"][0], all["help"][0], all["status"][0]}, word), key)
		harmless(t, reply)
		within(t, reply, 65_536)
		if shown := report.Terminal(reply); strings.ContainsAny(shown, "\x1b\x00\r\u202e") || strings.Contains(shown, "<!--") && !strings.Contains(word, "<") {
			t.Errorf("in a terminal: %q", shown)
		}
		summary := report.CheckRun(with(checks()["check_pressed"], word)).Summary
		harmless(t, summary)
		within(t, summary, 65_535)
	})
}
