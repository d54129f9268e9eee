package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// floored sets a scene whose server has one rule as its floor.
func floored(t *testing.T, rule promotion.FloorRule) *story {
	t.Helper()
	rule.Repositories = "acme/*"
	return begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.Floor = promotion.Floor{rule} }})
}

func TestAFloorIsNotEscapedByAName(t *testing.T) {
	t.Parallel()
	named := promotion.FloorRule{Environments: []string{"production"}, Approvals: 1}
	for name, test := range map[string]struct {
		rule     promotion.FloorRule
		from, to string
		command  string
		escapes  bool
	}{
		"another letter case":           {named, "  production:\n", "  Production:\n", "/promote Production", false},
		"another name":                  {named, "  production:\n", "  live:\n", "/promote live", false},
		"another name, with the tag":    {promotion.FloorRule{Tags: []string{"production"}, Approvals: 1}, "  production:\n", "  live:\n", "/promote live", false},
		"a second one on the same tags": {named, "environments:\n", "environments:\n  canary: { requires: [test, staging], tags: [production, canary] }\n", "/promote canary", false},
		"a second one by a template": {
			named, "environments:\n", "environments:\n  canary: { requires: [test, staging], tags: [\"production{short_sha}\", canary] }\n", "/promote canary", false,
		},
		"a tag in another letter case": {named, "  production:\n    requires: [test, staging]\n    tags: [production]", "  live:\n    requires: [test, staging]\n    tags: [Production]", "/promote live", false},
		"one that has nothing in common": {
			named, "environments:\n", "environments:\n  canary: { requires: [test, staging], tags: [canary] }\n", "/promote canary", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := floored(t, test.rule)
			s.govern(strings.Replace(s.defaultPolicy(), test.from, test.to, 1))
			pull := s.Merged("Add a basket")
			s.staged(pull.MergeCommit(), "basket")
			if test.escapes {
				_, reply := s.says(pull.Issue, s.Alice, test.command)
				s.expect(reply, "Promoted")
				return
			}
			s.refuses(pull.Issue, s.Alice, test.command, "approvals_missing")
		})
	}
}

func TestAFloorsApprovalsAreOfPeopleWhoMayWrite(t *testing.T) {
	s := floored(t, promotion.FloorRule{Approvals: 1})
	s.govern(s.defaultPolicy("approvals: { users: [rita, bob] }", "override: { users: [rita], gates: [approvals] }"))
	bob := s.member("bob", "write")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.expect(s.refuses(pull.Issue, s.Rita, "/promote approve", "not_authorised"), "with permission write, by the server's floor")
	s.refuses(pull.Issue, s.Rita, `/promote override --gates approvals --reason "hurry"`, "not_authorised")
	s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.Repository.SetRole(bob, "read")
	s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing")
	s.Repository.SetRole(bob, "write")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "approved by bob")
}
