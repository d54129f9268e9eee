package promotion

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// How much a policy's paths may be: they are tried on every file that changed, of every image and every commit that may stand in.
const (
	MaximumPathPatterns  = 500 // of all images of a policy together
	MaximumPathWildcards = 12  // of one pattern
)

// PathPattern is a pattern of paths from the repository's root: "**" stands for anything, "**/" also for no folder at all, and "*"
// for anything but a slash. A pattern that ends with a slash means all below. It is read once, when the policy is.
type PathPattern struct {
	text  string
	whole *regexp.Regexp // what fits it
	above *regexp.Regexp // an entry of git in whose place the pattern expects a folder; nil where there is none
	below *regexp.Regexp // what may hold something that fits it, if it is a submodule or a link; nil: anything may
}

// ParsePathPattern reads a pattern. Whatever it is, it means something: what is no wildcard stands for itself.
func ParsePathPattern(text string) PathPattern {
	pattern := PathPattern{text: text}
	if strings.HasSuffix(text, "/") {
		text += "**"
	}
	pattern.whole = regexp.MustCompile(`(?s)\A` + wildcards(text) + `\z`)
	segments := strings.Split(text, "/")
	literal := segments[:indexOr(segments, "*")]
	if len(literal) == len(segments) {
		literal = literal[:len(literal)-1] // the last one is the file itself
	}
	pattern.above = nested(literal, `\z`)
	fixed := segments[:indexOr(segments, "**")]
	if len(fixed) == len(segments) {
		pattern.below = nested(fixed, `\z`)
	} else {
		pattern.below = nested(fixed, `(?:/.*)?\z`)
	}
	return pattern
}

// indexOr gives the first segment that has the wildcard, or how many segments there are.
func indexOr(segments []string, wildcard string) int {
	if at := slices.IndexFunc(segments, func(segment string) bool { return strings.Contains(segment, wildcard) }); at >= 0 {
		return at
	}
	return len(segments)
}

// nested gives an expression for the folders that lead to the last of the segments, and for that one with the end behind it.
// Nil without segments.
func nested(segments []string, end string) *regexp.Regexp {
	if len(segments) == 0 {
		return nil
	}
	expression := wildcards(segments[len(segments)-1]) + end
	for _, segment := range slices.Backward(segments[:len(segments)-1]) {
		expression = wildcards(segment) + `(?:\z|/` + expression + `)`
	}
	return regexp.MustCompile(`(?s)\A` + expression)
}

var pathWildcards = strings.NewReplacer(`\*\*/`, `(?:.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`)

func wildcards(text string) string { return pathWildcards.Replace(regexp.QuoteMeta(text)) }

// String gives the pattern as it is written.
func (p PathPattern) String() string { return p.text }

// MarshalText gives the pattern as it is written.
func (p PathPattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// Equal reports whether both are written alike.
func (p PathPattern) Equal(other PathPattern) bool { return p.text == other.text }

// Touches reports whether a change of the entry may change something that fits the pattern. An entry is a file, or a submodule or
// a link to a folder: git changes those as one, under their bare path, whatever of the pattern lies below. Where that is known, the
// entry comes with a slash at its end.
func (p PathPattern) Touches(entry string) bool {
	if bare, holds := strings.CutSuffix(entry, "/"); holds {
		return p.whole.MatchString(bare) || p.below == nil || p.below.MatchString(bare)
	}
	return p.whole.MatchString(entry) || p.above != nil && p.above.MatchString(entry)
}

// touched reports whether one of the entries is the image's. It ends when the context does: entries and patterns may be many.
func (i Image) touched(ctx context.Context, entries []string) (bool, error) {
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if slices.ContainsFunc(i.Paths, func(pattern PathPattern) bool { return pattern.Touches(entry) }) {
			return true, nil
		}
	}
	return false, nil
}

// pathTexts gives the image's patterns as they are written.
func (i Image) pathTexts() string {
	var written []string
	for _, pattern := range i.Paths {
		written = append(written, pattern.text)
	}
	return strings.Join(written, ", ")
}
