package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

func ledgerCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "ledger", Short: "Copy the ledger to another database, go on after a restore, or give back what belongs to nobody any more",
		Args: cobra.ArbitraryArgs, RunE: oneOfItsCommands,
	}
	command.AddCommand(copyLedgerCommand(), resumeLedgerCommand(), releaseCommand())
	return command
}

func copyLedgerCommand() *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use: "copy FROM TO", Short: "Copy a ledger into an empty database, and check the copy", Args: cobra.ExactArgs(2),
		Long: "Copy a ledger into an empty database: from SQLite to PostgreSQL, or back. FROM and TO are written as VERBATIM_DATABASE_URL\n" +
			"is, or as env:NAME, the variable that holds it: an address may hold a password. Stop the servers first. All is copied in\n" +
			"one transaction and read back; rows and a checksum of each table are shown.",
		RunE: func(command *cobra.Command, arguments []string) error {
			from, err := databaseURL(arguments[0])
			if err != nil {
				return exitError{2, err}
			}
			to, err := databaseURL(arguments[1])
			if err != nil {
				return exitError{2, err}
			}
			copied, err := server.CopyLedger(command.Context(), from, to, force)
			if errors.Is(err, ledger.ErrInUse) {
				return exitError{1, err}
			}
			if err != nil {
				return ledgerExit(err)
			}
			for _, table := range copied {
				if _, err := fmt.Fprintf(command.OutOrStdout(), "%-16s %10d rows  %.12s\n", table.Name, table.Rows, table.Checksum); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), "copied, and found again in full")
			return err
		},
	}
	command.Flags().BoolVar(&force, "force", false, "copy although a server seems to work on FROM: what it writes meanwhile is missed")
	return command
}

// databaseURL reads an address, or the variable that holds it.
func databaseURL(argument string) (string, error) {
	name, isVariable := strings.CutPrefix(argument, "env:")
	if !isVariable {
		return argument, nil
	}
	value, found := os.LookupEnv(name)
	if !found || value == "" {
		return "", fmt.Errorf("%s: expected the variable %s to hold a database's address, found nothing", argument, name)
	}
	return value, nil
}

func resumeLedgerCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "resume", Short: "Lift the hold that follows a restore from a backup", Args: cobra.NoArgs,
		Long: "When the ledger lacks what it accepted before, as after a restore from a backup, everything is held: promotions, holds and\n" +
			"approvals since the backup are unknown. Compare what is live with verbatim's records, then lift the hold with this.",
		RunE: func(command *cobra.Command, _ []string) error {
			return withUpkeep(command, file, func(upkeep *server.Upkeep) error {
				hold, err := upkeep.ResumeEverything(command.Context())
				if errors.Is(err, promotion.ErrNotFound) {
					_, err = fmt.Fprintln(command.OutOrStdout(), "nothing is held everywhere")
					return err
				}
				if err != nil {
					return exitError{3, err}
				}
				_, err = fmt.Fprintln(command.OutOrStdout(), "lifted: "+hold.String())
				return err
			})
		},
	}
	command.Flags().StringVar(&file, "config", "", "the settings file (YAML), for where the ledger is")
	return command
}

func migrateCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "migrate", Short: "Bring the ledger's schema up to date, and exit", Args: cobra.NoArgs,
		Long: "Bring the ledger's schema up to date. serve does so itself when it starts; this is for doing it before, once. Servers of\n" +
			"the version before go on working. Where there is no ledger it makes a new, empty one, and says so; a database that holds\n" +
			"something else is refused. To see whether there is one, without making any: verbatim work list.",
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := config.Load(file, os.LookupEnv)
			if err != nil {
				return exitError{2, err}
			}
			migrated, err := server.Migrate(command.Context(), settings)
			if err != nil {
				return ledgerExit(err)
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), migratedText(migrated))
			return err
		},
	}
	command.Flags().StringVar(&file, "config", "", "the settings file (YAML), for where the ledger is")
	return command
}

// migratedText says what was done, and loudly where a ledger was made: somebody who mistyped an address would go on with an empty one.
func migratedText(migrated server.Migrated) string {
	switch {
	case migrated.Before == 0:
		return fmt.Sprintf("NEW LEDGER: there was none, and an empty one was made: %s, schema version %d.\n"+
			"If one was to be there, check VERBATIM_DATABASE_URL, and delete what was made.", migrated.Place, migrated.After)
	case migrated.Before == migrated.After:
		return fmt.Sprintf("the ledger has schema version %d: nothing to do (%s)", migrated.After, migrated.Place)
	}
	return fmt.Sprintf("migrated the ledger from schema version %d to %d (%s)", migrated.Before, migrated.After, migrated.Place)
}
