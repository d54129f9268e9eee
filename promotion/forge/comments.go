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

const (
	issuesWritable      = "issues: write (pull requests: write)"
	maximumComment      = 65_536 // GitHub counts characters; we count bytes, which are never fewer
	maximumCommentPages = 30     // GitHub lets people add no more comments after 2,500
)

type created struct {
	ID int64 `json:"id"`
}

// CreateComment comments on an issue or pull request, and gives the comment's id. A body that is too long is cut. One
// call, never repeated: after a failure only FindComment can tell whether the comment is there.
// (https://docs.github.com/rest/issues/comments#create-an-issue-comment)
func (f *Forge) CreateComment(ctx context.Context, repository promotion.Repository, issue int, body string) (int64, error) {
	operation := fmt.Sprintf("comment on %s#%d", repository.FullName(), issue)
	var answer created
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodPost, permission: issuesWritable,
		address: inRepository(repository, "/issues/{issue}/comments", number(int64(issue))),
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

// EditComment replaces a comment's body, or gives promotion.ErrNotFound when somebody deleted it. One call.
// (https://docs.github.com/rest/issues/comments#update-an-issue-comment)
func (f *Forge) EditComment(ctx context.Context, repository promotion.Repository, id int64, body string) error {
	return f.ask(ctx, repository, request{
		operation: fmt.Sprintf("edit comment %d of %s", id, repository.FullName()), method: http.MethodPatch, permission: issuesWritable,
		address: inRepository(repository, "/issues/comments/{comment}", number(id)),
		body:    map[string]string{"body": cut(body, maximumComment)},
	}, nil)
}

// commentAnswer is a comment as GitHub answers it.
// (https://docs.github.com/rest/issues/comments#list-issue-comments)
type commentAnswer struct {
	ID     int64         `json:"id"`
	Body   string        `json:"body"`
	Author *personAnswer `json:"user"`
	App    *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

// FindComment looks for the comment that our app made on the issue with the (hidden) marker in it, among those changed
// since then. Anybody can write the marker: only the app's own comments count, and the oldest of them is given. One
// call for each hundred comments since then; one more, once, when the app's id or name is not known yet.
// (https://docs.github.com/rest/issues/comments#list-issue-comments)
func (f *Forge) FindComment(ctx context.Context, repository promotion.Repository, issue int, marker string, since time.Time) (int64, bool, error) {
	operation := fmt.Sprintf("look for our comment on %s#%d", repository.FullName(), issue)
	if strings.TrimSpace(marker) == "" {
		return 0, false, &promotion.PermanentError{Err: errors.New(operation + ": no marker given")}
	}
	query := url.Values{"per_page": {pageSize}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	var found int64
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: issuesWritable,
		address: inRepository(repository, "/issues/{issue}/comments", number(int64(issue))),
		query:   query,
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

// madeByUs reports whether our app itself made the comment: not somebody through our app, and not another bot.
func (f *Forge) madeByUs(ctx context.Context, comment commentAnswer) (bool, error) {
	if !comment.Author.person().Bot {
		return false, nil
	}
	if comment.App != nil {
		id, err := f.AppID(ctx)
		return err == nil && comment.App.ID == id, err
	}
	slug, err := f.slug(ctx) // where GitHub leaves the app out, its bot's login tells: nobody else can have it
	return err == nil && comment.Author.Login == slug+"[bot]", err
}

// slug gives our app's name in addresses: no call when it is known, else one.
func (f *Forge) slug(ctx context.Context) (string, error) {
	f.mutex.Lock()
	known := f.app.Slug
	f.mutex.Unlock()
	if known != "" {
		return known, nil
	}
	app, err := f.App(ctx)
	if err == nil && app.Slug == "" {
		err = lacking("read our own app", "slug")
	}
	return app.Slug, err
}

// React adds a reaction (eyes, rocket, +1, -1, confused) to a comment; adding it again changes nothing. One call.
// (https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue-comment)
func (f *Forge) React(ctx context.Context, repository promotion.Repository, comment int64, content string) error {
	return f.ask(ctx, repository, request{
		operation: fmt.Sprintf("react to comment %d of %s", comment, repository.FullName()), method: http.MethodPost, permission: issuesWritable,
		address: inRepository(repository, "/issues/comments/{comment}/reactions", number(comment)),
		body:    map[string]string{"content": content},
	}, nil)
}
