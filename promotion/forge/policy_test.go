package forge_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	readHead        = "GET /repos/acme/shop/git/ref/heads/main"
	readPolicy      = "GET /repos/acme/shop/contents/.github/verbatim.yml?ref=" + shaA
	readOwnerPolicy = "GET /repos/acme/.github/contents/verbatim.yml"
)

func reference(name, sha string) answer {
	return ok(map[string]any{"ref": "refs/heads/" + name, "object": map[string]any{"type": "commit", "sha": sha}})
}

func TestHead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		kind   string
	}{
		"there":                  {reference("main", shaA), "none"},
		"no such branch":         {status(404, "Not Found"), "not found"},
		"an empty repository":    {status(409, "Git Repository is empty."), "not found"},
		"another branch":         {reference("main2", shaA), "retryable"},
		"not a commit":           {ok(map[string]any{"ref": "refs/heads/main", "object": map[string]any{"type": "tag", "sha": shaA}}), "retryable"},
		"a short name":           {reference("main", "aaaaaaa"), "retryable"},
		"several (older server)": {ok([]any{}), "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readHead, test.answer)
			head, err := github.forge().Head(t.Context(), shop)
			expectKind(t, err, test.kind)
			github.expect(readHead)
			if err == nil && head.String() != shaA {
				t.Errorf("head %s", head)
			}
		})
	}
}

func file(content string) answer {
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	var lines strings.Builder
	for len(encoded) > 60 { // GitHub breaks the lines
		lines.WriteString(encoded[:60] + "\n")
		encoded = encoded[60:]
	}
	lines.WriteString(encoded + "\n")
	return ok(map[string]any{"type": "file", "encoding": "base64", "size": len(content), "content": lines.String()})
}

func TestPolicyFile(t *testing.T) {
	t.Parallel()
	const text = "version: 1\nimages: {api: {repository: registry.example.com/shop/api}}\n# and a comment that makes it longer than a line\n"
	missing := status(404, "Not Found")
	for name, test := range map[string]struct {
		own, owners answer
		kind        string
		calls       int
		content     string
		source      string
	}{
		"in the repository": {file(text), nil, "none", 1, text, "acme/shop:.github/verbatim.yml"},
		"empty":             {file(""), nil, "none", 1, "", "acme/shop:.github/verbatim.yml"},
		"the owner's":       {missing, file(text), "none", 2, text, "acme/.github:verbatim.yml"},
		"neither":           {missing, missing, "none", 2, "", ""},
		"the owner's was transferred to another owner": {missing, func(writer http.ResponseWriter, request *http.Request) {
			http.Redirect(writer, request, "/repositories/666/contents/verbatim.yml", http.StatusMovedPermanently)
		}, "none", 2, "", ""},
		"may not read it":                    {status(403, "Resource not accessible by integration"), nil, "paused", 1, "", ""},
		"may not read the owner's":           {missing, status(403, "Resource not accessible by integration"), "paused", 2, "", ""},
		"server error":                       {status(500, "Server Error"), nil, "retryable", 3, "", ""},
		"server error at the owner's":        {missing, status(500, "Server Error"), "retryable", 4, "", ""},
		"a replica that lags behind":         {status(404, "No commit found for the ref "+shaA), nil, "retryable", 1, "", ""},
		"a 404 that is not GitHub's":         {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, nil, "retryable", 1, "", ""},
		"a directory":                        {ok([]any{map[string]any{"type": "file"}}), nil, "permanent", 1, "", ""},
		"a symbolic link":                    {ok(map[string]any{"type": "symlink", "size": 3, "target": "../x"}), nil, "permanent", 1, "", ""},
		"a submodule":                        {ok(map[string]any{"type": "submodule", "size": 0, "submodule_git_url": "git://x/y"}), nil, "permanent", 1, "", ""},
		"as large as may be":                 {file(strings.Repeat("#", 256<<10)), nil, "none", 1, strings.Repeat("#", 256<<10), "acme/shop:.github/verbatim.yml"},
		"larger":                             {file(strings.Repeat("#", 256<<10+1)), nil, "permanent", 1, "", ""},
		"content left out by GitHub":         {ok(map[string]any{"type": "file", "encoding": "none", "size": 100, "content": ""}), nil, "retryable", 1, "", ""},
		"content cut short":                  {ok(map[string]any{"type": "file", "encoding": "base64", "size": 100, "content": "dmVy"}), nil, "retryable", 1, "", ""},
		"content that is not base64":         {ok(map[string]any{"type": "file", "encoding": "base64", "size": 3, "content": "!!!!"}), nil, "retryable", 1, "", ""},
		"an empty object":                    {ok(map[string]any{}), nil, "retryable", 1, "", ""},
		"null":                               {raw("application/json", "null"), nil, "retryable", 1, "", ""},
		"a remote reference is not followed": {file("remote: other/policies"), nil, "none", 1, "remote: other/policies", "acme/shop:.github/verbatim.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readPolicy, test.own)
			if test.owners != nil {
				github.on(readOwnerPolicy, test.owners)
			}
			read, err := github.forge().PolicyFile(t.Context(), shop, commit(t, shaA))
			expectKind(t, err, test.kind)
			if calls := len(github.asked); calls != test.calls {
				t.Errorf("%d calls, expected %d: %q", calls, test.calls, github.asked)
			}
			if err != nil {
				return
			}
			expected := promotion.PolicyFile{Head: commit(t, shaA), Found: test.source != "", Source: test.source}
			if expected.Found {
				expected.Content = []byte(test.content)
			}
			if difference := cmp.Diff(expected, read, cmp.Comparer(func(a, b promotion.Commit) bool { return a == b })); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestPolicyFileWithoutCommit(t *testing.T) {
	t.Parallel()
	github := newStub(t)
	_, err := github.forge().PolicyFile(t.Context(), shop, promotion.Commit{})
	expectKind(t, err, "permanent")
	github.expect()
}
