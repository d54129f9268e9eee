package config

import (
	"fmt"
	"reflect"
	"strings"
)

// PolicyReference gives every key of a policy file as a Markdown table, made from the types that the decoder reads into.
func PolicyReference() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n|---|---|---|\n")
	walk(reflect.TypeFor[policyDocument](), "", func(path string, field reflect.StructField) {
		instead := ""
		for part := range strings.SplitSeq(field.Tag.Get("jsonschema"), ",") {
			if value, found := strings.CutPrefix(part, "default="); found {
				instead = "`" + value + "`"
			}
			if part == "required" {
				instead = "required"
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", path, instead, field.Tag.Get("jsonschema_description"))
	})
	return b.String()
}

// SettingsReference gives every key of the settings file, with the variable that overrides it, as a Markdown table.
func SettingsReference() string {
	var b strings.Builder
	b.WriteString("| key | variable | default | meaning |\n|---|---|---|---|\n")
	walk(reflect.TypeFor[settingsDocument](), "", func(path string, field reflect.StructField) {
		if field.Tag.Get("meaning") == "" {
			return
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", path, codeOrNothing(field.Tag.Get("variable")), codeOrNothing(field.Tag.Get("default")), field.Tag.Get("meaning"))
	})
	return b.String()
}

func codeOrNothing(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// walk visits every key of a document, depth first, in the order of its type.
func walk(document reflect.Type, path string, visit func(string, reflect.StructField)) {
	for i := range document.NumField() {
		field := document.Field(i)
		at := joined(path, field.Tag.Get("yaml"))
		visit(at, field)
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Map || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Map {
				at += ".<name>"
			}
			if inner.Kind() == reflect.Slice {
				at += "[]"
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[destination]() {
			walk(inner, at, visit)
		}
	}
}
