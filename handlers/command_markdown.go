package handlers

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// textLines gives the lines of a comment that begin with a command's word and are plain text to CommonMark, at most limit.
func textLines(body string, limit int) []string {
	source := []byte(body)
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	comments := htmlComments(document)
	var lines []string
	// The walk cannot fail: the function never returns an error.
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node.Kind() {
		case ast.KindBlockquote, ast.KindCodeBlock, ast.KindFencedCodeBlock, ast.KindHTMLBlock, ast.KindCodeSpan, ast.KindRawHTML, ast.KindLink, ast.KindImage:
			return ast.WalkSkipChildren, nil
		case ast.KindText:
			segment := node.(*ast.Text).Segment
			if line, found := lineAt(source, segment.Start, comments); found {
				lines = append(lines, line)
			}
		}
		if len(lines) == limit {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	return lines
}

// lineAt gives the line that begins at the offset, without HTML comments, if it begins with a command's word.
func lineAt(source []byte, start int, comments []text.Segment) (string, bool) {
	if start > 0 && source[start-1] != '\n' && source[start-1] != '\r' || start >= len(source) || source[start] != '/' {
		return "", false
	}
	end := start
	for end < len(source) && source[end] != '\n' && source[end] != '\r' {
		end++
	}
	var line strings.Builder
	from := start
	for _, comment := range comments {
		if comment.Start >= from && comment.Start < end {
			line.Write(source[from:comment.Start])
			from = min(comment.Stop, end)
		}
	}
	line.Write(source[from:end])
	trimmed := strings.TrimSpace(strings.ToValidUTF8(line.String(), "\uFFFD"))
	_, _, found := commandWord(trimmed)
	return trimmed, found
}

// htmlComments gives where the paragraphs have HTML comments.
func htmlComments(document ast.Node) []text.Segment {
	var comments []text.Segment
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if raw, isRaw := node.(*ast.RawHTML); entering && isRaw {
			for i := range raw.Segments.Len() {
				comments = append(comments, raw.Segments.At(i))
			}
		}
		return ast.WalkContinue, nil
	})
	return comments
}
