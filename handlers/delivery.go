package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Outcome takes what handling a delivery led to.
type Outcome struct {
	Changes promotion.Changes
}

type outcomeKey struct{}

// WithOutcome gives a context in which a handler leaves its changes in the outcome.
func WithOutcome(ctx context.Context, outcome *Outcome) context.Context {
	return context.WithValue(ctx, outcomeKey{}, outcome)
}

var errNoOutcome = errors.New("handle a delivery: the context carries no outcome for its changes (handlers.WithOutcome)")

// leave puts the changes where the worker finds them. They count even beside an error: the delivery is tried again for the rest.
func leave(ctx context.Context, changes promotion.Changes, err error) error {
	outcome, found := ctx.Value(outcomeKey{}).(*Outcome)
	if !found {
		return errNoOutcome
	}
	outcome.Changes.Add(changes)
	return err
}

// malformed says that a payload cannot be what GitHub sends. Trying again cannot mend it.
func malformed(event string, format string, arguments ...any) error {
	return &promotion.PermanentError{Err: fmt.Errorf("read a %s delivery: %w", event, fmt.Errorf(format, arguments...))}
}

func decode(event string, payload []byte, into any) error {
	if err := json.Unmarshal(payload, into); err != nil {
		return malformed(event, "the body is not such an event: %w", err)
	}
	return nil
}

// GitHub's own rule for the names of owners and repositories; anything else would have to be escaped wherever it goes.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// repositoryOf reads which repository a delivery is about, and through which installation it came. A webhook that is not
// the app's own names none; the forge then asks GitHub for it.
func repositoryOf(event string, repository *github.Repository, installation *github.Installation) (promotion.Repository, error) {
	read := promotion.Repository{
		ID: repository.GetID(), Owner: repository.GetOwner().GetLogin(), Name: repository.GetName(),
		Installation: installation.GetID(), Private: repository.GetPrivate(), DefaultBranch: repository.GetDefaultBranch(),
	}
	if read.ID <= 0 || !namePattern.MatchString(read.Owner) || !namePattern.MatchString(read.Name) {
		return promotion.Repository{}, malformed(event, "expected a repository with id, owner and name, found %d, %.100q and %.100q", read.ID, read.Owner, read.Name)
	}
	return read, nil
}

func personOf(user *github.User) promotion.Person {
	login := user.GetLogin()
	return promotion.Person{ID: user.GetID(), Login: login, Bot: user.GetType() == "Bot" || strings.HasSuffix(login, "[bot]")}
}
