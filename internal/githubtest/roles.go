package githubtest

import "slices"

// roles are GitHub's repository roles, weakest first.
var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// role is what someone may do in a repository: a name, and for custom roles the role that it is built on.
type role struct{ name, base string }

func plainRole(name string) role { return role{name, name} }

func (r role) rank() int { return slices.Index(roles, r.base) }

// permission folds the role into the older words. The docs of "Get repository permissions for a user" say: "the maintain
// role is mapped to write and the triage role is mapped to read."
func (r role) permission() string {
	switch r.base {
	case "maintain":
		return "write"
	case "triage":
		return "read"
	default:
		return r.base
	}
}

// SetRole makes the user a collaborator with the role: none, read, triage, write, maintain or admin.
func (r *Repository) SetRole(user *User, name string) {
	if !slices.Contains(roles, name) {
		panic("githubtest: " + name + " is not a role; use SetCustomRole")
	}
	r.server.change(func() { r.collaborators[user.id] = plainRole(name) })
}

// SetCustomRole makes the user a collaborator with a custom role of the organisation, which is built on a plain one.
func (r *Repository) SetCustomRole(user *User, name, base string) {
	r.server.change(func() { r.collaborators[user.id] = role{name, base} })
}

// roleOf gives the strongest of all grants: direct, team, organisation, and read for everybody if it is public.
func (r *Repository) roleOf(user *account) role {
	best := plainRole("none")
	better := func(candidate role) {
		if candidate.rank() > best.rank() || candidate.rank() == best.rank() && candidate.name != candidate.base {
			best = candidate
		}
	}
	if !r.private {
		better(plainRole("read"))
	}
	if direct, found := r.collaborators[user.id]; found {
		better(direct)
	}
	if user == r.owner {
		better(plainRole("admin"))
	}
	if organisation := r.owner.organisation; organisation != nil {
		better(organisation.grant(r, user.id))
	}
	return best
}

func (o *Organisation) grant(r *Repository, user int64) role {
	best := plainRole("none")
	member := o.members[user]
	if member == nil {
		return best
	}
	if member.role == "admin" {
		return plainRole("admin")
	}
	best = plainRole(o.base)
	for _, team := range o.teams {
		if m := team.membership(user); m == nil || m.state != "active" {
			continue
		}
		// A nested team inherits what its parents may do; membership() looks down the tree, so every team is asked.
		if granted, found := team.roles[r.id]; found && plainRole(granted).rank() > best.rank() {
			best = plainRole(granted)
		}
	}
	return best
}

// association is the author_association field. It is not authorisation: a private member is CONTRIBUTOR or NONE
// (actions/github-script#643).
func (r *Repository) association(user *account) string {
	if user == nil {
		return "NONE"
	}
	if user == r.owner {
		return "OWNER"
	}
	if organisation := r.owner.organisation; organisation != nil {
		if member := organisation.members[user.id]; member != nil && member.public {
			return "MEMBER"
		}
	}
	if _, found := r.collaborators[user.id]; found {
		return "COLLABORATOR"
	}
	if r.contributors[user.id] {
		return "CONTRIBUTOR"
	}
	return "NONE"
}
