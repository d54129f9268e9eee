package handlers

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ParseComment gives the commands of a comment, in order. A command is a line that begins with /promote or /rollback in
// any letter case, as text: what CommonMark takes for code, a quote, HTML or a link is none (see textLines). A line that
// is meant as a command but cannot be understood comes with its Problem and nothing else that could be acted on.
//
// tooMany is true when there are more than promotion.MaximumCommands; then only the first is given. A body that is
// longer than GitHub lets a comment be has no commands.
func ParseComment(body string) (commands []promotion.Command, tooMany bool) {
	if len(body) > utf8.UTFMax*maximumCharacters || utf8.RuneCountInString(body) > maximumCharacters || !mentionsCommand(body) {
		return nil, false
	}
	lines, wrong := textLines(normalised(body), promotion.MaximumCommands+1)
	for _, line := range lines {
		commands = append(commands, commandOf(line, wrong))
	}
	if len(commands) > promotion.MaximumCommands {
		return commands[:1], true
	}
	return commands, false
}

// Bounds. GitHub's own for a comment is 65,536 characters, which may be 262,144 bytes.
const (
	maximumCharacters = 70_000
	maximumLine       = 300 // characters of Command.Line
	maximumCorrection = 900 // bytes: a corrected line that is longer is not shown, for the reply would cut it
	maximumReason     = 500 // characters
	maximumName       = 128 // bytes; an environment's or image's name is shorter
)

// fault is what is wrong with a line.
type fault struct {
	problem    string // a sentence for people: what was found, and what was expected
	correction string // the whole line as it was probably meant; "" when there is no telling
	fill       bool   // the correction has a <placeholder> that only its author can fill in
}

// commandOf reads one line of a comment. The fault, when there is one, is of the comment as a whole.
func commandOf(line textLine, wrong *fault) promotion.Command {
	command := promotion.Command{Verb: promotion.VerbPromote}
	if wrong == nil {
		command, wrong = readLine(line.text)
	}
	if wrong != nil {
		command = promotion.Command{Verb: command.Verb, Problem: wrong.problem, Suggestion: suggestion(wrong)}
	}
	command.Line = shortened(line.typed)
	return command
}

// suggestion gives the line to type instead. Corrections are applied until nothing is wrong any more: what is suggested
// is understood, or has a placeholder to fill in, or else is the request for help.
func suggestion(wrong *fault) string {
	for range 8 {
		switch {
		case wrong.correction == "" || len(wrong.correction) > maximumCorrection:
			return helpLine
		case wrong.fill:
			return wrong.correction
		}
		correction := wrong.correction
		if _, wrong = readLine(correction); wrong == nil {
			return correction
		}
	}
	return helpLine
}

const helpLine = "/promote help"

// opening is the first word of a line that is a command, or nearly one.
type opening struct {
	typed string // as typed, with its slash
	meant string // "/promote" or "/rollback"
}

func (o opening) exact() bool { return strings.EqualFold(o.typed, o.meant) && isASCII(o.typed) }

// openingOf tells commands, and what was probably meant as one, from ordinary text. A near miss gets an answer, so it
// must not be taken from text that happens to begin with a slash: it is a word of letters (and - or _), perhaps with
// a punctuation mark behind it, that is one slip away: a letter dropped, added, changed, or swapped with its neighbour.
// Two slips would catch /prompt, /remote, /promo, /rollbar and /fallback, which are other tools' commands and folders.
func openingOf(line string) (opening, bool) {
	typed := line
	if end := strings.IndexFunc(line, unicode.IsSpace); end >= 0 {
		typed = line[:end]
	}
	if len(typed) < len("/promot") || len(typed) > 24 || typed[0] != '/' {
		return opening{}, false
	}
	word := strings.TrimRight(withoutInvisible(typed[1:]), ".,:;!")
	if strings.ContainsFunc(word, func(r rune) bool { return !isASCIILetter(r) && r != '-' && r != '_' }) {
		return opening{}, false
	}
	for _, known := range []string{"promote", "rollback"} {
		if oneSlip(strings.ToLower(word), known) {
			return opening{typed: typed, meant: "/" + known}, true
		}
	}
	return opening{}, false
}

// oneSlip reports whether at most one letter is dropped, added, changed, or swapped with its neighbour.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	head := 0
	for head < len(a) && a[head] == b[head] {
		head++
	}
	restA, restB := a[head:], b[head:]
	switch {
	case len(restA) == 0:
		return len(restB) <= 1
	case len(restB) == len(restA)+1:
		return restA == restB[1:]
	case len(restB) != len(restA):
		return false
	case restA[1:] == restB[1:]:
		return true
	}
	return len(restA) >= 2 && restA[0] == restB[1] && restA[1] == restB[0] && restA[2:] == restB[2:]
}

// mentionsCommand is the cheap look at a comment that most comments do not pass.
func mentionsCommand(body string) bool {
	for at := 0; ; at++ {
		next := strings.IndexByte(body[at:], '/')
		if next < 0 {
			return false
		}
		at += next
		if at > 0 && body[at-1] != '\n' && body[at-1] != '\r' {
			continue
		}
		if _, found := openingOf(body[at:min(len(body), at+64)]); found {
			return true
		}
	}
}

// withoutInvisible drops the characters that do not show, such as the zero-width space that is copied from chats.
func withoutInvisible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// shortened bounds what is kept of a line.
func shortened(text string) string {
	if utf8.RuneCountInString(text) <= maximumLine {
		return text
	}
	return string([]rune(text)[:maximumLine-1]) + "…"
}

// FormatCommand writes a command in its canonical form: ParseComment reads the same command from it. It is meant for
// commands without a Problem.
func FormatCommand(command promotion.Command) string {
	var line strings.Builder
	line.WriteString("/promote")
	if command.Verb != promotion.VerbPromote {
		line.WriteString(" " + string(command.Verb))
	}
	for _, name := range command.Names {
		line.WriteString(" " + quotedName(name))
	}
	for _, flag := range flags {
		if value, given := flag.get(command); given && flag.placeholder == "" {
			line.WriteString(" --" + flag.name)
		} else if given {
			fmt.Fprintf(&line, " --%s %s", flag.name, value)
		}
	}
	return line.String()
}

// quotedName puts a name in quotes if it would not be read as one word of its own without.
func quotedName(name string) string {
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !isASCIILetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("-_./", r)
	})
	if plain && name[0] != '-' {
		return name
	}
	return quoted(name)
}

// quoted puts a text in double quotes.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
