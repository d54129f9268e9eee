package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// keyPath names a value by the keys that lead to it, as in environments.production.soak or stages.test.after[0].
type keyPath string

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// key gives the path of a map's value. A key with other than letters, digits, dashes and underscores is quoted, so that
// no two values have the same path and nothing strange gets into messages.
func (p keyPath) key(name string) keyPath {
	if !plainKey.MatchString(name) {
		name = strconv.Quote(name)
	}
	if p == "" {
		return keyPath(name)
	}
	return p + "." + keyPath(name)
}

func (p keyPath) index(i int) keyPath { return keyPath(fmt.Sprintf("%s[%d]", p, i)) }

// place is a position in the file; the first is 1:1.
type place struct{ line, column int }

// spot is where a value is: its key (of a list's entry: itself) and the value.
type spot struct{ key, value place }

// findings gathers what is wrong with a file.
type findings struct {
	file     string
	problems []promotion.Problem
	spots    map[keyPath]spot
	broken   map[keyPath]bool // whose value is not known, so that nothing follows from it
	end      place            // of the file
}

// full reports whether there are enough problems: the rest of the file is not looked at any more.
func (f *findings) full() bool { return len(f.problems) >= maximumProblems }

// report notes a problem with the value at a path.
func (f *findings) report(path keyPath, suggestion, format string, arguments ...any) {
	f.reportAt(f.spots[path].value, path, suggestion, format, arguments...)
}

// reportKey notes a problem with the key of a path, or with what is missing below it.
func (f *findings) reportKey(path keyPath, suggestion, format string, arguments ...any) {
	f.reportAt(f.spots[path].key, path, suggestion, format, arguments...)
}

func (f *findings) reportAt(at place, path keyPath, suggestion, format string, arguments ...any) {
	if f.full() {
		return
	}
	at.line = min(max(at.line, 1), max(f.end.line, 1))
	f.problems = append(f.problems, promotion.Problem{
		File: f.file, Line: at.line, Column: max(at.column, 1), Key: clipped(string(path)), Message: fmt.Sprintf(format, arguments...), Suggestion: suggestion,
	})
}

// breaks notes that the value at a path is not known. What it says about others is not checked then: one mistake, one
// problem.
func (f *findings) breaks(path keyPath) { f.broken[path] = true }

// sorted gives the problems in the order of the file.
func (f *findings) sorted() []promotion.Problem {
	slices.SortStableFunc(f.problems, func(a, b promotion.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if f.full() {
		last := f.problems[len(f.problems)-1]
		f.problems = append(f.problems, promotion.Problem{
			File: last.File, Line: last.Line, Column: last.Column, Message: fmt.Sprintf("there may be more: these are the first %d problems", maximumProblems),
		})
	}
	return f.problems
}

func clipped(text string) string {
	if letters := []rune(text); len(letters) > 200 {
		return string(letters[:200]) + "…"
	}
	return text
}

// listed gives names for a message, not too many of them.
func listed(names []string) string {
	const enough = 12
	if len(names) > enough {
		return strings.Join(names[:enough], ", ") + fmt.Sprintf(" and %d more", len(names)-enough)
	}
	return strings.Join(names, ", ")
}
