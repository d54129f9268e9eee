package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// Upkeep is what an operator does to the ledger, beside a server that runs or without one.
type Upkeep struct{ ledger *ledger.Ledger }

// OpenUpkeep opens the ledger of the settings, and makes none where none is (ledger.ErrNoLedger). The error names what could not
// be opened.
func OpenUpkeep(ctx context.Context, settings config.Settings) (*Upkeep, error) {
	opened, err := ledger.Open(ctx, settings.DatabaseURL, time.Now, ledger.Existing)
	if err != nil {
		return nil, err
	}
	return &Upkeep{opened}, nil
}

// SetAside gives the rows of work that failed for good, oldest first.
func (u *Upkeep) SetAside(ctx context.Context) ([]ledger.SetAsideRow, error) {
	return u.ledger.SetAsideRows(ctx)
}

// Retry gives a row back to the workers. It returns promotion.ErrNotFound when no such row is set aside.
func (u *Upkeep) Retry(ctx context.Context, id int64) error { return u.ledger.RetrySetAside(ctx, id) }

// RetryAll gives all rows that were set aside back to the workers, or those of one kind ("" for any), and returns how many.
func (u *Upkeep) RetryAll(ctx context.Context, kind promotion.WorkKind) (int64, error) {
	return u.ledger.RetryAllSetAside(ctx, kind)
}

// Discard ends a row without doing it. It returns promotion.ErrNotFound when no such row is set aside.
func (u *Upkeep) Discard(ctx context.Context, id int64) error {
	return u.ledger.DiscardSetAside(ctx, id)
}

// ResumeEverything lifts the hold that the server set when its ledger seemed to be restored from a backup, and gives it. It
// returns promotion.ErrNotFound when there is none.
func (u *Upkeep) ResumeEverything(ctx context.Context) (promotion.Hold, error) {
	return u.ledger.ResumeEverything(ctx)
}

// Owned returns whose a lane (registry repository and tag) is, or a registry repository with all of its lanes where the tag is
// empty, in words: one line for each. It returns promotion.ErrNotFound when it is nobody's.
func (u *Upkeep) Owned(ctx context.Context, registry promotion.RegistryRepository, tag string) ([]string, error) {
	of, err := u.ledger.Owned(ctx, registry, tag)
	if err != nil {
		return nil, err
	}
	called := func(id int64) string {
		if named, _, err := u.ledger.Named(ctx, id); err == nil {
			return fmt.Sprintf("%s (id %d)", named.FullName(), id)
		}
		return fmt.Sprintf("the GitHub repository with id %d", id)
	}
	var lines []string
	if of.Owner != 0 {
		lines = append(lines, fmt.Sprintf("%s belongs to %s", registry, called(of.Owner)))
	}
	for _, lane := range of.Lanes {
		lines = append(lines, fmt.Sprintf("%s:%s belongs to environment %s (image %s) of %s", registry, lane.Tag, lane.Environment, lane.Image, called(lane.Repository)))
	}
	return lines, nil
}

// Release gives back what Owned tells of: whoever asks next owns it. It returns ledger.ErrUnderWay while somebody is at work there.
func (u *Upkeep) Release(ctx context.Context, registry promotion.RegistryRepository, tag, person string) error {
	_, err := u.ledger.Release(ctx, registry, tag, person)
	return err
}

// Migrated is which ledger was migrated, and from which version of the schema to which.
type Migrated struct {
	Place         string
	Before, After int64 // Before is 0: there was no ledger
}

// Migrate brings the schema of the settings' ledger up to date, and makes one where none is. A database that holds something else
// is refused (ledger.ErrForeign).
func Migrate(ctx context.Context, settings config.Settings) (Migrated, error) {
	opened, err := ledger.Open(ctx, settings.DatabaseURL, time.Now, ledger.Alone)
	if err != nil {
		return Migrated{}, err
	}
	before, after := opened.Versions()
	return Migrated{Place: opened.Place(), Before: before, After: after}, opened.Close()
}

// ErrSameLedger says that a ledger was to be copied onto itself.
var ErrSameLedger = errors.New("copy the ledger: expected two databases, found the same twice")

// sameLedger reports whether two addresses name one database, as far as they tell.
func sameLedger(from, to string) bool {
	source, isFile := strings.CutPrefix(from, "sqlite:")
	target, isFileToo := strings.CutPrefix(to, "sqlite:")
	if from == to || !isFile || !isFileToo {
		return from == to
	}
	there, err := os.Stat(source)
	found, failure := os.Stat(target)
	return err == nil && failure == nil && os.SameFile(there, found)
}

// CopyLedger copies everything from one database into another, which has to be empty, and gives what it copied by table. It
// returns ledger.ErrInUse while a server works on the first, unless that is forced.
func CopyLedger(ctx context.Context, from, to string, force bool) (copied []ledger.CopiedTable, err error) {
	if sameLedger(from, to) {
		return nil, ErrSameLedger
	}
	source, err := ledger.Open(ctx, from, time.Now, ledger.Existing)
	if err != nil {
		return nil, fmt.Errorf("FROM: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := ledger.Open(ctx, to, time.Now)
	if err != nil {
		return nil, fmt.Errorf("TO: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return ledger.Copy(ctx, source, target, force)
}

// Close closes the ledger.
func (u *Upkeep) Close() error { return u.ledger.Close() }
