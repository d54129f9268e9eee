package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ErrUnderWay says that a lane cannot be given back now: somebody is at work in it.
var ErrUnderWay = errors.New("a promotion is under way in it")

// OwnedLane is a lane, and whose it is.
type OwnedLane struct {
	Tag         string
	Repository  int64
	Environment string
	Image       string
	work        int64
	heldUntil   int64
}

// Ownership is what belongs to somebody: one lane, or a registry repository with all of its lanes.
type Ownership struct {
	Registry promotion.RegistryRepository
	Tag      string // "": the registry repository as a whole
	Owner    int64  // of the registry repository; 0: nobody, or a lane was asked for
	Lanes    []OwnedLane
}

// asker is a connection or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row
}

// Owned returns whose a lane is, or a registry repository and all of its lanes where the tag is empty. It returns
// promotion.ErrNotFound when it is nobody's.
func (l *Ledger) Owned(ctx context.Context, registry promotion.RegistryRepository, tag string) (Ownership, error) {
	return owned(ctx, l.read, registry, tag)
}

func owned(ctx context.Context, from asker, registry promotion.RegistryRepository, tag string) (Ownership, error) {
	of := Ownership{Registry: registry, Tag: tag}
	query, arguments := `SELECT tag, repository, environment, image, work, held_until FROM lanes WHERE registry = $1 ORDER BY tag`, []any{registry.String()}
	if tag != "" {
		query, arguments = `SELECT tag, repository, environment, image, work, held_until FROM lanes WHERE registry = $1 AND tag = $2`, append(arguments, tag)
	}
	rows, err := from.QueryContext(ctx, query, arguments...)
	of.Lanes, err = collect(rows, err, func(rows *sql.Rows) (lane OwnedLane, err error) {
		return lane, rows.Scan(&lane.Tag, &lane.Repository, &lane.Environment, &lane.Image, &lane.work, &lane.heldUntil)
	})
	if err == nil && tag == "" {
		err = from.QueryRowContext(ctx, `SELECT repository FROM registry_owners WHERE registry = $1`, registry.String()).Scan(&of.Owner)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
	}
	if err != nil {
		return of, fmt.Errorf("read whose %s is: %w", registry, err)
	}
	if of.Owner == 0 && len(of.Lanes) == 0 {
		return of, fmt.Errorf("%s belongs to nobody: %w", of.name(), promotion.ErrNotFound)
	}
	return of, nil
}

func (o Ownership) name() string {
	if o.Tag == "" {
		return o.Registry.String()
	}
	return o.Registry.String() + ":" + o.Tag
}

// Release gives back a lane, or a registry repository with all of its lanes: whoever asks next owns it. Who did so is entered in
// the book. It returns promotion.ErrNotFound when it is nobody's, and ErrUnderWay, giving nothing back, while somebody is at work.
func (l *Ledger) Release(ctx context.Context, registry promotion.RegistryRepository, tag, person string) (Ownership, error) {
	var of Ownership
	err := l.within(ctx, "give back "+registry.String(), func(ctx context.Context, tx *transaction) (err error) {
		if err := l.alone(ctx, tx, lockLanes); err != nil {
			return err
		}
		if of, err = owned(ctx, tx, registry, tag); err != nil {
			return err
		}
		for _, lane := range of.Lanes {
			if err := l.idle(ctx, tx, lane); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM lanes WHERE registry = $1 AND tag = $2`, registry.String(), lane.Tag); err != nil {
				return err
			}
		}
		if tag == "" {
			if _, err := tx.ExecContext(ctx, `DELETE FROM registry_owners WHERE registry = $1`, registry.String()); err != nil {
				return err
			}
		}
		return l.writeEntries(ctx, tx, promotion.Changes{Entries: l.released(of, person)})
	})
	return of, err
}

// idle returns ErrUnderWay while a lane is held, or a promotion is half done in it.
func (l *Ledger) idle(ctx context.Context, tx *transaction, lane OwnedLane) error {
	if lane.work == 0 {
		return nil
	}
	var busy int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM work WHERE id = $1 AND (state = 'leased' OR EXISTS (`+runningStatement+`))`, lane.work).Scan(&busy)
	if err != nil {
		return err
	}
	if busy > 0 || lane.heldUntil > micros(l.clock()) {
		return fmt.Errorf("tag %s, environment %s (image %s) of the GitHub repository with id %d: %w", lane.Tag, lane.Environment, lane.Image, lane.Repository, ErrUnderWay)
	}
	return nil
}

// released are the book's entries of what was given back: one for each lane, and one for the registry repository.
func (l *Ledger) released(of Ownership, person string) []promotion.Entry {
	now := l.clock().UTC()
	enter := func(tag string, lane OwnedLane) promotion.Entry {
		return promotion.Entry{
			Key: fmt.Sprintf("release/%s/%d", tag, now.UnixNano()), Kind: promotion.EntryRelease, Repository: lane.Repository, Environment: lane.Environment, Image: lane.Image,
			Tag: tag, Person: promotion.Person{Login: person}, Reason: "given back with verbatim ledger release", At: now, Recorded: now,
		}
	}
	var entries []promotion.Entry
	for _, lane := range of.Lanes {
		entries = append(entries, enter(of.Registry.String()+":"+lane.Tag, lane))
	}
	if of.Owner != 0 {
		entries = append(entries, enter(of.Registry.String(), OwnedLane{Repository: of.Owner}))
	}
	return entries
}
