package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Edited reports whether the comment was ever edited. Its times have whole seconds: where they are equal, GraphQL alone tells.
// Two calls. Where there is no GraphQL at all, which no GitHub lacks, the times are all that can be had.
// (https://docs.github.com/rest/issues/comments#get-an-issue-comment, https://docs.github.com/graphql/reference/objects#issuecomment)
func (f *Forge) Edited(ctx context.Context, repository promotion.Repository, id int64) (bool, error) {
	operation := fmt.Sprintf("read whether comment %d of %s was edited", id, repository.FullName())
	var comment struct {
		Node    string    `json:"node_id"`
		Created time.Time `json:"created_at"`
		Updated time.Time `json:"updated_at"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: issuesWritable, address: inRepository(repository, "/issues/comments/{comment}", number(id)),
	}, &comment)
	switch {
	case err != nil:
		return false, err
	case !comment.Updated.Equal(comment.Created):
		return true, nil
	case comment.Node == "":
		return false, nil
	}
	answer, err := askGraph[struct {
		Node *struct {
			Type   string          `json:"__typename"`
			Edited json.RawMessage `json:"lastEditedAt"` // null: never
		} `json:"node"`
	}](ctx, f, repository, operation, issuesWritable,
		"query($id: ID!) { node(id: $id) { __typename ... on IssueComment { lastEditedAt } } }", map[string]string{"id": comment.Node})
	if errors.Is(err, promotion.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if answer.Node == nil || answer.Node.Type != "IssueComment" || len(answer.Node.Edited) == 0 {
		return false, lacking(operation, "lastEditedAt")
	}
	return string(answer.Node.Edited) != "null", nil
}

// editedByOthers reports whether somebody else than our app was the last to edit the app's own comment. One call. Where GitHub does not
// tell who it was, it is the app's word.
// (https://docs.github.com/graphql/reference/objects#issuecomment)
func (f *Forge) editedByOthers(ctx context.Context, repository promotion.Repository, comment recentAnswer) (bool, error) {
	slug, err := f.slug(ctx)
	if err != nil || comment.Node == "" {
		return false, err
	}
	answer, err := askGraph[struct {
		Node *struct {
			Editor *struct {
				Type  string `json:"__typename"`
				Login string `json:"login"` // without the [bot] of the REST API
			} `json:"editor"`
		} `json:"node"`
	}](ctx, f, repository, fmt.Sprintf("read who edited comment %d of %s", comment.ID, repository.FullName()), issuesWritable,
		"query($id: ID!) { node(id: $id) { __typename ... on IssueComment { lastEditedAt editor { __typename login } } } }", map[string]string{"id": comment.Node})
	permanent := (*promotion.PermanentError)(nil)
	if errors.Is(err, promotion.ErrNotFound) || errors.As(err, &permanent) {
		return false, nil
	}
	if err != nil || answer.Node == nil || answer.Node.Editor == nil {
		return false, err
	}
	editor := answer.Node.Editor
	return editor.Type != "Bot" || strings.TrimSuffix(editor.Login, "[bot]") != slug, nil
}
