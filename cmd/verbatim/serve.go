package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/server"
)

func serveCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "serve", Short: "Run the bot", Args: cobra.NoArgs,
		Long: "Run the bot: it listens for GitHub's deliveries and works them off until it is stopped (SIGINT, SIGTERM). SIGHUP has it read\n" +
			"the files of keys and secrets anew. Settings come from the file and the environment; docs/settings.md lists them.\n\n" +
			"It ends with exit code 2 when the settings are wrong, also by GitHub's answer, and with 3 when the ledger cannot be opened.",
		RunE: func(command *cobra.Command, _ []string) error { return serve(command, file) },
	}
	command.Flags().StringVar(&file, "config", "", "the settings file (YAML); each of its keys can be set by environment too")
	return command
}

func serve(command *cobra.Command, file string) error {
	settings, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return exitError{2, err}
	}
	level, err := zerolog.ParseLevel(settings.LogLevel)
	if err != nil {
		return exitError{2, err}
	}
	signal.Ignore(syscall.SIGPIPE) // a reader of the log that goes away ends nothing
	lines := server.NewLogWriter(command.ErrOrStderr())
	defer lines.Close()
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000000Z07:00"
	logger := zerolog.New(lines).Level(level).With().Timestamp().Logger()
	log.SetFlags(0)
	log.SetOutput(logger) // libraries use it
	for _, unknown := range config.UnknownVariables(os.Environ()) {
		logger.Warn().Str("variable", unknown.Name).Str("suggestion", unknown.Suggestion).Msg("nothing reads this variable")
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	served, err := server.New(command.Context(), server.Options{Settings: settings, Version: version, Logger: logger, Log: lines})
	switch {
	case errors.Is(err, server.ErrLedger) && command.Context().Err() != nil:
		logger.Info().Err(err).Msg("stopped before the ledger was open")
		return nil
	case errors.Is(err, server.ErrLedger):
		return ledgerExit(err)
	case err != nil:
		return exitError{2, err}
	}
	ctx, cancel := context.WithCancel(command.Context())
	defer cancel()
	go reloadOnHangup(ctx, hangups, served, file, logger)
	if err := served.Run(ctx); errors.Is(err, server.ErrWrongSettings) {
		return exitError{2, err}
	} else if err != nil {
		return exitError{3, err}
	}
	return nil
}

// reloadOnHangup has the server take the keys and secrets anew with each SIGHUP, until the context ends.
func reloadOnHangup(ctx context.Context, hangups <-chan os.Signal, served *server.Server, file string, logger zerolog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		settings, err := config.Load(file, os.LookupEnv)
		if err == nil {
			err = served.Reload(settings)
		}
		if err != nil {
			logger.Error().Err(err).Msg("keys and secrets were not read anew: those from before still hold")
			continue
		}
		logger.Info().Msg("keys and secrets were read anew")
	}
}
