package handlers

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// textLine is a line of a comment that begins with a command's word.
type textLine struct {
	typed string // the line as typed
	text  string // without the HTML comments in it
}

// textLines gives the lines of a comment that begin with a command's word and are plain text, at most limit. What
// CommonMark 0.31.2 (https://spec.commonmark.org/0.31.2/) takes for something else is none: indented (4.4) and fenced
// code (4.5), HTML blocks (4.6), link reference definitions (4.7), block quotes with their lazy lines (5.1), code spans
// (6.1), links and images (6.3, 6.4), inline HTML (6.6); and what is escaped (2.4) or an entity (2.5) is not typed so.
//
// A line's start is column 0, with no white space or list marker before the slash. So a command in a list item is none,
// but one on a line of its own below a list is, although CommonMark draws it into the item (5.2, "laziness"): it is
// written at the line's start. Lines of a paragraph (4.8, 6.8 soft line breaks) and of a setext heading (4.3) count.
//
// The fault is of the comment as a whole: then no line may be acted on.
func textLines(body string, limit int) ([]textLine, *fault) {
	if wrong := tangled(body); wrong != nil {
		return firstLine(body, wrong)
	}
	source := []byte(body)
	var starts []int
	var comments []text.Segment
	// The walk cannot fail: the function never returns an error.
	_ = ast.Walk(markdown.Parse(text.NewReader(source)), func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Blockquote, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock, *ast.CodeSpan, *ast.Link, *ast.Image:
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML:
			comments = append(comments, htmlComment(node, source)...)
		case *ast.Text:
			if at := node.Segment.Start; isOpening(body, at) {
				starts = append(starts, at)
			}
		}
		if len(starts) == limit {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	var lines []textLine
	for _, start := range starts {
		lines = append(lines, lineAt(body, start, comments))
	}
	return lines, nil
}

// isOpening reports whether a line begins at the byte, with a command's word.
func isOpening(body string, at int) bool {
	if at >= len(body) || body[at] != '/' || at > 0 && body[at-1] != '\n' {
		return false
	}
	_, found := openingOf(body[at:min(len(body), at+64)])
	return found
}

// firstLine gives the first line that may be a command, with what is wrong with the comment: alone, it would be read.
func firstLine(body string, wrong *fault) ([]textLine, *fault) {
	for at := range len(body) {
		if isOpening(body, at) {
			line := lineAt(body, at, nil)
			wrong.correction = line.text
			return []textLine{line}, wrong
		}
	}
	return nil, nil
}

// lineAt gives the line that begins at the byte.
func lineAt(body string, start int, comments []text.Segment) textLine {
	typed, _, _ := strings.Cut(body[start:], "\n")
	end := start + len(typed)
	var plain strings.Builder
	from := start
	for _, comment := range comments {
		if comment.Start >= from && comment.Start < end {
			plain.WriteString(body[from:comment.Start])
			from = min(comment.Stop, end)
		}
	}
	plain.WriteString(body[from:end])
	return textLine{typed: strings.TrimRightFunc(typed, unicode.IsSpace), text: strings.TrimRightFunc(plain.String(), unicode.IsSpace)}
}

// htmlComment gives where the HTML is, if it is a comment. A tag is none: it stays in the line, where it is an error.
func htmlComment(raw *ast.RawHTML, source []byte) []text.Segment {
	segments := raw.Segments.Sliced(0, raw.Segments.Len())
	if len(segments) == 0 || !bytes.HasPrefix(segments[0].Value(source), []byte("<!--")) {
		return nil
	}
	return segments
}

var blankLines = regexp.MustCompile(`\n(?:[ \t]*\n){2,}`)

// garbled is Unicode's symbol for substitute, form two.
const (
	garbled     = "\u2426"
	garbledRune = '\u2426'
)

// normalised gives the body with the line ends of CommonMark 2.1 as \n, and with a sign for what is garbled: control
// characters (CommonMark 2.3 replaces NUL; goldmark takes others for white space, which CommonMark does not) and what is
// not UTF-8. The sign is not the replacement character, at which goldmark stops reading a tag, but stands for that as well.
// Unicode's line ends are none to CommonMark: they become spaces that do not break. Of several blank lines one stays,
// which is all that blocks depend on: goldmark keeps a record of each for every open list.
func normalised(body string) string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(body, garbled))
	body = blankLines.ReplaceAllString(body, "\n\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\u00a0'
		case r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t':
			return garbledRune
		}
		return r
	}, body)
}

// Bounds of what goldmark is given. Its time grows with lines × nesting, and with links × length for what looks like
// links on one line.
const (
	maximumNesting  = 64         // quotes and lists in one another
	maximumLinkWork = 32_000_000 // bytes looked at; a line of 10,000 characters may have 3,200 links
)

// tangled says that the comment is beyond the bounds. No comment that is meant to be read is.
func tangled(body string) *fault {
	for line := range strings.SplitSeq(body, "\n") {
		if depth := nesting(line); depth > maximumNesting {
			return &fault{problem: fmt.Sprintf("The comment has quotes or lists in one another, %d deep: expected at most %d. Write the command in a comment of its own.", depth, maximumNesting)}
		}
		if links := strings.Count(line, "]("); links*len(line) > maximumLinkWork {
			return &fault{problem: fmt.Sprintf("The comment has %d links on one line, which is too much to read. Write the command in a comment of its own.", links)}
		}
	}
	return nil
}

// nesting counts the markers of quotes and lists with which a line begins.
func nesting(line string) int {
	markers := 0
	for at := 0; at < len(line) && strings.IndexByte(" \t>-+*0123456789.)", line[at]) >= 0; at++ {
		ends := at+1 == len(line) || line[at+1] == ' ' || line[at+1] == '\t'
		if line[at] == '>' || ends && strings.IndexByte("-+*.)", line[at]) >= 0 {
			markers++
		}
	}
	return markers
}
