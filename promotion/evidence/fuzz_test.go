package evidence_test

import (
	"errors"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/evidence"
)

// small keeps what fuzzing makes small enough to be fast.
var small = evidence.Reader{Entries: 100, File: 1 << 20, Total: 1 << 20}

func onlyEvidenceErrors(t *testing.T, err error) {
	t.Helper()
	var wrong *promotion.EvidenceError
	if err != nil && !errors.As(err, &wrong) {
		t.Errorf("expected an EvidenceError, got %T: %v", err, err)
	}
}

func checkTests(t *testing.T, results promotion.TestResults, err error) {
	t.Helper()
	onlyEvidenceErrors(t, err)
	if err != nil {
		return
	}
	if results.Files < 1 || results.Tests < 0 || results.Failures < 0 || results.Errors < 0 || results.Skipped < 0 || results.Skipped > results.Tests || results.Took < 0 || len(results.Failed) > 10 {
		t.Errorf("%+v", results)
	}
	for _, name := range results.Failed {
		if len([]rune(name)) > 201 {
			t.Errorf("a name of %d characters", len([]rune(name)))
		}
	}
}

func checkCoverage(t *testing.T, result promotion.CoverageResult, err error) {
	t.Helper()
	onlyEvidenceErrors(t, err)
	if err == nil && (!(result.Percent >= 0 && result.Percent <= 100) || result.Lines <= 0 || // counts rule
		result.Covered < 0 || result.Covered > result.Lines) {
		t.Errorf("%+v", result)
	}
}

func FuzzTests(f *testing.F) {
	for _, text := range []string{
		pytest, jest, surefire, gotestsum, "<!DOCTYPE x><testsuite/>", "<testsuite><![CDATA[", "<!-- <testsuite> --><testsuite/>",
		`<testsuite failures="1,024"><failure/></testsuite>`, `<testsuite tests="500"><testcase status="failed"/></testsuite>`, `<testsuite errors="1" errors="0"/>`, "<TestRun/>",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		results, err := small.Tests(of(zipped(t, map[string]string{"a.xml": text})))
		checkTests(t, results, err)
	})
}

func fuzzCoverage(f *testing.F, name string, seeds ...string) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		result, err := small.Coverage(of(zipped(t, map[string]string{name: text})))
		checkCoverage(t, result, err)
	})
}

func FuzzIstanbul(f *testing.F) {
	fuzzCoverage(f, "coverage-summary.json", `{"total":{"lines":{"total":200,"covered":161,"skipped":0,"pct":80.5}}}`, `{"total":{"lines":{"pct":"Unknown"}}}`, `{"total":{"lines":{"pct":1e999}}}`, `[]`,
		`{"total":{"lines":{"total":10,"covered":1,"covered":10,"pct":100}}}`, `{"Total":{"lines":{}}}`, `{"total":{"lines":{"total":1e3,"covered":1,"pct":1}}}{}`)
}

func FuzzCobertura(f *testing.F) {
	fuzzCoverage(f, "coverage.xml", `<coverage line-rate="0.8" lines-covered="8" lines-valid="10"/>`, `<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "x"><coverage line-rate="1"></coverage>`, `<coverage line-rate="NaN"/>`, cobertured(`line-rate="0.5"`), cobertured(`line-rate="1" lines-covered="4" lines-valid="4"`))
}

func FuzzLcov(f *testing.F) {
	fuzzCoverage(f, "lcov.info", "TN:\nSF:a\nDA:1,1\nDA:2,0,x\nLF:2\nLH:1\nend_of_record\n", "SF:a\nLF:9223372036854775807\nLH:1\nend_of_record\nSF:b\nLF:9223372036854775807\nLH:1\nend_of_record\n")
}

func FuzzGoProfile(f *testing.F) {
	fuzzCoverage(f, "cover.out", "mode: set\na.go:1.2,3.4 5 1\n", "mode: atomic\na.go:1.2,3.4 999999999 9999999999999999999\n")
}

func FuzzDigests(f *testing.F) {
	const digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	for _, text := range []string{digest, "api@" + digest, "localhost:5000/api:tag@" + digest + "\r\n", "# nothing", "@" + digest, ":@" + digest} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digests, err := small.Digests(of(zipped(t, map[string]string{"digest": text})))
		onlyEvidenceErrors(t, err)
		if err == nil && len(digests) == 0 {
			t.Error("neither a digest nor an error")
		}
		for _, one := range digests {
			if one.Digest.IsZero() {
				t.Errorf("%+v", one)
			}
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(zipped(f, map[string]string{"a.xml": pytest, "b/c.txt": "mode: set\n"}))
	f.Add(zipped(f, map[string]string{"digest": "sha256:"}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, content []byte) {
		results, err := small.Tests(of(content))
		checkTests(t, results, err)
		coverage, err := small.Coverage(of(content))
		checkCoverage(t, coverage, err)
		_, err = small.Digests(of(content))
		onlyEvidenceErrors(t, err)
	})
}

func FuzzContent(f *testing.F) {
	f.Add("text/xml", []byte(pytest))
	f.Add("application/gzip", gzipped(f, pytest))
	f.Add("", gzipped(f, `{"total":{"lines":{"total":2,"covered":1,"pct":50}}}`))
	f.Add("zip", []byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, kind string, content []byte) {
		artifact := promotion.ArtifactContent{Name: "a", Type: kind, Bytes: content}
		results, err := small.Tests(artifact)
		checkTests(t, results, err)
		coverage, err := small.Coverage(artifact)
		checkCoverage(t, coverage, err)
		_, err = small.Digests(artifact)
		onlyEvidenceErrors(t, err)
	})
}
