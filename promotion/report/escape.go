// Package report renders what people see, from the same decisions: the reply to a comment, the check run, the Slack
// message. It is pure: the same input gives the same text. Everything that comes from outside is hostile until it is
// escaped here.
package report

import (
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// zeroWidth parts what GitHub would otherwise make a mention, a reference or a link of.
const zeroWidth = "\u200b"

// clean makes one line of the text, without control characters, marks that turn the direction of writing, and
// characters that nobody sees.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// cutTo bounds a text to so many characters.
func cutTo(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// shortened makes one line of the text's first characters. Of what is far too long the rest is not even looked at.
func shortened(text string, most int) string {
	tooLong := len(text) > 8*most
	if tooLong {
		text = text[:8*most]
	}
	text = clean(text)
	if tooLong && utf8.RuneCountInString(text) <= most {
		return cutTo(text, most-1) + "…"
	}
	return cutTo(text, most)
}

// partings are what GitHub, or GitHub's Markdown, would make a mention, a reference or a link of. A character of no width
// before its last letter, or behind its only one, keeps it from that.
var partings = regexp.MustCompile(`(?i)@|#|:/|gh-|www\.`)

func parted(text string) string {
	return partings.ReplaceAllStringFunc(text, func(sign string) string {
		at := max(len(sign)-1, 1)
		return sign[:at] + zeroWidth + sign[at:]
	})
}

// longestText is how many characters of a text are shown.
const longestText = 1000

// Text makes Markdown of a text that shows it as it is: no formatting, no HTML, no mention, no reference, no link.
func Text(text string) string { return textTo(text, longestText) }

// textTo makes such Markdown of the text's first characters.
func textTo(text string, most int) string {
	characters := []rune(parted(shortened(text, most)))
	isWord := func(at int) bool {
		return at >= 0 && at < len(characters) && (unicode.IsLetter(characters[at]) || unicode.IsDigit(characters[at]))
	}
	// A dash beside one of these could be part of a comment or a rule.
	isMark := func(positions ...int) bool {
		for _, at := range positions {
			if at >= 0 && at < len(characters) && strings.ContainsRune("-<>!", characters[at]) {
				return true
			}
		}
		return false
	}
	var escaped strings.Builder
	for i, r := range characters {
		// What means something only at the beginning of a line, or outside of words, is left as it is elsewhere, so that
		// names stay readable where Markdown is not rendered.
		marks := strings.ContainsRune("\\`*[]<>!|~&$^#", r) || r == '_' && !(isWord(i-1) && isWord(i+1)) || r == '-' && isMark(i-1, i+1) || i == 0 && strings.ContainsRune("+=-", r)
		if marks {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(r)
	}
	shown := escaped.String()
	// A line that begins with a number and a dot or parenthesis would be a list.
	if at := strings.IndexFunc(shown, func(r rune) bool { return r < '0' || r > '9' }); at > 0 && (shown[at] == '.' || shown[at] == ')') {
		shown = shown[:at] + `\` + shown[at:]
	}
	return shown
}

// Code makes a code span of a text. Mentions and references in it do not work, and it holds no marker of a reply.
func Code(text string) string {
	text = strings.ReplaceAll(shortened(text, 400), "<!--", "<!"+zeroWidth+"--")
	if text == "" {
		return ""
	}
	longest, run := 0, 0
	for _, r := range text {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// Link makes a link, if the address is one that may be linked: https, or http on loopback. Else the label stands alone.
func Link(label, address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(address, "<>()\\ \n\r\t|`\"'") || clean(address) != address {
		return label
	}
	if parsed.Scheme != "https" && (parsed.Scheme != "http" || !isLoopback(parsed.Hostname())) {
		return label
	}
	return "[" + label + "](" + address + ")"
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// cell makes a Markdown text fit into a table: no bar in it ends the cell. Text has escaped its own bars; code spans have
// not.
func cell(markdown string) string {
	var escaped strings.Builder
	backslashes := 0
	for _, r := range markdown {
		if r == '|' && backslashes%2 == 0 {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(r)
		if r == '\\' {
			backslashes++
		} else {
			backslashes = 0
		}
	}
	return escaped.String()
}
