package forge

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

const maximumArtifactPages = 10

// Artifacts gives every artifact of the run, of all its attempts. One call for each hundred; more than a thousand are an
// error.
// (https://docs.github.com/rest/actions/artifacts#list-workflow-run-artifacts)
func (f *Forge) Artifacts(ctx context.Context, repository promotion.Repository, run int64) ([]promotion.Artifact, error) {
	operation := fmt.Sprintf("list the artifacts of run %d of %s", run, repository.FullName())
	type listing struct {
		Artifacts *[]struct {
			ID      int64      `json:"id"`
			Name    string     `json:"name"`
			Size    *int64     `json:"size_in_bytes"`
			Expired *bool      `json:"expired"`
			Created *time.Time `json:"created_at"`
			Expires *time.Time `json:"expires_at"`
		} `json:"artifacts"`
	}
	var artifacts []promotion.Artifact
	seen := map[int64]bool{}
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/runs/{run}/artifacts", number(run)),
		query:   url.Values{"per_page": {pageSize}},
	}, maximumArtifactPages, func(page listing) error {
		if page.Artifacts == nil {
			return lacking(operation, "artifacts")
		}
		for _, listed := range *page.Artifacts {
			if listed.ID <= 0 || listed.Name == "" || listed.Size == nil || *listed.Size < 0 || listed.Expired == nil || listed.Created == nil {
				return lacking(operation, "artifact")
			}
			if seen[listed.ID] {
				continue
			}
			seen[listed.ID] = true
			artifact := promotion.Artifact{ID: listed.ID, Name: listed.Name, Size: *listed.Size, Expired: *listed.Expired, Created: listed.Created.UTC()}
			if listed.Expires != nil {
				artifact.Expires = listed.Expires.UTC()
			}
			artifacts = append(artifacts, artifact)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return artifacts, nil
}

// downloadTime is how long fetching one artifact may take, which is larger than any other answer.
const downloadTime = 60 * time.Second

// Download returns the artifact as it is kept, with its media type: a *promotion.EvidenceError when it is larger than most bytes (told from the answer's
// length, without reading it, where there is one), promotion.ErrNotFound when it is gone or has expired. One call, and one
// to the signed address that GitHub answers with, which gets no credentials of ours and is never shown.
// (https://docs.github.com/rest/actions/artifacts#download-an-artifact)
func (f *Forge) Download(ctx context.Context, repository promotion.Repository, artifact promotion.Artifact, most int64) (promotion.ArtifactContent, error) {
	operation := fmt.Sprintf("fetch artifact %.100q (%d) of %s", artifact.Name, artifact.ID, repository.FullName())
	signed, err := f.signedAddress(ctx, repository, artifact.ID, operation)
	if err != nil {
		return promotion.ArtifactContent{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTime)
	defer cancel()
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, signed, nil)
	if err != nil {
		return promotion.ArtifactContent{}, fmt.Errorf("%s: GitHub's signed address is none", operation)
	}
	answer, err := f.storage.RoundTrip(asked)
	if err != nil {
		return promotion.ArtifactContent{}, fmt.Errorf("%s: %w", operation, bare(err))
	}
	defer func() { _ = answer.Body.Close() }()
	tooLarge := &promotion.EvidenceError{Detail: fmt.Sprintf("artifact %.100q has more than %d bytes, which is what is read at most", artifact.Name, most)}
	switch {
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusGone:
		return promotion.ArtifactContent{}, notFound(operation, "it is not there any more")
	case answer.StatusCode != http.StatusOK:
		return promotion.ArtifactContent{}, fmt.Errorf("%s: the storage answered %d", operation, answer.StatusCode)
	case answer.ContentLength > most:
		return promotion.ArtifactContent{}, tooLarge
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, min(most, math.MaxInt64-1)+1))
	if err != nil {
		return promotion.ArtifactContent{}, fmt.Errorf("%s: %w", operation, bare(err))
	}
	if int64(len(content)) > most {
		return promotion.ArtifactContent{}, tooLarge
	}
	return promotion.ArtifactContent{Name: artifact.Name, Type: answer.Header.Get("Content-Type"), Bytes: content}, nil
}

// signedAddress asks where the artifact is kept.
func (f *Forge) signedAddress(ctx context.Context, repository promotion.Repository, artifact int64, operation string) (string, error) {
	var location url.URL
	err := f.ask(withRedirect(ctx, &location), repository, request{
		operation: operation, method: http.MethodGet, permission: actionsReadable,
		address: inRepository(repository, "/actions/artifacts/{artifact}/zip", number(artifact)),
	}, nil)
	if statusOf(err) == http.StatusGone {
		return "", notFound(operation, "it has expired")
	}
	if location.Host == "" {
		if err == nil {
			err = lacking(operation, "address")
		}
		return "", err
	}
	if location.User != nil || location.Scheme != "https" && (location.Scheme != "http" || !isLoopback(location.Hostname())) {
		return "", &promotion.PermanentError{Err: fmt.Errorf("%s: GitHub's signed address is not one of HTTPS", operation)}
	}
	return location.String(), nil
}
