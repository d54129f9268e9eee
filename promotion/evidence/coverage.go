package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Coverage reads the coverage report of the archive, whichever of these it is: Istanbul's coverage-summary.json
// (.total.lines.pct), a Cobertura file, lcov's, or a cover profile of Go's. An artifact that holds Istanbul's summary may
// hold its other reports beside it; else there must be one report only.
//
// It returns a *promotion.EvidenceError when there is no report, more than one, or one that says nothing or cannot be read.
func (r Reader) Coverage(content []byte) (promotion.CoverageResult, error) {
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
	switch len(reports) {
	case 0:
		return promotion.CoverageResult{}, wrong("it has no coverage report (coverage-summary.json, Cobertura, lcov or a Go cover profile); it has %s", opened.names())
	case 1:
	default:
		var names []string
		for _, one := range reports {
			names = append(names, fmt.Sprintf("%.100q", one.file.Name))
		}
		return promotion.CoverageResult{}, wrong("it has %d coverage reports, and which one counts cannot be told: %s", len(reports), strings.Join(names[:min(len(names), 5)], ", "))
	}
	source, err := opened.read(reports[0].file)
	if err != nil {
		return promotion.CoverageResult{}, err
	}
	defer func() { _ = source.Close() }()
	result, err := reports[0].kind.read(source, reports[0].file.Name)
	if err != nil {
		return promotion.CoverageResult{}, readError(reports[0].file.Name, err)
	}
	result.Format = reports[0].kind.name
	if math.IsNaN(result.Percent) || result.Percent < 0 || result.Percent > 100 {
		return promotion.CoverageResult{}, wrong("%.100q says that coverage is %v percent", reports[0].file.Name, result.Percent)
	}
	return result, nil
}

// report is a file that is a coverage report.
type report struct {
	file *zip.File
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
)

// pages are files of reports for people, which are not looked into.
var pages = map[string]bool{".html": true, ".css": true, ".js": true, ".json": true, ".png": true, ".svg": true, ".map": true, ".ico": true, ".gif": true, ".md": true}

// kindOf tells a report by its name or its first bytes; nil for a file that is none.
func (a *archive) kindOf(file *zip.File) (*coverageKind, error) {
	if path.Base(file.Name) == "coverage-summary.json" {
		return &istanbul, nil
	}
	if pages[strings.ToLower(path.Ext(file.Name))] {
		return nil, nil
	}
	source, err := a.read(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }()
	start, err := bufio.NewReaderSize(source, 4096).Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("mode: ")):
		return &goCover, nil
	case bytes.HasPrefix(text, []byte("TN:")), bytes.HasPrefix(text, []byte("SF:")):
		return &lcov, nil
	case bytes.HasPrefix(text, []byte("<")) && bytes.Contains(text, []byte("<coverage")):
		return &cobertura, nil
	}
	return nil, nil
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
	var summary struct {
		Total *struct {
			Lines *struct {
				Total   *int64          `json:"total"`
				Covered *int64          `json:"covered"`
				Percent json.RawMessage `json:"pct"`
			} `json:"lines"`
		} `json:"total"`
	}
	content, err := io.ReadAll(source)
	if err != nil {
		return promotion.CoverageResult{}, err
	}
	if err := json.Unmarshal(content, &summary); err != nil || summary.Total == nil || summary.Total.Lines == nil {
		return promotion.CoverageResult{}, wrong("%.100q has no .total.lines.pct", name)
	}
	lines := summary.Total.Lines
	percent, err := strconv.ParseFloat(string(lines.Percent), 64)
	if err != nil {
		return promotion.CoverageResult{}, wrong("%.100q: .total.lines.pct is %.40q, not a number", name, lines.Percent)
	}
	result := promotion.CoverageResult{Percent: percent}
	if lines.Total == nil || lines.Covered == nil {
		return result, nil
	}
	result.Covered, result.Lines = *lines.Covered, *lines.Total
	exact, err := percentOf(result.Covered, result.Lines, name)
	if err != nil {
		return result, err
	}
	return result, agree(name, percent, exact)
}

// percentOf gives the percentage, or an error when nothing was measured.
func percentOf(covered, all int64, name string) (float64, error) {
	switch {
	case all <= 0:
		return 0, wrong("%.100q measures no line at all", name)
	case covered < 0 || covered > all:
		return 0, wrong("%.100q says that %d of %d lines are covered", name, covered, all)
	}
	return float64(covered) / float64(all) * 100, nil
}

// agree refuses a report that says two things.
func agree(name string, said, counted float64) error {
	if math.Abs(said-counted) > 1 {
		return wrong("%.100q says %.2f percent, and its own counts come to %.2f", name, said, counted)
	}
	return nil
}

// readCobertura reads a Cobertura file's line-rate and counts
// (https://github.com/cobertura/cobertura/blob/master/cobertura/src/site/htdocs/xml/coverage-04.dtd).
func readCobertura(source io.Reader, name string) (promotion.CoverageResult, error) {
	var result promotion.CoverageResult
	err := elements(source, name, true, func(depth int, element xml.StartElement) error {
		if depth != 1 {
			return nil
		}
		if element.Name.Local != "coverage" {
			return wrong("%.100q: expected the root coverage, found %.40q", name, element.Name.Local)
		}
		text, _ := attribute(element, "line-rate")
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(rate) || rate < 0 || rate > 1 {
			return wrong("%.100q: expected a line-rate between 0 and 1, found %.40q", name, text)
		}
		result.Percent = rate * 100
		covered, hasCovered := attribute(element, "lines-covered")
		valid, hasValid := attribute(element, "lines-valid")
		if !hasCovered || !hasValid {
			return nil
		}
		lines, errCovered := strconv.ParseInt(covered, 10, 64)
		all, errValid := strconv.ParseInt(valid, 10, 64)
		if errCovered != nil || errValid != nil {
			return wrong("%.100q: lines-covered %.40q and lines-valid %.40q are no counts", name, covered, valid)
		}
		result.Covered, result.Lines = lines, all
		exact, err := percentOf(lines, all, name)
		if err != nil {
			return err
		}
		if err := agree(name, result.Percent, exact); err != nil {
			return err
		}
		result.Percent = exact
		return nil
	}, func(int) error { return nil })
	return result, err
}
