package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// lockKind is what only one transaction on the whole database may do at a time.
type lockKind int

const (
	lockClaims lockKind = iota + 1 // so that one queue's rows run one after another
	lockLanes                      // so that a lane is taken by one
)

// lockSpace keeps our advisory locks apart from other programs'
// (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
const lockSpace = 0x7665 // "ve"

// channel is the name under which replicas tell each other that there is work.
const channel = "verbatim_work"

const (
	postgresConnections = 16
	numberConnections   = 2
	reconnectAfter      = time.Second
)

// postgres is what the ledger needs of PostgreSQL beside statements: news of other replicas' work.
type postgres struct {
	config  *pgx.ConnConfig
	numbers *sql.DB // draws numbers while transactions hold the other connections
	telling chan struct{}
	cancel  context.CancelFunc
	ended   chan struct{}
}

// openPostgres opens a pool. Its errors never hold the URL.
func openPostgres(ctx context.Context, url string, connections int) (*postgres, *sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, addressError{errors.New("open the ledger: it is no address of a PostgreSQL database: expected postgres://user:password@host/database (VERBATIM_DATABASE_URL)")}
	}
	config.RuntimeParams["application_name"] = "verbatim"
	// Whoever vanishes in the middle of a claim must not keep the others from claiming for long: no transaction does
	// anything between its statements.
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "5000"
	config.RuntimeParams["lock_timeout"] = "5000"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionShouldPing(silent))
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxLifetime(30 * time.Minute)
	durable, err := firstAnswer(ctx, pool)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the ledger in PostgreSQL at %s, database %s: %w", config.Host, config.Database, err), pool.Close())
	}
	if durable != "on" {
		return nil, nil, errors.Join(fmt.Errorf("open the ledger in PostgreSQL at %s: expected fsync on, found %s: what is committed would not survive", config.Host, durable), pool.Close())
	}
	numbers := stdlib.OpenDB(*config, stdlib.OptionShouldPing(silent))
	numbers.SetMaxOpenConns(numberConnections)
	numbers.SetMaxIdleConns(numberConnections)
	return &postgres{config: config, numbers: numbers, telling: make(chan struct{}, 1), ended: make(chan struct{})}, pool, nil
}

// startPatience is how long a database that does not answer is waited for at the start: it may be starting as well.
const startPatience = 7 * time.Second

// firstAnswer asks whether what is committed survives. A server that answers anything, a wrong password too, is not waited for.
func firstAnswer(ctx context.Context, pool *sql.DB) (fsync string, err error) {
	until := time.Now().Add(startPatience)
	ctx, cancel := context.WithDeadline(ctx, until.Add(time.Second))
	defer cancel()
	for {
		err = pool.QueryRowContext(ctx, `SHOW fsync`).Scan(&fsync)
		if answered := (*pgconn.PgError)(nil); err == nil || errors.As(err, &answered) || ctx.Err() != nil || time.Now().After(until) {
			return fsync, err
		}
		timer := time.NewTimer(reconnectAfter)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// draw draws numbers in a transaction of its own. Nobody waits for the disk: what uses the numbers is written after it,
// and does (https://www.postgresql.org/docs/current/wal-async-commit.html).
func (p *postgres) draw(ctx context.Context, sequence string, count int) (int64, error) {
	var last int64
	err := p.numbers.QueryRowContext(ctx, `WITH hurry AS (SELECT set_config('synchronous_commit', 'off', true))
		UPDATE sequences SET last = last + $1 FROM hurry WHERE name = $2 RETURNING last`, count, sequence).Scan(&last)
	return last - int64(count) + 1, err
}

// start listens for news of the other replicas, and tells them of ours.
func (p *postgres) start(pool *sql.DB, wake func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	told := make(chan struct{})
	go func() { defer close(told); p.announce(ctx, pool) }()
	go func() {
		defer close(p.ended)
		p.listen(ctx, wake)
		<-told
	}()
}

func (p *postgres) stop() error {
	p.cancel()
	<-p.ended
	return p.numbers.Close()
}

// tell has the others told soon. News that come together are told once.
func (p *postgres) tell() {
	select {
	case p.telling <- struct{}{}:
	default:
	}
}

func (p *postgres) announce(ctx context.Context, pool *sql.DB) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.telling:
		}
		// When it fails, the others find the work at their next look.
		telling, cancel := context.WithTimeout(ctx, connectTimeout)
		_, _ = pool.ExecContext(telling, `SELECT pg_notify($1, '')`, channel)
		cancel()
	}
}

// listen wakes the worker when another replica has added work. While the connection is away, the worker looks by itself
// from time to time (https://www.postgresql.org/docs/current/sql-listen.html).
func (p *postgres) listen(ctx context.Context, wake func()) {
	for ctx.Err() == nil {
		if p.listenOnce(ctx, wake) != nil && ctx.Err() == nil {
			timer := time.NewTimer(reconnectAfter)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

func (p *postgres) listenOnce(ctx context.Context, wake func()) error {
	connection, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = connection.Close(closing)
	}()
	if _, err := connection.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	wake() // what came while nobody listened
	for {
		if err := await(ctx, connection); err != nil {
			return err
		}
		wake()
	}
}
