package promotion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
)

func TestPathPatterns(t *testing.T) {
	t.Parallel()
	for pattern, entries := range map[string]map[string]bool{
		"libs/core/**": {
			"libs/core/a.go": true, "libs/core/a/b.go": true, "libs/core": true, "libs/core/": true, "libs": true, "libs/": true,
			"libs/corex": false, "libs/core2/": false, "lib": false, "other/libs/core": false,
		},
		"libs/core/":          {"libs/core/a.go": true, "libs/core": true, "libs/cores": false},
		"libs/core/src/**":    {"libs/core": true, "libs/core/": true, "libs/core/src": true, "libs/core/README.md": false},
		"api/main.go":         {"api/main.go": true, "api": true, "api/main.go/": true, "api/other.go": false, "main.go": false},
		"services/*/src/**":   {"services/cart/src/a": true, "services": true, "services/cart/": true, "services/README.md": false, "services/cart": false},
		"libs/**/*.go":        {"libs/a.go": true, "libs/core/a.go": true, "libs/core/": true, "libs/README.md": false, "libs": true, "docs/": false},
		"**/*.go":             {"a.go": true, "x/a.go": true, "vendor/": true, "README.md": false},
		"*.go":                {"a.go": true, "x/a.go": false},
		"worker/**":           {"worker/main.go": true, "worker": true, "api/worker/main.go": false},
		"name with [x] and ?": {"name with [x] and ?": true, "name with x and y": false},
	} {
		parsed := promotion.ParsePathPattern(pattern)
		if parsed.String() != pattern {
			t.Errorf("%q is written %q", pattern, parsed)
		}
		for entry, want := range entries {
			if got := parsed.Touches(entry); got != want {
				t.Errorf("%q touches %q: got %t, want %t", pattern, entry, got, want)
			}
		}
	}
}

// A pattern is read when the policy is. Trying it compiles nothing: a compiled expression takes memory, so that none may be taken.
func TestTryingAPatternCompilesNothing(t *testing.T) {
	var patterns []promotion.PathPattern
	for number := range 100 {
		patterns = append(patterns, promotion.ParsePathPattern(fmt.Sprintf("folder%d/**/part*/*.go", number)))
	}
	files := []string{"folder99/x/part1/a.go", "elsewhere/a.go", "folder7/" + strings.Repeat("x/", 40) + "a.txt"}
	compiled := testing.AllocsPerRun(10, func() {
		for _, pattern := range patterns {
			for _, file := range files {
				pattern.Touches(file)
			}
		}
	})
	// Compiling takes some fifty allocations a pattern; under the race detector matching itself takes one now and then.
	if compiled > 600 {
		t.Errorf("%v allocations for 300 trials", compiled)
	}
}

func BenchmarkPathPatterns(b *testing.B) {
	var patterns []promotion.PathPattern
	for number := range 100 {
		patterns = append(patterns, promotion.ParsePathPattern(fmt.Sprintf("folder%d/**/part*/*.go", number)))
	}
	for b.Loop() {
		for number := range 299 {
			for _, pattern := range patterns {
				pattern.Touches(fmt.Sprintf("folder%d/x/y/file.txt", number))
			}
		}
	}
}
