package handlers

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

// readings are bodies that are nearly JSON, and such that are.
var readings = []string{
	``, ` `, `{}`, ` { } `, "\n{\t}\r\n", `{} {}`, `{}x`, "{}\x00", `[]`, `"a"`, `{`, `}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1,,"b":2}`, `{"a":1 "b":2}`, `{a:1}`, `{1:1}`, `{"a" : 1 , "b" : 2}`,
	`{"a":[]}`, `{"a":[ ]}`, `{"a":[1,2 , 3]}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1}`, `{"a":[1}]`, `{"a":{]}`, `{"a":[1 2]}`, `{"a":{"b":[{"c":{}}]}}`, `{"a":[[],{},[[]]]}`,
	`{"a":true}`, `{"a":false}`, `{"a":null}`, `{"a":tru}`, `{"a":truex}`, `{"a":nul`, `{"a":True}`, `{"a":NaN}`,
	`{"a":0}`, `{"a":-0}`, `{"a":-}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1.5e+10}`, `{"a":1E-2}`, `{"a":1e}`, `{"a":1e+}`, `{"a":+1}`, `{"a":1e+-1}`, `{"a":12345678901234567890}`, `{"a":1`, `{"a":0x1}`,
	`{"a":"`, `{"a":"\"}`, `{"a":"\"\\\/\b\f\n\r\t"}`, `{"a":"\x"}`, `{"a":"\u12aF"}`, `{"a":"\u12a"}`, `{"a":"\ud800"}`, `{"a":"\u`, "{\"a\":\"\n\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"\x7f\xff\x80é\"}", "{\"a\":\"\x00\"}",
	"{\"" + strings.Repeat("é", 50) + "\":\"" + strings.Repeat("\xa2\xdc\x9f\x80", 9) + "\"}", `{"\"":1}`, `{"\u0061ction":1}`, "{\x00}", "{\"a\":\v1}", "\ufeff{}",
	`{"workflow_run":{"id":1,}}`, `{"workflow_run":[{"id":1},7,null]}`, `{"workflow_run":[{"id":1}`, `{"workflow_run":[1,]}`, `{"workflow_run":{"id":1]}`, `{"repository":{"owner":[[{"id":}]]}}`, `{"action":}`, `{"action"`,
	nested(maximumDepth), nested(maximumDepth + 1), `{"workflow_run":` + strings.Repeat("[", 5<<20),
}

// isObject says the same as encoding/json.
func isObject(body []byte) bool {
	return json.Valid(body) && bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

func TestTheDoorReadsTheJSONThatOthersRead(t *testing.T) {
	t.Parallel()
	check := func(body []byte) {
		if _, err := Essentials(body); (err == nil) != isObject(body) {
			t.Errorf("%.100q: %v, encoding/json says %v", body, err, err != nil)
		}
	}
	for _, body := range readings {
		check([]byte(body))
		for offset := range 8 { // the reader looks at eight bytes at a time
			check([]byte(`{"` + strings.Repeat("x", offset) + `":` + strings.Repeat(" ", offset) + body + `}`))
			check([]byte(`{"a":"` + strings.Repeat("x", offset) + body + `"}`))
			check([]byte(`{"workflow_run":{"id":` + body + `}}`))
		}
	}
}

func BenchmarkEssentials(b *testing.B) {
	one := `{"url":"https://api.github.com/repos/acme/shop/issues{/number}","node_id":"MDQ6VXNlcjE=","site_admin":false,"id":24153601}`
	body := []byte(`{"action":"completed","workflow_run":{"id":1,"actor":[` + strings.Repeat(one+",", 140) + one + `],"head_sha":"0"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Essentials(body); err != nil {
			b.Fatal(err)
		}
	}
}
