package main

import (
	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/internal/demo"
)

func demoCommand() *cobra.Command {
	var once bool
	command := &cobra.Command{
		Use: "demo", Short: "Show the main job in one process, without any account", Args: cobra.NoArgs,
		Long: "Start a registry, a stand-in for GitHub and the real server on loopback, and take a commit's image from\n" +
			"build, test and staging to production; then try what must be refused. The server stays up to look at.",
		RunE: func(command *cobra.Command, _ []string) error {
			if err := demo.Run(command.Context(), demo.Options{Out: command.OutOrStdout(), Version: version, Once: once}); err != nil {
				return exitError{1, err}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&once, "once", false, "exit after the run; non-zero if any step did not go as it should")
	return command
}
