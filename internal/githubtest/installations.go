package githubtest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// application is the one app of this GitHub.
type application struct {
	server  *Server
	id      int64
	slug    string
	bot     *account
	owner   *account
	created time.Time
}

func newApplication(s *Server) *application {
	owner := s.organisation("verbatim-dev").account
	bot := s.addAccount(s.options.AppSlug+"[bot]", "Bot")
	bot.user = &User{bot}
	return &application{server: s, id: s.options.AppID, slug: s.options.AppSlug, bot: bot, owner: owner, created: s.now()}
}

// AppBot gives the bot user that the app comments as: "verbatim[bot]".
func (s *Server) AppBot() *User { return s.app.bot.user }

// Installation is the app's installation in an account.
type Installation struct {
	server       *Server
	id           int64
	account      *account
	permissions  map[string]string
	events       []string
	repositories map[int64]*Repository
	suspended    time.Time
	suspendedBy  *account
	created      time.Time
	updated      time.Time
}

// ID gives the installation's numeric id.
func (i *Installation) ID() int64 { return i.id }

// Installation gives the app's installation in the account, or nil.
func (a *account) Installation() *Installation {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.installation
}

// Installation gives the installation that reaches the repository, or nil.
func (r *Repository) Installation() *Installation {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.installation()
}

func (r *Repository) installation() *Installation {
	installation := r.owner.installation
	if installation == nil || installation.repositories[r.id] == nil {
		return nil
	}
	return installation
}

// Install installs the app in the account for the repositories, and announces it (installation.created).
func (a *account) Install(repositories ...*Repository) *Installation {
	var installation *Installation
	a.server.change(func() {
		installation = a.install()
		for _, repository := range repositories {
			installation.repositories[repository.id] = repository
		}
		a.server.announceInstallation(installation, "created", a)
	})
	return installation
}

func (a *account) install() *Installation {
	if a.installation != nil {
		return a.installation
	}
	s := a.server
	a.installation = &Installation{
		server: s, id: next(&s.sequence.installation), account: a, permissions: maps.Clone(s.options.Permissions),
		events: slices.Clone(s.options.Events), repositories: map[int64]*Repository{}, created: s.now(), updated: s.now(),
	}
	s.installations[a.installation.id] = a.installation
	return a.installation
}

// Uninstall removes the installation, its tokens with it, and announces it (installation.deleted).
func (i *Installation) Uninstall() {
	i.server.change(func() {
		i.server.announceInstallation(i, "deleted", i.account)
		i.account.installation = nil
		delete(i.server.installations, i.id)
		maps.DeleteFunc(i.server.tokens, func(_ string, token *installationToken) bool { return token.installation == i })
	})
}

// SetPermission grants a permission ("read", "write") or takes it away (""), as an owner who did not accept the app's
// newest request would have it.
func (i *Installation) SetPermission(name, level string) {
	i.server.change(func() {
		i.updated = i.server.now()
		if level == "" {
			delete(i.permissions, name)
			return
		}
		i.permissions[name] = level
	})
}

// Add brings repositories into the installation and announces it (installation_repositories.added).
func (i *Installation) Add(repositories ...*Repository) {
	i.server.change(func() {
		for _, repository := range repositories {
			i.repositories[repository.id] = repository
		}
		i.server.announceInstallationRepositories(i, "added", repositories)
	})
}

// Remove takes repositories out of the installation and announces it (installation_repositories.removed).
func (i *Installation) Remove(repositories ...*Repository) {
	i.server.change(func() {
		for _, repository := range repositories {
			delete(i.repositories, repository.id)
		}
		i.server.announceInstallationRepositories(i, "removed", repositories)
	})
}

// Suspend suspends the installation: its tokens are refused with 403 and no webhooks are sent, but for this one.
func (i *Installation) Suspend(by *User) {
	i.server.change(func() {
		i.server.announceInstallation(i, "suspend", by.account)
		i.suspended, i.suspendedBy = i.server.now(), by.account
	})
}

// Unsuspend ends a suspension.
func (i *Installation) Unsuspend(by *User) {
	i.server.change(func() {
		i.suspended, i.suspendedBy = time.Time{}, nil
		i.server.announceInstallation(i, "unsuspend", by.account)
	})
}

// selection is "all" when every repository of the account is in it.
func (i *Installation) selection() string {
	for _, repository := range i.server.repositories {
		if repository.owner == i.account && i.repositories[repository.id] == nil {
			return "selected"
		}
	}
	return "all"
}

// sorted gives the installation's repositories by id.
func (i *Installation) sorted() []*Repository {
	return slices.SortedFunc(maps.Values(i.repositories), func(a, b *Repository) int { return cmp.Compare(a.id, b.id) })
}
