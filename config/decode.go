package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Limits of a file, so that a hostile one costs little.
const (
	// MaximumPolicySize is how many bytes a policy file may have.
	MaximumPolicySize = 256 << 10
	maximumDepth      = 12
	maximumProblems   = 50
)

// decoder reads YAML nodes into tagged types, and notes every problem with where it is.
type decoder struct {
	file     string
	problems []promotion.Problem
	places   map[string]place // by key path
	order    map[string]int   // by key path: in which order the file has them
}

type place struct{ line, column int }

func newDecoder(file string) *decoder {
	return &decoder{file: file, places: map[string]place{}, order: map[string]int{}}
}

// report notes a problem with the value at a key path.
func (d *decoder) report(path, suggestion, format string, arguments ...any) {
	at, found := d.places[path]
	for parent := path; !found && parent != ""; {
		parent = parent[:max(strings.LastIndexAny(parent, ".["), 0)]
		at, found = d.places[parent]
	}
	if !found {
		at = place{1, 1}
	}
	d.reportAt(at, path, suggestion, format, arguments...)
}

func (d *decoder) reportAt(at place, path, suggestion, format string, arguments ...any) {
	// What follows from a problem that is reported already would only hide it.
	known := path != "" && slices.ContainsFunc(d.problems, func(problem promotion.Problem) bool { return problem.Key == path })
	if len(d.problems) < maximumProblems && !known {
		d.problems = append(d.problems, promotion.Problem{
			File: d.file, Line: max(at.line, 1), Column: max(at.column, 1), Key: path, Message: fmt.Sprintf(format, arguments...), Suggestion: suggestion,
		})
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// parse reads the one document of a file. It reports false when there is none to go on with.
func (d *decoder) parse(content []byte) (*yaml.Node, bool) {
	start := place{1, 1}
	switch {
	case len(content) > MaximumPolicySize:
		d.reportAt(start, "", "", "expected at most %d KiB, found %d", MaximumPolicySize>>10, len(content)>>10)
		return nil, false
	case !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0:
		d.reportAt(start, "", "", "expected UTF-8 text")
		return nil, false
	case tooDeep(content):
		d.reportAt(start, "", "", "expected at most %d levels of nesting", maximumDepth)
		return nil, false
	}
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err := reader.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			d.reportAt(start, "", "", "the file is empty")
			return nil, false
		}
		d.reportAt(placeOf(err), "", "", "not YAML: %s", firstLine(err.Error()))
		return nil, false
	}
	if err := reader.Decode(&second); err == nil {
		d.reportAt(place{second.Line, second.Column}, "", "keep one document, and take out the line ---", "expected one YAML document, found a second")
		return nil, false
	} else if !errors.Is(err, io.EOF) {
		d.reportAt(placeOf(err), "", "", "not YAML: %s", firstLine(err.Error()))
		return nil, false
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 || document.Content[0].Tag == "!!null" {
		d.reportAt(start, "", "", "the file is empty")
		return nil, false
	}
	return document.Content[0], d.plain(document.Content[0], 0)
}

// tooDeep reports whether brackets are nested deeper than any policy, before the parser sees them.
func tooDeep(content []byte) bool {
	depth := 0
	for _, b := range content {
		switch b {
		case '[', '{':
			if depth++; depth > 200 {
				return true
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return false
}

func placeOf(err error) place {
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		if line, err := strconv.Atoi(found[1]); err == nil {
			return place{line, 1}
		}
	}
	return place{1, 1}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(text, "yaml: "), "\n")
	return line
}

// plain refuses anchors, aliases and merges: a small file could stand for a huge one, and readers would have to guess
// what it says.
func (d *decoder) plain(node *yaml.Node, depth int) bool {
	at := place{node.Line, node.Column}
	switch {
	case depth > maximumDepth:
		d.reportAt(at, "", "", "expected at most %d levels of nesting", maximumDepth)
		return false
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		d.reportAt(at, "", "write the value out where it is needed", "anchors (&) and aliases (*) are not allowed")
		return false
	case node.Tag == "!!merge":
		d.reportAt(at, "", "write the keys out", "merge keys (<<) are not allowed")
		return false
	}
	for _, child := range node.Content {
		if !d.plain(child, depth+1) {
			return false
		}
	}
	return true
}

// decode reads a node into a value, noting what does not fit.
func (d *decoder) decode(node *yaml.Node, into reflect.Value, path string) {
	if _, known := d.places[path]; !known {
		d.places[path] = place{node.Line, node.Column}
	}
	switch target := into.Addr().Interface().(type) {
	case *destination:
		d.decodeDestination(node, target, path)
		return
	case *duration:
		if text, ok := d.scalar(node, path, "a length of time, such as 90s, 1h or 14d", "!!str", "!!int"); ok {
			*target = duration(text)
		}
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(node, into.Elem(), path)
	case reflect.Struct:
		d.decodeStruct(node, into, path)
	case reflect.Map:
		d.decodeMap(node, into, path)
	case reflect.Slice:
		d.decodeList(node, into, path)
	default:
		d.decodeScalar(node, into, path)
	}
}

func (d *decoder) decodeScalar(node *yaml.Node, into reflect.Value, path string) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := d.scalar(node, path, "text", "!!str"); ok {
			into.SetString(text)
		}
	case reflect.Bool:
		if text, ok := d.scalar(node, path, "true or false", "!!bool"); ok {
			into.SetBool(strings.EqualFold(text, "true"))
		}
	case reflect.Int, reflect.Int64:
		if text, ok := d.scalar(node, path, "a whole number", "!!int"); ok {
			number, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				d.report(path, "", "expected a whole number, found %.40q", text)
			}
			into.SetInt(number)
		}
	case reflect.Float64:
		if text, ok := d.scalar(node, path, "a number", "!!int", "!!float"); ok {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil || number != number {
				d.report(path, "", "expected a number, found %.40q", text)
				return
			}
			into.SetFloat(number)
		}
	default:
		panic("config: no rule to read a " + into.Type().String())
	}
}

// scalar gives a scalar's text if it has one of the tags.
func (d *decoder) scalar(node *yaml.Node, path, expected string, tags ...string) (string, bool) {
	if node.Kind == yaml.ScalarNode {
		for _, tag := range tags {
			if node.ShortTag() == tag {
				return node.Value, true
			}
		}
	}
	suggestion := ""
	if node.Kind == yaml.ScalarNode && tags[0] == "!!str" && node.ShortTag() != "!!null" {
		suggestion = fmt.Sprintf("put it in quotes: %q", node.Value)
	}
	d.reportAt(place{node.Line, node.Column}, path, suggestion, "expected %s, found %s", expected, described(node))
	return "", false
}

func described(node *yaml.Node) string {
	if node.Kind == yaml.MappingNode {
		return "a map"
	}
	if node.Kind == yaml.SequenceNode {
		return "a list"
	}
	switch node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the boolean " + node.Value
	case "!!int", "!!float":
		return "the number " + node.Value
	case "!!str":
		return fmt.Sprintf("the text %.60q", node.Value)
	}
	return fmt.Sprintf("%s %.60q", node.ShortTag(), node.Value)
}

// pairs gives a mapping's keys and values, noting keys that are no text or come twice.
func (d *decoder) pairs(node *yaml.Node, path, expected string, each func(key string, keyNode, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		d.reportAt(place{node.Line, node.Column}, path, "", "expected %s, found %s", expected, described(node))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			d.reportAt(place{key.Line, key.Column}, path, "put it in quotes", "expected a name as key, found %s", described(key))
			continue
		}
		if seen[key.Value] {
			d.reportAt(place{key.Line, key.Column}, joined(path, key.Value), "keep one of them", "the key is there twice")
			continue
		}
		seen[key.Value] = true
		each(key.Value, key, value)
	}
}

func joined(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) decodeStruct(node *yaml.Node, into reflect.Value, path string) {
	fields := map[string]int{}
	var names []string
	for i := range into.NumField() {
		name := into.Type().Field(i).Tag.Get("yaml")
		fields[name] = i
		names = append(names, name)
	}
	d.pairs(node, path, "a map with the keys "+strings.Join(names, ", "), func(key string, keyNode, value *yaml.Node) {
		at := joined(path, key)
		d.places[at] = place{keyNode.Line, keyNode.Column}
		field, known := fields[key]
		if !known {
			d.report(at, promotion.DidYouMean(key, names), "unknown key")
			return
		}
		d.decode(value, into.Field(field), at)
	})
}

func (d *decoder) decodeMap(node *yaml.Node, into reflect.Value, path string) {
	into.Set(reflect.MakeMap(into.Type()))
	d.pairs(node, path, "a map of names", func(key string, keyNode, value *yaml.Node) {
		at := joined(path, key)
		d.places[at] = place{keyNode.Line, keyNode.Column}
		d.order[at] = len(d.order)
		element := reflect.New(into.Type().Elem()).Elem()
		d.decode(value, element, at)
		into.SetMapIndex(reflect.ValueOf(key), element)
	})
}

func (d *decoder) decodeList(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind != yaml.SequenceNode {
		suggestion := ""
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
			suggestion = "write [" + node.Value + "]"
		}
		d.reportAt(place{node.Line, node.Column}, path, suggestion, "expected a list, found %s", described(node))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content))
	for i, child := range node.Content {
		d.decode(child, list.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	into.Set(list)
}

func (d *decoder) decodeDestination(node *yaml.Node, into *destination, path string) {
	into.ByImage = map[string]string{}
	if node.Kind == yaml.MappingNode {
		d.decodeMap(node, reflect.ValueOf(&into.ByImage).Elem(), path)
		return
	}
	if text, ok := d.scalar(node, path, "a registry repository, or a map of them by image", "!!str"); ok {
		into.ByImage[""] = text
	}
}
