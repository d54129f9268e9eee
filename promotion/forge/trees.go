package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/verbatim-dev/verbatim/promotion"
)

// maximumEntries is how many entries of a folder GitHub lists.
const maximumEntries = 1000

// Folder gives the entries of a folder at a commit ("" is the root), or promotion.ErrNotFound. A folder of a thousand
// entries or more is an error: GitHub would not list them all. One call.
// (https://docs.github.com/rest/repos/contents#get-repository-content)
func (f *Forge) Folder(ctx context.Context, repository promotion.Repository, commit promotion.Commit, path string) ([]promotion.TreeEntry, error) {
	operation := fmt.Sprintf("list folder %.200q of %s at %s", path, repository.FullName(), commit.Short())
	var answer json.RawMessage
	if err := f.contents(ctx, repository, commit, path, operation, &answer); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) {
		var single struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(answer, &single); err != nil || single.Type == "" {
			return nil, lacking(operation, "listing")
		}
		return nil, notFound(operation, "it is not a folder")
	}
	var listed []struct {
		Name string `json:"name"`
		Type string `json:"type"` // file, dir, symlink, submodule
		SHA  string `json:"sha"`
	}
	if err := json.Unmarshal(answer, &listed); err != nil {
		return nil, lacking(operation, "listing")
	}
	if len(listed) >= maximumEntries {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: GitHub lists at most %d entries", operation, maximumEntries)}
	}
	var entries []promotion.TreeEntry
	for _, entry := range listed {
		if entry.Name == "" || entry.SHA == "" || entry.Type == "" {
			return nil, lacking(operation, "entry")
		}
		entries = append(entries, promotion.TreeEntry{Name: entry.Name, Folder: entry.Type == "dir", Hash: entry.Type + " " + entry.SHA})
	}
	return entries, nil
}

// File gives the content of an ordinary file at a commit, or promotion.ErrNotFound. One of more than 256 KiB is an error.
// One call.
// (https://docs.github.com/rest/repos/contents#get-repository-content)
func (f *Forge) File(ctx context.Context, repository promotion.Repository, commit promotion.Commit, path string) ([]byte, error) {
	operation := fmt.Sprintf("read %.200q of %s at %s", path, repository.FullName(), commit.Short())
	var answer json.RawMessage
	if err := f.contents(ctx, repository, commit, path, operation, &answer); err != nil {
		return nil, err
	}
	return decodeFile(operation, answer)
}

func (f *Forge) contents(ctx context.Context, repository promotion.Repository, commit promotion.Commit, path, operation string, answer *json.RawMessage) error {
	place := inRepository(repository, "/contents/{path}", path)
	if path == "" {
		place = inRepository(repository, "/contents/")
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable, address: place, query: url.Values{"ref": {commit.String()}},
	}, answer)
	if isUnknownCommit(err) {
		return fmt.Errorf("%s: GitHub does not know the commit (yet)", operation)
	}
	return err
}
