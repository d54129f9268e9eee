package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// Each file of testdata/policy is a policy; the golden file beside it says what it means, or all that is wrong with it.
func TestPoliciesGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/policy/*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d policies: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			policy, err := config.ParsePolicy("verbatim.yml", content)
			got := ""
			var invalid *config.PolicyError
			switch {
			case errors.As(err, &invalid):
				got = invalid.Error()
			case err != nil:
				t.Fatal(err)
			default:
				text, err := json.MarshalIndent(policy, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".golden", got+"\n")
		})
	}
}
