// Package ledgertest gives tests empty ledgers of their own that need no migrating: copies of one that is made once a process.
package ledgertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// New makes an empty ledger, in the PostgreSQL of the tests where there is one, and otherwise as the file verbatim.db of the
// folder. It gives the ledger's URL and what removes it, nil for a file.
func New(ctx context.Context, folder string) (url string, remove func() error, err error) {
	if postgrestest.Available() {
		template, err := postgres()
		if err != nil {
			return "", nil, err
		}
		return postgrestest.Copy(ctx, template)
	}
	content, err := file()
	if err != nil {
		return "", nil, err
	}
	path := filepath.Join(folder, "verbatim.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", nil, fmt.Errorf("write a ledger for a test: %w", err)
	}
	return "sqlite:" + path, nil, nil
}

// postgres is the address of the database that PostgreSQL copies. It is left behind when the process ends, like everything
// in a PostgreSQL that is there for tests.
var postgres = sync.OnceValues(func() (string, error) {
	address, _, err := postgrestest.New(context.Background())
	if err != nil {
		return "", err
	}
	return address, prepare(address)
})

// file is the content of an empty ledger's file.
var file = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "verbatim-ledger-")
	if err != nil {
		return nil, fmt.Errorf("make a ledger for tests: %w", err)
	}
	path := filepath.Join(folder, "verbatim.db")
	if err := prepare("sqlite:" + path); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the ledger that tests copy: %w", err)
	}
	return content, os.RemoveAll(folder)
})

// prepare makes the ledger by a clock that stands at nought, so that it does not say when it was made: a copy begins when its
// server first opens it.
func prepare(url string) error {
	made, err := ledger.Open(context.Background(), url, func() time.Time { return time.UnixMicro(0) })
	if err != nil {
		return err
	}
	return made.Close()
}
