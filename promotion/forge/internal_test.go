package forge

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/verbatim-dev/verbatim/promotion"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]string{
		"plain":                    "plain",
		" two\r\nlines\tand a\x00": "two lines and a",
		"\u202egnp.exe\u2069":      "gnp.exe",
		"bad \xff byte":            "bad \uFFFD byte",
		"exactly 20 letters!!":     "exactly 20 letters!!",
		"one letter more than it":  "one letter more tha…",
	} {
		if got := oneLine(text, 20); got != expected {
			t.Errorf("oneLine(%q) = %q, expected %q", text, got, expected)
		}
	}
	if got := oneLine(strings.Repeat("é", 21), 20); got != strings.Repeat("é", 19)+"…" {
		t.Errorf("characters were not counted: %q", got)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 30) + "\n"
	for name, test := range map[string]struct{ text, suffix string }{
		"between lines":           {strings.Repeat(line, 10), "x" + cutNotice},
		"inside a very long line": {strings.Repeat("é", 5000), "é" + cutNotice},
		"inside a fence":          {"````go\n```\n" + strings.Repeat(line, 10), "x\n````" + cutNotice},
		"after a fence":           {"~~~\n```\n~~~\n" + strings.Repeat(line, 10), "x" + cutNotice},
		"inside details":          {"<details><summary>gates</summary>\n\n" + strings.Repeat(line, 10), "x\n\n</details>" + cutNotice},
		"inside a comment":        {"<!--\n" + strings.Repeat(line, 10), "x\n-->" + cutNotice},
		"after a comment":         {"<!-- marker -->\n" + strings.Repeat(line, 10), "x" + cutNotice},
	} {
		kept := cut(test.text, 200)
		if len(kept) > 200 || !utf8.ValidString(kept) || !strings.HasSuffix(kept, test.suffix) {
			t.Errorf("%s: %d bytes, %q", name, len(kept), kept)
		}
		if len(kept) < 150 {
			t.Errorf("%s: only %d of 200 bytes are left", name, len(kept))
		}
	}
	if text := strings.Repeat("x", 200); cut(text, 200) != text {
		t.Error("a text that fits was cut")
	}
}

// TestCutAlways: whatever the text, what is left fits and is UTF-8.
func TestCutAlways(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"```", "\n", "~~~~", "<details>", "</details>", "<!--", "-->", "é", "👍🏽", "word ", "\xff"})).Draw(t, "pieces")
		maximum := rapid.IntRange(20, 200).Draw(t, "maximum")
		text := strings.Join(pieces, "")
		kept := cut(text, maximum)
		if len(kept) > maximum || !utf8.ValidString(kept) {
			t.Fatalf("%d bytes of %d: %q", len(kept), maximum, kept)
		}
	})
}

// TestWorkflowPath: the reference goes, and no file passes for another.
func TestWorkflowPath(t *testing.T) {
	t.Parallel()
	for path, expected := range map[string]string{
		".github/workflows/ci.yml":                 ".github/workflows/ci.yml",
		".github/workflows/ci.yaml@main":           ".github/workflows/ci.yaml",
		".github/workflows/ci.yml@refs/heads/a/b":  ".github/workflows/ci.yml",
		".github/workflows/ci.yml@evil.yml":        ".github/workflows/ci.yml@evil.yml",
		".github/workflows/ci.yml@evil.yml@main":   ".github/workflows/ci.yml@evil.yml",
		".github/workflows/ci.yml@user@branch":     ".github/workflows/ci.yml@user@branch",
		"dynamic/github-code-scanning/codeql":      "dynamic/github-code-scanning/codeql",
		"dynamic/github-code-scanning/codeql@main": "dynamic/github-code-scanning/codeql@main",
		"":  "",
		"@": "@",
	} {
		if got := promotion.WorkflowPath(path); got != expected {
			t.Errorf("workflowPath(%q) = %q, expected %q", path, got, expected)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	if got := at("a/{b}/c/{d}", "x y", "../z%2F"); got.err == nil {
		t.Errorf("%+v", got)
	}
	if got := at("a/{b}/c/{d}", "x y", "z%2F/é"); got.err != nil || got.path != "a/x%20y/c/z%252F%2F%C3%A9" || got.route != "a/{b}/c/{d}" {
		t.Errorf("%+v", got)
	}
	for _, values := range [][]string{{}, {"x"}, {"x", "y", "z"}} {
		if got := at("a/{b}/c/{d}", values...); got.err == nil {
			t.Errorf("%d values: %+v", len(values), got)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	for attempt, expected := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 600 * time.Millisecond} {
		for range 100 {
			if wait := backoff(attempt); wait < expected/2 || wait >= expected/2*3 {
				t.Errorf("before repeat %d: %s", attempt, wait)
			}
		}
	}
	if err := sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ended, time.Hour); err == nil {
		t.Error("slept on after the end")
	}
}
