package handlers

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// CommitComment handles commit_comment deliveries: commands for commits that have no pull request.
type CommitComment struct {
	Door  CommentDoor
	Clock func() time.Time
}

// Handles gives the event's name.
func (CommitComment) Handles() []string { return []string{"commit_comment"} }

// commitComment is what go-github's type of the event lacks.
// (https://docs.github.com/webhooks/webhook-events-and-payloads#commit_comment)
type commitComment struct {
	github.CommitCommentEvent
	Comment struct {
		github.RepositoryComment
		Association string `json:"author_association"`
	} `json:"comment"`
}

// Handle takes new comments on commits, as IssueComment does those on pull requests. It returns a promotion.PermanentError
// for a body that is no such event.
func (h CommitComment) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event commitComment
	if err := json.Unmarshal(payload, &event); err != nil {
		return malformed(eventType, "the body is not such an event: %w", err)
	}
	comment := event.Comment.RepositoryComment
	author, sender := personOf(comment.GetUser()), event.CommitCommentEvent.Sender
	switch {
	case event.GetAction() != "created", author.Bot, personOf(sender).Bot, sender != nil && sender.GetID() != author.ID:
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
	commit, err := promotion.ParseCommit(comment.GetCommitID())
	if err != nil || comment.GetID() <= 0 || author.ID <= 0 {
		return malformed(eventType, "expected a comment with id, author and commit_id, found %d, %d and %.90q", comment.GetID(), author.ID, comment.GetCommitID())
	}
	changes, err := h.Door.Commented(ctx, promotion.CommentEvent{
		Repository: repository, Commit: commit, Comment: comment.GetID(), Commented: comment.GetCreatedAt().Time, Author: author,
		Insider:  slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, event.Comment.Association),
		Commands: commands, TooMany: tooMany, Received: receivedAt(ctx, h.Clock),
	})
	return leave(ctx, changes, err)
}
