package evidence

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumTag   = 1 << 20 // bytes between "<" and ">"
	maximumDepth = 100     // elements within each other
)

// markup passes on an XML document's tags and nothing between them: no text, no comments, no CDATA. encoding/xml would hold
// each of those in memory as a whole, and a test's output has no bounds. Document types are refused; one that only names an
// address is left out where it is expected.
type markup struct {
	source   *bufio.Reader
	doctypes bool // that name an address are left out instead of refused
	doctype  string
	pending  []byte
	err      error
}

func newMarkup(source io.Reader, doctypes bool) *markup {
	return &markup{source: bufio.NewReaderSize(source, 64<<10), doctypes: doctypes}
}

// Read gives the next bytes of tags.
func (m *markup) Read(buffer []byte) (int, error) {
	for len(m.pending) == 0 {
		if m.err != nil {
			return 0, m.err
		}
		m.pending, m.err = m.next()
	}
	read := copy(buffer, m.pending)
	m.pending = m.pending[read:]
	return read, nil
}

// next gives the next tag, or nothing for what is left out.
func (m *markup) next() ([]byte, error) {
	if err := m.skipText(); err != nil {
		return nil, err
	}
	switch {
	case m.begins("<!--"):
		return nil, m.skipPast("-->")
	case m.begins("<![CDATA["):
		return nil, m.skipPast("]]>")
	case m.begins("<!"):
		return nil, m.skipDoctype()
	}
	return m.tag()
}

func (m *markup) begins(with string) bool {
	next, _ := m.source.Peek(len(with)) // fewer at the end
	return string(next) == with
}

func (m *markup) skipText() error {
	for {
		_, err := m.source.ReadSlice('<')
		switch {
		case err == nil:
			return m.source.UnreadByte()
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// skipPast reads up to and with the end, whose last byte is ">".
func (m *markup) skipPast(end string) error {
	last := ""
	for {
		part, err := m.source.ReadSlice('>')
		last = last[max(0, len(last)-len(end)):] + string(part[max(0, len(part)-len(end)):])
		switch {
		case err == nil && strings.HasSuffix(last, end):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return cutShort(err)
		}
	}
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tag reads up to the ">" that is not within quotes.
func (m *markup) tag() ([]byte, error) {
	var tag []byte
	quote := byte(0)
	for {
		next, err := m.source.ReadByte()
		if err != nil {
			return nil, cutShort(err)
		}
		tag = append(tag, next)
		switch {
		case len(tag) > maximumTag:
			return nil, wrong("a tag has more than %d bytes", maximumTag)
		case quote != 0:
			if next == quote {
				quote = 0
			}
		case next == '"' || next == '\'':
			quote = next
		case next == '>':
			return tag, nil
		}
	}
}

func (m *markup) skipDoctype() error {
	tag, err := m.tag()
	if err != nil {
		return err
	}
	if !m.doctypes || !strings.HasPrefix(string(tag), "<!DOCTYPE") || strings.Contains(string(tag), "[") {
		return wrong("it has a document type or entities, which are not read: %.60q", tag)
	}
	m.doctype = string(tag)
	return nil
}

// elements reads a document's elements: each start and end of one, with how deep it is. It returns an *EvidenceError for a
// document that is not whole.
func elements(source io.Reader, name string, doctypes bool, start func(depth int, element xml.StartElement) error, end func(depth int) error) error {
	return elementsOf(newMarkup(source, doctypes), name, start, end)
}

func elementsOf(tags *markup, name string, start func(depth int, element xml.StartElement) error, end func(depth int) error) error {
	decoder := xml.NewDecoder(tags)
	decoder.CharsetReader = readLatin
	depth, roots := 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unreadable(name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			if depth > maximumDepth {
				return wrong("%.100q has elements more than %d deep", name, maximumDepth)
			}
			if depth == 1 {
				roots++
			}
			if twice, found := twofold(token); found {
				return wrong("%.100q: element %.40q has the attribute %.40q twice", name, token.Name.Local, twice)
			}
			err = start(depth, token)
		case xml.EndElement:
			if depth == 0 {
				return wrong("%.100q is no XML document: an element ends that never began", name)
			}
			err = end(depth)
			depth--
		}
		if err != nil {
			return err
		}
	}
	if depth != 0 || roots != 1 {
		return wrong("%.100q is no whole XML document: it was cut short", name)
	}
	return nil
}

func unreadable(name string, err error) error {
	var known *promotion.EvidenceError
	if errors.As(err, &known) {
		return wrong("%.100q: %s", name, known.Detail)
	}
	return wrong("%.100q is no XML document: %.200s", name, err)
}

// readLatin reads the encodings of one byte a character that test tools still write. What is kept of a document is ASCII
// in practice; the few characters in which they differ from Unicode do not matter.
func readLatin(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii", "ascii", "iso-8859-1", "windows-1252", "latin1":
		return &latin{source: bufio.NewReader(input)}, nil
	}
	return nil, fmt.Errorf("encoding %.40q is not read: write UTF-8", charset)
}

// latin turns bytes into the characters of the same number.
type latin struct {
	source  *bufio.Reader
	pending []byte
}

// Read gives UTF-8.
func (l *latin) Read(buffer []byte) (int, error) {
	if len(l.pending) == 0 {
		next, err := l.source.ReadByte()
		if err != nil {
			return 0, err
		}
		l.pending = []byte(string(rune(next)))
	}
	read := copy(buffer, l.pending)
	l.pending = l.pending[read:]
	return read, nil
}

// twofold returns an attribute that an element has twice, which encoding/xml lets pass.
func twofold(element xml.StartElement) (string, bool) {
	if len(element.Attr) < 2 {
		return "", false
	}
	seen := make(map[xml.Name]bool, len(element.Attr))
	for _, one := range element.Attr {
		if seen[one.Name] {
			return one.Name.Local, true
		}
		seen[one.Name] = true
	}
	return "", false
}

// attribute gives an attribute's value.
func attribute(element xml.StartElement, name string) (string, bool) {
	for _, one := range element.Attr {
		if one.Name.Local == name && one.Name.Space == "" {
			return one.Value, true
		}
	}
	return "", false
}
