package evidence

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumLine   = 1 << 20   // bytes of a line
	maximumBlocks = 1_000_000 // blocks of a cover profile, or lines of an lcov file, that are kept apart
)

func lines(source io.Reader) *bufio.Scanner {
	scanner := bufio.NewScanner(source)
	scanner.Buffer(make([]byte, 0, 64<<10), maximumLine)
	return scanner
}

// readLcov counts the lines of an lcov file: its DA records, each line of a file once, or where a file has none its own
// sums LF and LH (https://manpages.debian.org/lcov/geninfo.1.en.html#TRACEFILE_FORMAT).
func readLcov(source io.Reader, name string) (promotion.CoverageResult, error) {
	var result promotion.CoverageResult
	hits := map[string]bool{} // by file and line: whether it was hit
	file, open := "", false
	var found, hit int64
	listed := false
	scanner := lines(source)
	for number := 1; scanner.Scan(); number++ {
		key, value, _ := strings.Cut(strings.TrimSpace(scanner.Text()), ":")
		var err error
		switch key {
		case "SF":
			file, open, listed, found, hit = value, true, false, 0, 0
		case "DA":
			line, rest, isPair := strings.Cut(value, ",")
			count, _, _ := strings.Cut(rest, ",") // a checksum may follow
			var times int64
			if times, err = strconv.ParseInt(count, 10, 64); err != nil || !isPair || !open {
				return result, wrong("%.100q, line %d: expected DA:<line>,<count> within a file, found %.60q", name, number, scanner.Text())
			}
			if listed = true; len(hits) >= maximumBlocks {
				return result, wrong("%.100q has more than %d lines", name, maximumBlocks)
			}
			at := file + "\x00" + line
			hits[at] = hits[at] || times > 0
		case "LF":
			found, err = strconv.ParseInt(value, 10, 64)
		case "LH":
			hit, err = strconv.ParseInt(value, 10, 64)
		case "end_of_record":
			if !listed {
				if hit < 0 || found < 0 || hit > found {
					return result, wrong("%.100q, line %d: %d of %d lines are hit", name, number, hit, found)
				}
				result.Lines, result.Covered = result.Lines+found, result.Covered+hit
			}
			open = false
		default:
			if known := strings.ToUpper(key); key == "END_OF_RECORD" || key != known && (known == "SF" || known == "DA" || known == "LF" || known == "LH" || known == "END_OF_RECORD") {
				return result, wrong("%.100q, line %d: %.40q is in another letter case", name, number, key)
			}
		}
		if err != nil {
			return result, wrong("%.100q, line %d: expected a count, found %.60q", name, number, scanner.Text())
		}
	}
	if err := scanner.Err(); err != nil {
		return result, err
	}
	if open {
		return result, wrong("%.100q was cut short: its last file does not end", name)
	}
	for _, wasHit := range hits {
		result.Lines++
		if wasHit {
			result.Covered++
		}
	}
	var err error
	result.Percent, err = percentOf(result.Covered, result.Lines, name)
	return result, err
}

// A line of a cover profile: file:line.column,line.column statements count (https://pkg.go.dev/golang.org/x/tools/cover).
var blockPattern = regexp.MustCompile(`^(.+:[0-9]+\.[0-9]+,[0-9]+\.[0-9]+) ([0-9]{1,9}) ([0-9]{1,19})$`)

// readGoCover counts the statements of a cover profile. A block that is there more than once (as of several test binaries)
// counts once, and is covered if any of them covers it.
func readGoCover(source io.Reader, name string) (promotion.CoverageResult, error) {
	type block struct {
		statements int64
		covered    bool
	}
	var result promotion.CoverageResult
	blocks := map[string]block{}
	scanner := lines(source)
	for number := 1; scanner.Scan(); number++ {
		text := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff"))
		if mode, isMode := strings.CutPrefix(text, "mode: "); isMode && (mode == "set" || mode == "count" || mode == "atomic") || text == "" {
			continue
		}
		found := blockPattern.FindStringSubmatch(text)
		if found == nil {
			return result, wrong("%.100q, line %d: expected a block of a cover profile, found %.100q", name, number, text)
		}
		statements, _ := strconv.ParseInt(found[2], 10, 64)
		known, seen := blocks[found[1]]
		if seen && known.statements != statements {
			return result, wrong("%.100q, line %d: the block has %d statements here and %d elsewhere", name, number, statements, known.statements)
		}
		if len(blocks) >= maximumBlocks {
			return result, wrong("%.100q has more than %d blocks", name, maximumBlocks)
		}
		blocks[found[1]] = block{statements, known.covered || strings.Trim(found[3], "0") != ""}
	}
	if err := scanner.Err(); err != nil {
		return result, err
	}
	for _, one := range blocks {
		result.Lines += one.statements
		if one.covered {
			result.Covered += one.statements
		}
	}
	var err error
	result.Percent, err = percentOf(result.Covered, result.Lines, name)
	return result, err
}
