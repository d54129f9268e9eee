package evidence

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumNames = 10  // failed tests that are named
	maximumName  = 200 // characters of a name
)

// Tests sums up the JUnit files of the artifact: every file that ends with .xml and whose root is testsuites or testsuite, or
// the artifact itself where it is one file, as pytest, Jest, Maven Surefire, gotestsum, PHPUnit and cargo-nextest write them
// (https://github.com/testmoapp/junitxml; Surefire: https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd).
// Tests are counted from the test cases. Of failures, errors and skips the larger of what the cases show and what the suites
// claim counts, so that a suite that broke off does not pass. Surefire's flakyFailure and rerunFailure are of tests that
// passed in the end, and do not count.
//
// It returns a *promotion.EvidenceError when there is no such file, or one that cannot be read whole and within limits; when a
// suite claims more tests than it shows, or what is no count; and when there is a test report that is not read.
func (r Reader) Tests(content promotion.ArtifactContent) (promotion.TestResults, error) {
	var results promotion.TestResults
	opened, err := r.open(content)
	if err != nil {
		return results, err
	}
	for _, file := range opened.files {
		if file.alone || strings.HasSuffix(strings.ToLower(file.name), ".xml") {
			err = opened.junit(file, &results)
		} else {
			err = opened.otherReport(file)
		}
		if err != nil {
			return promotion.TestResults{}, err
		}
	}
	if results.Files == 0 {
		return results, wrong("it has no JUnit file (*.xml with the root testsuites or testsuite); it has %s", opened.names())
	}
	if opened.short != nil && results.Failures+results.Errors == 0 {
		return promotion.TestResults{}, opened.short
	}
	return results, nil
}

var errOtherRoot = errors.New("the root is another")

func (a *archive) junit(file file, results *promotion.TestResults) error {
	source, err := a.read(file)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	report := junitReport{name: file.name, results: results}
	tags := newMarkup(source, true) // of other files than JUnit's a document type does not matter
	err = elementsOf(tags, file.name, func(depth int, element xml.StartElement) error {
		if depth == 1 && tags.doctype != "" && isSuite(element.Name.Local) {
			return wrong("%.100q: it has a document type or entities, which are not read: %.60q", file.name, tags.doctype)
		}
		return report.start(depth, element)
	}, report.end)
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
	if a.short == nil {
		a.short = report.short
	}
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
	name    string // the file's
	results *promotion.TestResults
	suites  []junitSuite
	test    junitCase
	total   junitCount
	short   error // a suite claims more tests than it shows
}

func isSuite(name string) bool { return name == "testsuites" || name == "testsuite" }

// junitWords are the elements that count. In another letter case they are not passed over.
var junitWords = []string{"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}

func (r *junitReport) start(depth int, element xml.StartElement) error {
	name := element.Name.Local
	if depth == 1 && !isSuite(name) {
		if testRoot(name) {
			return unread(r.name, fmt.Sprintf("a test report with the root %.40q", name))
		}
		return errOtherRoot
	}
	if !slices.Contains(junitWords, name) && slices.Contains(junitWords, strings.ToLower(name)) {
		return wrong("%.100q has an element %.40q, expected %s", r.name, name, strings.ToLower(name))
	}
	switch {
	case name == "failure", name == "error":
		r.fails(name == "error")
	case r.test.depth > 0:
		r.test.skipped = r.test.skipped || name == "skipped" && depth == r.test.depth+1
	case isSuite(name):
		return r.startSuite(depth, element)
	case name == "testcase" && len(r.suites) > 0:
		return r.startCase(depth, element)
	}
	return nil
}

// fails notes a failure or an error wherever it stands: of the test case that has begun, else of the suite.
func (r *junitReport) fails(isError bool) {
	if r.test.depth > 0 {
		r.test.failed, r.test.errored = r.test.failed || !isError, r.test.errored || isError
		return
	}
	suite := &r.suites[len(r.suites)-1]
	if isError {
		suite.counted.errors++
	} else {
		suite.counted.failures++
	}
	r.failed(shortName(cmp.Or(suite.name, r.name)))
}

func (r *junitReport) startSuite(depth int, element xml.StartElement) error {
	suite := junitSuite{depth: depth}
	suite.name, _ = attribute(element, "name")
	var err error
	if suite.claimed, err = claims(element, r.name); err != nil {
		return err
	}
	suite.claimed.took, suite.timed = seconds(element)
	status, err := statusOf(element, r.name)
	if err != nil {
		return err
	}
	if status == failedOutcome {
		suite.claimed.errors = max(suite.claimed.errors, 1-min(suite.claimed.failures, 1))
	}
	r.suites = append(r.suites, suite)
	return nil
}

func (r *junitReport) startCase(depth int, element xml.StartElement) error {
	status, err := statusOf(element, r.name)
	if err != nil {
		return err
	}
	r.test = junitCase{depth: depth, name: r.caseName(element), failed: status == failedOutcome, skipped: status == skippedOutcome}
	took, _ := seconds(element)
	r.suites[len(r.suites)-1].counted.took += took
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
	came.skipped = min(max(came.skipped, suite.claimed.skipped), came.tests)
	if suite.claimed.tests > came.tests && r.short == nil {
		r.short = wrong("%.100q: suite %.100q claims %d tests and shows %d: it is not whole", r.name, shortName(suite.name), suite.claimed.tests, came.tests)
	}
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

// failed keeps the names of the first tests that failed.
func (r *junitReport) failed(name string) {
	if len(r.results.Failed) < maximumNames {
		r.results.Failed = append(r.results.Failed, name)
	}
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
	if r.test.failed || r.test.errored {
		r.failed(r.test.name)
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
