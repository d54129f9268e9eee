package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// read gives the root of a file's one document, or nil when there is none to go on with. Nodes that are not plain are
// noted, and left out by the decoder.
func (d *decoder) read(content []byte, most int) *yaml.Node {
	root := d.parse(content, most)
	if root != nil {
		d.plain(root)
	}
	return root
}

// parse gives the root of a file's one document as it is written, without resolving anything in it.
func (d *decoder) parse(content []byte, most int) *yaml.Node {
	d.end = place{1 + bytes.Count(bytes.TrimSuffix(content, []byte("\n")), []byte("\n")), 1}
	if len(content) > most {
		d.reportAt(place{}, "", "", "expected a file of at most %d KiB, found a larger one", most>>10)
		return nil
	}
	if at, letter, found := strange(content); found {
		d.reportAt(at, "", "", "expected text in UTF-8, found %s", letter)
		return nil
	}
	// The parser counts levels of its own beside those of maps and lists; this is where it stops by itself.
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(3*maximumDepth))))
	if err != nil {
		d.reportAt(place{}, "", "", "cannot be read: %s", err)
		return nil
	}
	var document yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		d.nothing()
		return nil
	} else if err != nil {
		d.syntax(content, err)
		return nil
	}
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		d.reportAt(place{second.Line, second.Column}, "", "keep one, and take out the line ---", "expected one YAML document, found a second")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(content, err)
	}
	if len(document.Content) != 1 || document.Content[0].ShortTag() == "!!null" {
		d.nothing()
		return nil
	}
	return document.Content[0]
}

func (d *decoder) nothing() {
	d.empty = true
	d.reportAt(place{}, "", "", "the file is empty")
}

// strange finds the first thing in a file that is no text: bytes that are not UTF-8, or control characters, which YAML
// forbids and the parser refuses without saying where.
func strange(content []byte) (place, string, bool) {
	at := place{1, 1}
	for i := 0; i < len(content); {
		letter, size := utf8.DecodeRune(content[i:])
		switch {
		case letter == utf8.RuneError && size <= 1:
			return at, "bytes that are not", true
		case letter == '\n':
			at = place{at.line + 1, 0}
		case letter < ' ' && letter != '\t' && letter != '\r', letter >= 0x7f && letter < 0xa0 && letter != 0x85:
			return at, "a control character", true
		}
		at.column++
		i += size
	}
	return place{}, "", false
}

// syntax notes what the parser says.
func (d *decoder) syntax(content []byte, err error) {
	var failure *yaml.LoadError
	if !errors.As(err, &failure) {
		d.reportAt(place{}, "", "", "expected YAML, found something else: %.200q", err.Error())
		return
	}
	at, message, suggestion := place{failure.Mark.Line, failure.Mark.Column}, failure.Message, ""
	switch {
	case strings.Contains(message, "unknown anchor"):
		d.alias(at)
		return
	case strings.Contains(message, "exceeded max depth"):
		d.tooDeep(at)
		return
	case strings.Contains(message, "cannot start any token"):
		suggestion = "put the text in quotes"
		if line := bytes.Split(content, []byte("\n"))[min(max(at.line, 1), d.end.line)-1]; bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
			suggestion = "indent with spaces: YAML allows no tabs there"
		}
	case strings.Contains(message, "mapping values are not allowed"):
		suggestion = "put a text with a colon in quotes, and give each key its own line"
	}
	if failure.ContextMsg != "" {
		message += " " + failure.ContextMsg
	}
	d.reportAt(at, "", suggestion, "expected YAML: %.200s", message)
}

func (d *decoder) tooDeep(at place) {
	d.reportAt(at, "", "", "expected at most %d levels of maps and lists within each other", maximumDepth)
}

// What makes a file other than plain, and what to do instead.
const (
	noAliases = "anchors (&) and aliases (*) are not allowed"
	noMerges  = "merge keys (<<) are not allowed"
	noTags    = "tags (!) are not allowed"
)

func (d *decoder) alias(at place) {
	d.reportAt(at, "", "write the value out; a text that begins with * or & needs quotes", noAliases)
}

// plain notes anchors, aliases, merge keys and tags, each kind once: with them a small file could stand for a huge one,
// and people would have to guess what it says.
func (d *decoder) plain(root *yaml.Node) {
	found := map[string][]place{}
	d.plainAt(root, 0, found)
	for kind, suggestion := range map[string]string{
		noAliases: "write the value out; a text that begins with * or & needs quotes",
		noMerges:  "write the keys out",
		noTags:    "leave it out; a text that begins with ! needs quotes",
	} {
		switch places := found[kind]; len(places) {
		case 0:
		case 1:
			d.reportAt(places[0], "", suggestion, "%s", kind)
		default:
			d.reportAt(places[0], "", suggestion, "%s; there are %d, the first is here", kind, len(places))
		}
	}
}

func (d *decoder) plainAt(node *yaml.Node, depth int, found map[string][]place) {
	at := place{node.Line, node.Column}
	switch {
	case depth > maximumDepth:
		d.tooDeep(at)
		return
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		found[noAliases] = append(found[noAliases], at)
	case node.ShortTag() == "!!merge":
		found[noMerges] = append(found[noMerges], at)
	case node.Style&yaml.TaggedStyle != 0:
		found[noTags] = append(found[noTags], at)
	}
	for _, child := range node.Content {
		d.plainAt(child, depth+1, found)
	}
}
