package githubtest

import (
	"fmt"
	"strings"
	"time"
)

// account is what a user, a bot and an organisation have in common.
type account struct {
	server       *Server
	id           int64
	login        string
	kind         string // User, Bot, Organization: GitHub's words
	emails       []string
	created      time.Time
	installation *Installation
	organisation *Organisation // nil for people
	user         *User         // nil for organisations
}

// ID gives the numeric id. It outlives a change of the login.
func (a *account) ID() int64 { return a.id }

// Login gives the name.
func (a *account) Login() string {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.login
}

// User is a person or a bot.
type User struct{ *account }

// User gives the person of that login, who exists from now on.
func (s *Server) User(login string) *User { return s.person(login, "User") }

// Bot gives the bot of that login, such as "dependabot[bot]".
func (s *Server) Bot(login string) *User { return s.person(login, "Bot") }

func (s *Server) person(login, kind string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.accounts[strings.ToLower(login)]
	if known == nil {
		known = s.addAccount(login, kind)
		known.user = &User{known}
	}
	if known.user == nil {
		panic(fmt.Sprintf("githubtest: %s is an organisation", login))
	}
	return known.user
}

func (s *Server) addAccount(login, kind string) *account {
	added := &account{server: s, id: next(&s.sequence.account), login: login, kind: kind, created: s.now()}
	s.accounts[strings.ToLower(login)] = added
	return added
}

// Rename gives the person another login; the old one is free for others, as on GitHub.
func (u *User) Rename(login string) {
	u.server.change(func() {
		delete(u.server.accounts, strings.ToLower(u.login))
		u.login = login
		u.server.accounts[strings.ToLower(login)] = u.account
		for _, repository := range u.server.repositories {
			repository.minimal = nil
		}
	})
}

// Organisation is an organisation with members and teams.
type Organisation struct {
	*account
	members map[int64]*membership
	teams   map[string]*Team
	base    string
}

type membership struct {
	user   *User
	role   string // member, admin (an owner), maintainer (of a team)
	state  string // active, pending
	public bool
}

// Organisation gives the organisation of that login, which exists from now on. Its base permission is read.
func (s *Server) Organisation(login string) *Organisation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organisation(login)
}

func (s *Server) organisation(login string) *Organisation {
	known := s.accounts[strings.ToLower(login)]
	if known == nil {
		known = s.addAccount(login, "Organization")
		known.organisation = &Organisation{account: known, members: map[int64]*membership{}, teams: map[string]*Team{}, base: "read"}
	}
	if known.organisation == nil {
		panic(fmt.Sprintf("githubtest: %s is a user", login))
	}
	return known.organisation
}

// Member makes the user a member whose membership is private (as it is at first on GitHub).
func (o *Organisation) Member(user *User) {
	o.server.change(func() { o.members[user.id] = &membership{user: user, role: "member", state: "active"} })
}

// PublicMember makes the user a member who shows it.
func (o *Organisation) PublicMember(user *User) {
	o.server.change(func() { o.members[user.id] = &membership{user: user, role: "member", state: "active", public: true} })
}

// Owner makes the user an owner: administrator of every repository.
func (o *Organisation) Owner(user *User) {
	o.server.change(func() { o.members[user.id] = &membership{user: user, role: "admin", state: "active"} })
}

// RemoveMember ends a membership, and those in teams with it.
func (o *Organisation) RemoveMember(user *User) {
	o.server.change(func() {
		delete(o.members, user.id)
		for _, team := range o.teams {
			delete(team.members, user.id)
		}
	})
}

// SetBasePermission says what every member may do in every repository: none, read, write or admin.
func (o *Organisation) SetBasePermission(role string) {
	o.server.change(func() { o.base = role })
}

// Team is a team of an organisation.
type Team struct {
	organisation *Organisation
	id           int64
	name, slug   string
	parent       *Team
	secret       bool
	members      map[int64]*membership
	roles        map[int64]string // by repository id
	created      time.Time
}

// Team gives the team of that name, which exists from now on. Its slug is the name in lower case with hyphens.
func (o *Organisation) Team(name string) *Team {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	slug := strings.ReplaceAll(strings.ToLower(name), " ", "-")
	if o.teams[slug] == nil {
		o.teams[slug] = &Team{
			organisation: o, id: next(&o.server.sequence.team), name: name, slug: slug,
			members: map[int64]*membership{}, roles: map[int64]string{}, created: o.server.now(),
		}
	}
	return o.teams[slug]
}

// ID gives the team's numeric id.
func (t *Team) ID() int64 { return t.id }

// Slug gives the team's name in URLs.
func (t *Team) Slug() string { return t.slug }

// Add makes the user a member of the team. The state is "active", or "pending" while an invitation is not yet accepted.
// An active one is a member of the organisation from then on.
func (t *Team) Add(user *User, state string) *Team {
	t.server().change(func() {
		t.members[user.id] = &membership{user: user, role: "member", state: state}
		if t.organisation.members[user.id] == nil && state == "active" {
			t.organisation.members[user.id] = &membership{user: user, role: "member", state: "active"}
		}
	})
	return t
}

// Remove ends a membership.
func (t *Team) Remove(user *User) {
	t.server().change(func() { delete(t.members, user.id) })
}

// Under nests the team in another: its members count as the parent's from now on.
func (t *Team) Under(parent *Team) *Team {
	t.server().change(func() { t.parent = parent })
	return t
}

// Secret makes the team visible to its members and owners only. An app with members:read sees it all the same.
func (t *Team) Secret() *Team {
	t.server().change(func() { t.secret = true })
	return t
}

// SetRole gives the team a role in a repository: read, triage, write, maintain or admin.
func (t *Team) SetRole(repository *Repository, role string) *Team {
	t.server().change(func() { t.roles[repository.id] = role })
	return t
}

func (t *Team) server() *Server { return t.organisation.server }

// membership finds the user in the team or in one nested in it. The docs of "Get team membership for a user" say:
// "Team members will include the members of child teams."
func (t *Team) membership(user int64) *membership {
	found := t.members[user]
	if found != nil && found.state == "active" {
		return found
	}
	for _, child := range t.organisation.teams {
		if child.parent != t {
			continue
		}
		if below := child.membership(user); below != nil && (found == nil || below.state == "active") {
			found = below
		}
	}
	return found
}
