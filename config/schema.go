package config

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"
)

// PolicySchema gives the JSON Schema (draft 2020-12) of policy files, indented. It is made from the types that the
// decoder reads into. What only the whole policy can tell (a name that nothing has, say), a schema cannot.
func PolicySchema() ([]byte, error) {
	schema := schemaOf(reflect.TypeFor[policyDocument]())
	schema.Version = jsonschema.Version
	schema.Title = "Verbatim policy"
	schema.Description = "A repository's rules for promotions: .github/verbatim.yml on the default branch."
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the policy's JSON Schema: %w", err)
	}
	return text, nil
}

// schemaOf gives the schema of a type, with the bounds that the decoder has for it.
func schemaOf(kind reflect.Type) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: true, Anonymous: true, Mapper: mapped,
	}
	schema := reflector.ReflectFromType(kind)
	schema.Version = ""
	bound(kind, schema, limits{})
	return schema
}

// mapped gives the schema of the types that the library cannot see through.
func mapped(kind reflect.Type) *jsonschema.Schema {
	switch {
	case kind == reflect.TypeFor[duration]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: durationPattern.String()}, {Const: 0}}}
	case kind == reflect.TypeFor[destination]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{schemaOf(reflect.TypeFor[repositoryTemplate]()), schemaOf(reflect.TypeFor[named[repositoryTemplate]]())}}
	case kind.Implements(namedType):
		value, _ := kind.Elem().FieldByName("Value")
		return &jsonschema.Schema{Type: "object", AdditionalProperties: schemaOf(value.Type)}
	case kind.Kind() == reflect.String && kind.Implements(ruledType):
		return textSchema(ruleOf(kind))
	}
	return nil
}

func textSchema(rule rule) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range rule.words {
		schema.Enum = append(schema.Enum, word)
	}
	if rule.pattern != nil {
		schema.Pattern = rule.pattern.String()
	}
	return schema
}

// bound adds to a schema how many entries its lists and maps of names may have.
func bound(kind reflect.Type, schema *jsonschema.Schema, allowed limits) {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	least, most, one := uint64(allowed.minimumItems), uint64(allowed.most(maximumItems)), uint64(1)
	switch {
	case kind.Implements(namedType):
		most = uint64(allowed.most(maximumNames))
		schema.MinProperties, schema.MaxProperties = &one, &most
		schema.PropertyNames = &jsonschema.Schema{Pattern: namePattern.String()}
	case kind.Kind() == reflect.Slice:
		if kind == reflect.TypeFor[groupDocument]() {
			least = 1
		}
		if schema.MaxItems, schema.UniqueItems = &most, kind.Elem().Kind() == reflect.String; least > 0 {
			schema.MinItems = &least
		}
		bound(kind.Elem(), schema.Items, limits{})
	case kind.Kind() == reflect.Struct && schema.Properties != nil:
		for _, field := range fieldsOf(kind) {
			if property, found := schema.Properties.Get(field.name); found {
				bound(kind.Field(field.index).Type, property, field.limits)
			}
		}
	}
}
