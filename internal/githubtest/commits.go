package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Deleted as a file's content takes the file away.
const Deleted = "\x00deleted"

// CommitSpec says more about a commit than Commit can.
type CommitSpec struct {
	Branch  string
	Message string
	Author  *User
	Files   map[string]string // what changes; Deleted takes a file away
	// Committer is the account behind the committer, if it is not the author.
	Committer *User
	// AuthorName and AuthorEmail, when set, are an author who has no account on GitHub: author is null in answers.
	AuthorName, AuthorEmail string
	// Date is the author's and committer's date, which anybody can forge. Default: now.
	Date time.Time
	// Merges are further parents.
	Merges []*Commit
	// ByGitHub has GitHub commit and sign it, as when conflicts are resolved on its pages.
	ByGitHub bool
	// Pusher is who pushes. Default: the author.
	Pusher *User
}

// Commit adds a commit to a branch and pushes it. A branch that is not there yet starts from the default branch.
func (r *Repository) Commit(branch, message string, author *User, files map[string]string) *Commit {
	return r.CommitWith(CommitSpec{Branch: branch, Message: message, Author: author, Files: files})
}

// CommitWith is Commit with more to say.
func (r *Repository) CommitWith(spec CommitSpec) *Commit {
	var commit *Commit
	r.server.change(func() {
		before := r.branches[spec.Branch]
		parent := before
		if parent == nil {
			parent = r.branches[r.defaultBranch]
		}
		commit = r.add(spec, parent)
		pusher := spec.Pusher
		if pusher == nil {
			pusher = spec.Author
		}
		r.move(spec.Branch, commit, pusher.person())
	})
	return commit
}

// person gives the account behind a user who may be nil.
func (u *User) person() *account {
	if u == nil {
		return nil
	}
	return u.account
}

func (r *Repository) add(spec CommitSpec, parent *Commit) *Commit {
	var parents []*Commit
	files := map[string]string{}
	if parent != nil {
		parents = append(parents, parent)
		files = maps.Clone(parent.files)
	}
	for path, content := range spec.Files {
		if content == Deleted {
			delete(files, path)
			continue
		}
		files[path] = content
	}
	date := spec.Date
	if date.IsZero() {
		date = r.server.now()
	}
	author := r.sign(spec.Author.person(), date)
	if spec.AuthorName != "" {
		author = signature{name: spec.AuthorName, email: spec.AuthorEmail, date: date}
	}
	committer := author
	if spec.Committer != nil {
		committer = r.sign(spec.Committer.account, date)
	}
	if spec.ByGitHub {
		committer = r.server.webFlow(date)
	}
	if author.account != nil {
		r.contributors[author.account.id] = true
	}
	return r.network.add(&Commit{
		message: spec.Message, parents: append(parents, spec.Merges...), author: author, committer: committer,
		files: files, sequence: next(&r.server.sequence.commit), signed: spec.ByGitHub,
	})
}

// sign makes a signature with GitHub's private e-mail address of the account.
func (r *Repository) sign(person *account, date time.Time) signature {
	if person == nil {
		return signature{name: "Nobody", email: "nobody@example.com", date: date}
	}
	return signature{
		name: person.login, email: fmt.Sprintf("%d+%s@users.noreply.github.com", person.id, person.login), date: date, account: person,
	}
}

// webFlow signs what GitHub itself commits: merges by the button. The account behind it is called web-flow.
func (s *Server) webFlow(date time.Time) signature {
	flow := s.accounts["web-flow"]
	if flow == nil {
		flow = s.addAccount("web-flow", "User")
		flow.user = &User{flow}
	}
	return signature{name: "GitHub", email: "noreply@github.com", date: date, account: flow}
}

// move sets a branch, announces the push, and tells open pull requests from it that their head changed.
func (r *Repository) move(branch string, to *Commit, pusher *account) {
	before := r.branches[branch]
	r.branches[branch] = to
	r.pushed = r.server.now()
	r.announcePush("refs/heads/"+branch, before, to, pusher)
	for _, other := range r.server.sortedRepositories() {
		for _, pull := range other.pulls {
			if pull.headRepository == r && pull.headBranch == branch && pull.state == "open" && pull.head != to {
				pull.synchronize(to, pusher)
			}
			if other == r && pull.base == branch && pull.state == "open" && to.ancestors()[pull.head] {
				pull.mergeIndirectly(to, pusher)
			}
		}
	}
}

func (s *Server) sortedRepositories() []*Repository {
	all := slices.Collect(maps.Values(s.repositories))
	slices.SortFunc(all, func(a, b *Repository) int { return int(a.id - b.id) })
	return all
}

// CreateBranch makes a branch at the commit and pushes it.
func (r *Repository) CreateBranch(name string, at *Commit, by *User) {
	r.server.change(func() { r.move(name, at, by.person()) })
}

// ForcePush sets a branch to the commit, whatever was there before.
func (r *Repository) ForcePush(branch string, to *Commit, by *User) {
	r.server.change(func() { r.move(branch, to, by.person()) })
}

// DeleteBranch deletes a branch and announces it as a push to nothing.
func (r *Repository) DeleteBranch(name string, by *User) {
	r.server.change(func() {
		before := r.branches[name]
		delete(r.branches, name)
		r.announcePush("refs/heads/"+name, before, nil, by.person())
	})
}

// Tag sets a tag and announces the push. Tags are lightweight ones.
func (r *Repository) Tag(name string, at *Commit, by *User) {
	r.server.change(func() {
		before := r.tags[name]
		r.tags[name] = at
		r.announcePush("refs/tags/"+name, before, at, by.person())
	})
}
