package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// oneOfItsCommands refuses a command that only has commands below it: a script with a misspelt word must not seem to have done
// something.
func oneOfItsCommands(command *cobra.Command, arguments []string) error {
	var names []string
	for _, below := range command.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	found := "nothing"
	if len(arguments) > 0 {
		found = fmt.Sprintf("%q", arguments[0])
	}
	return exitError{2, fmt.Errorf("%s: expected one of %s, found %s (%s --help)", command.Name(), strings.Join(names, ", "), found, command.CommandPath())}
}
