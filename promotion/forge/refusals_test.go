package forge_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// asking is one use of a Forge.
type asking func(context.Context, *forge.Forge) error

// refusals makes the request fail with each status, and expects the kind of error. It is made once: none of these passes.
func refusals(t *testing.T, request string, ask asking, kinds map[int]string) {
	t.Helper()
	for code, expected := range kinds {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(request, status(code, http.StatusText(code)))
			expectKind(t, ask(t.Context(), github.forge()), expected)
			github.expect(request)
		})
	}
}

// oddities answers the request with things that it cannot have for an answer: each is an error that trying again may mend,
// and never a zero value or "not found". Those that fit no endpoint at all come on top.
func oddities(t *testing.T, request string, ask asking, answers map[string]answer) {
	t.Helper()
	all := map[string]answer{
		"null":          raw("application/json", " null\n"),
		"nothing":       raw("application/json", ""),
		"half":          raw("application/json", `[{"id": 1`),
		"a text":        ok("all is well"),
		"a number":      ok(42),
		"true":          ok(true),
		"a web page":    raw("text/html", "<html>"),
		"several":       raw("application/json", `[] {}`),
		"no content":    func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusNoContent) },
		"a list of not": ok([]any{"one", 2}),
	}
	for name, answer := range answers {
		all[name] = answer
	}
	for name, answer := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(request, answer)
			expectKind(t, ask(t.Context(), github.forge()), "retryable")
			github.expect(request)
		})
	}
}

// document copies a document and changes it. A nil value takes the key away; null sets it to null.
func document(base map[string]any, changes ...any) map[string]any {
	changed := map[string]any{}
	for key, value := range base {
		changed[key] = value
	}
	for position := 0; position < len(changes); position += 2 {
		key, _ := changes[position].(string)
		changed[key] = changes[position+1]
		switch value := changes[position+1].(type) {
		case nil:
			delete(changed, key)
		case string:
			if value == null {
				changed[key] = nil
			}
		}
	}
	return changed
}

// null is a JSON null for document.
const null = "\x00null"

// list answers a list.
func list(entries ...any) answer {
	if entries == nil {
		entries = []any{}
	}
	return ok(entries)
}
