package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	htmlComment   = regexp.MustCompile(`(?s)<!--.*?-->`)
	subscript     = regexp.MustCompile(`</?sub>`)
	linkPattern   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	escapePattern = regexp.MustCompile(`\\([[:punct:]])`)
	ruleRow       = regexp.MustCompile(`^\|[-|]+\|$`)
)

// Terminal renders our own Markdown as plain text for a terminal: tables in columns, no marks, no control characters.
func Terminal(markdown string) string {
	markdown = htmlComment.ReplaceAllString(markdown, "")
	var lines []string
	var table [][]string
	flush := func() {
		lines = append(lines, columns(table)...)
		table = nil
	}
	for line := range strings.SplitSeq(markdown, "\n") {
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

func plain(line string) string {
	line = subscript.ReplaceAllString(line, "")
	line = linkPattern.ReplaceAllString(line, "$1")
	line = strings.NewReplacer("**", "", "`", "", zeroWidth, "", "### ", "").Replace(line)
	line = escapePattern.ReplaceAllString(line, "$1")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, line)
}

// row splits a table's row into its cells, at bars that are not escaped.
func row(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var cells []string
	for cell := range strings.SplitSeq(strings.ReplaceAll(line, `\|`, "\x00"), "|") {
		cells = append(cells, strings.TrimSpace(plain(strings.ReplaceAll(cell, "\x00", `\|`))))
	}
	return cells
}

// widest is how wide a column gets before its cells are cut.
const widest = 60

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
