package handlers

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
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
	if wrong := nestedTooDeep(body); wrong != nil {
		first := firstOpening(body)
		if first < 0 {
			return nil, nil
		}
		return []textLine{lineAt(body, first, nil)}, wrong
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

func firstOpening(body string) int {
	for at := range len(body) {
		if isOpening(body, at) {
			return at
		}
	}
	return -1
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

// normalised gives the body with the line ends of CommonMark 2.1 as \n, and with the replacement character for control
// characters (CommonMark 2.3 asks it for NUL; goldmark takes others for white space, which CommonMark does not) and for
// what is not UTF-8. Unicode's line ends are none to CommonMark: they become spaces that do not break.
func normalised(body string) string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(body, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\u00a0'
		case r < ' ' && r != '\n' && r != '\t':
			return '\uFFFD'
		}
		return r
	}, body)
}

// maximumNesting is how deep quotes and lists may be nested on one line: goldmark's time grows with lines × depth, and
// with the square of the markers of one line.
const maximumNesting = 64

// nestedTooDeep counts the markers of quotes and lists with which each line begins.
func nestedTooDeep(body string) *fault {
	for line := range strings.SplitSeq(body, "\n") {
		markers := 0
		for at := 0; at < len(line) && strings.IndexByte(" \t>-+*0123456789.)", line[at]) >= 0; at++ {
			ends := at+1 == len(line) || line[at+1] == ' ' || line[at+1] == '\t'
			if line[at] == '>' || ends && strings.IndexByte("-+*.)", line[at]) >= 0 {
				markers++
			}
		}
		if markers > maximumNesting {
			return &fault{problem: fmt.Sprintf("The comment has quotes or lists in one another, %d deep: expected at most %d. Write the command in a comment of its own.", markers, maximumNesting)}
		}
	}
	return nil
}

// markdown parses what decides whether text is a command. It has no emphasis: that takes nothing away from text, and its
// time grows with the square of the comment.
var markdown = parser.NewParser(
	parser.WithBlockParsers(parser.DefaultBlockParsers()...),
	parser.WithInlineParsers(
		util.Prioritized(&codeSpanParser{parser.NewCodeSpanParser()}, 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewRawHTMLParser(), 400),
	),
	parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
)

// codeSpanParser is goldmark's parser of code spans (CommonMark 6.1), which remembers the lengths of the backtick strings
// that nothing closes: goldmark's own looks to the block's end again for each.
type codeSpanParser struct{ parser.InlineParser }

var unclosedBackticks = parser.NewContextKey()

// Parse reads a code span, or gives its backticks as text.
func (p *codeSpanParser) Parse(parent ast.Node, block text.Reader, context parser.Context) ast.Node {
	line, segment := block.PeekLine()
	length := len(line) - len(bytes.TrimLeft(line, "`"))
	without, _ := context.ComputeIfAbsent(unclosedBackticks, func() any { return map[int]bool{} }).(map[int]bool)
	if without[length] {
		block.Advance(length)
		return ast.NewTextSegment(segment.WithStop(segment.Start + length))
	}
	node := p.InlineParser.Parse(parent, block, context)
	if _, isText := node.(*ast.Text); isText {
		without[length] = true
	}
	return node
}

// CloseBlock forgets what was remembered of the block.
func (*codeSpanParser) CloseBlock(_ ast.Node, _ text.Reader, context parser.Context) {
	context.Set(unclosedBackticks, nil)
}
