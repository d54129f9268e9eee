package handlers

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word of a line, and where it stands.
type word struct {
	text   string // without quotes and escapes
	start  int    // bytes of the line
	end    int
	quoted bool // all of it is in quotes: then it is no flag and no verb
}

// dashed reports whether the word begins as a flag does, or as a phone writes one: with a dash of any kind.
func (w word) dashed() bool {
	first, _ := utf8.DecodeRuneInString(w.text)
	return !w.quoted && isDash(first)
}

// isDash knows the hyphen and what keyboards and word processors make of one or two of them.
func isDash(r rune) bool {
	return strings.ContainsRune("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212", r)
}

// words splits a line into words from a byte on.
func words(line string, from int) ([]word, *fault) {
	var all []word
	for at := from; ; {
		for at < len(line) {
			space, size := utf8.DecodeRuneInString(line[at:])
			if !unicode.IsSpace(space) {
				break
			}
			at += size
		}
		if at == len(line) {
			return all, nil
		}
		next, wrong := readWord(line, at)
		if wrong != nil {
			return nil, wrong
		}
		all = append(all, next)
		at = next.end
	}
}

// readWord reads the word that begins at the byte. Quotes count at the beginning of a word and of a flag's value, as in
// --reason="…"; elsewhere they are letters like any other.
func readWord(line string, start int) (word, *fault) {
	first, _ := utf8.DecodeRuneInString(line[start:])
	for at, r := range line[start:] {
		at += start
		opens := at == start || isDash(first) && line[at-1] == '=' && !strings.Contains(line[start:at-1], "=")
		if _, isQuote := closings[r]; isQuote && opens {
			text, end, wrong := readQuoted(line, at)
			return word{text: line[start:at] + text, start: start, end: end, quoted: at == start}, wrong
		}
		if unicode.IsSpace(r) {
			return word{text: line[start:at], start: start, end: at}, nil
		}
	}
	return word{text: line[start:], start: start, end: len(line)}, nil
}

// closings gives, for every quote that opens, those that close it. Phones and macOS make typed quotes curly; what was
// opened with a straight quote is closed by a straight one.
var closings = map[rune]string{
	'"': `"`, '“': `”“"`, '”': `”“"`, '„': `”“"`,
	'\'': `'`, '‘': `’‘'`, '’': `’‘'`,
}

// readQuoted reads the text in quotes that opens at the byte, and gives where it ends. In double quotes a backslash takes
// the meaning from a quote or a backslash behind it. In single quotes, which are apostrophes as well, a quote closes only
// at a word's end.
func readQuoted(line string, start int) (text string, end int, wrong *fault) {
	opener, size := utf8.DecodeRuneInString(line[start:])
	double := strings.ContainsRune(`"“”„`, opener)
	var value strings.Builder
	for at := start + size; at < len(line); {
		r, size := utf8.DecodeRuneInString(line[at:])
		after, afterSize := utf8.DecodeRuneInString(line[at+size:])
		ends := afterSize == 0 || unicode.IsSpace(after)
		switch {
		case double && r == '\\' && strings.ContainsRune(`"“”„\`, after) && afterSize > 0:
			value.WriteRune(after)
			at += size + afterSize
			continue
		case strings.ContainsRune(closings[opener], r) && ends:
			return value.String(), at + size, nil
		case strings.ContainsRune(closings[opener], r) && double:
			return "", 0, &fault{problem: fmt.Sprintf(`The quote that closes before %.40q has no space behind it: expected a space there, or \" for a quote inside quotes.`, line[at+size:])}
		}
		value.WriteRune(r)
		at += size
	}
	return "", 0, unclosed(line, start, opener)
}

// unclosed says that a quote is open at the line's end. A closing quote is suggested only where no flag would come into
// the quotes by it: with --dry-run in them, the suggested line would promote.
func unclosed(line string, start int, opener rune) *fault {
	closing := map[rune]string{'"': `"`, '\'': `'`, '‘': `’`, '’': `’`}[opener]
	if closing == "" {
		closing = "”"
	}
	wrong := &fault{problem: fmt.Sprintf("The quote that opens at %.40q is not closed: expected %s before the line's end.", line[start:], closing)}
	for _, rest := range strings.Fields(line[start:]) {
		if first, _ := utf8.DecodeRuneInString(rest); isDash(first) {
			return wrong
		}
	}
	wrong.correction = strings.TrimRight(line, "”’") + closing
	return wrong
}
