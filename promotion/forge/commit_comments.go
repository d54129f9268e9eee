package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Anybody who may read may comment; editing and reacting take more
// (https://docs.github.com/rest/authentication/permissions-required-for-github-apps).
const commitCommentsWritable = "contents: write"

// CreateCommitComment comments on a commit, and gives the comment's id. A body that is too long is cut. One call, never
// repeated: after a failure only FindCommitComment can tell whether the comment is there.
// (https://docs.github.com/rest/commits/comments#create-a-commit-comment)
func (f *Forge) CreateCommitComment(ctx context.Context, repository promotion.Repository, commit promotion.Commit, body string) (int64, error) {
	operation := fmt.Sprintf("comment on commit %s of %s", commit.Short(), repository.FullName())
	var answer created
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodPost, permission: contentsReadable,
		address: inRepository(repository, "/commits/{commit}/comments", commit.String()),
		body:    map[string]string{"body": cut(body, maximumComment)},
	}, &answer)
	if err != nil {
		return 0, err
	}
	if answer.ID <= 0 {
		return 0, lacking(operation, "id")
	}
	return answer.ID, nil
}

// EditCommitComment replaces a comment's body, or gives promotion.ErrNotFound when somebody deleted it. One call.
// (https://docs.github.com/rest/commits/comments#update-a-commit-comment)
func (f *Forge) EditCommitComment(ctx context.Context, repository promotion.Repository, id int64, body string) error {
	return f.ask(ctx, repository, request{
		operation: fmt.Sprintf("edit commit comment %d of %s", id, repository.FullName()), method: http.MethodPatch, permission: commitCommentsWritable,
		address: inRepository(repository, "/comments/{comment}", number(id)),
		body:    map[string]string{"body": cut(body, maximumComment)},
	}, nil)
}

// FindCommitComment looks for the comment that our app made on the commit with the (hidden) marker in it, as FindComment
// does on an issue. GitHub lists all of a commit's comments, however old: the time is not used. One call for each hundred.
// (https://docs.github.com/rest/commits/comments#list-commit-comments)
func (f *Forge) FindCommitComment(ctx context.Context, repository promotion.Repository, commit promotion.Commit, marker string, _ time.Time) (int64, bool, error) {
	operation := fmt.Sprintf("look for our comment on commit %s of %s", commit.Short(), repository.FullName())
	if strings.TrimSpace(marker) == "" {
		return 0, false, &promotion.PermanentError{Err: errors.New(operation + ": no marker given")}
	}
	var found int64
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/commits/{commit}/comments", commit.String()),
		query:   url.Values{"per_page": {pageSize}},
	}, maximumCommentPages, func(page []commentAnswer) error {
		for _, comment := range page {
			if !strings.Contains(comment.Body, marker) || comment.ID <= 0 || (found != 0 && found < comment.ID) {
				continue
			}
			ours, err := f.madeByUs(ctx, comment)
			if err != nil {
				return err
			}
			if ours {
				found = comment.ID
			}
		}
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	return found, found != 0, nil
}

// ReactToCommitComment adds a reaction to a comment on a commit; adding it again changes nothing. One call.
// (https://docs.github.com/rest/reactions/reactions#create-reaction-for-a-commit-comment)
func (f *Forge) ReactToCommitComment(ctx context.Context, repository promotion.Repository, comment int64, content string) error {
	return f.ask(ctx, repository, request{
		operation: fmt.Sprintf("react to commit comment %d of %s", comment, repository.FullName()), method: http.MethodPost, permission: commitCommentsWritable,
		address: inRepository(repository, "/comments/{comment}/reactions", number(comment)),
		body:    map[string]string{"content": content},
	}, nil)
}
