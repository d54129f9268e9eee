package forge_test

import (
	"slices"
	"testing"
)

// Submodules and links stand for what is below them. GitHub's answer says so only in the patch.
func TestSubmodulesAndLinks(t *testing.T) {
	t.Parallel()
	entry := func(name, patch string, changes int) any {
		file := map[string]any{"filename": name, "status": "modified", "changes": changes}
		if patch != "" {
			file["patch"] = patch
		}
		return file
	}
	const (
		module  = "@@ -1 +1 @@\n-Subproject commit 1111\n+Subproject commit 2222"
		link    = "@@ -1 +1 @@\n-../one\n\\ No newline at end of file\n+../two\n\\ No newline at end of file"
		newLink = "@@ -0,0 +1 @@\n+../one\n\\ No newline at end of file"
		text    = "@@ -1,4 +1,4 @@\n one\n two\n-three\n+four\n five"
	)
	for name, test := range map[string]struct {
		files []any
		want  []string
	}{
		"a submodule":                   {[]any{entry("libs/core", module, 2)}, []string{"libs/core", "libs/core/"}},
		"a link":                        {[]any{entry("current", link, 2)}, []string{"current", "current/"}},
		"a link that is new":            {[]any{entry("current", newLink, 1)}, []string{"current", "current/"}},
		"a text":                        {[]any{entry("a.txt", text, 2)}, []string{"a.txt"}},
		"one of which the patch is cut": {[]any{entry("a.txt", text, 2), entry("libs/core", "", 2), entry("b.bin", "", 0)}, []string{"a.txt", "libs/core", "libs/core/", "b.bin"}},
		"no patches at all":             {[]any{entry("a.txt", "", 2)}, []string{"a.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readDetail, ok(detail("files", test.files)))
			read, err := github.forge().Detail(t.Context(), shop, commit(t, shaA))
			expectKind(t, err, "none")
			if !slices.Equal(read.Files, test.want) {
				t.Errorf("got %q, want %q", read.Files, test.want)
			}
		})
	}
}
