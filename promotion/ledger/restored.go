package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

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

// ResumeEverything lifts what HoldEverything stopped. It returns promotion.ErrNotFound when nothing is held everywhere.
func (l *Ledger) ResumeEverything(ctx context.Context) (promotion.Hold, error) {
	entries, err := l.Entries(ctx, 0, promotion.EntryFilter{Kinds: []promotion.EntryKind{promotion.EntryHold, promotion.EntryResume}})
	if err != nil {
		return promotion.Hold{}, err
	}
	holds := promotion.HoldsOf(entries)
	if len(holds) == 0 {
		return promotion.Hold{}, fmt.Errorf("a hold of everything: %w", promotion.ErrNotFound)
	}
	last := entries[len(entries)-1]
	_, err = l.enterEverywhere(ctx, promotion.Entry{Key: fmt.Sprintf("resume/everything/%d", last.ID), Kind: promotion.EntryResume})
	return holds[0], err
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
