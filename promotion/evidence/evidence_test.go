package evidence_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/evidence"
)

// zipped makes an archive of files, in the order of their names.
func zipped(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var content bytes.Buffer
	writer := zip.NewWriter(&content)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		file, err := writer.Create(name)
		if err == nil {
			_, err = file.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// of makes an artifact whose media type tells nothing.
func of(content []byte) promotion.ArtifactContent {
	return promotion.ArtifactContent{Name: "results", Type: "application/octet-stream", Bytes: content}
}

// refused fails the test unless the error is one about the evidence, in these words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	var wrong *promotion.EvidenceError
	if !errors.As(err, &wrong) {
		t.Fatalf("expected an EvidenceError, got %v", err)
	}
	for _, word := range words {
		if !strings.Contains(wrong.Detail, word) {
			t.Errorf("expected %q in %q", word, wrong.Detail)
		}
	}
	if len(wrong.Detail) > 2000 {
		t.Errorf("an error of %d bytes", len(wrong.Detail))
	}
}

const pytest = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.120" timestamp="2026-11-23T10:00:00" hostname="runner">
<testcase classname="tests.test_basket" name="test_add[1-2]" time="0.010" />
<testcase classname="tests.test_basket" name="test_remove" time="0.020"><failure message="assert 1 == 2">def test_remove():
&gt;       assert 1 == 2 &undefined; <![CDATA[ <failure/> ]]></failure></testcase>
<testcase classname="tests.test_basket" name="test_setup" time="0.020"><error message="failed on setup">fixture</error></testcase>
<testcase classname="tests.test_basket" name="test_later" time="0.000"><skipped type="pytest.skip" message="later" /></testcase>
</testsuite></testsuites>`

const jest = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="jest tests" tests="3" failures="1" errors="0" time="1.5">
  <testsuite name="basket" errors="0" failures="1" skipped="0" timestamp="2026-11-23T10:00:00" time="1.2" tests="2">
    <testcase classname="basket adds" name="basket adds" time="0.005"/>
    <testcase classname="basket removes" name="basket removes" time="0.007"><failure>Error: expect(received)</failure></testcase>
  </testsuite>
  <testsuite name="voucher" errors="0" failures="0" skipped="0" time="0.3" tests="1"><testcase classname="voucher" name="counts" time="0.3"/></testsuite>
</testsuites>`

const surefire = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report-3.0.xsd" version="3.0" name="dev.verbatim.BasketTest" time="1,234.5" tests="2" errors="0" skipped="1" failures="0">
  <properties><property name="java.version" value="17"/></properties>
  <testcase name="adds" classname="dev.verbatim.BasketTest" time="0.03"><flakyFailure message="once" type="java.lang.AssertionError"><stackTrace>at</stackTrace></flakyFailure></testcase>
  <testcase name="later" classname="dev.verbatim.BasketTest" time="0"><skipped/></testcase>
</testsuite>`

const broken = `<testsuite name="unit"><testcase name="a"><failure/></testcase></testsuite>`

const gotestsum = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" errors="0" time="0.9">
	<testsuite tests="2" failures="1" time="0.500000" name="github.com/acme/shop/basket" timestamp="2026-11-23T10:00:00Z">
		<properties><property name="go.version" value="go1.26.8 linux/amd64"></property></properties>
		<testcase classname="github.com/acme/shop/basket" name="TestAdd" time="0.100000"></testcase>
		<testcase classname="github.com/acme/shop/basket" name="TestRemove" time="0.400000"><failure message="Failed" type="">=== RUN</failure></testcase>
	</testsuite>
</testsuites>`

func TestJUnitDialects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  promotion.TestResults
	}{
		"pytest": {map[string]string{"results/junit.xml": pytest}, promotion.TestResults{
			Files: 1, Tests: 4, Failures: 1, Errors: 1, Skipped: 1, Took: 120 * time.Millisecond, Failed: []string{"tests.test_basket.test_remove", "tests.test_basket.test_setup"},
		}},
		"Jest":           {map[string]string{"junit.xml": jest}, promotion.TestResults{Files: 1, Tests: 3, Failures: 1, Took: 1500 * time.Millisecond, Failed: []string{"basket removes"}}},
		"Maven Surefire": {map[string]string{"TEST-BasketTest.xml": surefire}, promotion.TestResults{Files: 1, Tests: 2, Skipped: 1, Took: 1234500 * time.Millisecond}},
		"gotestsum": {map[string]string{"unit.xml": gotestsum}, promotion.TestResults{
			Files: 1, Tests: 2, Failures: 1, Took: 900 * time.Millisecond, Failed: []string{"github.com/acme/shop/basket.TestRemove"},
		}},
		"several files, and others beside them": {map[string]string{"a.xml": surefire, "b/b.xml": surefire, "pom.xml": "<project/>", "log.txt": "<testsuite failures=\"1\"/>"}, promotion.TestResults{
			Files: 2, Tests: 4, Skipped: 2, Took: 2469 * time.Second,
		}},
		"a suite that broke off": {map[string]string{"a.xml": `<testsuite tests="9" failures="0" errors="2"><testcase name="a"/></testsuite>`}, promotion.TestResults{Files: 1, Tests: 1, Errors: 2}},
		"nested suites": {map[string]string{"a.xml": `<testsuites failures="1"><testsuite failures="1"><testsuite failures="1" name="inner"><testcase name="a"><failure/></testcase></testsuite></testsuite></testsuites>`}, promotion.TestResults{
			Files: 1, Tests: 1, Failures: 1, Failed: []string{"inner.a"},
		}},
		"a failure of the suite": {map[string]string{"a.xml": `<testsuites><testsuite name="shop" tests="1"><testcase name="a"/><failure message="setup"/></testsuite></testsuites>`}, promotion.TestResults{
			Files: 1, Tests: 1, Failures: 1, Failed: []string{"shop"},
		}},
		"an error of all suites": {map[string]string{"a.xml": `<testsuites><testsuite><testcase name="a"/></testsuite><error/></testsuites>`}, promotion.TestResults{
			Files: 1, Tests: 1, Errors: 1, Failed: []string{"a.xml"},
		}},
		"a failure within": {map[string]string{"a.xml": `<testsuite name="s"><testcase name="a"><steps><failure/></steps></testcase></testsuite>`}, promotion.TestResults{
			Files: 1, Tests: 1, Failures: 1, Failed: []string{"s.a"},
		}},
		"a status": {map[string]string{"a.xml": `<testsuite name="s"><testcase name="a" status="failed"/><testcase name="b" status="run" result="completed"/><testcase name="c" status="notrun" result="suppressed"/></testsuite>`}, promotion.TestResults{
			Files: 1, Tests: 3, Failures: 1, Skipped: 1, Failed: []string{"s.a"},
		}},
		"a suite that failed":    {map[string]string{"a.xml": `<testsuite status="failed"><testcase name="a"/></testsuite>`}, promotion.TestResults{Files: 1, Tests: 1, Errors: 1}},
		"skips that are claimed": {map[string]string{"a.xml": `<testsuite skipped="5"><testcase name="a"/></testsuite>`}, promotion.TestResults{Files: 1, Tests: 1, Skipped: 1}},
		"what is no report beside it": {map[string]string{"a.xml": surefire, "coverage.xml": `<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage/>`, "trace.zip": "PK", "shot.png": "PNG", "report.html": "<html><testsuite/></html>", "stdout": "<3", "logs.tar.gz": "\x1f\x8b"}, promotion.TestResults{
			Files: 1, Tests: 2, Skipped: 1, Took: 1234500 * time.Millisecond,
		}},
		"an old encoding": {map[string]string{"a.xml": "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><testsuite><testcase name=\"caf\xe9\"><error/></testcase></testsuite>"}, promotion.TestResults{
			Files: 1, Tests: 1, Errors: 1, Failed: []string{"café"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := evidence.Reader{}.Tests(of(zipped(t, test.files)))
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(test.want, got); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestJUnitThatIsNone(t *testing.T) {
	t.Parallel()
	laughs := `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><testsuite name="&b;"><testcase name="x"/></testsuite>`
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no XML at all":          {map[string]string{"log.txt": "ok"}, `it has "log.txt"`},
		"an empty archive":       {nil, "it has nothing"},
		"cut short":              {map[string]string{"a.xml": `<testsuite><testcase name="a">`}, "no XML document"},
		"cut within a tag":       {map[string]string{"a.xml": `<testsuite><testcase name="a`}, "no XML document"},
		"ends that fit not":      {map[string]string{"a.xml": `<testsuite><testcase></testsuite>`}, "no XML document"},
		"billion laughs":         {map[string]string{"a.xml": laughs}, "document type"},
		"a file of ours":         {map[string]string{"a.xml": `<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>`}, "document type"},
		"an entity":              {map[string]string{"a.xml": `<testsuite name="&passwd;"/>`}, "no XML document"},
		"too deep":               {map[string]string{"a.xml": strings.Repeat("<testsuite>", 200) + strings.Repeat("</testsuite>", 200)}, "100 deep"},
		"a huge attribute":       {map[string]string{"a.xml": `<testsuite name="` + counting(400_000) + `"/>`}, "a tag has more than"},
		"UTF-16":                 {map[string]string{"a.xml": `<?xml version="1.0" encoding="UTF-16"?><testsuite/>`}, "is not read"},
		"empty":                  {map[string]string{"a.xml": ""}, "cut short"},
		"an attribute twice":     {map[string]string{"a.xml": `<testsuite failures="0" failures="1"/>`}, "twice"},
		"claims without cases":   {map[string]string{"a.xml": `<testsuite tests="9"/>`}, "claims 9 tests and shows 0"},
		"one case of 500":        {map[string]string{"a.xml": `<testsuites tests="500"><testsuite><testcase name="a"/></testsuite></testsuites>`}, "claims 500 tests and shows 1"},
		"thousands":              {map[string]string{"a.xml": `<testsuite failures="1,024"><testcase name="a"/></testsuite>`}, `failures="1,024"`},
		"a fraction":             {map[string]string{"a.xml": `<testsuite errors="1.0"><testcase name="a"/></testsuite>`}, `errors="1.0"`},
		"a negative count":       {map[string]string{"a.xml": `<testsuite failures="-1"><testcase name="a"/></testsuite>`}, `failures="-1"`},
		"no count":               {map[string]string{"a.xml": `<testsuite tests=""><testcase name="a"/></testsuite>`}, `tests=""`},
		"a huge count":           {map[string]string{"a.xml": `<testsuite failures="99999999999999999999"><testcase name="a"/></testsuite>`}, "expected failures and a count"},
		"a claim in capitals":    {map[string]string{"a.xml": `<testsuite Failures="1"><testcase name="a"/></testsuite>`}, "expected failures"},
		"an element in capitals": {map[string]string{"a.xml": `<testsuite><testcase name="a"><Failure/></testcase></testsuite>`}, "expected failure"},
		"an unknown status":      {map[string]string{"a.xml": `<testsuite><testcase name="a" status="meh"/></testsuite>`}, "may be a failure"},
		"TRX beside it":          {map[string]string{"a.xml": surefire, "a.trx": "<TestRun/>"}, "a.trx"},
		"TRX named XML":          {map[string]string{"a.xml": surefire, "b.xml": `<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"/>`}, "TestRun"},
		"NUnit beside it":        {map[string]string{"a.xml": surefire, "nunit.xml": `<test-run failed="1"/>`}, "test-run"},
		"NUnit 2 beside it":      {map[string]string{"a.xml": surefire, "nunit.xml": `<test-results failures="1"/>`}, "test-results"},
		"xUnit.net beside it":    {map[string]string{"a.xml": surefire, "x.xml": `<assemblies/>`}, "assemblies"},
		"TestNG beside it":       {map[string]string{"a.xml": surefire, "x.xml": `<testng-results/>`}, "testng-results"},
		"TAP beside it":          {map[string]string{"a.xml": surefire, "x.tap": "not ok 1"}, "x.tap"},
		"gzip beside it":         {map[string]string{"a.xml": surefire, "b.xml.gz": "\x1f\x8b"}, "b.xml.gz"},
		"a packed folder":        {map[string]string{"a.xml": surefire, "surefire-reports.tar.gz": "\x1f\x8b"}, "surefire-reports"},
		"JUnit of another name":  {map[string]string{"a.xml": surefire, "b.results": broken}, "by its root testsuite"},
		"JUnit without a name":   {map[string]string{"a.xml": surefire, "junit": broken}, "by its root testsuite"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := evidence.Reader{}.Tests(of(zipped(t, test.files)))
			refused(t, err, test.want)
		})
	}
}

// counting is a text that does not pack too well.
func counting(numbers int) string {
	var text strings.Builder
	for i := range numbers {
		fmt.Fprintf(&text, "%x ", i*7919)
	}
	return text.String()
}

// cobertured is a Cobertura file of four lines, of which two were hit.
func cobertured(root string) string {
	return `<coverage ` + root + `><packages><package><classes><class name="a" filename="a.py"><methods><method name="f"><lines><line number="1" hits="1"/></lines></method></methods>` +
		`<lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class><class name="b" filename="b.py"><lines><line number="1" hits="9"/><line number="2" hits="0"/></lines></class></classes></package></packages></coverage>`
}

func TestCoverageFormats(t *testing.T) {
	t.Parallel()
	istanbul := `{"total":{"lines":{"total":200,"covered":161,"skipped":0,"pct":80.5},"statements":{"total":1,"covered":1,"skipped":0,"pct":100}},"/src/a.js":{"lines":{"pct":0}}}`
	cobertura := `<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage version="7" line-rate="0.805" lines-covered="161" lines-valid="200" branch-rate="0"><sources><source>/src</source></sources></coverage>`
	lcov := "TN:\nSF:src/a.js\nFN:1,f\nDA:1,1\nDA:2,0\nDA:3,5,abc\nLF:3\nLH:2\nend_of_record\nSF:src/b.js\nLF:7\nLH:6\nend_of_record\n"
	cover := "mode: atomic\nshop/a.go:1.2,3.4 2 1\nshop/a.go:5.2,6.4 3 0\nmode: atomic\nshop/a.go:5.2,6.4 3 7\nshop/b.go:1.1,2.2 5 0\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  promotion.CoverageResult
	}{
		"Istanbul":                      {map[string]string{"coverage-summary.json": istanbul}, promotion.CoverageResult{Format: "istanbul", Percent: 80.5, Covered: 161, Lines: 200}},
		"Istanbul beside others":        {map[string]string{"coverage/coverage-summary.json": istanbul, "coverage/lcov.info": lcov, "coverage/index.html": "<coverage"}, promotion.CoverageResult{Format: "istanbul", Percent: 80.5, Covered: 161, Lines: 200}},
		"a percentage that was rounded": {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":3,"covered":2,"pct":66.66}}}`}, promotion.CoverageResult{Format: "istanbul", Percent: 200.0 / 3, Covered: 2, Lines: 3}},
		"a count that multiplies badly": {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":50,"covered":29,"pct":58}}}`}, promotion.CoverageResult{Format: "istanbul", Percent: 58, Covered: 29, Lines: 50}},
		"Cobertura's lines":             {map[string]string{"c.xml": cobertured(`line-rate="0.5"`)}, promotion.CoverageResult{Format: "cobertura", Percent: 50, Covered: 2, Lines: 4}},
		"Cobertura of two digits":       {map[string]string{"c.xml": `<coverage line-rate="0.81" lines-covered="161" lines-valid="200"/>`}, promotion.CoverageResult{Format: "cobertura", Percent: 80.5, Covered: 161, Lines: 200}},
		"Cobertura behind a comment":    {map[string]string{"c.xml": "<!-- " + strings.Repeat("x", 5000) + ` --><coverage line-rate="0.81" lines-covered="161" lines-valid="200"/>`}, promotion.CoverageResult{Format: "cobertura", Percent: 80.5, Covered: 161, Lines: 200}},
		"Cobertura":                     {map[string]string{"coverage.xml": cobertura}, promotion.CoverageResult{Format: "cobertura", Percent: 80.5, Covered: 161, Lines: 200}},
		"lcov":                          {map[string]string{"lcov.info": lcov}, promotion.CoverageResult{Format: "lcov", Percent: 80, Covered: 8, Lines: 10}},
		"Go":                            {map[string]string{"cover.out": cover}, promotion.CoverageResult{Format: "go", Percent: 50, Covered: 5, Lines: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := evidence.Reader{}.Coverage(of(zipped(t, test.files)))
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(test.want, got); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestCoverageThatIsNone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":                           {map[string]string{"index.html": "<html>"}, "no coverage report"},
		"two of one kind":                {map[string]string{"a.info": "TN:\n", "b.info": "SF:a\n"}, "which one counts"},
		"two kinds":                      {map[string]string{"a.info": "TN:\n", "b.out": "mode: set\n"}, "which one counts"},
		"an unknown percentage":          {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":0,"covered":0,"pct":"Unknown"}}}`}, "not a number"},
		"no total":                       {map[string]string{"coverage-summary.json": `{"a.js":{}}`}, ".total.lines.pct"},
		"more than all":                  {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":10,"pct":101}}}`}, "101.00 percent"},
		"less than nothing":              {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":9,"pct":-1}}}`}, "-1.00 percent"},
		"counts that say otherwise":      {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":100,"covered":10,"pct":90}}}`}, "its own counts"},
		"a rate of two":                  {map[string]string{"c.xml": `<coverage line-rate="2"/>`}, "between 0 and 1"},
		"a rate that is no number":       {map[string]string{"c.xml": `<coverage line-rate="NaN"/>`}, "between 0 and 1"},
		"a rate that its counts deny":    {map[string]string{"c.xml": `<coverage line-rate="0.9" lines-covered="1" lines-valid="10"/>`}, "its own counts"},
		"entities":                       {map[string]string{"c.xml": `<!DOCTYPE coverage [<!ENTITY a "1">]><coverage line-rate="&a;"/>`}, "document type"},
		"nothing measured by lcov":       {map[string]string{"a.info": "SF:a\nend_of_record\n"}, "no line at all"},
		"lcov cut short":                 {map[string]string{"a.info": "SF:a\nDA:1,1\n"}, "cut short"},
		"lcov without a file":            {map[string]string{"a.info": "TN:\nDA:1,1\n"}, "within a file"},
		"more hits than lines":           {map[string]string{"a.info": "SF:a\nLF:1\nLH:9\nend_of_record\n"}, "9 of 1"},
		"nothing measured by Go":         {map[string]string{"c.out": "mode: set\n"}, "no line at all"},
		"a profile of something else":    {map[string]string{"c.out": "mode: set\nrm -rf\n"}, "line 2"},
		"a percentage alone":             {map[string]string{"coverage-summary.json": `{"total":{"lines":{"pct":99}}}`}, "a percentage alone"},
		"a percentage above its counts":  {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":1000,"covered":799,"pct":80}}}`}, "its own counts"},
		"counts that are none":           {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":1e3,"covered":"800","pct":80}}}`}, "has no counts"},
		"a key twice":                    {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":1,"covered":10,"pct":100}}}`}, "twice"},
		"an object twice":                {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":1,"pct":10}},"total":{"lines":{"total":10,"covered":10,"pct":100}}}`}, "twice"},
		"a key twice elsewhere":          {map[string]string{"coverage-summary.json": `{"a.js":{"x":1,"x":2},"total":{"lines":{"total":10,"covered":1,"pct":10}}}`}, "twice"},
		"a key in another letter case":   {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":1,"Covered":10,"pct":10}}}`}, `"Covered"`},
		"a total in another letter case": {map[string]string{"coverage-summary.json": `{"Total":{"lines":{"total":10,"covered":10,"pct":100}}}`}, `"Total"`},
		"more behind its end":            {map[string]string{"coverage-summary.json": `{"total":{"lines":{"total":10,"covered":10,"pct":100}}}{}`}, "behind its end"},
		"a rate alone":                   {map[string]string{"c.xml": `<coverage line-rate="1"/>`}, "a percentage alone"},
		"a rate above its lines":         {map[string]string{"c.xml": cobertured(`line-rate="1"`)}, "its own counts"},
		"counts above its lines":         {map[string]string{"c.xml": cobertured(`line-rate="1" lines-covered="4" lines-valid="4"`)}, "of those that it lists"},
		"a rate twice":                   {map[string]string{"c.xml": `<coverage line-rate="0" line-rate="1" lines-covered="4" lines-valid="4"/>`}, "twice"},
		"half of the counts":             {map[string]string{"c.xml": `<coverage line-rate="1" lines-valid="4"/>`}, "are no counts"},
		"hits in words":                  {map[string]string{"c.xml": strings.Replace(cobertured(`line-rate="1"`), `hits="0"`, `hits="no"`, 1)}, "hits"},
		"lcov in another letter case":    {map[string]string{"a.info": "SF:a\nDA:1,1\nda:2,0\nend_of_record\n"}, "another letter case"},
		"JaCoCo beside it":               {map[string]string{"a.info": "SF:a\nDA:1,1\nend_of_record\n", "jacoco.xml": `<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="a"/>`}, "jacoco.xml"},
		"OpenCover beside it":            {map[string]string{"a.info": "SF:a\nDA:1,1\nend_of_record\n", "o.xml": `<CoverageSession/>`}, "o.xml"},
		"gzip beside it":                 {map[string]string{"a.info": "SF:a\nDA:1,1\nend_of_record\n", "b.xml.gz": "\x1f\x8b"}, "b.xml.gz"},
		"a block of two sizes":           {map[string]string{"c.out": "mode: set\na.go:1.1,2.2 1 1\na.go:1.1,2.2 2 1\n"}, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := evidence.Reader{}.Coverage(of(zipped(t, test.files)))
			refused(t, err, test.want)
		})
	}
}

func TestDigests(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	text := "\ufeff# built by ci\r\nsha256:" + one + "\r\n\nlocalhost:5000/shop/api:abc@sha256:" + two + "\nregistry.example.com:5000/shop/api@sha256:" + one + "\napi@sha256:" + two
	got, err := evidence.Reader{}.Digests(of(zipped(t, map[string]string{"digest.txt": text})))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, digest := range got {
		said = append(said, fmt.Sprintf("%s|%s|%s", digest.Image, digest.Tag, digest.Digest))
	}
	want := []string{"||sha256:" + one, "localhost:5000/shop/api|abc|sha256:" + two, "registry.example.com:5000/shop/api||sha256:" + one, "api||sha256:" + two}
	if difference := cmp.Diff(want, said); difference != "" {
		t.Error(difference)
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"two files":      {map[string]string{"a": "sha256:" + one, "b": "sha256:" + one}, "expected one text file"},
		"none":           {nil, "expected one text file"},
		"empty":          {map[string]string{"a": "\n# nothing\n"}, "names no digest"},
		"a tag":          {map[string]string{"a": "shop/api:latest"}, "line 1"},
		"another hash":   {map[string]string{"a": "sha512:" + one + one}, "line 1"},
		"capitals":       {map[string]string{"a": "SHA256:" + one}, "line 1"},
		"too short":      {map[string]string{"a": "sha256:" + one[:63]}, "line 1"},
		"nothing before": {map[string]string{"a": "@sha256:" + one}, "line 1"},
		"words":          {map[string]string{"a": "the digest is api@sha256:" + one}, "line 1"},
		"too many":       {map[string]string{"a": strings.Repeat("sha256:"+one+"\n", 101)}, "more than 100"},
		"too long":       {map[string]string{"a": strings.Repeat("# nothing\n", 10_000)}, "more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := evidence.Reader{}.Digests(of(zipped(t, test.files)))
			refused(t, err, test.want)
		})
	}
}

// header makes an archive of one entry whose header says what one likes.
func header(t testing.TB, change func(*zip.FileHeader), content []byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	entry := &zip.FileHeader{Name: "a.xml", Method: zip.Deflate}
	change(entry)
	file, err := writer.CreateHeader(entry)
	if err == nil && len(content) > 0 {
		_, err = file.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*zip.FileHeader) { return func(h *zip.FileHeader) { h.Name = name } }
	bomb := bytes.Repeat([]byte(" "), 40<<20)
	lying := header(t, func(*zip.FileHeader) {}, bomb)
	at := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	copy(lying[at+24:], []byte{16, 0, 0, 0}) // the central directory says that it unpacks to 16 bytes
	duplicates := bytes.ReplaceAll(zipped(t, map[string]string{"a.xml": "<testsuite/>", "b.xml": "<testsuite/>"}), []byte("b.xml"), []byte("a.xml"))
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"no archive":              {[]byte("<html>not found</html>"), "no JUnit file"},
		"nothing":                 {nil, "cut short"},
		"cut short":               {zipped(t, map[string]string{"a.xml": pytest})[:200], "no zip archive"},
		"a name above":            {header(t, named("../../etc/passwd"), nil), "leads out"},
		"an absolute name":        {header(t, named("/etc/passwd"), nil), "leads out"},
		"a backslash":             {header(t, named(`..\..\windows`), nil), "leads out"},
		"a drive":                 {header(t, named(`c:x`), nil), "leads out"},
		"a name with a NUL":       {header(t, named("a\x00.xml"), nil), "leads out"},
		"a name within":           {header(t, named("a/../b.xml"), nil), "leads out"},
		"deep folders":            {header(t, named(strings.Repeat("d/", 30)+"a.xml"), nil), "folders deep"},
		"a link":                  {header(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }, []byte("/etc/passwd")), "not an ordinary file"},
		"a device":                {header(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice) }, nil), "not an ordinary file"},
		"duplicate names":         {duplicates, "two entries"},
		"a bomb":                  {header(t, func(*zip.FileHeader) {}, bomb), "times its size"},
		"a bomb that denies it":   {lying, ""},
		"an archive in its place": {zipped(t, map[string]string{"a.zip": string(zipped(t, map[string]string{"a.xml": pytest}))}), "no JUnit file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := evidence.Reader{}.Tests(of(test.archive))
			refused(t, err, test.want)
		})
	}
	many := map[string]string{}
	for i := range 30 {
		many[fmt.Sprintf("%d.xml", i)] = surefire
	}
	_, err := evidence.Reader{Entries: 20}.Tests(of(zipped(t, many)))
	refused(t, err, "30 entries")
	_, err = evidence.Reader{Entries: 10}.Tests(of(zipped(t, many)))
	refused(t, err, "more than 10 entries")
	_, err = evidence.Reader{Total: 10_000}.Tests(of(zipped(t, many)))
	refused(t, err, "unpacks to more than 10000 bytes")
	_, err = evidence.Reader{File: 100}.Tests(of(zipped(t, many)))
	refused(t, err, "has more than 100 bytes")
}

// big makes a JUnit file of about so many bytes, most of them a test's output.
func big(size int) string {
	var text strings.Builder
	text.WriteString(`<testsuites><testsuite name="big" time="1">`)
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, `<testcase classname="shop.Basket%d" name="adds %d" time="0.01"><system-out><![CDATA[%s]]></system-out></testcase>`, i%100, i, strings.Repeat(fmt.Sprintf("line %d of the output\n", i), 100))
		if i == 0 {
			fmt.Fprintf(&text, "<system-err>%s</system-err>", strings.Repeat("a line of one large output\n", size/3/27))
		}
	}
	text.WriteString(`</testsuite></testsuites>`)
	return text.String()
}

// Nothing of a report is held but its tags, one at a time.
func TestFiftyMegabytesOfJUnitTakeLittleMemory(t *testing.T) {
	archive := zipped(t, map[string]string{"big.xml": big(50 << 20)})
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		highest := uint64(0)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			highest = max(highest, now.HeapAlloc)
			select {
			case <-stop:
				peak <- highest
				return
			case <-ticker.C:
			}
		}
	}()
	results, err := evidence.Reader{}.Tests(of(archive))
	close(stop)
	highest := <-peak
	runtime.ReadMemStats(&after)
	if err != nil || results.Tests < 1000 {
		t.Fatalf("%+v, %v", results, err)
	}
	if grown := int64(highest) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

func BenchmarkFiftyMegabytesOfJUnit(b *testing.B) {
	archive := zipped(b, map[string]string{"big.xml": big(50 << 20)})
	b.SetBytes(50 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (evidence.Reader{}).Tests(of(archive)); err != nil {
			b.Fatal(err)
		}
	}
}
