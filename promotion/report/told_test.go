package report_test

import (
	"os"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion/report"
)

// What is looked for in our own words is what we write.
func TestOurOwnWordsTellOfPromotions(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string]bool{
		"promoted": true, "first_time": true, "rolled_back": true, "mixed": true, "several_images": true, "baseline": true,
		"dry_run": false, "refused": false, "half_moved": false, "waiting": false, "unchanged": false, "status": false,
	} {
		content, err := os.ReadFile("testdata/" + name + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if found := report.Moved(string(content), "production"); found != moved {
			t.Errorf("%s: tells of a promotion: %t", name, found)
		}
		if report.Moved(string(content), "staging") {
			t.Errorf("%s tells of a promotion to staging", name)
		}
	}
	for title, promoted := range map[string]bool{"Promoted": true, "Ready to promote": false, "Not promotable: promoted": false} {
		if report.Promoted(title) != promoted {
			t.Errorf("%q: tells of a promotion: %t", title, !promoted)
		}
	}
}
