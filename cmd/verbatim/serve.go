package main

import (
	"errors"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/server"
)

func serveCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "serve", Short: "Run the bot", Args: cobra.NoArgs,
		Long: "Run the bot: it listens for GitHub's deliveries and works them off until it is stopped (SIGINT, SIGTERM).\n" +
			"Settings come from the file and the environment; README.md lists them.",
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := config.Load(file, os.LookupEnv)
			if err != nil {
				return exitError{2, err}
			}
			level, err := zerolog.ParseLevel(settings.LogLevel)
			if err != nil {
				return exitError{2, err}
			}
			zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000000Z07:00"
			logger := zerolog.New(command.ErrOrStderr()).Level(level).With().Timestamp().Logger()
			served, err := server.New(command.Context(), server.Options{Settings: settings, Version: version, Logger: logger})
			if err != nil {
				return exitError{2, err}
			}
			if err := served.Run(command.Context()); errors.Is(err, server.ErrWrongSettings) {
				return exitError{2, err}
			} else if err != nil {
				return exitError{3, err}
			}
			return nil
		},
	}
	command.Flags().StringVar(&file, "config", "", "the settings file (YAML); each of its keys can be set by environment too")
	return command
}
