package forge_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
)

var alice = promotion.Person{ID: 3, Login: "alice"}

const (
	readRole   = "GET /repos/acme/shop/collaborators/alice/permission"
	readMember = "GET /orgs/acme/teams/release/memberships/alice"
)

func TestRole(t *testing.T) {
	t.Parallel()
	user := map[string]any{"id": 3, "login": "alice", "type": "User"}
	for name, test := range map[string]struct {
		answer answer
		role   string
		kind   string
	}{
		"admin":    {ok(map[string]any{"permission": "admin", "role_name": "admin", "user": user}), "admin", "none"},
		"maintain": {ok(map[string]any{"permission": "write", "role_name": "maintain", "user": user}), "maintain", "none"},
		"write":    {ok(map[string]any{"permission": "write", "role_name": "write", "user": user}), "write", "none"},
		"triage":   {ok(map[string]any{"permission": "read", "role_name": "triage", "user": user}), "triage", "none"},
		"read":     {ok(map[string]any{"permission": "read", "role_name": "read", "user": user}), "read", "none"},
		"none":     {ok(map[string]any{"permission": "none", "role_name": "none", "user": user}), "none", "none"},
		"a custom role counts as what it is based on": {
			ok(map[string]any{"permission": "write", "role_name": "release manager", "user": user}), "write", "none",
		},
		"a role name that its permission does not bear out": {
			ok(map[string]any{"permission": "read", "role_name": "admin", "user": user}), "read", "none",
		},
		"an old server without role names": {ok(map[string]any{"permission": "write", "user": user}), "write", "none"},
		"no collaborator":                  {status(404, "Not Found"), "none", "none"},
		"an unknown permission":            {ok(map[string]any{"permission": "owner", "role_name": "owner", "user": user}), "", "retryable"},
		"no permission":                    {ok(map[string]any{"user": user}), "", "retryable"},
		"nobody":                           {ok(map[string]any{"permission": "admin", "role_name": "admin", "user": nil}), "", "retryable"},
		"a login that changed hands": {ok(map[string]any{
			"permission": "admin", "role_name": "admin",
			"user": map[string]any{"id": 666, "login": "alice", "type": "User"},
		}), "", "permanent"},
		"forbidden": {status(403, "Resource not accessible by integration"), "", "paused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readRole, test.answer)
			role, err := github.forge().Role(t.Context(), shop, alice)
			expectKind(t, err, test.kind)
			github.expect(readRole)
			if role.Permission != test.role {
				t.Errorf("role %q, expected %q", role.Permission, test.role)
			}
			if err == nil && role.Person != alice {
				t.Errorf("person %+v", role.Person)
			}
		})
	}
}

// TestRoleOfBot: bots are told from people, and a person who comes without an id gets the one that GitHub answers.
func TestRoleOfBot(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/collaborators/dependabot%5Bbot%5D/permission"
	github := newStub(t)
	github.on(request, ok(map[string]any{
		"permission": "write", "role_name": "write",
		"user": map[string]any{"id": 9, "login": "dependabot[bot]", "type": "Bot"},
	}))
	role, err := github.forge().Role(t.Context(), shop, promotion.Person{Login: "dependabot[bot]"})
	expectKind(t, err, "none")
	github.expect(request)
	if expected := (promotion.Person{ID: 9, Login: "dependabot[bot]", Bot: true}); role.Person != expected {
		t.Errorf("person %+v, expected %+v", role.Person, expected)
	}
}

func TestTeamMember(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		member bool
		kind   string
	}{
		"active":            {ok(map[string]any{"state": "active", "role": "member"}), true, "none"},
		"maintainer":        {ok(map[string]any{"state": "active", "role": "maintainer"}), true, "none"},
		"invited":           {ok(map[string]any{"state": "pending", "role": "member"}), false, "none"},
		"not in it":         {status(404, "Not Found"), false, "none"},
		"no state":          {ok(map[string]any{"role": "member"}), false, "retryable"},
		"an unknown state":  {ok(map[string]any{"state": "ACTIVE"}), false, "retryable"},
		"may not look":      {status(403, "Resource not accessible by integration"), false, "paused"},
		"server error":      {status(500, "Server Error"), false, "retryable"},
		"an empty answer":   {raw("application/json", "{}"), false, "retryable"},
		"a list, not a map": {raw("application/json", "[]"), false, "retryable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newStub(t)
			github.on(readMember, test.answer)
			member, err := github.forge().TeamMember(t.Context(), shop, "release", alice)
			expectKind(t, err, test.kind)
			if member != test.member {
				t.Errorf("member: %t", member)
			}
		})
	}
}

// TestTeamWithOddName: what is special in an address stays inside its segment.
func TestTeamWithOddName(t *testing.T) {
	t.Parallel()
	const request = "GET /orgs/acme/teams/a%2Fb%3Fc=1%23d%25/memberships/alice"
	github := newStub(t)
	github.on(request, ok(map[string]any{"state": "active"}))
	if _, err := github.forge().TeamMember(t.Context(), shop, "a/b?c=1#d%", alice); err != nil {
		t.Error(err)
	}
	github.expect(request)
}
