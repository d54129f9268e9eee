package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
)

const policyFile = ".github/verbatim.yml"

func validateCommand() *cobra.Command {
	var schema bool
	command := &cobra.Command{
		Use: "validate [FILE]", Short: "Check a policy file (- for standard input), or print its JSON Schema", Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if schema {
				return printSchema(command.OutOrStdout())
			}
			name := policyFile
			if len(arguments) > 0 {
				name = arguments[0]
			}
			content, err := readPolicy(name, command.InOrStdin())
			if err != nil {
				return exitError{2, fmt.Errorf("read the policy: %w", err)}
			}
			policy, err := config.ParsePolicy(name, content)
			var invalid *config.PolicyError
			if errors.As(err, &invalid) {
				for _, problem := range invalid.Problems {
					if _, err := fmt.Fprintln(command.OutOrStdout(), problem); err != nil {
						return err
					}
				}
				return exitError{1, fmt.Errorf("%s is not valid: %d problems", name, len(invalid.Problems))}
			}
			if err != nil {
				return exitError{1, err}
			}
			if _, err = fmt.Fprintf(command.OutOrStdout(), "%s is valid: %s, %s, %s\n", name, counted(len(policy.Images), "image"), counted(len(policy.Stages), "stage"), counted(len(policy.Environments), "environment")); err != nil {
				return err
			}
			return tellAdvice(command.OutOrStdout(), policy)
		},
	}
	command.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of policy files, for editors")
	return command
}

// tellAdvice tells what a valid policy has to be told of: none of it makes the command fail.
func tellAdvice(to io.Writer, policy promotion.Policy) error {
	var lines []string
	for _, environment := range policy.Environments {
		for _, key := range policy.NotEnforced(environment) {
			lines = append(lines, fmt.Sprintf("warning: %s: this version does not enforce it, and promotes nothing to %s while it is set (not_enforced)", key, environment.Name))
		}
	}
	for _, advice := range policy.Advice() {
		lines = append(lines, "warning: "+advice)
	}
	for _, note := range policy.Notes() {
		lines = append(lines, "note: "+note)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(to, line); err != nil {
			return err
		}
	}
	return nil
}

func printSchema(to io.Writer) error {
	schema, err := config.PolicySchema()
	if err != nil {
		return exitError{3, err}
	}
	_, err = fmt.Fprintln(to, string(schema))
	return err
}

// readPolicy reads at most a little more than a policy may have, so that a larger file is told as such.
func readPolicy(name string, stdin io.Reader) ([]byte, error) {
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		source = file
	}
	return io.ReadAll(io.LimitReader(source, config.MaximumPolicySize+1))
}

func counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}
