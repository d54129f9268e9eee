package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var ruleRow = regexp.MustCompile(`^\|[-|]+\|$`)

// Terminal renders our own Markdown as plain text for a terminal: tables in columns, no marks, no control characters.
func Terminal(markdown string) string {
	var lines []string
	var table [][]string
	flush := func() {
		lines = append(lines, columns(table)...)
		table = nil
	}
	for line := range strings.SplitSeq(markdown, "\n") {
		if strings.HasPrefix(line, "<!-- ") && strings.HasSuffix(line, " -->") {
			continue
		}
		if strings.HasPrefix(line, "|") {
			if !ruleRow.MatchString(line) {
				table = append(table, row(line))
			}
			continue
		}
		flush()
		lines = append(lines, plain(line))
	}
	flush()
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// plain takes the marks of our own Markdown out of a line: escapes, code spans, bold, links and what has no width.
func plain(line string) string {
	var shown strings.Builder
	line = strings.TrimPrefix(line, "### ")
	for line != "" {
		text, length := mark(line)
		shown.WriteString(text)
		line = line[length:]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, shown.String())
}

var linkPattern = regexp.MustCompile(`^\[((?:\\.|` + "``?[^`]+``?" + `|[^\]\\` + "`" + `])*)\]\([^()\s]*\)`)

// mark gives the text that the line's first mark, or letter, stands for, and how many bytes it has.
func mark(line string) (text string, length int) {
	switch line[0] {
	case '\\':
		if len(line) > 1 && unicode.IsPunct(rune(line[1])) || len(line) > 1 && unicode.IsSymbol(rune(line[1])) {
			return line[1:2], 2
		}
	case '`':
		return codeSpan(line)
	case '*':
		if strings.HasPrefix(line, "**") {
			return "", 2
		}
	case '<':
		for _, tag := range []string{"<sub>", "</sub>"} {
			if strings.HasPrefix(line, tag) {
				return "", len(tag)
			}
		}
	case '[':
		if link := linkPattern.FindStringSubmatch(line); link != nil {
			return plain(link[1]), len(link[0])
		}
	}
	_, size := utf8.DecodeRuneInString(line)
	return line[:size], size
}

// codeSpan gives what is in the code span with which the line begins, as it is.
func codeSpan(line string) (text string, length int) {
	fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
	for from := len(fence); from < len(line); {
		at := strings.Index(line[from:], fence)
		if at < 0 {
			break
		}
		end := from + at
		run := len(line[end:]) - len(strings.TrimLeft(line[end:], "`"))
		if run == len(fence) {
			inside := line[len(fence):end]
			if len(inside) > 2 && inside[0] == ' ' && inside[len(inside)-1] == ' ' {
				inside = inside[1 : len(inside)-1]
			}
			return inside, end + run
		}
		from = end + run
	}
	return "", len(fence)
}

// row splits a table's row into its cells, at bars that are not escaped.
func row(line string) []string {
	line = strings.TrimPrefix(line, "|")
	var cells []string
	start, escaped := 0, false
	for at, r := range line {
		if r == '|' && !escaped {
			cells = append(cells, strings.TrimSpace(plain(line[start:at])))
			start = at + 1
		}
		escaped = r == '\\' && !escaped
	}
	return cells
}

// widest is how wide a column gets before its cells are cut: a digest is whole.
const widest = 72

// columns aligns the rows of a table.
func columns(table [][]string) []string {
	var widths []int
	for _, cells := range table {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], min(utf8.RuneCountInString(cell), widest))
		}
	}
	var lines []string
	for _, cells := range table {
		var line strings.Builder
		for i, cell := range cells {
			cell = cutTo(cell, widest)
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}
