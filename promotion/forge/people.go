package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/verbatim-dev/verbatim/promotion"
)

// personAnswer is a user as GitHub answers it.
type personAnswer struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"` // User, Bot, Organization, Mannequin
}

func (p *personAnswer) person() promotion.Person {
	if p == nil { // GitHub answers null for an account that was deleted
		return promotion.Person{}
	}
	return promotion.Person{ID: p.ID, Login: p.Login, Bot: p.Type == "Bot"}
}

// basePermission is what GitHub's permission field says for each role of its own: it folds maintain into write, and
// triage into read.
var basePermission = map[string]string{
	"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read", "none": "none",
}

// roleOf gives the role that counts. GitHub's own roles count as themselves, a custom role as the permission that it is
// based on; a role name that does not fit its permission is not believed.
func roleOf(permission, roleName string) (string, bool) {
	base, known := basePermission[permission]
	if !known {
		return "", false
	}
	if base == permission && basePermission[roleName] == permission {
		return roleName, true
	}
	return permission, true
}

// Role gives the person's role in the repository: none when GitHub says that there is no such collaborator. When the
// login belongs to another account than the person's it is an error. One call.
// (https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user)
func (f *Forge) Role(ctx context.Context, repository promotion.Repository, person promotion.Person) (promotion.Role, error) {
	operation := fmt.Sprintf("read the role of %.50q in %s", person.Login, repository.FullName())
	var answer struct {
		Permission string        `json:"permission"`
		RoleName   string        `json:"role_name"`
		User       *personAnswer `json:"user"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: "metadata: read",
		address: inRepository(repository, "/collaborators/{login}/permission", person.Login),
	}, &answer)
	if errors.Is(err, promotion.ErrNotFound) {
		return promotion.Role{Person: person, Permission: "none"}, nil
	}
	if err != nil {
		return promotion.Role{}, err
	}
	role, known := roleOf(answer.Permission, answer.RoleName)
	if !known {
		return promotion.Role{}, lacking(operation, "permission")
	}
	if answer.User == nil || answer.User.ID <= 0 {
		return promotion.Role{}, lacking(operation, "user")
	}
	if person.ID != 0 && answer.User.ID != person.ID {
		return promotion.Role{}, &promotion.PermanentError{Err: fmt.Errorf(
			"%s: the login belongs to another account now (id %d, expected %d)", operation, answer.User.ID, person.ID)}
	}
	return promotion.Role{Person: answer.User.person(), Permission: role}, nil
}

// TeamMember reports whether the person is an active member of the owner's team, by its slug. GitHub counts members of
// its child teams; an invitation that was not accepted does not count. One call.
// (https://docs.github.com/rest/teams/members#get-team-membership-for-a-user)
func (f *Forge) TeamMember(ctx context.Context, repository promotion.Repository, team string, person promotion.Person) (bool, error) {
	operation := fmt.Sprintf("read whether %.50q is in the team %s/%.50q", person.Login, repository.Owner, team)
	var answer struct {
		State string `json:"state"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: "members: read",
		address: at("orgs/{org}/teams/{team_slug}/memberships/{username}", repository.Owner, team, person.Login),
	}, &answer)
	if errors.Is(err, promotion.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch answer.State {
	case "active":
		return true, nil
	case "pending":
		return false, nil
	default:
		return false, lacking(operation, "state")
	}
}
