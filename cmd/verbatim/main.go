// Command verbatim is the promotion bot: what it serves, and what people run by hand.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

// version is set when the binary is built.
var version = "development"

// exitError carries the exit code of the contract: 1 refused or invalid, 2 usage or settings, 3 could not tell.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }

func (e exitError) Unwrap() error { return e.err }

// ledgerExit returns why a ledger cannot be used, with the exit code: 2 where the settings or arguments name none, 3 where it could
// not be told.
func ledgerExit(err error) error {
	for _, named := range []error{ledger.ErrAddress, ledger.ErrNoLedger, ledger.ErrForeign, server.ErrSameLedger} {
		if errors.Is(err, named) {
			return exitError{2, err}
		}
	}
	return exitError{3, err}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, arguments []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use: "verbatim", Short: "Ship what you tested. Verbatim.", SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(serveCommand(), demoCommand(), validateCommand(), workCommand(), ledgerCommand(), migrateCommand(), versionCommand())
	root.SetArgs(arguments)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	tell(stderr, "verbatim: "+err.Error())
	if exit := (exitError{}); errors.As(err, &exit) {
		return exit.code
	}
	return 2
}
