package config

import (
	"fmt"
	"reflect"
	"strings"
)

// PolicyReference gives every key of a policy file as a Markdown table, made from the types that the decoder reads into.
func PolicyReference() string {
	var table strings.Builder
	table.WriteString("| key | default | meaning |\n|---|---|---|\n")
	walk(reflect.TypeFor[policyDocument](), "", func(path string, tag reflect.StructTag) {
		instead := ""
		for keyword := range strings.SplitSeq(tag.Get("jsonschema"), ",") {
			if value, found := strings.CutPrefix(keyword, "default="); found {
				instead = code(value)
			}
			if keyword == "required" {
				instead = "required"
			}
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", code(path), instead, cell(tag.Get("jsonschema_description")))
	})
	return table.String()
}

// SettingsReference gives every key of the settings file, with the variable that overrides it, as a Markdown table, made
// from the types that the loader reads into.
func SettingsReference() string {
	var table strings.Builder
	table.WriteString("| key | variable | default | meaning |\n|---|---|---|---|\n")
	walk(reflect.TypeFor[settingsDocument](), "", func(path string, tag reflect.StructTag) {
		if meaning := tag.Get("meaning"); meaning != "" {
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", code(path), code(tag.Get("variable")), code(tag.Get("default")), cell(meaning))
		}
	})
	return table.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + cell(text) + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// walk visits every key of a file, each before those below it, in the order of its type.
func walk(document reflect.Type, path string, visit func(path string, tag reflect.StructTag)) {
	for i := range document.NumField() {
		field := document.Field(i)
		at := strings.TrimPrefix(path+"."+field.Tag.Get("yaml"), ".")
		visit(at, field.Tag)
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Implements(namedType) {
				value, _ := inner.Elem().FieldByName("Value")
				inner, at = value.Type, at+".<name>"
				continue
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
