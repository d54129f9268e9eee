package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/verbatim-dev/verbatim/promotion"
)

const attestationsReadable = "attestations: read"

// Attestations returns a page of the sigstore bundles that GitHub keeps for the digest in the repository, none when there are
// none, and where the next page begins ("" after the last). One call.
// (https://docs.github.com/rest/repos/attestations#list-attestations)
func (f *Forge) Attestations(ctx context.Context, repository promotion.Repository, digest promotion.Digest, cursor string) ([][]byte, string, error) {
	operation := fmt.Sprintf("list the attestations of %s in %s", digest.Short(), repository.FullName())
	var answer struct {
		Attestations *[]struct {
			Bundle json.RawMessage `json:"bundle"`
		} `json:"attestations"`
	}
	who, err := f.installed(ctx, repository)
	if err != nil {
		return nil, "", err
	}
	query, next := url.Values{"per_page": {pageSize}}, ""
	if cursor != "" {
		query.Set("after", cursor)
	}
	_, err = f.call(ctx, who, request{
		operation: operation, method: http.MethodGet, permission: attestationsReadable,
		address: inRepository(repository, "/attestations/{digest}", digest.String()),
		query:   query, after: &next,
	}, &answer)
	if errors.Is(err, promotion.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if answer.Attestations == nil {
		return nil, "", lacking(operation, "attestations")
	}
	var bundles [][]byte
	for _, listed := range *answer.Attestations {
		if bundle := bytes.TrimSpace(listed.Bundle); bytes.HasPrefix(bundle, []byte("{")) { // GitHub leaves some out
			bundles = append(bundles, bundle)
		}
	}
	if len(bundles) == 0 && len(*answer.Attestations) > 0 {
		return nil, "", lacking(operation, "bundle")
	}
	return bundles, next, nil
}
