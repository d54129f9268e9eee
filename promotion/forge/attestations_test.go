package forge_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

var (
	digestText       = "sha256:" + strings.Repeat("ab", 32)
	listAttestations = "GET /repos/acme/shop/attestations/" + digestText + "?per_page=100"
)

func digest(t *testing.T) promotion.Digest {
	t.Helper()
	parsed, err := promotion.ParseDigest(digestText)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestAttestations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer   answer
		expected []string
	}{
		"two, byte by byte": {
			raw("application/json", `{"attestations": [{"repository_id": 1, "bundle":  {"b": 1.00, "a":"<é>"} }, {"bundle":{}}]}`),
			[]string{`{"b": 1.00, "a":"<é>"}`, `{}`},
		},
		"some without":      {raw("application/json", `{"attestations":[{"bundle":null},{"bundle":{"a":1}},{"bundle_url":"https://x.example"}]}`), []string{`{"a":1}`}},
		"some of other use": {raw("application/json", `{"attestations":[{"bundle":"text"},{"bundle":[1]},{"bundle":{"a":1}},null]}`), []string{`{"a":1}`}},
		"none":              {raw("application/json", `{"attestations":[]}`), nil},
		"not found":         {status(404, "Not Found"), nil},
		"more, on a page that is not asked for": {
			next(2, raw("application/json", `{"attestations":[{"bundle":{"a":1}}]}`)), []string{`{"a":1}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(listAttestations, test.answer)
			read, _, err := github.forge().Attestations(t.Context(), shop, digest(t), "")
			expectKind(t, err, "none")
			github.expect(listAttestations)
			var texts []string
			for _, bundle := range read {
				texts = append(texts, string(bundle))
			}
			if difference := cmp.Diff(test.expected, texts); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestAttestationsThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, _, err := f.Attestations(ctx, shop, digest(t), "")
		if err != nil && read != nil {
			return fmt.Errorf("%d bundles together with %w", len(read), err)
		}
		return err
	}
	oddities(t, listAttestations, ask, map[string]answer{
		"a list":           list(map[string]any{"bundle": map[string]any{}}),
		"no attestations":  ok(map[string]any{}),
		"null for them":    ok(map[string]any{"attestations": nil}),
		"an object":        ok(map[string]any{"attestations": map[string]any{}}),
		"only without":     ok(map[string]any{"attestations": []any{map[string]any{"bundle": nil}, map[string]any{}}}),
		"only null":        ok(map[string]any{"attestations": []any{nil}}),
		"only texts":       ok(map[string]any{"attestations": []any{map[string]any{"bundle": "{}"}}}),
		"only lists":       ok(map[string]any{"attestations": []any{map[string]any{"bundle": []any{}}}}),
		"something else's": func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(404) },
	})
	refusals(t, listAttestations, ask, map[int]string{403: "paused", 409: "retryable", 410: "permanent", 422: "permanent"})
	t.Run("no digest", func(t *testing.T) {
		t.Parallel()
		_, _, err := newStub(t).forge().Attestations(t.Context(), shop, promotion.Digest{}, "")
		expectKind(t, err, "permanent")
	})
	t.Run("not installed any more", func(t *testing.T) { // its 404 is not about attestations
		t.Parallel()
		github := newStub(t)
		github.on(postToken, status(404, "Not Found"))
		expectKind(t, ask(t.Context(), github.forge()), "permanent")
		github.expect()
	})
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		github.on(listAttestations, status(403, "Resource not accessible by integration"))
		err := ask(t.Context(), github.forge())
		expectKind(t, err, "paused")
		if !strings.Contains(err.Error(), "attestations: read") {
			t.Errorf("the error names no permission: %v", err)
		}
	})
}
