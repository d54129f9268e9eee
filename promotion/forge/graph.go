package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/verbatim-dev/verbatim/promotion"
)

// askGraph asks the GraphQL API, which is needed only for what the REST API does not tell.
// (https://docs.github.com/graphql)
func askGraph[Data any](
	ctx context.Context, f *Forge, repository promotion.Repository, operation, permission, query string, variables map[string]string,
) (Data, error) {
	var answer struct {
		Data   Data `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodPost, permission: permission, address: f.graph(),
		body: map[string]any{"query": query, "variables": variables},
	}, &answer)
	if err == nil && len(answer.Errors) > 0 {
		err = fmt.Errorf("%s: GitHub says %q", operation, oneLine(answer.Errors[0].Message, maximumTitle))
	}
	return answer.Data, err
}

// graph returns the address of the GraphQL API, which lies beside the REST API, or above it on GitHub Enterprise Server.
func (f *Forge) graph() address {
	if f.graphURL == "" {
		return address{err: errors.New("the address of GitHub's GraphQL API is not known")}
	}
	return address{route: "graphql", path: f.graphURL}
}
