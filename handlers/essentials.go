package handlers

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// members are the parts of an object that are kept: nil keeps a value as it is, else of an object (or of each object in
// a list) its members.
type members map[string]members

var (
	person = members{"id": nil, "login": nil, "type": nil}
	commit = members{"id": nil, "distinct": nil, "added": nil, "modified": nil, "removed": nil}
	pull   = members{"number": nil, "head": {"sha": nil, "repo": {"id": nil, "pushed_at": nil}}, "base": {"ref": nil, "sha": nil}, "merged": nil, "merged_at": nil, "merge_commit_sha": nil, "updated_at": nil}
)

// essentials is all that the handlers read of the deliveries they handle.
var essentials = members{
	"action": nil, "number": nil, "ref": nil, "after": nil, "deleted": nil, "commits": commit,
	"repository": {"id": nil, "name": nil, "private": nil, "default_branch": nil, "owner": person},
	"sender":     person, "installation": {"id": nil}, "workflow": {"path": nil}, "requested_action": {"identifier": nil},
	"workflow_run": {
		"id": nil, "run_attempt": nil, "head_sha": nil, "path": nil, "event": nil, "head_branch": nil, "head_repository": {"id": nil}, "status": nil,
		"conclusion": nil, "created_at": nil, "run_started_at": nil, "updated_at": nil, "html_url": nil,
	},
	"workflow_job": {
		"id": nil, "run_id": nil, "run_attempt": nil, "head_sha": nil, "name": nil, "status": nil, "conclusion": nil, "started_at": nil, "completed_at": nil, "html_url": nil,
	},
	"check_run": {"id": nil, "head_sha": nil, "external_id": nil},
	"comment":   {"id": nil, "body": nil, "commit_id": nil, "created_at": nil, "updated_at": nil, "author_association": nil, "user": person},
	"issue":     {"number": nil, "pull_request": {"url": nil}}, "pull_request": pull,
	"changes": {"base": {"ref": {"from": nil}}},
	"review":  {"id": nil, "state": nil, "commit_id": nil, "submitted_at": nil, "user": person},
}

// ErrNoObject says that a delivery's body is no JSON object.
var ErrNoObject = errors.New("expected a JSON object as body")

// Duplicate names are as they come: of several the last one counts, as it does for whoever reads what was kept.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

var decoders sync.Pool // of *jsontext.Decoder

// Essentials gives a delivery's body without what no handler reads: of the 20 KB of a usual one about 1 KB. It returns
// ErrNoObject for a body that is no JSON object. What is kept is only as trustworthy as the body was.
func Essentials(body []byte) ([]byte, error) {
	decoder, found := decoders.Get().(*jsontext.Decoder)
	if !found {
		decoder = new(jsontext.Decoder)
	}
	defer func() { decoder.Reset(new(bytes.Buffer)); decoders.Put(decoder) }()
	decoder.Reset(bytes.NewBuffer(body), lenient...)
	if decoder.PeekKind() != '{' {
		return nil, ErrNoObject
	}
	kept, err := keepMembers(make([]byte, 0, 2048), decoder, essentials)
	if err != nil {
		return nil, ErrNoObject
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, ErrNoObject
	}
	return kept, nil
}

// keepMembers reads an object, and appends the parts of it that are kept.
func keepMembers(kept []byte, decoder *jsontext.Decoder, of members) ([]byte, error) {
	if _, err := decoder.ReadToken(); err != nil {
		return nil, err
	}
	kept = append(kept, '{')
	for first := true; decoder.PeekKind() == '"'; {
		name, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		parts, isKept := of[string(bytes.Trim(name, `"`))]
		if !isKept {
			if err := decoder.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		if !first {
			kept = append(kept, ',')
		}
		first = false
		kept = append(append(kept, name...), ':')
		if kept, err = keepValue(kept, decoder, parts); err != nil {
			return nil, err
		}
	}
	_, err := decoder.ReadToken()
	return append(kept, '}'), err
}

// keepValue reads a value, and appends what is kept of it.
func keepValue(kept []byte, decoder *jsontext.Decoder, parts members) ([]byte, error) {
	kind := decoder.PeekKind()
	switch {
	case parts == nil || kind != '{' && kind != '[':
		value, err := decoder.ReadValue()
		return append(kept, value...), err
	case kind == '{':
		return keepMembers(kept, decoder, parts)
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, err
	}
	kept = append(kept, '[')
	for first := true; decoder.PeekKind() != ']'; first = false {
		if !first {
			kept = append(kept, ',')
		}
		var err error
		if kept, err = keepValue(kept, decoder, parts); err != nil {
			return nil, err
		}
	}
	_, err := decoder.ReadToken()
	return append(kept, ']'), err
}
