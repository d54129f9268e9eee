package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// CopiedTable is what was copied of a table, and found again.
type CopiedTable struct {
	Name     string
	Rows     int64
	Checksum string // 64 hex digits, of all rows in any order
}

// copiedAtOnce is how many rows are written in one statement.
const copiedAtOnce = 100

// ErrInUse says that a server still works on a ledger.
var ErrInUse = errors.New("a server still works on it")

// Copy copies everything from one ledger into another, empty one, and reads it back: each table has to have as many rows, of
// the same content. It reads one moment's state, and writes in one transaction: when it fails, nothing was copied. It
// returns ErrInUse when somebody holds work or leads on the source, unless that is forced: then what is written meanwhile is missed.
func Copy(ctx context.Context, from, to *Ledger, force bool) ([]CopiedTable, error) {
	source, err := from.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: from.snapshot()})
	if err != nil {
		return nil, fmt.Errorf("read the ledger to copy: %w", err)
	}
	defer func() { _ = source.Rollback() }() // it wrote nothing
	if err := from.unused(ctx, source); err != nil && !force {
		return nil, err
	}
	tables, err := from.tables(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("list the tables of the ledger to copy: %w", err)
	}
	var copied []CopiedTable
	transact := to.transact
	if to.writer != nil {
		transact = to.within
	}
	err = transact(ctx, "copy the ledger", func(ctx context.Context, tx *transaction) error {
		copied = nil
		if err := to.fresh(ctx, tx, tables); err != nil {
			return err
		}
		for _, table := range tables {
			one, err := copyTable(ctx, source, tx, table)
			if err != nil {
				return fmt.Errorf("table %s: %w", table.name, err)
			}
			copied = append(copied, one)
		}
		return nil
	})
	return copied, err
}

// snapshot gives the isolation in which a transaction sees one moment's state: SQLite's always do.
func (l *Ledger) snapshot() sql.IsolationLevel {
	if l.postgres == nil {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}

// unused reports whether nobody works on the ledger.
func (l *Ledger) unused(ctx context.Context, tx *sql.Tx) error {
	var leases, leaders int64
	now := micros(l.clock())
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM work WHERE state = 'leased' AND lease_until > $1`, now).Scan(&leases); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM leaders WHERE until > $1`, now).Scan(&leaders); err != nil {
		return err
	}
	if leases+leaders > 0 {
		return fmt.Errorf("copy the ledger: %w: %d rows of work are leased and %d periodic tasks are led; stop it first", ErrInUse, leases, leaders)
	}
	return nil
}

type table struct {
	name    string
	columns []string
}

// What a database says of its tables: pairs of table and column.
const (
	sqliteColumns = `SELECT master.name, info.name FROM sqlite_master AS master, pragma_table_info(master.name) AS info
		WHERE master.type = 'table' AND master.name NOT LIKE 'sqlite_%' AND master.name NOT LIKE 'goose_%' ORDER BY 1, 2`
	postgresColumns = `SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose_%' ORDER BY 1, 2`
)

// querier reads, in a transaction or outside of one.
type querier interface {
	QueryContext(ctx context.Context, statement string, arguments ...any) (*sql.Rows, error)
}

func (l *Ledger) tables(ctx context.Context, from querier) ([]table, error) {
	statement := sqliteColumns
	if l.postgres != nil {
		statement = postgresColumns
	}
	rows, err := from.QueryContext(ctx, statement)
	pairs, err := collect(rows, err, func(rows *sql.Rows) (pair [2]string, err error) { return pair, rows.Scan(&pair[0], &pair[1]) })
	var tables []table
	for _, pair := range pairs {
		if len(tables) == 0 || tables[len(tables)-1].name != pair[0] {
			tables = append(tables, table{name: pair[0]})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, pair[1])
	}
	return tables, err
}

// madeByMigration are the tables in which a new ledger has rows.
var madeByMigration = []string{"sequences", "compatibility"}

// fresh reports whether the target has the source's tables and nothing in them but what a new ledger has, and removes that.
func (l *Ledger) fresh(ctx context.Context, tx *transaction, tables []table) error {
	own, err := l.tables(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(own, tables, func(a, b table) bool { return a.name == b.name && slices.Equal(a.columns, b.columns) }) {
		return errors.New("the two ledgers do not have the same tables and columns: open both with the same Verbatim")
	}
	for _, of := range tables {
		statement := "SELECT COUNT(*) FROM " + of.name
		if of.name == "sequences" {
			statement += " WHERE last <> 0"
		} else if slices.Contains(madeByMigration, of.name) {
			continue
		}
		var rows int64
		if err := tx.QueryRowContext(ctx, statement).Scan(&rows); err != nil {
			return err
		}
		if rows > 0 {
			return fmt.Errorf("expected an empty ledger to copy into, found %d rows in %s", rows, of.name)
		}
	}
	for _, name := range madeByMigration {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+name); err != nil {
			return err
		}
	}
	return nil
}

func copyTable(ctx context.Context, source *sql.Tx, target *transaction, of table) (CopiedTable, error) {
	read := newChecksum()
	rows, err := source.QueryContext(ctx, "SELECT "+strings.Join(of.columns, ", ")+" FROM "+of.name)
	if err != nil {
		return CopiedTable{}, err
	}
	defer rows.Close()
	var batch [][]any
	for rows.Next() {
		row, err := scanRow(rows, len(of.columns))
		if err != nil {
			return CopiedTable{}, err
		}
		read.add(row)
		if batch = append(batch, row); len(batch) == copiedAtOnce {
			if err := insertRows(ctx, target, of, batch); err != nil {
				return CopiedTable{}, err
			}
			batch = batch[:0]
		}
	}
	if err := errors.Join(rows.Err(), insertRows(ctx, target, of, batch)); err != nil {
		return CopiedTable{}, err
	}
	written, err := sumUp(ctx, target, of)
	if err != nil {
		return CopiedTable{}, err
	}
	if read.rows != written.rows || read.text() != written.text() {
		return CopiedTable{}, fmt.Errorf("read back %d rows with checksum %.12s, expected %d with %.12s", written.rows, written.text(), read.rows, read.text())
	}
	return CopiedTable{Name: of.name, Rows: read.rows, Checksum: read.text()}, nil
}

func insertRows(ctx context.Context, target *transaction, of table, batch [][]any) error {
	if len(batch) == 0 {
		return nil
	}
	var places []string
	var values []any
	for _, row := range batch {
		var own []string
		for _, value := range row {
			values = append(values, value)
			own = append(own, fmt.Sprintf("$%d", len(values)))
		}
		places = append(places, "("+strings.Join(own, ", ")+")")
	}
	_, err := target.Tx.ExecContext(ctx, "INSERT INTO "+of.name+" ("+strings.Join(of.columns, ", ")+") VALUES "+strings.Join(places, ", "), values...)
	return err
}

// scanRow reads a row's values: numbers as int64, texts as string, whichever database they are from.
func scanRow(rows *sql.Rows, columns int) ([]any, error) {
	values, places := make([]any, columns), make([]any, columns)
	for i := range values {
		places[i] = &values[i]
	}
	err := rows.Scan(places...)
	for i, value := range values {
		if text, isBytes := value.([]byte); isBytes {
			values[i] = string(text)
		}
	}
	return values, err
}

func sumUp(ctx context.Context, from querier, of table) (*checksum, error) {
	sum := newChecksum()
	rows, err := from.QueryContext(ctx, "SELECT "+strings.Join(of.columns, ", ")+" FROM "+of.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := scanRow(rows, len(of.columns))
		if err != nil {
			return nil, err
		}
		sum.add(row)
	}
	return sum, rows.Err()
}

// checksum adds up the hashes of rows, so that the order in which a database gives them does not matter.
type checksum struct {
	rows int64
	sum  *big.Int
}

var checksumSize = new(big.Int).Lsh(big.NewInt(1), 8*sha256.Size)

func newChecksum() *checksum { return &checksum{sum: new(big.Int)} }

func (c *checksum) add(row []any) {
	c.rows++
	hash := sha256.New()
	for _, value := range row {
		text := fmt.Sprint(value)
		fmt.Fprintf(hash, "%d:%s,", len(text), text)
	}
	c.sum.Add(c.sum, new(big.Int).SetBytes(hash.Sum(nil)))
	c.sum.Mod(c.sum, checksumSize)
}

func (c *checksum) text() string {
	return hex.EncodeToString(c.sum.FillBytes(make([]byte, sha256.Size)))
}
