package forge

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Where policies are: in the repository itself, and in the owner's repository for those that have none.
const (
	policyPath       = ".github/verbatim.yml"
	ownerRepository  = ".github"
	ownerPolicyPath  = "verbatim.yml"
	maximumPolicy    = 256 << 10
	contentsReadable = "contents: read"
)

// Head gives the head commit of the default branch, which the repository comes with. One call. It asks for the branch's
// reference: the smallest answer that GitHub has, and one that a tag of the same name cannot get in the way of.
// (https://docs.github.com/rest/git/refs#get-a-reference)
func (f *Forge) Head(ctx context.Context, repository promotion.Repository) (promotion.Commit, error) {
	if repository.DefaultBranch == "" {
		return promotion.Commit{}, &promotion.PermanentError{Err: fmt.Errorf("read the head of %s: no default branch given", repository.FullName())}
	}
	return f.branchHead(ctx, repository, repository.DefaultBranch)
}

// branchHead gives the commit that a branch, and nothing else of that name, points at. One call.
func (f *Forge) branchHead(ctx context.Context, repository promotion.Repository, branch string) (promotion.Commit, error) {
	operation := fmt.Sprintf("read the head of branch %.100q of %s", branch, repository.FullName())
	var answer struct {
		Reference string `json:"ref"`
		Object    struct {
			Type string `json:"type"`
			SHA  string `json:"sha"`
		} `json:"object"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/git/ref/{ref}", "heads/"+branch),
	}, &answer)
	if isEmptyRepository(err) {
		return promotion.Commit{}, notFound(operation, "the repository is empty")
	}
	if err != nil {
		return promotion.Commit{}, err
	}
	commit, err := promotion.ParseCommit(answer.Object.SHA)
	if err != nil || answer.Object.Type != "commit" || answer.Reference != "refs/heads/"+branch {
		return promotion.Commit{}, lacking(operation, "commit")
	}
	return commit, nil
}

// isEmptyRepository reports whether GitHub refused because there is no commit at all: it answers 409.
func isEmptyRepository(err error) bool {
	return statusOf(err) == http.StatusConflict && strings.Contains(messageOf(err), "is empty")
}

// PolicyFile gives the policy file at a commit of the repository; when GitHub answers that it is not there, the one on
// the default branch of the owner's .github repository. Found is false when neither is there. Whatever else goes
// wrong is an error, so that the rules that hold are never mistaken for none. One call when the repository has the
// file, else two.
// (https://docs.github.com/rest/repos/contents#get-repository-content)
func (f *Forge) PolicyFile(ctx context.Context, repository promotion.Repository, head promotion.Commit) (promotion.PolicyFile, error) {
	if head.IsZero() {
		return promotion.PolicyFile{}, &promotion.PermanentError{Err: fmt.Errorf("read the policy of %s: no commit given", repository.FullName())}
	}
	who, err := f.installed(ctx, repository)
	if err != nil {
		return promotion.PolicyFile{}, err
	}
	owners := repository
	owners.Name = ownerRepository
	places := []struct {
		repository promotion.Repository
		path       string
		query      url.Values
		exact      bool // after a transfer, the name would lead to another owner's rules
	}{
		{repository, policyPath, url.Values{"ref": {head.String()}}, false},
		{owners, ownerPolicyPath, nil, true},
	}
	for _, place := range places {
		source := place.repository.FullName() + ":" + place.path
		content, err := f.file(ctx, who, request{
			operation: "read " + source, method: http.MethodGet, permission: contentsReadable,
			address: inRepository(place.repository, "/contents/"+place.path), query: place.query, exact: place.exact,
		})
		if errors.Is(err, promotion.ErrNotFound) {
			continue
		}
		if err != nil {
			return promotion.PolicyFile{}, err
		}
		return promotion.PolicyFile{Head: head, Found: true, Source: source, Content: content}, nil
	}
	return promotion.PolicyFile{Head: head}, nil
}

// file reads one ordinary file. One call.
func (f *Forge) file(ctx context.Context, who identity, r request) ([]byte, error) {
	var answer json.RawMessage
	_, err := f.call(ctx, who, r, &answer)
	if isUnknownCommit(err) {
		return nil, fmt.Errorf("%s: GitHub does not know the commit (yet)", r.operation)
	}
	if err != nil {
		return nil, err
	}
	return decodeFile(r.operation, answer)
}

// isUnknownCommit reports whether a 404 is about the commit and not about the file. A replica that lags behind says
// so, and must not make a repository's own rules give way to its owner's.
func isUnknownCommit(err error) bool {
	return statusOf(err) == http.StatusNotFound && strings.Contains(messageOf(err), "No commit found")
}

func decodeFile(operation string, answer json.RawMessage) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: it is a directory, not a file", operation)}
	}
	var file struct {
		Type     string `json:"type"` // file, symlink, submodule, dir
		Encoding string `json:"encoding"`
		Size     *int   `json:"size"`
		Content  string `json:"content"`
	}
	if err := json.Unmarshal(answer, &file); err != nil || file.Size == nil || file.Type == "" {
		return nil, lacking(operation, "file")
	}
	if file.Type != "file" {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: it is a %s, not a file", operation, oneLine(file.Type, 20))}
	}
	if *file.Size > maximumPolicy {
		return nil, &promotion.PermanentError{Err: fmt.Errorf("%s: it has %d bytes; at most %d are read", operation, *file.Size, maximumPolicy)}
	}
	content, err := base64.StdEncoding.DecodeString(file.Content) // ignores the line breaks that GitHub puts in
	if err != nil || file.Encoding != "base64" || len(content) != *file.Size {
		return nil, lacking(operation, "content")
	}
	return content, nil
}
