package handlers

import (
	"bytes"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown parses what decides whether text is a command: goldmark's CommonMark, with its own parsers below where
// goldmark 1.8.7 departs from CommonMark 0.31.2, or takes too long. It has no emphasis: that takes nothing away from text, and its
// time grows with the square of the comment.
var markdown = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(htmlBlockParser{parser.NewHTMLBlockParser()}, 900),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(codeSpanParser{parser.NewCodeSpanParser()}, 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(declarationParser{}, 390),
		util.Prioritized(parser.NewRawHTMLParser(), 400),
	),
	parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
)

// codeSpanParser is goldmark's parser of code spans (CommonMark 6.1), which remembers the lengths of the backtick strings
// that nothing closes: goldmark's own looks to the block's end again for each.
type codeSpanParser struct{ parser.InlineParser }

var unclosedBackticks = parser.NewContextKey()

// Parse reads a code span, or gives its backticks as text.
func (p codeSpanParser) Parse(parent ast.Node, block text.Reader, context parser.Context) ast.Node {
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
func (codeSpanParser) CloseBlock(_ ast.Node, _ text.Reader, context parser.Context) {
	context.Set(unclosedBackticks, nil)
}

// htmlBlockParser is goldmark's parser of HTML blocks (CommonMark 4.6), but for the conditions on which they start:
// goldmark misses a tab behind a tag's name, </pre> and </script> on a line of their own, and <!doctype in small letters.
type htmlBlockParser struct{ parser.BlockParser }

const (
	tagName   = `[A-Za-z][A-Za-z0-9-]*`
	attribute = `[ \t]+[A-Za-z_:][A-Za-z0-9_.:-]*(?:[ \t]*=[ \t]*(?:[^ \t"'=<>` + "`" + `]+|'[^']*'|"[^"]*"))?`
	blockTags = `address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|` +
		`fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|` +
		`nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul`
)

// htmlStarts are the seven start conditions.
var htmlStarts = []struct {
	kind    ast.HTMLBlockType
	pattern *regexp.Regexp
}{
	{ast.HTMLBlockType1, regexp.MustCompile(`^(?i:<(?:script|pre|style|textarea)(?:[ \t>]|$))`)},
	{ast.HTMLBlockType2, regexp.MustCompile(`^<!--`)},
	{ast.HTMLBlockType3, regexp.MustCompile(`^<\?`)},
	{ast.HTMLBlockType4, regexp.MustCompile(`^<![A-Za-z]`)},
	{ast.HTMLBlockType5, regexp.MustCompile(`^<!\[CDATA\[`)},
	{ast.HTMLBlockType6, regexp.MustCompile(`^(?i:</?(?:` + blockTags + `)(?:[ \t]|/?>|$))`)},
	{ast.HTMLBlockType7, regexp.MustCompile(`^(?:<` + tagName + `(?:` + attribute + `)*[ \t]*/?>|</` + tagName + `[ \t]*>)[ \t]*$`)},
}

// Open starts an HTML block. One of the seventh kind does not interrupt a paragraph.
func (htmlBlockParser) Open(_ ast.Node, reader text.Reader, context parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	start := bytes.TrimRight(bytes.TrimLeft(line, " \t"), "\n")
	for _, condition := range htmlStarts {
		if !condition.pattern.Match(start) {
			continue
		}
		if condition.kind == ast.HTMLBlockType7 && ast.IsParagraph(context.LastOpenedBlock().Node) {
			break
		}
		node := ast.NewHTMLBlock(condition.kind)
		node.Lines().Append(segment)
		reader.AdvanceToEOL()
		return node, parser.NoChildren
	}
	return nil, parser.NoChildren
}

// declarationParser reads declarations in a paragraph (CommonMark 6.6): goldmark misses those in small letters.
type declarationParser struct{}

var unclosedDeclaration = parser.NewContextKey()

// Trigger gives the character with which a declaration begins.
func (declarationParser) Trigger() []byte { return []byte{'<'} }

// Parse reads from <! and a letter to the next >.
func (declarationParser) Parse(_ ast.Node, block text.Reader, context parser.Context) ast.Node {
	line, segment := block.PeekLine()
	if len(line) < 3 || line[1] != '!' || !isASCIILetter(rune(line[2])) || context.Get(unclosedDeclaration) != nil {
		return nil
	}
	node := ast.NewRawHTML()
	for ; line != nil; line, segment = block.PeekLine() {
		if end := bytes.IndexByte(line, '>'); end >= 0 {
			node.Segments.Append(segment.WithStop(segment.Start + end + 1))
			block.Advance(end + 1)
			return node
		}
		node.Segments.Append(segment)
		block.AdvanceLine()
	}
	context.Set(unclosedDeclaration, true)
	return nil
}

// CloseBlock forgets that no declaration closes in the block.
func (declarationParser) CloseBlock(_ ast.Node, _ text.Reader, context parser.Context) {
	context.Set(unclosedDeclaration, nil)
}
