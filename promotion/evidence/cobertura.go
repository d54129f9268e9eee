package evidence

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// coberturaReport reads a Cobertura file
// (https://github.com/cobertura/cobertura/blob/master/cobertura/src/site/htdocs/xml/coverage-04.dtd).
type coberturaReport struct {
	name    string
	rate    float64 // the root's line-rate
	written string  // as it is written
	covered int64   // the root's counts
	valid   int64
	counted bool // the root has counts
	stack   []string
	class   map[string]bool // the lines of the class that has begun: whether they were hit
	result  promotion.CoverageResult
}

// readCobertura counts the lines of the classes, or takes the root's lines-covered and lines-valid. Where a file has both, the
// lower of the two counts, unless they contradict each other. The line-rate alone proves nothing.
func readCobertura(source io.Reader, name string) (promotion.CoverageResult, error) {
	report := coberturaReport{name: name}
	if err := elements(source, name, true, report.start, report.end); err != nil {
		return promotion.CoverageResult{}, err
	}
	return report.judge()
}

func (c *coberturaReport) judge() (promotion.CoverageResult, error) {
	if !c.counted && c.result.Lines == 0 {
		return c.result, wrong("%.100q has a line-rate and counts no lines (lines-covered and lines-valid, or line elements): a percentage alone proves nothing", c.name)
	}
	listed := c.result.Lines > 0
	var err error
	if listed {
		if c.result.Percent, err = percentOf(c.result.Covered, c.result.Lines, c.name); err != nil {
			return c.result, err
		}
	}
	if c.counted {
		said, err := percentOf(c.covered, c.valid, c.name)
		switch {
		case err != nil:
			return c.result, err
		case listed && said > c.result.Percent+1:
			return c.result, wrong("%.100q says that %d of %d lines are covered, and of those that it lists %d of %d are", c.name, c.covered, c.valid, c.result.Covered, c.result.Lines)
		case !listed || said < c.result.Percent:
			c.result.Covered, c.result.Lines, c.result.Percent = c.covered, c.valid, said
		}
	}
	return c.result, agree(c.name, c.rate*100, c.result.Percent, 100*rounding(c.written))
}

// rounding is how much a rate may be off for the digits with which it is written, two at least.
func rounding(written string) float64 {
	_, fraction, _ := strings.Cut(written, ".")
	return 0.5*math.Pow10(-min(max(len(fraction), 2), 12)) + 1e-9
}

func (c *coberturaReport) start(depth int, element xml.StartElement) error {
	name := element.Name.Local
	c.stack = append(c.stack, name)
	if depth == 1 {
		return c.root(element)
	}
	switch {
	case name == "class":
		c.class = map[string]bool{}
	case name == "line" && c.class != nil:
		return c.line(element)
	case strings.EqualFold(name, "class"), strings.EqualFold(name, "line"):
		if c.class != nil || strings.EqualFold(name, "class") {
			return wrong("%.100q has an element %.40q, expected %s", c.name, name, strings.ToLower(name))
		}
	}
	return nil
}

func (c *coberturaReport) root(element xml.StartElement) error {
	if element.Name.Local != "coverage" {
		return wrong("%.100q: expected the root coverage, found %.40q", c.name, element.Name.Local)
	}
	for _, one := range element.Attr {
		for _, known := range []string{"line-rate", "lines-covered", "lines-valid"} {
			if one.Name.Local != known && strings.EqualFold(one.Name.Local, known) {
				return wrong("%.100q has the attribute %.40q, expected %s", c.name, one.Name.Local, known)
			}
		}
	}
	text, _ := attribute(element, "line-rate")
	c.written = strings.TrimSpace(text)
	rate, err := strconv.ParseFloat(c.written, 64)
	if err != nil || math.IsNaN(rate) || rate < 0 || rate > 1 {
		return wrong("%.100q: expected a line-rate between 0 and 1, found %.40q", c.name, text)
	}
	c.rate = rate
	covered, hasCovered := attribute(element, "lines-covered")
	valid, hasValid := attribute(element, "lines-valid")
	if !hasCovered && !hasValid {
		return nil
	}
	var errCovered, errValid error
	c.covered, errCovered = strconv.ParseInt(covered, 10, 64)
	c.valid, errValid = strconv.ParseInt(valid, 10, 64)
	c.counted = true
	if errCovered != nil || errValid != nil {
		return wrong("%.100q: lines-covered %.40q and lines-valid %.40q are no counts", c.name, covered, valid)
	}
	return nil
}

// line notes a line of the class; one that is listed for a method as well counts once.
func (c *coberturaReport) line(element xml.StartElement) error {
	number, _ := attribute(element, "number")
	text, _ := attribute(element, "hits")
	hits, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || hits < 0 || number == "" {
		return wrong("%.100q: expected a line with a number and hits, found number %.40q and hits %.40q", c.name, number, text)
	}
	if len(c.class) >= maximumBlocks {
		return wrong("%.100q has a class of more than %d lines", c.name, maximumBlocks)
	}
	c.class[number] = c.class[number] || hits > 0
	return nil
}

func (c *coberturaReport) end(int) error {
	last := len(c.stack) - 1
	if c.stack[last] == "class" {
		for _, hit := range c.class {
			c.result.Lines++
			if hit {
				c.result.Covered++
			}
		}
		c.class = nil
	}
	c.stack = c.stack[:last]
	return nil
}
