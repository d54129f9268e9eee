package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

func TestReleaseAsksAndTells(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "verbatim.db")
	t.Setenv("VERBATIM_DATABASE_URL", address)
	book, err := ledger.Open(t.Context(), address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	registry, err := promotion.ParseRegistryRepository("localhost:5000/shop/api")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.ClaimRegistry(t.Context(), registry, 42); err != nil {
		t.Fatal(err)
	}
	shows := func(code int, typed, words string, arguments ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), append([]string{"ledger", "release"}, arguments...), strings.NewReader(typed), &out, &out); got != code || !strings.Contains(out.String(), words) {
			t.Errorf("%v: exit code %d, expected %d and %q; it shows\n%s", arguments, got, code, words, out.String())
		}
	}
	shows(2, "", "accepts 1 arg")
	shows(2, "", "expected the registry's host first", "shop/api")
	shows(2, "", "expected a tag", "localhost:5000/shop/api:-tag", "--yes")
	shows(1, "", "belongs to nobody", "localhost:5000/shop/api:production", "--yes")
	shows(1, "no\n", "nothing was given back", "localhost:5000/shop/api")
	shows(1, "", "nothing was given back", "localhost:5000/shop/api")
	shows(0, "yes\n", "localhost:5000/shop/api belongs to the GitHub repository with id 42", "localhost:5000/shop/api")
	shows(1, "yes\n", "belongs to nobody", "localhost:5000/shop/api")
	if _, err := book.ClaimRegistry(t.Context(), registry, 43); err != nil {
		t.Fatal(err)
	}
	shows(0, "", "localhost:5000/shop/api belongs to the GitHub repository with id 43", "localhost:5000/shop/api", "--yes") // nobody is asked
	shows(1, "", "belongs to nobody", "localhost:5000/shop/api", "--yes")
}

// Commands for a ledger that is there make none where none is: a typing error would look like an empty ledger.
func TestNoLedgerIsMadeByLookingAtOne(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "verbatim.db")
	t.Setenv("VERBATIM_DATABASE_URL", "sqlite:"+file)
	for _, arguments := range [][]string{{"work", "list"}, {"work", "retry", "1"}, {"ledger", "resume"}, {"ledger", "release", "localhost:5000/shop/api", "--yes"}} {
		var out bytes.Buffer
		if code := run(t.Context(), arguments, strings.NewReader(""), &out, &out); code != 2 || !strings.Contains(out.String(), "there is no ledger") {
			t.Errorf("%v: exit code %d; it shows\n%s", arguments, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"ledger", "copy", "sqlite:" + file, "sqlite:" + file + "2"}, strings.NewReader(""), &out, &out); code != 2 || !strings.Contains(out.String(), "there is no ledger") {
		t.Errorf("copy: exit code %d; it shows\n%s", code, out.String())
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
