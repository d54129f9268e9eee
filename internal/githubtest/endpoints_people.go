package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

func (c *call) account(parameter string) *account {
	return c.server.accounts[strings.ToLower(c.parameters[parameter])]
}

func getUser(c *call) answer {
	account := c.account("username")
	if account == nil {
		return notFound()
	}
	document := account.document()
	maps.Copy(document, object{
		"name": nil, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": stamp(account.created), "updated_at": stamp(account.created),
	})
	return ok(document)
}

// organisation finds the organisation, which the token must be installed in.
func (c *call) organisation() *Organisation {
	account := c.account("org")
	if account == nil || account.organisation == nil || c.identity.token == nil || c.identity.token.installation.account != account {
		return nil
	}
	return account.organisation
}

func getTeam(c *call) answer {
	organisation := c.organisation()
	if organisation == nil || organisation.teams[c.parameters["team_slug"]] == nil {
		return notFound()
	}
	return ok(organisation.teams[c.parameters["team_slug"]].document())
}

// getTeamMembership answers 404 for those who are not in the team, and a state for those who are: pending members are no
// members yet.
func getTeamMembership(c *call) answer {
	organisation, user := c.organisation(), c.account("username")
	if organisation == nil || user == nil {
		return notFound()
	}
	team := organisation.teams[c.parameters["team_slug"]]
	if team == nil {
		return notFound()
	}
	member := team.membership(user.id)
	if member == nil {
		return notFound()
	}
	return ok(object{
		"url":  fmt.Sprintf("%s/organizations/%d/team/%d/memberships/%s", c.server.base, organisation.id, team.id, user.login),
		"role": member.role, "state": member.state,
	})
}

func getMember(c *call) answer {
	organisation, user := c.organisation(), c.account("username")
	if organisation == nil || user == nil {
		return notFound()
	}
	if member := organisation.members[user.id]; member == nil || member.state != "active" {
		return notFound()
	}
	return noContent()
}

// getPermission answers permission, in which maintain and triage are folded, and role_name, in which they are not. For a
// login that nobody has, and for the bots of apps, GitHub says that it "is not a user".
func getPermission(c *call) answer {
	user := c.account("username")
	if user == nil || user.kind != "User" {
		return refuse(http.StatusNotFound, c.parameters["username"]+" is not a user")
	}
	held := c.repository.roleOf(user)
	document := user.document()
	document["role_name"] = held.name
	document["permissions"] = object{
		"admin": held.rank() >= 5, "maintain": held.rank() >= 4, "push": held.rank() >= 3, "triage": held.rank() >= 2,
		"pull": held.rank() >= 1,
	}
	return ok(object{"permission": held.permission(), "role_name": held.name, "user": document})
}
