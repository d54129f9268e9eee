package githubtest_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

type held struct {
	Permission string
	RoleName   string `json:"role_name"`
}

func TestRolesAreToldAsGitHubTellsThem(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	organisation := s.Organisation("acme")
	organisation.SetBasePermission("none")
	people := map[string]held{
		"nobody": {"none", "none"}, "reader": {"read", "read"}, "sorter": {"read", "triage"}, "writer": {"write", "write"},
		"maintainer": {"write", "maintain"}, "chief": {"admin", "admin"}, "releaser": {"write", "release-manager"},
		"owner": {"admin", "admin"}, "teamed": {"write", "maintain"}, "nested": {"write", "maintain"}, "invited": {"none", "none"},
	}
	for login, role := range map[string]string{"reader": "read", "sorter": "triage", "writer": "write", "maintainer": "maintain", "chief": "admin"} {
		shop.SetRole(s.User(login), role)
	}
	shop.SetCustomRole(s.User("releaser"), "release-manager", "write")
	organisation.Owner(s.User("owner"))
	team := organisation.Team("release").SetRole(shop.Repository, "maintain").Add(s.User("teamed"), "active").Add(s.User("invited"), "pending")
	organisation.Team("release night").Under(team).Add(s.User("nested"), "active")
	s.User("nobody")
	for login, want := range people {
		var got held
		s.get(shop.Repository, "repos/acme/shop/collaborators/"+login+"/permission", &got)
		equal(s, login, got, want)
	}
	client := s.in(shop.Repository)
	for _, login := range []string{"ghost", "dependabot[bot]"} {
		s.Bot("dependabot[bot]")
		_, _, err := client.Repositories.GetPermissionLevel(background(), "acme", "shop", login)
		equal(s, login, refused(s, 404, err), login+" is not a user")
	}
	public := s.Repository("acme/public")
	var got held
	s.get(public, "repos/acme/public/collaborators/nobody/permission", &got)
	equal(s, "everybody reads a public repository", got, held{"read", "read"})
}

func TestTeamMembership(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	organisation := s.Organisation("acme")
	release := organisation.Team("Release Team").Secret()
	night := organisation.Team("night").Under(release)
	release.Add(shop.alice, "active").Add(s.User("invited"), "pending")
	night.Add(shop.bob, "active").Add(s.User("invited"), "pending")
	client := s.in(shop.Repository)
	for login, want := range map[string]string{"alice": "active", "bob": "active", "invited": "pending"} {
		got := must(client.Teams.GetTeamMembershipBySlug(background(), "acme", "release-team", login))(s)
		equal(s, login, got.GetState(), want)
	}
	_, _, err := client.Teams.GetTeamMembershipBySlug(background(), "acme", "night", "alice")
	refused(s, 404, err)
	_, _, err = client.Teams.GetTeamMembershipBySlug(background(), "acme", "none", "alice")
	refused(s, 404, err)
	team := must(client.Teams.GetTeamBySlug(background(), "acme", "night"))(s)
	equal(s, "parent", team.GetParent().GetSlug(), "release-team")
	night.Remove(shop.bob)
	_, _, err = client.Teams.GetTeamMembershipBySlug(background(), "acme", "release-team", "bob")
	refused(s, 404, err)
	organisation.RemoveMember(shop.alice)
	_, _, err = client.Teams.GetTeamMembershipBySlug(background(), "acme", "release-team", "alice")
	refused(s, 404, err)
	shop.Installation().SetPermission("members", "")
	_, _, err = client.Teams.GetTeamMembershipBySlug(background(), "acme", "release-team", "bob")
	refused(s, 403, err)
}

func TestPeopleHaveNumbers(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	client := s.in(shop.Repository)
	got := must(client.Users.Get(background(), "ALICE"))(s)
	equal(s, "id", got.GetID(), shop.alice.ID())
	equal(s, "type", got.GetType(), "User")
	shop.alice.Rename("alicia")
	impostor := s.User("alice")
	got = must(client.Users.Get(background(), "alice"))(s)
	equal(s, "the login changed hands", got.GetID(), impostor.ID())
	_, _, err := client.Users.Get(background(), "ghost")
	refused(s, 404, err)
	equal(s, "bot", must(client.Users.Get(background(), "verbatim[bot]"))(s).GetType(), "Bot")
	s.Organisation("acme").Member(shop.bob)
	member, _, err := client.Organizations.IsMember(background(), "acme", "bob")
	equal(s, "member", member && err == nil, true)
	member, _, err = client.Organizations.IsMember(background(), "acme", "alicia")
	equal(s, "not a member", !member && err == nil, true)
	private := s.Repository("bob/own", githubtest.Private)
	var role held
	s.get(private, "repos/bob/own/collaborators/bob/permission", &role)
	equal(s, "owner", role, held{"admin", "admin"})
}
