package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// CommentDoor takes comments that hold commands.
type CommentDoor interface {
	Commented(ctx context.Context, event promotion.CommentEvent) (promotion.Changes, error)
}

// IssueComment handles issue_comment deliveries.
type IssueComment struct {
	Door  CommentDoor
	Clock func() time.Time
}

// Handles gives the event's name.
func (IssueComment) Handles() []string { return []string{"issue_comment"} }

// Handle takes new comments on pull requests. Those of bots, edited ones and ones without a command lead to nothing. It
// returns a promotion.PermanentError for a body that is no such event.
func (h IssueComment) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.IssueCommentEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	comment := event.GetComment()
	author := personOf(comment.GetUser())
	switch {
	case event.GetAction() != "created", !event.GetIssue().IsPullRequest():
		return nil
	case author.Bot, personOf(event.GetSender()).Bot, event.GetSender() != nil && event.GetSender().GetID() != author.ID:
		return nil
	case !comment.GetUpdatedAt().Equal(comment.GetCreatedAt()):
		return nil
	}
	commands, tooMany := ParseComment(comment.GetBody())
	if len(commands) == 0 {
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	if comment.GetID() <= 0 || event.GetIssue().GetNumber() <= 0 || author.ID <= 0 {
		return malformed(eventType, "expected a comment with id, author and issue number, found %d, %d and %d", comment.GetID(), author.ID, event.GetIssue().GetNumber())
	}
	changes, err := h.Door.Commented(ctx, promotion.CommentEvent{
		Repository: repository, Issue: event.GetIssue().GetNumber(), Comment: comment.GetID(), Commented: comment.GetCreatedAt().Time, Author: author,
		Insider:  slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, comment.GetAuthorAssociation()),
		Commands: commands, TooMany: tooMany, Received: receivedAt(ctx, h.Clock),
		Open: event.GetIssue().GetState() == "open",
	})
	return leave(ctx, changes, err)
}

type receivedKey struct{}

// WithReceived gives a context that says when the delivery was accepted.
func WithReceived(ctx context.Context, received time.Time) context.Context {
	return context.WithValue(ctx, receivedKey{}, received)
}

func receivedAt(ctx context.Context, clock func() time.Time) time.Time {
	if received, found := ctx.Value(receivedKey{}).(time.Time); found {
		return received
	}
	return clock()
}
