package controls_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/controls"
)

const root = "../.."

func TestEveryControlFitsTheSources(t *testing.T) {
	t.Parallel()
	all, err := controls.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no control was found")
	}
	threats := rows(t)
	for _, control := range all {
		if _, err := control.Without(root); err != nil {
			t.Error(err)
		}
		if err := control.Named(root); err != nil {
			t.Error(err)
		}
		if control.Threat != "" && !slices.ContainsFunc(threats, func(row row) bool { return row.threat == control.Threat }) {
			t.Errorf("control %s: docs/security.md has no row %q", control.Name, control.Threat)
		}
	}
}

// What docs/security.md names has to be there.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	found := rows(t)
	if len(found) < 40 {
		t.Fatalf("%d rows of threats were read", len(found))
	}
	for _, row := range found {
		if len(row.tests) == 0 {
			t.Errorf("%s: names no test", row.threat)
		}
		for _, test := range row.tests {
			if err := (controls.Control{Name: row.threat, Package: row.folder, Test: test}).Named(root); err != nil {
				t.Error(err)
			}
		}
	}
}

// row is one row of the table of threats.
type row struct {
	threat string
	tests  []string
	folder string
}

var testPattern = regexp.MustCompile("`(Test[A-Za-z0-9_]*|Fuzz[A-Za-z0-9_]*)`")

func rows(t *testing.T) []row {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "| threat | defence | test |")
	if !found {
		t.Fatal("docs/security.md has no table of threats")
	}
	var all []row
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "¦"), "|")
		if len(cells) < 5 || strings.HasPrefix(strings.TrimSpace(cells[1]), "-") {
			continue
		}
		of := row{threat: strings.TrimSpace(cells[1])}
		for _, match := range testPattern.FindAllStringSubmatch(cells[3], -1) {
			of.tests = append(of.tests, match[1])
		}
		if _, rest, found := strings.Cut(cells[3], "("); found {
			of.folder, _, _ = strings.Cut(rest, ")")
		}
		all = append(all, of)
	}
	return all
}
