package githubtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Repository is a repository on the stand-in.
type Repository struct {
	server        *Server
	id            int64
	owner         *account
	name          string
	private       bool
	defaultBranch string
	created       time.Time
	pushed        time.Time
	network       *network // shared with its forks
	parent        *Repository
	branches      map[string]*Commit
	tags          map[string]*Commit
	known         map[*Commit]bool // somebody pushed it
	collaborators map[int64]role
	contributors  map[int64]bool
	numbers       int64 // of issues and pull requests
	issues        []*Issue
	pulls         []*PullRequest
	comments      map[int64]*Comment
	workflows     []*workflow
	runs          []*Run
	checkRuns     []*CheckRun
	statuses      []*CommitStatus
	deployments   []*Deployment
	artifacts     map[int64]*Artifact
	attestations  map[string][]json.RawMessage // bundles by subject digest
	commitTalk    []*CommitComment
	dispatches    []Dispatch
	minimal       object // the cached JSON of what seldom changes
	notInstalled  bool
}

// RepositoryOption says how a repository begins.
type RepositoryOption func(*Repository)

// Private makes the repository private. Without it, it is public: readable without a permission, as on GitHub.
func Private(r *Repository) { r.private = true }

// NotInstalled leaves the repository out of the app's installation.
func NotInstalled(r *Repository) { r.notInstalled = true }

// DefaultBranch names the default branch; without it, it is main.
func DefaultBranch(name string) RepositoryOption {
	return func(r *Repository) { r.defaultBranch = name }
}

// Repository gives the repository called owner/name, which exists from now on. An owner who is not known yet is an
// organisation. The app is installed there unless the options say otherwise; nothing is announced. The options of the first
// time count.
func (s *Server) Repository(fullName string, options ...RepositoryOption) *Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.repositories[strings.ToLower(fullName)]; known != nil {
		return known
	}
	owner, name, found := strings.Cut(fullName, "/")
	if !found {
		panic(fmt.Sprintf("githubtest: %q is not owner/name", fullName))
	}
	account := s.accounts[strings.ToLower(owner)]
	if account == nil {
		account = s.organisation(owner).account
	}
	return s.addRepository(account, name, &network{byID: map[string]*Commit{}}, options)
}

func (s *Server) addRepository(owner *account, name string, objects *network, options []RepositoryOption) *Repository {
	r := &Repository{
		server: s, id: next(&s.sequence.repository), owner: owner, name: name, defaultBranch: "main", created: s.now(),
		pushed: s.now(), network: objects, branches: map[string]*Commit{}, tags: map[string]*Commit{}, known: map[*Commit]bool{},
		collaborators: map[int64]role{}, contributors: map[int64]bool{}, comments: map[int64]*Comment{},
		artifacts: map[int64]*Artifact{},
	}
	for _, option := range options {
		option(r)
	}
	s.repositories[r.key()] = r
	delete(s.redirects, r.key())
	if !r.notInstalled {
		owner.install().repositories[r.id] = r
	}
	return r
}

// Fork gives the owner's copy of the repository. It shares the commits: whoever knows a fork's SHA can read it through
// the parent, as on GitHub. The app is not installed in it.
func (r *Repository) Fork(owner *User) *Repository {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	options := []RepositoryOption{NotInstalled, DefaultBranch(r.defaultBranch)}
	if r.private {
		options = append(options, Private)
	}
	fork := r.server.addRepository(owner.account, r.name, r.network, options)
	fork.parent = r
	for name, head := range r.branches {
		fork.branches[name] = head
	}
	return fork
}

// ID gives the numeric id, which outlives renames and transfers.
func (r *Repository) ID() int64 { return r.id }

// FullName gives owner/name as it is now.
func (r *Repository) FullName() string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.fullName()
}

// OwnerID gives the owner's numeric id.
func (r *Repository) OwnerID() int64 {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.owner.id
}

func (r *Repository) fullName() string { return r.owner.login + "/" + r.name }

func (r *Repository) key() string { return strings.ToLower(r.fullName()) }

// Rename renames or transfers the repository, and announces it (repository.renamed or .transferred). Its id stays, and the old
// name redirects until somebody takes it. A transferred one leaves the installation of the old owner, and joins the new owner's
// if there is one, which hears of it.
func (r *Repository) Rename(fullName string) {
	owner, name, found := strings.Cut(fullName, "/")
	if !found {
		panic(fmt.Sprintf("githubtest: %q is not owner/name", fullName))
	}
	r.server.change(func() {
		s := r.server
		delete(s.repositories, r.key())
		s.redirects[r.key()] = r
		before, from := r.name, r.owner
		account := s.accounts[strings.ToLower(owner)]
		if account == nil {
			account = s.organisation(owner).account
		}
		if account != r.owner {
			if old := r.owner.installation; old != nil {
				delete(old.repositories, r.id)
			}
			if account.installation != nil {
				account.installation.repositories[r.id] = r
			}
		}
		r.owner, r.name, r.minimal = account, name, nil
		s.repositories[r.key()] = r
		if from == account {
			r.announceRepository("renamed", object{"repository": object{"name": object{"from": before}}})
			return
		}
		was := object{"user": from.document()}
		if from.organisation != nil {
			was = object{"organization": from.organizationDocument()}
		}
		r.announceRepository("transferred", object{"owner": object{"from": was}})
	})
}

// SetVisibility makes the repository private or public, and announces it (repository.privatized or .publicized).
func (r *Repository) SetVisibility(private bool) {
	r.server.change(func() {
		r.private, r.minimal = private, nil
		if private {
			r.announceRepository("privatized", nil)
			return
		}
		r.announceRepository("publicized", nil)
	})
}

// SetDefaultBranch makes another branch the default, and announces it (repository.edited).
func (r *Repository) SetDefaultBranch(name string) {
	r.server.change(func() {
		before := r.defaultBranch
		r.defaultBranch = name
		r.announceRepository("edited", object{"default_branch": object{"from": before}})
	})
}

// Delete deletes the repository, and announces it (repository.deleted): everything about it answers 404 from now on.
func (r *Repository) Delete() {
	r.server.change(func() {
		r.announceRepository("deleted", nil)
		delete(r.server.repositories, r.key())
		if installation := r.owner.installation; installation != nil {
			delete(installation.repositories, r.id)
		}
	})
}

// Head gives the commit that a branch points to, or nil.
func (r *Repository) Head(branch string) *Commit {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.branches[branch]
}

func (s *Server) repositoryByID(id int64) *Repository {
	for _, repository := range s.repositories {
		if repository.id == id {
			return repository
		}
	}
	return nil
}
