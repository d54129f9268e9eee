package forge

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cutNotice ends a text that was cut.
const cutNotice = "\n\n(cut)\n"

// oneLine makes a short text of one line: control characters and line breaks become spaces, several spaces one, marks
// that turn the reading direction go, and what is longer than maximum characters is cut.
func oneLine(text string, maximum int) string {
	cleaned := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		case unicode.IsControl(r):
			return ' '
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))
	cleaned = strings.Join(strings.Fields(cleaned), " ")
	if utf8.RuneCountInString(cleaned) <= maximum {
		return cleaned
	}
	return strings.TrimSpace(string([]rune(cleaned)[:maximum-1])) + "…"
}

// cut shortens Markdown to at most maximum bytes, notice included. It cuts between lines where it can, and closes what
// it cut open: a fence, a comment, details.
func cut(text string, maximum int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maximum {
		return text
	}
	for room := maximum - len(cutNotice); room > 0; {
		kept := upTo(text, room)
		end := closing(kept) + cutNotice
		excess := len(kept) + len(end) - maximum
		if excess <= 0 {
			return kept + end
		}
		room = len(kept) - excess
	}
	return strings.TrimSpace(cutNotice)
}

// upTo gives the beginning of the text: whole lines, unless the last one is very long.
func upTo(text string, size int) string {
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	kept := text[:size]
	if end := strings.LastIndexByte(kept, '\n'); end > 0 && len(kept)-end < 2000 {
		return kept[:end]
	}
	return kept
}

// closing gives what ends the Markdown that is still open at the end of the text.
func closing(text string) string {
	fence := ""
	details := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		mark := line[:len(line)-len(strings.TrimLeft(line, line[:min(1, len(line))]))]
		isFence := len(mark) >= 3 && (mark[0] == '`' || mark[0] == '~')
		switch {
		case fence == "" && isFence:
			fence = mark
		case fence != "" && isFence && mark == line && mark[0] == fence[0] && len(mark) >= len(fence):
			fence = ""
		case fence == "":
			details += strings.Count(line, "<details") - strings.Count(line, "</details>")
		}
	}
	var end strings.Builder
	if fence != "" {
		end.WriteString("\n" + fence)
	} else if strings.LastIndex(text, "<!--") > strings.LastIndex(text, "-->") {
		end.WriteString("\n-->")
	}
	for range details {
		end.WriteString("\n\n</details>")
	}
	return end.String()
}
