package forge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

const readFolder = "GET /repos/acme/shop/contents/deploy?ref=" + shaA

func entry(name, kind string) map[string]any {
	return map[string]any{"name": name, "type": kind, "sha": shaB, "path": "deploy/" + name, "size": 0}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	for path, address := range map[string]string{
		"":                   "/contents/",
		"deploy":             "/contents/deploy",
		"deploy/eu west/é#?": "/contents/deploy/eu%20west/%C3%A9%23%3F",
		"a%2Fb":              "/contents/a%252Fb",
		"...":                "/contents/...",
	} {
		github := newStub(t)
		request := "GET /repos/acme/shop" + address + "?ref=" + shaA
		github.on(request, list(entry("a", "file"), entry("b", "dir"), entry("c", "symlink"), entry("d", "submodule"), entry("e/../f", "new kind")))
		read, err := github.forge().Folder(t.Context(), shop, commit(t, shaA), path)
		expectKind(t, err, "none")
		github.expect(request)
		expected := []promotion.TreeEntry{
			{Name: "a", Hash: "file " + shaB},
			{Name: "b", Folder: true, Hash: "dir " + shaB},
			{Name: "c", Hash: "symlink " + shaB},
			{Name: "d", Hash: "submodule " + shaB},
			{Name: "e/../f", Hash: "new kind " + shaB},
		}
		if difference := cmp.Diff(expected, read); difference != "" {
			t.Error(difference)
		}
	}
	for _, path := range []string{"..", "a/../../../../user", "/a", "a/", "a//b", "a\x00", "a/."} {
		_, err := newStub(t).forge().Folder(t.Context(), shop, commit(t, shaA), path)
		expectKind(t, err, "permanent")
		_, err = newStub(t).forge().File(t.Context(), shop, commit(t, shaA), path)
		expectKind(t, err, "permanent")
	}
}

func TestFoldersThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.Folder(ctx, shop, commit(t, shaA), "deploy")
		if err != nil && read != nil {
			return fmt.Errorf("entries %v together with %w", read, err)
		}
		return err
	}
	oddities(t, readFolder, ask, map[string]answer{
		"an object of nothing":  ok(map[string]any{}),
		"an object of no type":  ok(document(entry("a", "file"), "type", null)),
		"an error in a 200":     ok(map[string]any{"message": "Server Error"}),
		"a number for a type":   ok(document(entry("a", "file"), "type", 1)),
		"no name":               list(entry("", "file")),
		"no type":               list(document(entry("a", "file"), "type", nil)),
		"no sha":                list(entry("a", "file"), document(entry("b", "dir"), "sha", null)),
		"null in the list":      list(nil),
		"a number for a name":   list(document(entry("a", "file"), "name", 7)),
		"a list inside of ours": list([]any{}),
	})
	refusals(t, readFolder, ask, map[int]string{403: "paused", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"a file":                   {ok(entry("deploy", "file")), "not found"},
		"a link":                   {ok(entry("deploy", "symlink")), "not found"},
		"another repository":       {ok(entry("deploy", "submodule")), "not found"},
		"empty":                    {list(), "none"},
		"the commit is not there":  {status(404, "No commit found for the ref "+shaA), "retryable"},
		"something else's own 404": {func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(404) }, "retryable"},
		"999 entries":              {list(manyEntries(999)...), "none"},
		"a thousand entries":       {list(manyEntries(1000)...), "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readFolder, test.answer)
			expectKind(t, ask(t.Context(), github.forge()), test.kind)
			github.expect(readFolder)
		})
	}
}

func manyEntries(count int) []any {
	entries := make([]any, 0, count)
	for number := range count {
		entries = append(entries, entry(fmt.Sprint(number), "file"))
	}
	return entries
}

func fileOf(content []byte, changes ...any) answer {
	return ok(document(map[string]any{
		"type": "file", "encoding": "base64", "size": len(content), "content": base64.StdEncoding.EncodeToString(content), "sha": shaB, "name": "deploy",
	}, changes...))
}

func TestFile(t *testing.T) {
	t.Parallel()
	largest := bytes.Repeat([]byte{0, 255}, 128<<10)
	lines := base64.StdEncoding.EncodeToString([]byte("stages: [test]\n"))
	for name, test := range map[string]struct {
		answer   answer
		kind     string
		expected []byte
	}{
		"text":                    {fileOf([]byte("stages: []\n")), "none", []byte("stages: []\n")},
		"in lines":                {fileOf([]byte("stages: [test]\n"), "content", lines[:8]+"\n"+lines[8:]+"\n"), "none", []byte("stages: [test]\n")},
		"empty":                   {fileOf(nil), "none", []byte{}},
		"bytes, as many as fit":   {fileOf(largest), "none", largest},
		"one byte more":           {fileOf(append(largest, 'x')), "permanent", nil},
		"said to be large":        {fileOf(nil, "size", 300<<10), "permanent", nil},
		"larger than a megabyte":  {fileOf(nil, "size", 2<<20, "encoding", "none"), "permanent", nil},
		"a folder":                {list(entry("a", "file")), "permanent", nil},
		"an empty folder":         {list(), "permanent", nil},
		"a link":                  {fileOf([]byte("x"), "type", "symlink"), "permanent", nil},
		"another repository":      {fileOf([]byte("x"), "type", "submodule"), "permanent", nil},
		"the commit is not there": {status(404, "No commit found for the ref "+shaA), "retryable", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readFolder, test.answer)
			read, err := github.forge().File(t.Context(), shop, commit(t, shaA), "deploy")
			expectKind(t, err, test.kind)
			github.expect(readFolder)
			if !bytes.Equal(read, test.expected) {
				t.Errorf("read %d bytes, expected %d", len(read), len(test.expected))
			}
		})
	}
	t.Run("odd path", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		request := "GET /repos/acme/shop/contents/a%20b/%23%3F%25/%C3%A9.yml?ref=" + shaA
		github.on(request, fileOf([]byte("x")))
		_, err := github.forge().File(t.Context(), shop, commit(t, shaA), "a b/#?%/é.yml")
		expectKind(t, err, "none")
		github.expect(request)
	})
	t.Run("no path", func(t *testing.T) {
		t.Parallel()
		github := newStub(t)
		github.on("GET /repos/acme/shop/contents/?ref="+shaA, list(entry("a", "file")))
		_, err := github.forge().File(t.Context(), shop, commit(t, shaA), "")
		expectKind(t, err, "permanent")
	})
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, f *forge.Forge) error {
		read, err := f.File(ctx, shop, commit(t, shaA), "deploy")
		if err != nil && read != nil {
			return fmt.Errorf("%d bytes together with %w", len(read), err)
		}
		return err
	}
	text := []byte("stages: []\n")
	odd := map[string]answer{
		"an object of nothing": ok(map[string]any{}),
		"no type":              fileOf(text, "type", nil),
		"no size":              fileOf(text, "size", nil),
		"a negative size":      fileOf(nil, "size", -1),
		"another size":         fileOf(text, "size", 3),
		"no content":           fileOf(text, "content", nil),
		"no encoding":          fileOf(text, "encoding", nil),
		"as it is":             fileOf(text, "encoding", "utf-8"),
		"not base64":           fileOf(text, "content", "stages: []"),
		"a number for content": fileOf(text, "content", 7),
	}
	oddities(t, readFolder, func(ctx context.Context, f *forge.Forge) error {
		if err := ask(ctx, f); kind(err) != "permanent" { // any list is a folder
			return err
		}
		return fmt.Errorf("a folder")
	}, odd)
	refusals(t, readFolder, ask, map[int]string{403: "paused", 404: "not found", 409: "retryable", 410: "permanent", 422: "permanent"})
}
