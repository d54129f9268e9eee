package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// graphRoute is the GraphQL API's. GitHub's OpenAPI description does not have it.
const graphRoute = "/graphql"

// Email gives the user an address that GitHub maps to the account, beside the private one.
func (u *User) Email(address string) *User {
	u.server.mu.Lock()
	defer u.server.mu.Unlock()
	u.emails = append(u.emails, strings.ToLower(address))
	return u
}

var (
	objectPattern  = regexp.MustCompile(`(\w+): object\(oid: "([0-9a-f]{40})"\) \{ \.\.\. on Commit \{ authors\(`)
	commentPattern = regexp.MustCompile(`node\(id: \$id\) \{ __typename \.\.\. on IssueComment \{ lastEditedAt (editor \{ __typename login \} )?\} \}`)
	trailerPattern = regexp.MustCompile(`(?im)^co-authored-by: (.*) <(.*)>$`)
)

// graph answers the two questions of the GraphQL API that this stand-in knows: the authors of commits, "based on the git author
// and the Co-authored-by message trailer" (https://docs.github.com/graphql/reference/objects#commit), and when a comment was last
// edited, and by whom (https://docs.github.com/graphql/reference/objects#issuecomment).
func graph(c *call) answer {
	var asked struct {
		Query     string `json:"query"`
		Variables struct {
			Owner string `json:"owner"`
			Name  string `json:"name"`
			ID    string `json:"id"`
		} `json:"variables"`
	}
	if err := json.Unmarshal(c.body, &asked); err != nil || c.identity.token == nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if commentPattern.MatchString(asked.Query) {
		return ok(object{"data": object{"node": c.editOf(asked.Variables.ID)}})
	}
	repository := c.server.repositories[strings.ToLower(asked.Variables.Owner+"/"+asked.Variables.Name)]
	found := objectPattern.FindAllStringSubmatch(asked.Query, -1)
	if repository == nil || !c.identity.token.reaches(repository) || len(found) == 0 {
		return ok(object{"data": nil, "errors": []object{{"message": "Could not resolve to a Repository, or a question that this stand-in does not know"}}})
	}
	objects := object{}
	for _, one := range found {
		if commit := repository.network.byID[one[2]]; commit != nil {
			objects[one[1]] = object{"authors": object{"pageInfo": object{"hasNextPage": false}, "nodes": c.server.authorsOf(commit)}}
		} else {
			objects[one[1]] = nil
		}
	}
	return ok(object{"data": object{"repository": objects}})
}

// editOf gives when the comment with this id was last edited, nil where the token reaches no such comment.
func (c *call) editOf(node string) any {
	for _, repository := range c.server.repositories {
		if !c.identity.token.reaches(repository) {
			continue
		}
		for _, comment := range repository.comments {
			if nodeID("IssueComment", comment.id) != node {
				continue
			}
			edited, editor := any(nil), any(nil)
			if comment.edits > 0 {
				edited = stamp(comment.updated)
				editor = object{"__typename": comment.editor.kind, "login": strings.TrimSuffix(comment.editor.login, "[bot]")}
			}
			return object{"__typename": "IssueComment", "lastEditedAt": edited, "editor": editor}
		}
	}
	return nil
}

func (s *Server) authorsOf(commit *Commit) []object {
	node := func(person *account) object {
		if person == nil {
			return object{"user": nil}
		}
		return object{"user": object{"databaseId": person.id, "login": person.login}}
	}
	nodes := []object{node(commit.author.account)}
	for _, trailer := range trailerPattern.FindAllStringSubmatch(commit.message, -1) {
		nodes = append(nodes, node(s.accountOf(trailer[2])))
	}
	return nodes
}

// accountOf gives the account that has the address.
func (s *Server) accountOf(address string) *account {
	for _, one := range s.accounts {
		private := fmt.Sprintf("%d+%s@users.noreply.github.com", one.id, one.login)
		if strings.EqualFold(address, private) {
			return one
		}
		for _, known := range one.emails {
			if strings.EqualFold(address, known) {
				return one
			}
		}
	}
	return nil
}
