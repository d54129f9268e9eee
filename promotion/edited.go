package promotion

import (
	"context"
	"errors"
	"fmt"
)

// greet shows that the comment was seen. It reports true when that is all: nobody knows whether the person wrote what a sweep
// found, or they did not. Whoever may write can edit other people's comments, and a sweep sees only what a comment has become.
func (c *carrying) greet(ctx context.Context) (done bool, err error) {
	if c.request.Comment == 0 {
		return false, nil
	}
	eyes := reaction(c.request, ReactionEyes)
	if _, err := c.Announcements.Announcement(ctx, eyes.Key); !errors.Is(err, ErrNotFound) {
		return false, err // an earlier try has asked
	}
	// A command that came too late only gets that for an answer.
	if c.request.Swept && c.request.Source == FromComment && !c.isLate() {
		if done, err := c.edited(ctx); done || err != nil {
			return done, err
		}
	}
	return false, c.Journal.Commit(ctx, c.lease, Changes{Announcements: []Announcement{eyes}})
}

// edited asks GitHub whether the comment was edited, which its times do not tell within the second in which it was made. One that
// was gets no answer, as at the door; where it cannot be told the person is asked to write it again.
func (c *carrying) edited(ctx context.Context) (done bool, err error) {
	edited, err := c.Comments.Edited(ctx, c.request.Repository, c.request.Comment)
	if err == nil {
		if edited && c.request.Answer.Result != "" { // it was said that it waits for GitHub
			c.answer.Result = ResultInformed
			c.answer.Notes = []string{"This comment was edited: nothing was done", "Edited comments are never carried out. To go on, write the command in a new comment."}
		}
		return edited, nil
	}
	err = fromGitHub(fmt.Errorf("ask whether the comment was edited: %w", err))
	if again := c.again(err); again != nil {
		return false, err
	}
	gate := unclear("comment", err)
	gate.Expected = "a comment that nobody edited"
	gate.Actual = "no delivery told of the comment, and GitHub did not tell whether somebody edited it within the second in which it was made: " + err.Error()
	gate.Next = "write the command again, in a new comment"
	return true, c.refuse(gate)
}
