package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion"
)

// decoder reads YAML nodes into tagged types, and notes every problem with where it is.
type decoder struct {
	findings
	empty bool // the file says nothing at all
}

func newDecoder(file string) *decoder {
	return &decoder{findings: findings{file: file, spots: map[keyPath]spot{}, broken: map[keyPath]bool{}}}
}

// named is a map whose keys are names that people choose, in the order of the file.
type named[T any] []entry[T]

type entry[T any] struct {
	Name  string
	Value T
}

// names gives those of the keys that can be names.
func (n named[T]) names() []string {
	var names []string
	for _, entry := range n {
		if namePattern.MatchString(entry.Name) {
			names = append(names, entry.Name)
		}
	}
	return names
}

func (named[T]) isNamed() {}

var namedType = reflect.TypeFor[interface{ isNamed() }]()

// decode reads a node into a value, noting what does not fit.
func (d *decoder) decode(node *yaml.Node, into reflect.Value, path keyPath, allowed limits) {
	at := place{node.Line, node.Column}
	key := d.spots[path].key
	if key == (place{}) {
		key = at
	}
	d.spots[path] = spot{key: key, value: at}
	if node.Kind == yaml.AliasNode || node.Style&yaml.TaggedStyle != 0 {
		d.breaks(path)
		return
	}
	switch {
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(node, into.Elem(), path, allowed)
	case into.Type() == reflect.TypeFor[destination]():
		d.decodeDestination(node, into, path)
	case into.Type().Implements(namedType):
		d.decodeNamed(node, into, path, allowed)
	case into.Kind() == reflect.Struct:
		d.decodeStruct(node, into, path)
	case into.Kind() == reflect.Slice:
		d.decodeList(node, into, path, allowed)
	default:
		d.decodeScalar(node, into, path, allowed)
	}
}

func (d *decoder) decodeStruct(node *yaml.Node, into reflect.Value, path keyPath) {
	fields := fieldsOf(into.Type())
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.name
	}
	found := map[string]bool{}
	complete := d.pairs(node, path, "a map with keys such as "+listed(names), func(name string, keyNode, value *yaml.Node) {
		at := path.key(name)
		for _, field := range fields {
			if field.name == name {
				found[name] = true
				d.decode(value, into.Field(field.index), at, field.limits)
				return
			}
		}
		d.unknownKey(at, name, names)
	})
	for _, field := range fields {
		if field.required && complete && !found[field.name] {
			at := path.key(field.name)
			d.spots[at] = spot{d.spots[path].key, d.spots[path].key}
			d.breaks(at)
			d.reportKey(at, "", "expected %s, found no such key", field.wanted)
		}
	}
}

// unknownKey says what the key may have been meant to be. It never shows the value.
func (d *decoder) unknownKey(at keyPath, name string, names []string) {
	for _, known := range names {
		if known == name+"_file" {
			d.reportKey(at, "write "+known+", or set it by environment", "secrets are not in this file: expected the name of a file that holds it")
			return
		}
	}
	if suggestion := promotion.DidYouMean(name, names); suggestion != "" {
		d.reportKey(at, suggestion, "unknown key %.80q", name)
		return
	}
	d.reportKey(at, "", "unknown key %.80q; the keys here are %s", name, strings.Join(names, ", "))
}

// pairs gives a map's keys and values, noting keys that are no text or come twice. It reports whether the map is all
// that was written: no map, or one that takes keys from elsewhere, says nothing about which keys are missing.
func (d *decoder) pairs(node *yaml.Node, path keyPath, expected string, do func(name string, key, value *yaml.Node)) bool {
	if node.Kind != yaml.MappingNode {
		d.breaks(path)
		d.report(path, "", "expected %s, found %s", expected, described(node))
		return false
	}
	complete, seen := true, map[string]int{}
	for i := 0; i+1 < len(node.Content) && !d.full(); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := place{key.Line, key.Column}
		switch {
		case key.Kind == yaml.AliasNode || key.ShortTag() == "!!merge" || key.Style&yaml.TaggedStyle != 0:
			complete = false // noted already
		case key.Kind != yaml.ScalarNode:
			d.reportAt(at, path, quoting(key), "expected a name as key, found %s", described(key))
		case key.ShortTag() != "!!str":
			d.reportAt(at, path, fmt.Sprintf("put it in quotes: %.80q", key.Value), "expected a name as key, found %s", described(key))
		case seen[key.Value] > 0:
			d.reportAt(at, path.key(key.Value), "keep one of them", "the key is there twice; the first is in line %d", seen[key.Value])
		default:
			seen[key.Value] = key.Line
			d.spots[path.key(key.Value)] = spot{at, at}
			do(key.Value, key, value)
		}
	}
	return complete
}

func (d *decoder) decodeNamed(node *yaml.Node, into reflect.Value, path keyPath, allowed limits) {
	d.pairs(node, path, "a map of names", func(name string, keyNode, value *yaml.Node) {
		most := allowed.most(maximumNames)
		if into.Len() == most {
			d.reportAt(place{keyNode.Line, keyNode.Column}, path, "", "expected at most %d, found more", most)
		}
		if into.Len() >= most {
			return
		}
		element := reflect.New(into.Type().Elem()).Elem()
		element.Field(0).SetString(name)
		d.decode(value, element.Field(1), path.key(name), limits{})
		into.Set(reflect.Append(into, element))
	})
	if node.Kind == yaml.MappingNode && len(node.Content) == 0 {
		d.breaks(path)
		d.report(path, "", "expected at least one, found none")
	}
}

func (d *decoder) decodeList(node *yaml.Node, into reflect.Value, path keyPath, allowed limits) {
	if node.Kind != yaml.SequenceNode {
		suggestion := ""
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
			suggestion = fmt.Sprintf("write [%.80q]", node.Value)
		}
		d.breaks(path)
		d.report(path, suggestion, "expected a list, found %s", described(node))
		return
	}
	most := allowed.most(maximumItems)
	switch count := len(node.Content); {
	case count > most:
		d.breaks(path)
		d.report(path, "", "expected at most %d, found %d", most, count)
		return
	case count < allowed.minimumItems:
		d.breaks(path)
		d.report(path, allowed.emptyHint, "expected at least %d, found %d", allowed.minimumItems, count)
	}
	list := reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content))
	seen := map[string]bool{}
	for i, child := range node.Content {
		at := path.index(i)
		d.decode(child, list.Index(i), at, limits{})
		if value := list.Index(i); value.Kind() == reflect.String && !d.broken[at] {
			if seen[value.String()] {
				d.breaks(at)
				d.report(at, "keep one of them", "%.80q is there twice", value.String())
			}
			seen[value.String()] = true
		}
	}
	into.Set(list)
}

func (d *decoder) decodeScalar(node *yaml.Node, into reflect.Value, path keyPath, allowed limits) {
	kind := scalarOf(into.Type(), allowed)
	if node.Kind != yaml.ScalarNode || !kind.takes(node) {
		d.breaks(path)
		d.report(path, kind.mend(node), "expected %s, found %s", kind.expected, described(node))
		return
	}
	if wrong, suggestion := kind.set(into, node.Value); wrong != "" {
		d.breaks(path)
		d.report(path, suggestion, "%s", wrong)
	}
}

func (d *decoder) decodeDestination(node *yaml.Node, into reflect.Value, path keyPath) {
	if node.Kind == yaml.MappingNode {
		d.decodeNamed(node, into.FieldByName("ByImage"), path, limits{})
		return
	}
	d.decodeScalar(node, into.FieldByName("All"), path, limits{})
}

// described says what a node is, for messages.
func described(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a map"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.AliasNode:
		return "an alias"
	}
	switch node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float", "!!timestamp":
		kind := map[string]string{"!!bool": "", "!!int": "the number ", "!!float": "the number ", "!!timestamp": "the date "}[node.ShortTag()]
		return kind + clipped(node.Value)
	}
	return "the text " + fmt.Sprintf("%.80q", node.Value)
}

// quoting suggests quotes for what YAML takes for something else than text: {sha} is a map to it.
func quoting(node *yaml.Node) string {
	if node.Kind == yaml.MappingNode && node.Style&yaml.FlowStyle != 0 && len(node.Content) == 2 && node.Content[1].ShortTag() == "!!null" {
		return fmt.Sprintf("put it in quotes, as in %.80q", "{"+node.Content[0].Value+"}")
	}
	return ""
}
