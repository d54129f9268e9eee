package config

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field is one key of a file, as its struct tags say: yaml is the key; jsonschema says what the decoder and the JSON
// Schema go by, in the words of the schema; jsonschema_description is for people.
type field struct {
	name     string
	index    int
	required bool
	wanted   string // what to write, when it is missing
	limits   limits
}

// limits bound a number, a list, or a map of names.
type limits struct {
	minimum, maximum *float64
	minimumItems     int
	maximumItems     int    // 0: those of the policy
	emptyHint        string // what to do instead of writing an empty list
}

func fieldsOf(kind reflect.Type) []field {
	fields := make([]field, 0, kind.NumField())
	for i := range kind.NumField() {
		tag := kind.Field(i).Tag
		one := field{name: tag.Get("yaml"), index: i, wanted: cmp.Or(tag.Get("wanted"), "a value")}
		one.limits.emptyHint = tag.Get("empty")
		for keyword := range strings.SplitSeq(tag.Get("jsonschema"), ",") {
			name, value, _ := strings.Cut(keyword, "=")
			switch name {
			case "required":
				one.required = true
			case "minimum":
				one.limits.minimum = number(value)
			case "maximum":
				one.limits.maximum = number(value)
			case "minItems":
				one.limits.minimumItems = int(*number(value))
			case "maxItems":
				one.limits.maximumItems = int(*number(value))
			}
		}
		fields = append(fields, one)
	}
	return fields
}

func number(text string) *float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("config: a struct tag has " + text + " for a number")
	}
	return &value
}

func (l limits) most(instead int) int { return cmp.Or(l.maximumItems, instead) }

func (l limits) hold(value float64) bool {
	return value == value && (l.minimum == nil || value >= *l.minimum) && (l.maximum == nil || value <= *l.maximum)
}

// numbers says which numbers are allowed.
func (l limits) numbers(kind string) string {
	switch {
	case l.minimum != nil && l.maximum != nil && *l.minimum == *l.maximum:
		return fmt.Sprintf("%g", *l.minimum)
	case l.minimum != nil && l.maximum != nil:
		return fmt.Sprintf("%s from %s to %s", kind, plainNumber(*l.minimum), plainNumber(*l.maximum))
	case l.minimum != nil:
		return fmt.Sprintf("%s of at least %s", kind, plainNumber(*l.minimum))
	}
	return kind
}

func plainNumber(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
