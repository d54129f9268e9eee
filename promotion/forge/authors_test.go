package forge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/forge"
)

// TestCoAuthors: whom a commit's trailers name, by the private addresses that GitHub gives out.
func TestCoAuthors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		message string
		people  []promotion.Person
		ask     bool
	}{
		"none":                  {"Fix it", nil, false},
		"with an id":            {"Fix it\n\nCo-authored-by: Bob <42+bob@users.noreply.github.com>", []promotion.Person{{ID: 42, Login: "bob"}}, false},
		"of an old account":     {"Fix it\n\nco-authored-by:Bob <bob@users.noreply.github.com>\r\n", []promotion.Person{{Login: "bob"}}, false},
		"a bot":                 {"Fix it\n\nCo-authored-by: d <49699333+dependabot[bot]@users.noreply.github.com>", []promotion.Person{{ID: 49699333, Login: "dependabot[bot]"}}, false},
		"another address":       {"Fix it\n\nCo-authored-by: Bob <bob@example.com>", nil, true},
		"the author's own":      {"Fix it\n\nCo-authored-by: Walter <walter@example.com>", nil, false},
		"in the middle":         {"Fix it\n\nCo-authored-by: Bob <bob@example.com>\n\nMore", nil, true},
		"an id beyond any":      {"Fix it\n\nCo-authored-by: B <99999999999999999999+bob@users.noreply.github.com>", nil, true},
		"only spoken of":        {"Fix what was Co-authored-by: Bob <bob@example.com> long ago", nil, false},
		"of several, one known": {"x\n\nCo-authored-by: A <1+a@users.noreply.github.com>\nCo-authored-by: B <b@example.com>", []promotion.Person{{ID: 1, Login: "a"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(compareBoth, compared(1, 1, 1, "commits", []any{map[string]any{
				"sha": shaA, "author": nil, "commit": map[string]any{"message": test.message, "author": map[string]any{"name": "Walter", "email": "walter@example.com"}},
			}}))
			read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, "none")
			if difference := cmp.Diff(test.people, read.Commits[0].People, same); difference != "" || read.Commits[0].AskAuthors != test.ask {
				t.Errorf("ask %t, want %t; %s", read.Commits[0].AskAuthors, test.ask, difference)
			}
		})
	}
}

// TestMadeByGitHub: only what GitHub's own key signed.
func TestMadeByGitHub(t *testing.T) {
	t.Parallel()
	webFlow := map[string]any{"id": 19864447, "login": "web-flow"}
	for name, test := range map[string]struct {
		committer any
		email     string
		verified  any
		want      bool
	}{
		"by the button":                  {webFlow, "noreply@github.com", map[string]any{"verified": true}, true},
		"without an account":             {nil, "noreply@github.com", map[string]any{"verified": true}, true},
		"forged":                         {webFlow, "noreply@github.com", map[string]any{"verified": false}, false},
		"nobody says":                    {webFlow, "noreply@github.com", nil, false},
		"signed with somebody's own key": {map[string]any{"id": 3, "login": "alice"}, "alice@example.com", map[string]any{"verified": true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(compareBoth, compared(1, 1, 1, "commits", []any{map[string]any{
				"sha": shaA, "committer": test.committer, "commit": map[string]any{
					"message": "Merge", "committer": map[string]any{"name": "GitHub", "email": test.email}, "verification": test.verified,
				},
			}}))
			read, err := github.forge().Compare(t.Context(), shop, shaA, shaB)
			expectKind(t, err, "none")
			if read.Commits[0].ByGitHub != test.want {
				t.Errorf("by GitHub: %t", read.Commits[0].ByGitHub)
			}
		})
	}
}

// TestAuthors: GitHub is asked for all commits at once, and an answer that lacks one is none.
func TestAuthors(t *testing.T) {
	t.Parallel()
	node := map[string]any{"user": map[string]any{"databaseId": 3, "login": "alice"}}
	authors := map[string]any{"authors": map[string]any{"pageInfo": map[string]any{"hasNextPage": false}, "nodes": []any{node, map[string]any{"user": nil}}}}
	repository := func(objects map[string]any) map[string]any {
		return map[string]any{"data": map[string]any{"repository": objects}}
	}
	for name, test := range map[string]struct {
		answer any
		kind   string
	}{
		"all":                {repository(map[string]any{"c0": authors, "c1": authors}), "none"},
		"one is not there":   {repository(map[string]any{"c0": authors, "c1": nil}), "retryable"},
		"an error beside it": {map[string]any{"data": nil, "errors": []any{map[string]any{"message": "Something went wrong"}}}, "retryable"},
		"nothing":            {map[string]any{}, "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on("POST /graphql", ok(test.answer))
			read, err := github.forge(func(_ *forge.ClientOptions, o *forge.Options) { o.GraphQL = github.server.URL + "/graphql" }).Authors(t.Context(), shop, []promotion.Commit{commit(t, shaA), commit(t, shaB)})
			expectKind(t, err, test.kind)
			if err == nil && (len(read) != 2 || len(read[commit(t, shaB)]) != 1) {
				t.Errorf("authors %v", read)
			}
		})
	}
}
