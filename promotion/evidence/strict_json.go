package evidence

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maximumNesting is how deep objects and arrays of a JSON document may be within each other.
const maximumNesting = 100

// jsonObject is one object of a JSON document of which some members are kept.
type jsonObject struct {
	members map[string]*jsonObject
	text    string // of a number, or "a text", "an array" and so on for what is none
}

// number reads a count: a whole number without a fraction or exponent.
func (o *jsonObject) count() (int64, bool) {
	if o == nil {
		return 0, false
	}
	count, err := strconv.ParseInt(o.text, 10, 64)
	return count, err == nil && count >= 0
}

// member returns a member by its exact name; nil when there is none.
func (o *jsonObject) member(name string) *jsonObject {
	if o == nil {
		return nil
	}
	return o.members[name]
}

// readJSON reads a document strictly: a member that is there twice, or in another letter case beside or instead of the name
// that is wanted, says two things (encoding/json would take either). Of the document only what the paths name is kept.
func readJSON(source io.Reader, paths ...[]string) (*jsonObject, error) {
	decoder := json.NewDecoder(source)
	decoder.UseNumber()
	root, err := readMember(decoder, paths, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong("there is more behind its end")
	}
	return root, nil
}

func readMember(decoder *json.Decoder, paths [][]string, depth int) (*jsonObject, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if depth > maximumNesting {
		return nil, wrong("it is more than %d deep", maximumNesting)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return readMembers(decoder, paths, depth)
		}
		for decoder.More() {
			if _, err := readMember(decoder, nil, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = decoder.Token()
		return &jsonObject{text: "an array"}, err
	case json.Number:
		return &jsonObject{text: token.String()}, nil
	case string:
		return &jsonObject{text: strconv.Quote(token)}, nil
	}
	return &jsonObject{text: "no number"}, nil
}

func readMembers(decoder *json.Decoder, paths [][]string, depth int) (*jsonObject, error) {
	object := &jsonObject{members: map[string]*jsonObject{}, text: "an object"}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // a member's name is one
		if seen[name] {
			return nil, wrong("it has the key %.100q twice", name)
		}
		seen[name] = true
		below, wanted, other := towards(paths, name)
		if other != "" {
			return nil, wrong("it has the key %.100q, expected %q", name, other)
		}
		member, err := readMember(decoder, below, depth+1)
		if err != nil {
			return nil, err
		}
		if wanted {
			object.members[name] = member
		}
	}
	_, err := decoder.Token()
	return object, err
}

// towards returns what is wanted of a member, and the name that was wanted if this one differs only in its letter case.
func towards(paths [][]string, name string) (below [][]string, wanted bool, other string) {
	for _, path := range paths {
		switch {
		case path[0] == name:
			wanted = true
			if len(path) > 1 {
				below = append(below, path[1:])
			}
		case strings.EqualFold(path[0], name):
			other = path[0]
		}
	}
	return below, wanted, other
}
