package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion"
)

// rule is what a text must look like. A text type names its rule; the decoder and the JSON Schema both go by it.
type rule struct {
	expected string                                       // "a branch's name", for messages
	words    []string                                     // the only ones there are
	pattern  *regexp.Regexp                               // for what are no words
	check    func(text string) (wrong, suggestion string) // what a pattern cannot say; wrong is "" when all is well
	mend     func(text string) string                     // what was probably meant by what does not match the pattern
}

// ruled is a text type with a rule.
type ruled interface{ rule() rule }

var ruledType = reflect.TypeFor[ruled]()

// ruleOf gives the rule of a text type.
func ruleOf(kind reflect.Type) rule {
	if text, has := reflect.Zero(kind).Interface().(ruled); has {
		return text.rule()
	}
	panic("config: no rule for " + kind.String())
}

// violated says what is wrong with a text, and what was probably meant. Both are "" when it is as it must be.
func (r rule) violated(text string) (wrong, suggestion string) {
	switch {
	case r.words != nil && !slices.Contains(r.words, text):
		return fmt.Sprintf("expected %s, found %.80q", r.anyOf(), text), promotion.DidYouMean(text, r.words)
	case r.pattern != nil && !r.pattern.MatchString(text):
		if r.mend != nil {
			suggestion = r.mend(text)
		}
		return fmt.Sprintf("expected %s, found %.80q", r.expected, text), suggestion
	case r.check != nil:
		return r.check(text)
	}
	return "", ""
}

func (r rule) anyOf() string {
	if len(r.words) == 0 {
		return r.expected
	}
	return "one of " + strings.Join(r.words, ", ")
}

// scalar is a kind of single value.
type scalar struct {
	expected string
	tags     []string // of YAML
	zero     bool     // the number 0 will do, too
	set      func(into reflect.Value, text string) (wrong, suggestion string)
}

func (s scalar) takes(node *yaml.Node) bool {
	return slices.Contains(s.tags, node.ShortTag()) || s.zero && node.ShortTag() == "!!int" && node.Value == "0"
}

// mend suggests how to write a value of the wrong type.
func (s scalar) mend(node *yaml.Node) string {
	tag, plain := node.ShortTag(), node.Kind == yaml.ScalarNode
	switch {
	case s.tags[0] == "!!str" && plain && tag != "!!null":
		return fmt.Sprintf("put it in quotes: %.80q", node.Value)
	case s.tags[0] == "!!str":
		return quoting(node)
	case s.tags[0] == "!!bool" && slices.Contains([]string{"yes", "on"}, strings.ToLower(node.Value)):
		return "write true"
	case s.tags[0] == "!!bool" && slices.Contains([]string{"no", "off"}, strings.ToLower(node.Value)):
		return "write false"
	case tag == "!!str" && node.Style != 0:
		if _, err := strconv.ParseFloat(node.Value, 64); err == nil || node.Value == "true" || node.Value == "false" {
			return "write it without quotes"
		}
	}
	return ""
}

// scalarOf gives how values of a type are read: from YAML and, for settings, from the environment.
func scalarOf(kind reflect.Type, allowed limits) scalar {
	switch kind.Kind() {
	case reflect.String:
		rule := ruleOf(kind)
		_, isDuration := reflect.Zero(kind).Interface().(duration)
		return scalar{rule.anyOf(), []string{"!!str"}, isDuration, func(into reflect.Value, text string) (string, string) {
			into.SetString(text)
			return rule.violated(text)
		}}
	case reflect.Bool:
		if kind == reflect.TypeFor[onlyFalse]() {
			return scalar{"false", []string{"!!bool"}, false, func(_ reflect.Value, text string) (string, string) {
				if strings.EqualFold(text, "true") {
					return "expected false, found true: a floor forbids, and cannot allow", "leave it out, and let policies decide"
				}
				return "", ""
			}}
		}
		return scalar{"true or false", []string{"!!bool"}, false, func(into reflect.Value, text string) (string, string) {
			into.SetBool(strings.EqualFold(text, "true"))
			return "", ""
		}}
	case reflect.Int, reflect.Int64:
		expected := allowed.numbers("a whole number")
		return scalar{expected, []string{"!!int"}, false, func(into reflect.Value, text string) (string, string) {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil || !allowed.hold(float64(number)) {
				return "expected " + expected + ", found " + shownNumber(text), ""
			}
			into.SetInt(number)
			return "", ""
		}}
	case reflect.Float64:
		expected := allowed.numbers("a number")
		return scalar{expected, []string{"!!int", "!!float"}, false, func(into reflect.Value, text string) (string, string) {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil || !allowed.hold(number) {
				return "expected " + expected + ", found " + shownNumber(text), ""
			}
			into.SetFloat(number)
			return "", ""
		}}
	default:
		panic("config: no way to read a " + kind.String())
	}
}

// shownNumber gives a number as it is, and quotes what is none.
func shownNumber(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err != nil || len(text) > 40 {
		return fmt.Sprintf("%.40q", text)
	}
	return text
}
