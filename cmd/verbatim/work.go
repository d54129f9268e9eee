package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/server"
)

func workCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "work", Short: "Look at work that was set aside, try it again or discard it",
		Long: "A row of work (a delivery, a request, an announcement) that keeps failing is set aside with its error, and blocks\n" +
			"nothing. These commands work on the ledger of the settings, beside a server that runs or without one.",
		Args: cobra.ArbitraryArgs, RunE: oneOfItsCommands,
	}
	command.PersistentFlags().StringVar(&file, "config", "", "the settings file (YAML), for where the ledger is")
	act := func(change func(context.Context, *server.Upkeep, int64) error, word string) func(*cobra.Command, []string) error {
		return func(command *cobra.Command, arguments []string) error {
			id, err := strconv.ParseInt(arguments[0], 10, 64)
			if err != nil {
				return exitError{2, fmt.Errorf("expected the number of a row, as verbatim work list shows it, found %q", arguments[0])}
			}
			return withUpkeep(command, file, func(upkeep *server.Upkeep) error {
				switch err := change(command.Context(), upkeep, id); {
				case errors.Is(err, promotion.ErrNotFound):
					return exitError{1, err}
				case err != nil:
					return exitError{3, err}
				}
				_, err := fmt.Fprintf(command.OutOrStdout(), "work %d %s\n", id, word)
				return err
			})
		}
	}
	command.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the rows that were set aside, with their errors", Args: cobra.NoArgs,
			RunE: func(command *cobra.Command, _ []string) error {
				return withUpkeep(command, file, func(upkeep *server.Upkeep) error { return listWork(command.Context(), upkeep, command.OutOrStdout()) })
			},
		},
		retryCommand(&file, act(func(ctx context.Context, upkeep *server.Upkeep, id int64) error { return upkeep.Retry(ctx, id) }, "is tried again")),
		&cobra.Command{
			Use: "discard ROW", Short: "End a row without doing it", Args: cobra.ExactArgs(1),
			RunE: act(func(ctx context.Context, upkeep *server.Upkeep, id int64) error { return upkeep.Discard(ctx, id) }, "is discarded"),
		},
	)
	return command
}

// workKinds are the kinds of rows, as work list shows them.
var workKinds = []promotion.WorkKind{
	promotion.WorkDelivery, promotion.WorkRequest, promotion.WorkAnnouncement, promotion.WorkCheck, promotion.WorkDrift, promotion.WorkSweep,
}

func retryCommand(file *string, one func(*cobra.Command, []string) error) *cobra.Command {
	var all bool
	var kind string
	command := &cobra.Command{
		Use: "retry ROW | --all [--kind KIND]", Short: "Give a row, or all of them, back to the workers",
		Long: "Give a row that was set aside back to the workers, with all its attempts before it; or with --all every one, or every one\n" +
			"of a kind. A command that is too old by then is answered, not carried out.",
		Args: func(_ *cobra.Command, arguments []string) error {
			switch {
			case all && len(arguments) > 0:
				return exitError{2, errors.New("expected a row or --all, found both")}
			case !all && len(arguments) != 1:
				return exitError{2, errors.New("expected the number of one row, as verbatim work list shows it, or --all")}
			case !all && kind != "":
				return exitError{2, errors.New("--kind goes with --all")}
			case kind != "" && !slices.Contains(workKinds, promotion.WorkKind(kind)):
				return exitError{2, fmt.Errorf("--kind: expected one of %v, found %q", workKinds, kind)}
			}
			return nil
		},
		RunE: func(command *cobra.Command, arguments []string) error {
			if !all {
				return one(command, arguments)
			}
			return withUpkeep(command, *file, func(upkeep *server.Upkeep) error {
				count, err := upkeep.RetryAll(command.Context(), promotion.WorkKind(kind))
				if err != nil {
					return exitError{3, err}
				}
				_, err = fmt.Fprintf(command.OutOrStdout(), "%d rows are tried again\n", count)
				return err
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "every row that was set aside")
	command.Flags().StringVar(&kind, "kind", "", "with --all: only rows of this kind, as verbatim work list shows it")
	return command
}

func withUpkeep(command *cobra.Command, file string, act func(*server.Upkeep) error) error {
	settings, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return exitError{2, err}
	}
	upkeep, err := server.OpenUpkeep(command.Context(), settings)
	if err != nil {
		return ledgerExit(err)
	}
	return errors.Join(act(upkeep), upkeep.Close())
}

func listWork(ctx context.Context, upkeep *server.Upkeep, out io.Writer) error {
	rows, err := upkeep.SetAside(ctx)
	if err != nil {
		return exitError{3, err}
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(out, "%d\t%s\t%s\t%s\tafter %d attempts, %s\n\t%s\n", row.ID, row.Kind, row.Subject, row.Delivery, row.Attempts, row.Finished.Format(time.RFC3339), row.Error); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d rows are set aside\n", len(rows))
	return err
}
