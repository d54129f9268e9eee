package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/config"
)

func TestSchemaGolden(t *testing.T) {
	t.Parallel()
	golden(t, "testdata/policy.schema.json", string(schemaText(t))+"\n")
}

func schemaText(t *testing.T) []byte {
	t.Helper()
	text, err := config.PolicySchema()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// place is where the schema has a map with fixed keys, and what leads there in a file.
type place struct {
	path   string
	around string // the file, with %s for the map
	schema map[string]any
}

// places finds every map with fixed keys.
func places(schema map[string]any, path, around string) []place {
	var found []place
	if properties, isMap := schema["properties"].(map[string]any); isMap {
		found = append(found, place{path, around, schema})
		for key, inner := range properties {
			found = append(found, places(asMap(inner), strings.TrimPrefix(path+"."+key, "."), fmt.Sprintf(around, "{ "+key+": %s }"))...)
		}
	}
	if inner := asMap(schema["additionalProperties"]); inner != nil {
		found = append(found, places(inner, path+".one", fmt.Sprintf(around, "{ one: %s }"))...)
	}
	if inner := asMap(schema["items"]); inner != nil {
		found = append(found, places(inner, path+"[0]", fmt.Sprintf(around, "[%s]"))...)
	}
	return found
}

func asMap(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// The decoder says which keys it knows, when it meets one that it does not: they are the schema's, everywhere.
func TestTheSchemaAndTheDecoderKnowTheSameKeys(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	if err := json.Unmarshal(schemaText(t), &schema); err != nil {
		t.Fatal(err)
	}
	all := places(schema, "", "%s")
	if len(all) < 16 {
		t.Fatalf("%d maps in the schema", len(all))
	}
	for _, one := range all {
		if one.schema["additionalProperties"] != false {
			t.Errorf("%s: the schema lets unknown keys pass", one.path)
		}
		var known []string
		for _, problem := range problemsOf(t, fmt.Sprintf(one.around, "{ zzzzzzzzzzzzzzzz: 1 }")) {
			if _, keys, found := strings.Cut(problem.Message, "; the keys here are "); found && problem.Key == strings.TrimPrefix(one.path+".zzzzzzzzzzzzzzzz", ".") {
				known = strings.Split(keys, ", ")
			}
		}
		var inSchema []string
		for key, property := range asMap(one.schema["properties"]) {
			inSchema = append(inSchema, key)
			if description, _ := asMap(property)["description"].(string); description == "" {
				t.Errorf("%s.%s has no description", one.path, key)
			}
		}
		slices.Sort(known)
		slices.Sort(inSchema)
		if !slices.Equal(known, inSchema) {
			t.Errorf("%q: the decoder knows %v, the schema %v", one.path, known, inSchema)
		}
	}
}

// validSchema reports whether the schema takes a policy, as an editor would find.
func validSchema(t *testing.T, content string) bool {
	t.Helper()
	var schema openapi3.Schema
	if err := json.Unmarshal(schemaText(t), &schema); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(content), &value); err != nil {
		return false
	}
	text, err := json.Marshal(value)
	if err != nil {
		return false
	}
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return schema.VisitJSON(value, openapi3.EnableJSONSchema2020()) == nil
}

func TestTheSchemaTakesWhatTheDecoderTakes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/policy/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../deploy/verbatim.yml", "../.github/verbatim.yml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if problemsOf(t, string(content)) == nil && !validSchema(t, string(content)) {
			t.Errorf("%s is valid, but not to the schema", file)
		}
	}
}

// Words, patterns, bounds and required keys are the same to the schema: each of these one refuses what the other does.
func TestTheSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	t.Parallel()
	if !validSchema(t, small) {
		t.Fatal("the schema refuses a valid policy")
	}
	for _, change := range [][2]string{
		{"version: 1", "version: 2"},
		{"version: 1\n", ""},
		{"version: 1", "version: 1\nmode: enforced"},
		{"version: 1", "version: 1\ngroups: { a: [] }"},
		{"[test]", "[]"},
		{"[production]", "[]"},
		{"    requires: [test]\n", ""},
		{"requires: [test]", "requires: test"},
		{"[production]", "['a b']"},
		{"[production]", "[a]\n    soke: 1h"},
		{"[production]", "[a]\n    soak: 1x"},
		{"[production]", "[a]\n    soak: 5"},
		{"[production]", "[a, a]"},
		{"[production]", "[a]\n    windows: [{ days: mon-, from: '09:00', to: '10:00' }]"},
		{"[production]", "[a]\n    windows: [{ days: mon, from: '24:00', to: '24:00' }]"},
		{"[production]", "[a]\n    promoters: { permission: owner }"},
		{"[production]", "[a]\n    override: { teams: [a], gates: [digest_moved] }"},
		{"[production]", "[a]\n    approvals: { required: 21 }"},
		{"[production]", "[a]\n    deploy: { workflow: ci.yml }"},
		{"[production]", "[a]\n    reviewed: maybe"},
		{"ci.yml", "ci.yaml.txt"},
		{"ci.yml", "ci.yml\n    events: [pushed]"},
		{"ci.yml", "ci.yml\n    evidence: { coverage: { artifact: a, min: -1 } }"},
		{"production:", "'a b':"},
		{"registry.example.com/shop/api", "api"},
	} {
		content := strings.Replace(small, change[0], change[1], 1)
		if problemsOf(t, content) == nil {
			t.Errorf("the decoder takes\n%s", content)
		}
		if validSchema(t, content) {
			t.Errorf("the schema takes\n%s", content)
		}
	}
}
