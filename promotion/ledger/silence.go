package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// How long a database may say nothing. One that is gone without a word (its host vanished, its network hangs) looks like
// one that is slow, and TCP alone takes a quarter of an hour to notice.
const (
	patience       = 8 * time.Second // one transaction; longer than a statement waits for a lock, whose error says more
	connectTimeout = 5 * time.Second
	pingTimeout    = 2 * time.Second
	restless       = time.Second      // a pooled connection that has not been used for so long is tried first
	listenFor      = 15 * time.Second // without news, until the connection is tried
)

// silent reports whether a pooled connection does not answer any more. The pool closes it then, and takes another. The
// driver's own look would wait for as long as the caller does, and leave it no time for the other connection.
func silent(ctx context.Context, pooled stdlib.ShouldPingParams) bool {
	return pooled.IdleDuration > restless && !answers(ctx, pooled.Conn)
}

// answers tries a connection. One that does not answer is closed.
func answers(ctx context.Context, connection *pgx.Conn) bool {
	trying, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return connection.Ping(trying) == nil
}

// await waits for news. While there are none it tries the connection from time to time: one whose other end has vanished
// is as silent as one without news.
func await(ctx context.Context, connection *pgx.Conn) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, listenFor)
		_, err := connection.WaitForNotification(waiting)
		quiet := waiting.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !quiet || !answers(ctx, connection) {
			return err
		}
	}
}
