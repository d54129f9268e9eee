package evidence

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumNames = 10        // failed tests that are named
	maximumName  = 200       // characters of a name
	maximumCount = 1_000_000 // tests, failures or errors that a suite may claim
)

// Tests sums up the JUnit files of the archive: every file that ends with .xml and whose root is testsuites or testsuite,
// as pytest, Jest, Maven Surefire and gotestsum write them
// (https://github.com/testmoapp/junitxml; Surefire: https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd).
// Tests and skips are counted from the test cases. Of failures and errors the larger of what the cases show and what the
// suites claim counts, so that a suite that broke off does not pass. Surefire's flakyFailure and rerunFailure are of
// tests that passed in the end, and do not count.
//
// It returns a *promotion.EvidenceError when there is no such file, or one that cannot be read whole and within limits.
func (r Reader) Tests(content []byte) (promotion.TestResults, error) {
	var results promotion.TestResults
	opened, err := r.open(content)
	if err != nil {
		return results, err
	}
	for _, file := range opened.files {
		if !strings.HasSuffix(strings.ToLower(file.Name), ".xml") {
			continue
		}
		if err := opened.junit(file, &results); err != nil {
			return promotion.TestResults{}, err
		}
	}
	if results.Files == 0 {
		return results, wrong("it has no JUnit file (*.xml with the root testsuites or testsuite); it has %s", opened.names())
	}
	return results, nil
}

var errOtherRoot = errors.New("the root is another")

func (a *archive) junit(file *zip.File, results *promotion.TestResults) error {
	source, err := a.read(file)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	report := junitReport{results: results}
	err = elements(source, file.Name, false, report.start, report.end)
	if errors.Is(err, errOtherRoot) {
		return nil
	}
	if err != nil {
		return err
	}
	results.Files++
	results.Tests += report.total.tests
	results.Failures += report.total.failures
	results.Errors += report.total.errors
	results.Skipped += report.total.skipped
	results.Took += report.total.took
	return nil
}

// junitCount is what a suite, or a whole file, comes to.
type junitCount struct {
	tests, failures, errors, skipped int
	took                             time.Duration
}

// junitSuite is a suite that has begun.
type junitSuite struct {
	depth   int
	name    string
	claimed junitCount
	timed   bool
	counted junitCount // its own cases and suites
}

// junitCase is the test case that has begun.
type junitCase struct {
	depth                    int
	name                     string
	failed, errored, skipped bool
}

// junitReport reads one file.
type junitReport struct {
	results *promotion.TestResults
	suites  []junitSuite
	test    junitCase
	total   junitCount
}

func (r *junitReport) start(depth int, element xml.StartElement) error {
	name := element.Name.Local
	if depth == 1 && name != "testsuites" && name != "testsuite" {
		return errOtherRoot
	}
	switch {
	case r.test.depth > 0:
		if depth == r.test.depth+1 {
			r.test.failed = r.test.failed || name == "failure"
			r.test.errored = r.test.errored || name == "error"
			r.test.skipped = r.test.skipped || name == "skipped"
		}
	case name == "testsuites" || name == "testsuite":
		suite := junitSuite{depth: depth}
		suite.name, _ = attribute(element, "name")
		suite.claimed.failures, suite.claimed.errors = claim(element, "failures"), claim(element, "errors")
		suite.claimed.took, suite.timed = seconds(element)
		r.suites = append(r.suites, suite)
	case name == "testcase" && len(r.suites) > 0:
		r.test = junitCase{depth: depth, name: r.caseName(element)}
		took, _ := seconds(element)
		r.suites[len(r.suites)-1].counted.took += took
	}
	return nil
}

func (r *junitReport) end(depth int) error {
	if r.test.depth == depth {
		r.endCase()
		return nil
	}
	last := len(r.suites) - 1
	if last < 0 || r.suites[last].depth != depth {
		return nil
	}
	suite := r.suites[last]
	r.suites = r.suites[:last]
	came := suite.counted
	came.failures, came.errors = max(came.failures, suite.claimed.failures), max(came.errors, suite.claimed.errors)
	if suite.timed {
		came.took = suite.claimed.took
	}
	into := &r.total
	if last > 0 {
		into = &r.suites[last-1].counted
	}
	into.tests += came.tests
	into.failures += came.failures
	into.errors += came.errors
	into.skipped += came.skipped
	into.took += came.took
	return nil
}

func (r *junitReport) endCase() {
	counted := &r.suites[len(r.suites)-1].counted
	counted.tests++
	if r.test.failed {
		counted.failures++
	}
	if r.test.errored {
		counted.errors++
	}
	if r.test.skipped && !r.test.failed && !r.test.errored {
		counted.skipped++
	}
	if (r.test.failed || r.test.errored) && len(r.results.Failed) < maximumNames {
		r.results.Failed = append(r.results.Failed, r.test.name)
	}
	r.test = junitCase{}
}

// caseName gives a test's name for people: with its class, or its suite where it names none.
func (r *junitReport) caseName(element xml.StartElement) string {
	name, _ := attribute(element, "name")
	class, _ := attribute(element, "classname")
	if class == "" {
		class = r.suites[len(r.suites)-1].name
	}
	if class != "" && class != name {
		name = class + "." + name
	}
	return shortName(name)
}

func shortName(name string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, name))
	if len(clean) > maximumName {
		return string(clean[:maximumName]) + "…"
	}
	return string(clean)
}

// claim reads a count that a suite claims. What is no count claims nothing; what is absurd claims as much as can be.
func claim(element xml.StartElement, name string) int {
	text, _ := attribute(element, name)
	count, err := strconv.Atoi(strings.TrimSpace(text))
	if errors.Is(err, strconv.ErrRange) {
		return maximumCount
	}
	return min(max(count, 0), maximumCount)
}

// seconds reads how long something took; Surefire writes thousands with a comma.
func seconds(element xml.StartElement) (time.Duration, bool) {
	text, found := attribute(element, "time")
	value, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), ",", ""), 64)
	if !found || err != nil || math.IsNaN(value) || value < 0 || value > 30*24*3600 {
		return 0, false
	}
	return time.Duration(value * float64(time.Second)), true
}
