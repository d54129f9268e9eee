package githubtest

import (
	"maps"
	"slices"
)

// What is here tells a test what really is, so that it can judge what the app made of it. No request answers it.

// File returns the content that a path has in the commit.
func (c *Commit) File(path string) (content string, found bool) {
	content, found = c.files[path]
	return content, found
}

// Parents returns the commit's parents, the first one first.
func (c *Commit) Parents() []*Commit { return slices.Clone(c.parents) }

// Author returns who wrote the commit, or nil for somebody without an account.
func (c *Commit) Author() *User {
	if c.author.account == nil {
		return nil
	}
	return c.author.account.user
}

// Contains reports whether the other commit is this one or one before it.
func (c *Commit) Contains(other *Commit) bool { return c.ancestors()[other] }

// Since returns what this commit has and the other has not, oldest first. Nil for the other: everything.
func (c *Commit) Since(other *Commit) []*Commit { return between(other, c) }

// Branches returns the branches' heads by name.
func (r *Repository) Branches() map[string]*Commit {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return maps.Clone(r.branches)
}

// MainBranch returns the default branch's name.
func (r *Repository) MainBranch() string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.defaultBranch
}

// RoleOf returns the role that the user has in the repository by all grants.
func (r *Repository) RoleOf(user *User) string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.roleOf(user.account).base
}

// Has reports whether the user is an active member of the team.
func (t *Team) Has(user *User) bool {
	t.server().mu.Lock()
	defer t.server().mu.Unlock()
	member := t.membership(user.id)
	return member != nil && member.state == "active"
}

// Open reports whether the pull request is open.
func (p *PullRequest) Open() bool {
	p.server().mu.Lock()
	defer p.server().mu.Unlock()
	return p.state == "open"
}

// Base returns the branch that the pull request goes to.
func (p *PullRequest) Base() string { return p.base }

// By returns who opened the pull request.
func (p *PullRequest) By() *User { return p.author.user }

// Branch returns the branch that the pull request is from.
func (p *PullRequest) Branch() string { return p.headBranch }
