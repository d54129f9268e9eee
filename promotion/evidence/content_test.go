package evidence_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/evidence"
)

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var content bytes.Buffer
	writer := gzip.NewWriter(&content)
	if _, err := writer.Write([]byte(text)); err != nil || writer.Close() != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestArtifactsByTheirMediaType(t *testing.T) {
	t.Parallel()
	xml := func(t *testing.T) []byte { return []byte(surefire) }
	packed := func(t *testing.T) []byte { return gzipped(t, surefire) }
	archive := func(t *testing.T) []byte { return zipped(t, map[string]string{"a.xml": surefire}) }
	for name, test := range map[string]struct {
		kind    string
		content func(*testing.T) []byte
		wrong   string
	}{
		"raw XML":                      {"text/xml; charset=utf-8", xml, ""},
		"raw, as a stream of bytes":    {"application/octet-stream", xml, ""},
		"raw, without a type":          {"", xml, ""},
		"gzip":                         {"application/gzip", packed, ""},
		"gzip, as a stream of bytes":   {"application/octet-stream", packed, ""},
		"zip, as upload-artifact says": {"zip", archive, ""},
		"zip":                          {"application/zip", archive, ""},
		"zip, as a stream of bytes":    {"application/octet-stream", archive, ""},
		"zip that is none":             {"application/zip", xml, "no zip archive"},
		"gzip that is none":            {"application/x-gzip", xml, "no gzip file"},
		"gzip cut short":               {"application/gzip", func(t *testing.T) []byte { return packed(t)[:100] }, ""},
		"something else":               {"text/plain", func(*testing.T) []byte { return []byte("all is well") }, ""},
		"a bomb":                       {"application/gzip", func(t *testing.T) []byte { return gzipped(t, strings.Repeat(" ", 40<<20)+surefire) }, "times its size"},
		"TRX":                          {"text/xml", func(*testing.T) []byte { return []byte("<TestRun/>") }, "TestRun"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := evidence.Reader{}.Tests(promotion.ArtifactContent{Name: "results", Type: test.kind, Bytes: test.content(t)})
			if test.wrong != "" || name == "gzip cut short" || name == "something else" {
				refused(t, err, test.wrong)
			} else if err != nil || results.Tests != 2 {
				t.Errorf("%+v, %v", results, err)
			}
		})
	}
	summary := promotion.ArtifactContent{Name: "report", Type: "application/json", Bytes: []byte(`{"total":{"lines":{"total":2,"covered":1,"pct":50}}}`)}
	if result, err := (evidence.Reader{}).Coverage(summary); err != nil || result.Percent != 50 {
		t.Errorf("%+v, %v", result, err)
	}
}

// What ordinary tools write is read: a new sample is a new file, with its numbers here.
func TestOrdinaryReports(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][3]int{ // tests, failures and errors, skipped
		"pytest": {5, 0, 2}, "jest-junit": {4, 0, 1}, "gotestsum": {4, 0, 1}, "surefire": {4, 0, 1}, "phpunit": {4, 0, 1}, "nextest": {3, 0, 0},
		"googletest": {3, 0, 1}, "ctest": {3, 1, 1}, "vitest": {3, 0, 1}, "playwright": {2, 0, 1}, "gradle": {2, 0, 0}, "rspec": {2, 0, 1}, "mocha": {2, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(filepath.Join("testdata", "junit", name+".xml"))
			if err != nil {
				t.Fatal(err)
			}
			results, err := evidence.Reader{}.Tests(of(zipped(t, map[string]string{name + ".xml": string(content)})))
			if err != nil || [3]int{results.Tests, results.Failures + results.Errors, results.Skipped} != want {
				t.Errorf("%+v, %v", results, err)
			}
		})
	}
}
