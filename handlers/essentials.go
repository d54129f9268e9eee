package handlers

import "errors"

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
	"repository": {"id": nil, "name": nil, "private": nil, "default_branch": nil, "pushed_at": nil, "owner": person},
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
	"issue":     {"number": nil, "state": nil, "pull_request": {"url": nil}}, "pull_request": pull,
	"changes": {"base": {"ref": {"from": nil}}},
	"review":  {"id": nil, "state": nil, "commit_id": nil, "submitted_at": nil, "user": person},
}

// ErrNoObject says that a delivery's body is no JSON object.
var ErrNoObject = errors.New("expected a JSON object as body")

// Essentials gives a delivery's body without what no handler reads: of the 20 KB of a usual one about 1 KB. It returns
// ErrNoObject for a body that is no JSON object. What is kept is only as trustworthy as the body was. Duplicate names are as
// they come: of several the last one counts, as it does for whoever reads what was kept.
func Essentials(body []byte) ([]byte, error) {
	read := jsonReader{body: body}
	if read.peek() != '{' {
		return nil, ErrNoObject
	}
	kept, ok := keepMembers(make([]byte, 0, 2048), &read, essentials)
	if !ok || !read.ended() {
		return nil, ErrNoObject
	}
	return kept, nil
}

// keepMembers reads an object, and appends the parts of it that are kept.
func keepMembers(kept []byte, read *jsonReader, of members) ([]byte, bool) {
	kept = append(kept, '{')
	first := true
	for more := read.begins('}'); more; more = read.goesOn() {
		name, ok := read.name()
		if !ok {
			return kept, false
		}
		parts, isKept := of[string(name[1:len(name)-1])]
		if !isKept {
			if !read.skip() {
				return kept, false
			}
			continue
		}
		if !first {
			kept = append(kept, ',')
		}
		first = false
		kept = append(append(kept, name...), ':')
		if kept, ok = keepValue(kept, read, parts); !ok {
			return kept, false
		}
	}
	return append(kept, '}'), read.ends('}')
}

// keepValue reads a value, and appends what is kept of it.
func keepValue(kept []byte, read *jsonReader, parts members) ([]byte, bool) {
	kind := read.peek()
	switch {
	case parts == nil || kind != '{' && kind != '[':
		value, ok := read.value()
		return append(kept, value...), ok
	case kind == '{':
		return keepMembers(kept, read, parts)
	}
	kept = append(kept, '[')
	first := true
	for more := read.begins(']'); more; more = read.goesOn() {
		if !first {
			kept = append(kept, ',')
		}
		first = false
		var ok bool
		if kept, ok = keepValue(kept, read, parts); !ok {
			return kept, false
		}
	}
	return append(kept, ']'), read.ends(']')
}
