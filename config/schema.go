package config

import (
	"encoding/json"

	"github.com/invopop/jsonschema"
)

// durationPattern is what a length of time looks like.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$`

// JSONSchema describes a length of time.
func (duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
}

// JSONSchema describes one registry repository, or a map of them by image.
func (destination) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "string"},
		{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}},
	}}
}

// PolicySchema gives the JSON Schema (draft 2020-12) of policy files, indented. It is made from the types that the
// decoder reads into.
func PolicySchema() ([]byte, error) {
	reflector := jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: true, Anonymous: true}
	schema := reflector.Reflect(&policyDocument{})
	schema.Title = "Verbatim policy"
	schema.Description = "A repository's rules for promotions: .github/verbatim.yml on the default branch."
	return json.MarshalIndent(schema, "", "  ")
}
