package demo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/demo"
)

func TestTheDemoGoesAsItShould(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &shown, Version: "test", Once: true}); err != nil {
		t.Fatalf("%v\n%s", err, shown.String())
	}
	for _, want := range []string{
		"workflow_job completed, signed: answered 202", "3 of 5 gates met", "Ready to promote", "Promoted api to production", "Slack: Promoted",
		"the digest that was tested", "digest_moved", "stage_missing", "not_authorised", "stage_failed", "Everything went as it should",
	} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
}
