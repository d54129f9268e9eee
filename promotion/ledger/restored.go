package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// UnknownDeliveries gives those of the GUIDs that the ledger never accepted, or has removed since.
func (l *Ledger) UnknownDeliveries(ctx context.Context, guids []string) ([]string, error) {
	if len(guids) == 0 {
		return nil, nil
	}
	places, arguments := make([]string, len(guids)), make([]any, len(guids))
	for i, guid := range guids {
		places[i], arguments[i] = fmt.Sprintf("$%d", i+1), guid
	}
	rows, err := l.read.DB.QueryContext(ctx, `SELECT delivery FROM work WHERE kind = 'delivery' AND delivery IN (`+strings.Join(places, ", ")+`)`, arguments...)
	found, err := collect(rows, err, func(rows *sql.Rows) (guid string, err error) { return guid, rows.Scan(&guid) })
	if err != nil {
		return nil, fmt.Errorf("look for deliveries: %w", err)
	}
	known := map[string]bool{}
	for _, guid := range found {
		known[guid] = true
	}
	var unknown []string
	for _, guid := range guids {
		if !known[guid] {
			unknown = append(unknown, guid)
		}
	}
	return unknown, nil
}

// HoldEverything stops all promotions until ResumeEverything. The key is its meaning: one that was lifted is not set again
// for the same cause. It reports whether anything was added.
func (l *Ledger) HoldEverything(ctx context.Context, key, reason string) (added bool, err error) {
	return l.enterEverywhere(ctx, promotion.Entry{Key: "hold/" + key, Kind: promotion.EntryHold, Reason: reason})
}

// Everywhere is what stops everything, and when such a stop was last lifted.
type Everywhere struct {
	Hold    *promotion.Hold // nil: nothing is held everywhere
	Resumed time.Time       // zero: nothing ever was
	last    int64           // the newest entry's id
}

// Everywhere reads whether everything is held.
func (l *Ledger) Everywhere(ctx context.Context) (Everywhere, error) {
	entries, err := l.Entries(ctx, 0, promotion.EntryFilter{Kinds: []promotion.EntryKind{promotion.EntryHold, promotion.EntryResume}})
	if err != nil {
		return Everywhere{}, err
	}
	var all Everywhere
	if holds := promotion.HoldsOf(entries); len(holds) > 0 {
		all.Hold = &holds[0]
	}
	for _, entry := range entries {
		if all.last = entry.ID; entry.Kind == promotion.EntryResume {
			all.Resumed = entry.At
		}
	}
	return all, nil
}

// ResumeEverything lifts what HoldEverything stopped. It returns promotion.ErrNotFound when nothing is held everywhere.
func (l *Ledger) ResumeEverything(ctx context.Context) (promotion.Hold, error) {
	all, err := l.Everywhere(ctx)
	if err != nil {
		return promotion.Hold{}, err
	}
	if all.Hold == nil {
		return promotion.Hold{}, fmt.Errorf("a hold of everything: %w", promotion.ErrNotFound)
	}
	_, err = l.enterEverywhere(ctx, promotion.Entry{Key: fmt.Sprintf("resume/everything/%d", all.last), Kind: promotion.EntryResume})
	return *all.Hold, err
}

func (l *Ledger) enterEverywhere(ctx context.Context, entry promotion.Entry) (added bool, err error) {
	entry.Environment, entry.At, entry.Recorded = promotion.Everywhere, l.clock().UTC(), l.clock().UTC()
	err = l.within(ctx, "write "+entry.Key, func(ctx context.Context, tx *transaction) error {
		var count int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM entries WHERE key = $1`, entry.Key).Scan(&count); err != nil {
			return err
		}
		added = count == 0
		return l.writeEntries(ctx, tx, promotion.Changes{Entries: []promotion.Entry{entry}})
	})
	return added, err
}
