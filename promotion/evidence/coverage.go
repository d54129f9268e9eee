package evidence

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Coverage reads the coverage report of the artifact, whichever of these it is: Istanbul's coverage-summary.json
// (.total.lines), a Cobertura file, lcov's, or a cover profile of Go's. What the report counts decides, never the percentage
// that it says. An artifact that holds Istanbul's summary may hold its other reports beside it; else there must be one report
// only.
//
// It returns a *promotion.EvidenceError when there is no report, more than one, one that is not read, or one that says nothing,
// contradicts itself or cannot be read.
func (r Reader) Coverage(content promotion.ArtifactContent) (promotion.CoverageResult, error) {
	opened, err := r.open(content)
	if err != nil {
		return promotion.CoverageResult{}, err
	}
	var reports []report
	for _, file := range opened.files {
		kind, err := opened.kindOf(file)
		if err != nil {
			return promotion.CoverageResult{}, err
		}
		if kind != nil {
			reports = append(reports, report{file, kind})
		}
	}
	if summaries := summariesOf(reports); len(summaries) > 0 {
		reports = summaries
	}
	for _, one := range reports {
		if one.kind == &foreign {
			return promotion.CoverageResult{}, wrong("%.100q is a coverage report that is not read: upload coverage-summary.json, Cobertura, lcov or a Go cover profile, unpacked, and no other beside it", one.file.name)
		}
	}
	switch len(reports) {
	case 0:
		return promotion.CoverageResult{}, wrong("it has no coverage report (coverage-summary.json, Cobertura, lcov or a Go cover profile); it has %s", opened.names())
	case 1:
	default:
		var names []string
		for _, one := range reports {
			names = append(names, fmt.Sprintf("%.100q", one.file.name))
		}
		return promotion.CoverageResult{}, wrong("it has %d coverage reports, and which one counts cannot be told: %s", len(reports), strings.Join(names[:min(len(names), 5)], ", "))
	}
	source, err := opened.read(reports[0].file)
	if err != nil {
		return promotion.CoverageResult{}, err
	}
	defer func() { _ = source.Close() }()
	result, err := reports[0].kind.read(source, reports[0].file.name)
	if err != nil {
		return promotion.CoverageResult{}, readError(reports[0].file.name, err)
	}
	result.Format = reports[0].kind.name
	if math.IsNaN(result.Percent) || result.Percent < 0 || result.Percent > 100 {
		return promotion.CoverageResult{}, wrong("%.100q says that coverage is %v percent", reports[0].file.name, result.Percent)
	}
	return result, nil
}

// report is a file that is a coverage report.
type report struct {
	file file
	kind *coverageKind
}

func summariesOf(reports []report) []report {
	var summaries []report
	for _, one := range reports {
		if one.kind == &istanbul {
			summaries = append(summaries, one)
		}
	}
	return summaries
}

// coverageKind is a format of coverage reports.
type coverageKind struct {
	name string
	read func(source io.Reader, name string) (promotion.CoverageResult, error)
}

var (
	istanbul  = coverageKind{"istanbul", readIstanbul}
	cobertura = coverageKind{"cobertura", readCobertura}
	lcov      = coverageKind{"lcov", readLcov}
	goCover   = coverageKind{"go", readGoCover}
	foreign   = coverageKind{"another", nil} // a report that is not read
)

// pages are files of reports for people, which are not looked into.
var pages = map[string]bool{".html": true, ".css": true, ".js": true, ".json": true, ".png": true, ".svg": true, ".map": true, ".ico": true, ".gif": true, ".md": true}

// kindOf tells a report by its name, its root or its first bytes; nil for a file that is none.
func (a *archive) kindOf(file file) (*coverageKind, error) {
	extension := strings.ToLower(path.Ext(file.name))
	short, packed := unpacked(file.name)
	switch {
	case strings.EqualFold(path.Base(file.name), "coverage-summary.json"):
		return &istanbul, nil
	case packed && packedCoverage(short):
		return &foreign, nil
	case packed, pages[extension] && !file.alone:
		return nil, nil
	}
	source, err := a.read(file)
	if err != nil {
		return nil, err
	}
	start, err := bufio.NewReaderSize(source, 4096).Peek(4096)
	_ = source.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("mode: ")):
		return &goCover, nil
	case bytes.HasPrefix(text, []byte("TN:")), bytes.HasPrefix(text, []byte("SF:")):
		return &lcov, nil
	case bytes.HasPrefix(text, []byte("{")) && file.alone:
		return &istanbul, nil
	case bytes.HasPrefix(text, []byte("<")):
		return a.kindOfRoot(file)
	case extension == ".info", extension == ".lcov":
		return &foreign, nil
	}
	return nil, nil
}

// kindOfRoot tells an XML report by its root: JaCoCo's is report, OpenCover's CoverageSession.
func (a *archive) kindOfRoot(file file) (*coverageKind, error) {
	root, err := a.rootOf(file)
	switch {
	case err != nil:
		return nil, err
	case root == "coverage", root == "" && strings.EqualFold(path.Ext(file.name), ".xml"): // reading it tells what is wrong
		return &cobertura, nil
	case root == "report", strings.Contains(strings.ToLower(root), "coverage"):
		return &foreign, nil
	}
	return nil, nil
}

// packedCoverage reports whether a name without the extensions of packing is that of a coverage report.
func packedCoverage(short string) bool {
	switch path.Ext(short) {
	case ".xml", ".info", ".lcov", ".out":
		return true
	}
	return strings.Contains(short, "coverage") || strings.Contains(short, "lcov")
}

func readError(name string, err error) error {
	var known *promotion.EvidenceError
	if errors.As(err, &known) {
		return err
	}
	return wrong("%.100q cannot be read: %.200s", name, err)
}

// readIstanbul reads Istanbul's summary (https://github.com/istanbuljs/istanbuljs, json-summary). Its percentage is the
// text "Unknown" where nothing was covered.
func readIstanbul(source io.Reader, name string) (promotion.CoverageResult, error) {
	summary, err := readJSON(source, []string{"total", "lines", "total"}, []string{"total", "lines", "covered"}, []string{"total", "lines", "pct"})
	if err != nil {
		if known := (*promotion.EvidenceError)(nil); errors.As(err, &known) {
			return promotion.CoverageResult{}, wrong("%.100q: %s", name, known.Detail)
		}
		return promotion.CoverageResult{}, wrong("%.100q is no JSON document: %.200s", name, err)
	}
	lines := summary.member("total").member("lines")
	if lines == nil || lines.member("pct") == nil {
		return promotion.CoverageResult{}, wrong("%.100q has no .total.lines.pct", name)
	}
	percent, err := strconv.ParseFloat(lines.member("pct").text, 64)
	if err != nil {
		return promotion.CoverageResult{}, wrong("%.100q: .total.lines.pct is %.40s, not a number", name, lines.member("pct").text)
	}
	all, hasAll := lines.member("total").count()
	covered, hasCovered := lines.member("covered").count()
	if !hasAll || !hasCovered {
		return promotion.CoverageResult{}, wrong("%.100q has no counts in .total.lines.total and .total.lines.covered: a percentage alone proves nothing", name)
	}
	result := promotion.CoverageResult{Covered: covered, Lines: all}
	if result.Percent, err = percentOf(covered, all, name); err != nil {
		return result, err
	}
	return result, agree(name, percent, result.Percent, 0.01)
}

// percentOf gives the percentage, or an error when nothing was measured.
func percentOf(covered, all int64, name string) (float64, error) {
	switch {
	case all <= 0:
		return 0, wrong("%.100q measures no line at all", name)
	case covered < 0 || covered > all:
		return 0, wrong("%.100q says that %d of %d lines are covered", name, covered, all)
	}
	return float64(covered) * 100 / float64(all), nil
}

// agree refuses a report that says two things: more than its counts come to beyond rounding, or much less.
func agree(name string, said, counted, rounding float64) error {
	if said > counted+rounding || said < counted-1 {
		return wrong("%.100q says %.2f percent, and its own counts come to %.2f", name, said, counted)
	}
	return nil
}
