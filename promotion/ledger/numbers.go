package ledger

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/verbatim-dev/verbatim/promotion"
)

// number draws the next numbers, which tell across all kinds of rows what was written first. What is written under one lane, or in
// one queue, is written one after another, so that its numbers rise as it is committed.
func (l *Ledger) number(ctx context.Context, tx *transaction, count int) (promotion.Number, error) {
	if count == 0 {
		return 0, nil
	}
	first, err := l.draw(ctx, tx, "number", count)
	return promotion.Number(first), err
}

// numberPromotion draws a promotion's number. What an older program wrote without one while replicas were replaced comes before it.
func (l *Ledger) numberPromotion(ctx context.Context, tx *transaction, one promotion.Promotion) (promotion.Number, error) {
	first, err := l.number(ctx, tx, 2)
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE promotions SET number = $1 WHERE number = 0 AND repository = $2 AND environment = $3`, int64(first), one.Repository, one.Environment)
	return first + 1, err
}

// numbered reads a row of a number and a JSON document.
func numbered(rows *sql.Rows, into any) (number promotion.Number, err error) {
	var content string
	if err := rows.Scan(&number, &content); err != nil {
		return 0, err
	}
	return number, json.Unmarshal([]byte(content), into)
}

func readVerification(rows *sql.Rows) (one promotion.Verification, err error) {
	number, err := numbered(rows, &one)
	one.Number = number
	return one, err
}

func readPromotion(rows *sql.Rows) (one promotion.Promotion, err error) {
	number, err := numbered(rows, &one)
	one.Number = number
	return one, err
}

func readRequest(rows *sql.Rows) (one promotion.Request, err error) {
	number, err := numbered(rows, &one)
	one.Number = number
	return one, err
}
