package githubtest

import (
	"fmt"
	"maps"
	"time"
)

// PullRequest is a pull request. It is an issue too: it has a number, a title and comments.
type PullRequest struct {
	*Issue
	id             int64
	draft          bool
	headRepository *Repository
	headBranch     string
	head           *Commit
	base           string
	baseCommit     *Commit
	testMerge      *Commit
	merged         time.Time
	mergedBy       *account
	mergeCommit    *Commit
	reviews        []*Review
}

// PullRequestSpec says what a pull request is opened with.
type PullRequestSpec struct {
	Title  string
	Body   string
	Author *User
	Head   string // branch
	Base   string // branch; default: the default branch
	Draft  bool
	// HeadRepository is the fork that the branch is in. Default: the repository itself.
	HeadRepository *Repository
}

// OpenPullRequest opens a pull request and announces it (pull_request.opened).
func (r *Repository) OpenPullRequest(spec PullRequestSpec) *PullRequest {
	if spec.HeadRepository == nil {
		spec.HeadRepository = r
	}
	var pull *PullRequest
	r.server.change(func() {
		if spec.Base == "" {
			spec.Base = r.defaultBranch
		}
		head, base := spec.HeadRepository.branches[spec.Head], r.branches[spec.Base]
		if head == nil || base == nil {
			panic(fmt.Sprintf("githubtest: pull request from %q into %q: no such branch", spec.Head, spec.Base))
		}
		pull = &PullRequest{
			Issue: r.newIssue(spec.Title, spec.Body, spec.Author), id: next(&r.server.sequence.pullRequest), draft: spec.Draft,
			headRepository: spec.HeadRepository, headBranch: spec.Head, head: head, base: spec.Base, baseCommit: base,
		}
		pull.pull = pull
		pull.tryMerge()
		r.pulls = append(r.pulls, pull)
		r.announcePull(pull, "opened", spec.Author.person(), nil)
	})
	return pull
}

// Head gives the commit at the head.
func (p *PullRequest) Head() *Commit {
	p.server().mu.Lock()
	defer p.server().mu.Unlock()
	return p.head
}

// TestMerge gives the commit that github.sha names in a pull_request run: neither the head nor what gets merged.
func (p *PullRequest) TestMerge() *Commit {
	p.server().mu.Lock()
	defer p.server().mu.Unlock()
	return p.testMerge
}

// MergeCommit gives the commit that merging made, or nil.
func (p *PullRequest) MergeCommit() *Commit {
	p.server().mu.Lock()
	defer p.server().mu.Unlock()
	return p.mergeCommit
}

// Push adds a commit to the head branch (push in the head repository, then pull_request.synchronize).
func (p *PullRequest) Push(message string, author *User, files map[string]string) *Commit {
	return p.headRepository.Commit(p.headBranch, message, author, files)
}

func (p *PullRequest) synchronize(to *Commit, by *account) {
	before := p.head
	p.head, p.updated = to, p.server().now()
	p.tryMerge()
	p.repository.announcePull(p, "synchronize", by, object{"before": before.sha, "after": to.sha})
}

// tryMerge makes the test merge, which no branch has.
func (p *PullRequest) tryMerge() {
	date := p.server().now()
	p.testMerge = p.repository.network.add(&Commit{
		message: fmt.Sprintf("Merge %s into %s", p.head.sha, p.baseCommit.sha), parents: []*Commit{p.baseCommit, p.head},
		author: p.repository.sign(p.author, date), committer: p.repository.server.webFlow(date),
		files: p.mergedFiles(), sequence: next(&p.server().sequence.commit),
	})
}

// mergedFiles gives the base branch's files with what the pull request changes in them.
func (p *PullRequest) mergedFiles() map[string]string {
	base := p.repository.branches[p.base]
	return applied(base.files, changes(mergeBase(base, p.head), p.head), p.head)
}

func applied(files map[string]string, changed []fileChange, from *Commit) map[string]string {
	merged := maps.Clone(files)
	for _, change := range changed {
		if change.status == "removed" {
			delete(merged, change.path)
			continue
		}
		merged[change.path] = from.files[change.path]
	}
	return merged
}

// Merge merges by "merge", "squash" or "rebase" and gives the new head of the base branch, which is merge_commit_sha.
// The push and pull_request.closed are announced.
func (p *PullRequest) Merge(method string, by *User) *Commit {
	p.server().change(func() {
		if p.state != "open" {
			panic(fmt.Sprintf("githubtest: pull request %d is %s", p.number, p.state))
		}
		switch method {
		case "merge":
			p.mergeCommit = p.mergeByCommit(by.account)
		case "squash":
			p.mergeCommit = p.mergeBySquash(by.account)
		case "rebase":
			p.mergeCommit = p.mergeByRebase(by.account)
		default:
			panic("githubtest: merge, squash or rebase, not " + method)
		}
		p.state, p.merged, p.mergedBy = "closed", p.server().now(), by.account
		p.closed, p.updated = p.merged, p.merged
		p.repository.move(p.base, p.mergeCommit, by.account)
		p.repository.announcePull(p, "closed", by.account, nil)
	})
	return p.mergeCommit
}

// mergeIndirectly marks the pull request as merged, because somebody pushed its head to the base branch
// (https://docs.github.com/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges#indirect-merges).
func (p *PullRequest) mergeIndirectly(to *Commit, by *account) {
	p.mergeCommit, p.state, p.merged, p.mergedBy = to, "closed", p.server().now(), by
	p.closed, p.updated = p.merged, p.merged
	p.repository.announcePull(p, "closed", by, nil)
}

func (p *PullRequest) mergeByCommit(by *account) *Commit {
	date := p.server().now()
	return p.repository.network.add(&Commit{
		message: fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.number, p.headRepository.owner.login, p.headBranch, p.title),
		parents: []*Commit{p.repository.branches[p.base], p.head}, author: p.repository.sign(by, date),
		committer: p.repository.server.webFlow(date), files: p.mergedFiles(), sequence: next(&p.server().sequence.commit), signed: true,
	})
}

func (p *PullRequest) mergeBySquash(_ *account) *Commit {
	date := p.server().now()
	return p.repository.network.add(&Commit{
		message: fmt.Sprintf("%s (#%d)", p.title, p.number), parents: []*Commit{p.repository.branches[p.base]},
		author: p.repository.sign(p.author, date), committer: p.repository.server.webFlow(date),
		files: p.mergedFiles(), sequence: next(&p.server().sequence.commit), signed: true,
	})
}

func (p *PullRequest) mergeByRebase(by *account) *Commit {
	onto := p.repository.branches[p.base]
	for _, commit := range between(onto, p.head) {
		if len(commit.parents) > 1 {
			continue // a rebase drops merges
		}
		onto = p.repository.network.add(&Commit{
			message: commit.message, parents: []*Commit{onto}, author: commit.author,
			committer: p.repository.sign(by, p.server().now()), files: applied(onto.files, changes(commit.first(), commit), commit),
			sequence: next(&p.server().sequence.commit),
		})
	}
	return onto
}

// ChangeBase has an open pull request go to another branch, and announces it (pull_request.edited).
func (p *PullRequest) ChangeBase(branch string, by *User) {
	p.server().change(func() {
		before, sha := p.base, p.baseCommit.sha
		p.base, p.baseCommit, p.updated = branch, p.repository.branches[branch], p.server().now()
		p.tryMerge()
		p.repository.announcePull(p, "edited", by.person(), object{
			"changes": object{"base": object{"ref": object{"from": before}, "sha": object{"from": sha}}},
		})
	})
}

// Close closes the pull request without merging it.
func (p *PullRequest) Close(by *User) {
	p.server().change(func() {
		p.state, p.closed, p.updated = "closed", p.server().now(), p.server().now()
		p.repository.announcePull(p, "closed", by.person(), nil)
	})
}

// Reopen opens it again.
func (p *PullRequest) Reopen(by *User) {
	p.server().change(func() {
		p.state, p.closed, p.updated = "open", time.Time{}, p.server().now()
		p.repository.announcePull(p, "reopened", by.person(), nil)
	})
}

// Review is a review of a pull request.
type Review struct {
	pull      *PullRequest
	id        int64
	author    *account
	state     string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED: as the REST API has it
	body      string
	commit    *Commit
	submitted time.Time
}

// Review submits a review of the head as it is now: "APPROVED", "CHANGES_REQUESTED" or "COMMENTED".
func (p *PullRequest) Review(author *User, state, body string) *Review {
	var review *Review
	p.server().change(func() {
		review = &Review{
			pull: p, id: next(&p.server().sequence.review), author: author.account, state: state, body: body,
			commit: p.head, submitted: p.server().now(),
		}
		p.reviews = append(p.reviews, review)
		p.repository.announceReview(review, "submitted", author.account)
	})
	return review
}

// Dismiss dismisses the review.
func (r *Review) Dismiss(by *User) {
	r.pull.server().change(func() {
		r.state = "DISMISSED"
		r.pull.repository.announceReview(r, "dismissed", by.account)
	})
}

// mergeSHA gives merge_commit_sha: of a merged pull request what merging made (for squash and rebase the commit that is
// on the base branch), of an open one the test merge. See the docs of "Get a pull request".
func (p *PullRequest) mergeSHA() string {
	if p.mergeCommit != nil {
		return p.mergeCommit.sha
	}
	return p.testMerge.sha
}

// commits gives what the pull request adds.
func (p *PullRequest) commits() []*Commit { return between(p.baseCommit, p.head) }

// changes gives what the pull request changes, from where it left the base branch.
func (p *PullRequest) changes() []fileChange {
	return changes(mergeBase(p.baseCommit, p.head), p.head)
}
