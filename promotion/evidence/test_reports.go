package evidence

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// What lies beside the reports that are read must not be another report whose failures nobody sees. What is one is told by a
// file's extension, else by its root element; logs, pictures and pages are none.

// packedExtensions are those of files that may hold reports, and are not looked into.
var packedExtensions = []string{".gz", ".zip", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar"}

// plainExtensions are those of files that are no test reports, whatever is in them.
var plainExtensions = []string{
	".txt", ".log", ".out", ".err", ".md", ".rst", ".html", ".htm", ".css", ".js", ".mjs", ".map", ".ts", ".json", ".jsonl", ".ndjson", ".yml", ".yaml", ".toml", ".csv", ".tsv",
	".properties", ".info", ".lcov", ".dump", ".dumpstream", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".webm", ".mp4", ".pdf", ".woff", ".woff2", ".ttf",
	".go", ".py", ".java", ".class", ".jar", ".rb", ".php", ".cs", ".rs", ".sh", ".diff", ".patch", ".snap", ".har", ".db", ".sqlite", ".exec", ".bin", ".dll", ".pdb",
}

// unpacked takes the extensions of packing off a name. It reports whether there were any.
func unpacked(name string) (string, bool) {
	name = strings.ToLower(path.Base(name))
	short := name
	for slices.Contains(packedExtensions, path.Ext(short)) {
		short = strings.TrimSuffix(short, path.Ext(short))
	}
	return short, short != name
}

// reportWords stand in the names of files with test reports.
var reportWords = []string{"junit", "surefire", "failsafe", "nunit", "xunit", "trx", "test-results", "test-report", "test_results", "test_report", "testresults", "testreport"}

// packedReport reports whether the name is that of a packed file with test reports.
func packedReport(name string) bool {
	short, packed := unpacked(name)
	return packed && (isTestExtension(path.Ext(short)) || strings.HasPrefix(short, "test-") || slices.ContainsFunc(reportWords, func(word string) bool { return strings.Contains(short, word) }))
}

func isTestExtension(extension string) bool {
	return extension == ".xml" || extension == ".trx" || extension == ".tap" || extension == ".nunit" || extension == ".xunit" || extension == ".junit"
}

// foreignRoots are the roots of test reports that are not read, beside those that have "test" in their name, such as NUnit's
// test-run, TRX's TestRun, TestNG's testng-results and Sonar's testExecutions.
var foreignRoots = []string{"assemblies", "assembly", "robot", "site", "catch"}

// testRoot reports whether the root element is that of a test report.
func testRoot(root string) bool {
	root = strings.ToLower(root)
	return strings.Contains(root, "test") || slices.Contains(foreignRoots, root)
}

// unread refuses a file that is a test report and is not read.
func unread(name, what string) error {
	return wrong("%.100q is %s, which is not read: upload JUnit files (*.xml), unpacked, and no other report beside them", name, what)
}

// otherReport refuses a file that is no JUnit file by its name if it is another kind of test report.
func (a *archive) otherReport(file file) error {
	extension := strings.ToLower(path.Ext(file.name))
	_, packed := unpacked(file.name)
	switch {
	case packedReport(file.name):
		return unread(file.name, "a packed test report")
	case isTestExtension(extension):
		return unread(file.name, "a test report of another kind")
	case packed, slices.Contains(plainExtensions, extension):
		return nil
	}
	root, err := a.rootOf(file)
	if err == nil && testRoot(root) {
		return unread(file.name, "a test report by its root "+root+", and no *.xml")
	}
	return err
}

// errFound ends the reading of a document once its root is known.
var errFound = errors.New("the root is known")

// rootOf returns the name of a file's root element; "" for what is no XML document.
func (a *archive) rootOf(file file) (string, error) {
	source, err := a.read(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = source.Close() }()
	beginning := bufio.NewReaderSize(source, 512)
	peeked, err := beginning.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if !strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(string(peeked), "\ufeff"), " \t\r\n"), "<") {
		return "", nil
	}
	root := ""
	err = elements(beginning, file.name, true, func(_ int, element xml.StartElement) error {
		root = element.Name.Local
		return errFound
	}, func(int) error { return nil })
	if !errors.Is(err, errFound) {
		return "", nil // a page, or whatever else begins like one
	}
	return root, nil
}
