package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

func releaseCommand() *cobra.Command {
	var file string
	var sure bool
	command := &cobra.Command{
		Use: "release REGISTRY/REPOSITORY[:TAG]", Short: "Give back a tag, or a registry repository, whose owner does not exist any more", Args: cobra.ExactArgs(1),
		Long: "A tag that an environment promotes to belongs to that environment, and a registry repository to one GitHub repository (by its\n" +
			"id), so that nobody reaches another's production. After an environment was renamed, or a repository was made anew, what\n" +
			"belonged to the old one is refused to the new one (registry_scope). This gives it back: with a tag that tag alone, without\n" +
			"one the registry repository with all of its tags. Whoever asks next owns it. What was promoted stays on record, with the\n" +
			"old owner; the new one begins with what the tag names. It is refused while a promotion is under way there, and entered in\n" +
			"the ledger with your name.",
		RunE: func(command *cobra.Command, arguments []string) error {
			registry, tag, err := registryAndTag(arguments[0])
			if err != nil {
				return exitError{2, err}
			}
			return withUpkeep(command, file, func(upkeep *server.Upkeep) error { return release(command, upkeep, registry, tag, sure) })
		},
	}
	command.Flags().BoolVar(&sure, "yes", false, "do not ask for confirmation")
	command.Flags().StringVar(&file, "config", "", "the settings file (YAML), for where the ledger is")
	return command
}

// registryAndTag reads host/path, or host/path:tag.
func registryAndTag(text string) (promotion.RegistryRepository, string, error) {
	name, tag := text, ""
	if at := strings.LastIndexByte(text, ':'); at > strings.LastIndexByte(text, '/') {
		if name, tag = text[:at], text[at+1:]; !promotion.ValidTag(tag) {
			return promotion.RegistryRepository{}, "", fmt.Errorf("expected a tag after the last colon of %q", text)
		}
	}
	registry, err := promotion.ParseRegistryRepository(name)
	return registry, tag, err
}

func release(command *cobra.Command, upkeep *server.Upkeep, registry promotion.RegistryRepository, tag string, sure bool) error {
	ctx, out := command.Context(), command.OutOrStdout()
	owned, err := upkeep.Owned(ctx, registry, tag)
	switch {
	case errors.Is(err, promotion.ErrNotFound):
		return exitError{1, err}
	case err != nil:
		return exitError{3, err}
	}
	text := strings.Join(owned, "\n") + "\n\nGiven back, it belongs to whoever asks next: any repository that the server's scope lets use it.\n"
	if !sure {
		text += "Type yes to give it back: "
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	if !sure {
		line, err := bufio.NewReader(command.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return exitError{3, fmt.Errorf("read the confirmation: %w", err)}
		}
		if strings.TrimSpace(line) != "yes" {
			return exitError{1, errors.New("nothing was given back: expected yes, or the flag --yes")}
		}
	}
	switch err := upkeep.Release(ctx, registry, tag, operator()); {
	case errors.Is(err, ledger.ErrUnderWay), errors.Is(err, promotion.ErrNotFound):
		return exitError{1, fmt.Errorf("nothing was given back: %w", err)}
	case err != nil:
		return exitError{3, err}
	}
	_, err = fmt.Fprintln(out, "given back")
	return err
}

// operator returns whom the operating system knows the person as who runs the command.
func operator() string {
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return os.Getenv("USER")
}
