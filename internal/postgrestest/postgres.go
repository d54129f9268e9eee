// Package postgrestest gives tests databases of their own in the PostgreSQL that VERBATIM_TEST_POSTGRES names: .ci/postgres
// starts one on loopback.
package postgrestest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that holds the address of a PostgreSQL in which tests may make databases.
const Variable = "VERBATIM_TEST_POSTGRES"

// Available reports whether there is one.
func Available() bool { return os.Getenv(Variable) != "" }

// New makes an empty database, and gives its address and what removes it.
func New(ctx context.Context) (address string, remove func() error, err error) {
	return create(ctx, "")
}

// Copy makes a database with all that the one at that address has, and gives its address and what removes it. Nobody may be
// connected to the original.
func Copy(ctx context.Context, original string) (address string, remove func() error, err error) {
	parsed, err := url.Parse(original)
	if err != nil {
		return "", nil, fmt.Errorf("copy a test's database: expected postgres://…: %w", err)
	}
	return create(ctx, " TEMPLATE "+strings.TrimPrefix(parsed.Path, "/"))
}

func create(ctx context.Context, from string) (address string, remove func() error, err error) {
	server := os.Getenv(Variable)
	parsed, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("%s: expected postgres://…: %w", Variable, err)
	}
	name := "verbatim_" + strings.ToLower(rand.Text())
	if err := execute(ctx, server, "CREATE DATABASE "+name+from); err != nil {
		return "", nil, err
	}
	parsed.Path = "/" + name
	return parsed.String(), func() error {
		return execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}

func execute(ctx context.Context, address, statement string) error {
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to the tests' PostgreSQL: %w", err)
	}
	if _, err := connection.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return connection.Close(ctx)
}
