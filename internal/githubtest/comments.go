package githubtest

import (
	"slices"
	"time"
)

// Issue is an issue, or the part of a pull request that is one.
type Issue struct {
	repository *Repository
	id         int64
	number     int
	title      string
	body       string
	author     *account
	state      string
	created    time.Time
	updated    time.Time
	closed     time.Time
	comments   []*Comment
	pull       *PullRequest
}

// Issue opens a plain issue. Nothing is announced: no app that this stand-in is for listens to issues.
func (r *Repository) Issue(title string, author *User) *Issue {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	issue := r.newIssue(title, "", author)
	r.issues = append(r.issues, issue)
	return issue
}

func (r *Repository) newIssue(title, body string, author *User) *Issue {
	r.numbers++
	return &Issue{
		repository: r, id: next(&r.server.sequence.pullRequest), number: int(r.numbers), title: title, body: body,
		author: author.person(), state: "open", created: r.server.now(), updated: r.server.now(),
	}
}

// Number gives the number that people know it by.
func (i *Issue) Number() int { return i.number }

func (i *Issue) server() *Server { return i.repository.server }

// Comments gives the comments that are there now, oldest first.
func (i *Issue) Comments() []*Comment {
	i.server().mu.Lock()
	defer i.server().mu.Unlock()
	return slices.Clone(i.comments)
}

// Comment posts a comment and announces it (issue_comment.created).
func (i *Issue) Comment(author *User, body string) *Comment {
	var comment *Comment
	i.server().change(func() { comment = i.comment(author.account, body) })
	return comment
}

func (i *Issue) comment(author *account, body string) *Comment {
	s := i.server()
	comment := &Comment{
		issue: i, id: next(&s.sequence.comment), author: author, body: body, created: s.now(), updated: s.now(),
		byApp: author == s.app.bot,
	}
	i.comments = append(i.comments, comment)
	i.updated = s.now()
	i.repository.comments[comment.id] = comment
	i.repository.announceComment(comment, "created", author, nil)
	return comment
}

// Comment is a comment on an issue or a pull request.
type Comment struct {
	issue     *Issue
	id        int64
	author    *account
	body      string
	created   time.Time
	updated   time.Time
	byApp     bool
	edits     int
	editor    *account // the last
	deleted   bool
	reactions []*reaction
}

type reaction struct {
	id      int64
	user    *account
	content string
	created time.Time
}

// ID gives the comment's numeric id.
func (c *Comment) ID() int64 { return c.id }

// Age makes it look older than it is.
func (c *Comment) Age(by time.Duration) {
	c.issue.server().mu.Lock()
	defer c.issue.server().mu.Unlock()
	c.created, c.updated = c.created.Add(-by), c.updated.Add(-by)
}

// Author gives who wrote it.
func (c *Comment) Author() *User { return c.author.user }

// Body gives its text as it is now.
func (c *Comment) Body() string {
	c.issue.server().mu.Lock()
	defer c.issue.server().mu.Unlock()
	return c.body
}

// Edits gives how often it was edited.
func (c *Comment) Edits() int {
	c.issue.server().mu.Lock()
	defer c.issue.server().mu.Unlock()
	return c.edits
}

// Deleted reports whether it is gone.
func (c *Comment) Deleted() bool {
	c.issue.server().mu.Lock()
	defer c.issue.server().mu.Unlock()
	return c.deleted
}

// Reactions gives the contents of the reactions that a user left, oldest first: "eyes", "rocket" and so on.
func (c *Comment) Reactions(by *User) []string {
	c.issue.server().mu.Lock()
	defer c.issue.server().mu.Unlock()
	var contents []string
	for _, reaction := range c.reactions {
		if reaction.user == by.account {
			contents = append(contents, reaction.content)
		}
	}
	return contents
}

// Edit changes the text and announces it (issue_comment.edited). updated_at moves by the clock: an edit within the same
// second leaves it equal to created_at, as on GitHub.
func (c *Comment) Edit(by *User, body string) {
	c.issue.server().change(func() { c.edit(by.account, body) })
}

func (c *Comment) edit(by *account, body string) {
	before := c.body
	c.body, c.updated = body, c.issue.server().now()
	c.edits++
	c.editor = by
	c.issue.repository.announceComment(c, "edited", by, object{"changes": object{"body": object{"from": before}}})
}

// EditAtOnce is Edit within the second in which the comment was made: its times tell nothing of it.
func (c *Comment) EditAtOnce(by *User, body string) {
	c.issue.server().change(func() {
		c.edit(by.account, body)
		c.updated = c.created
	})
}

// Delete deletes the comment and announces it (issue_comment.deleted).
func (c *Comment) Delete(by *User) {
	c.issue.server().change(func() { c.remove(by.account) })
}

func (c *Comment) remove(by *account) {
	c.deleted = true
	c.issue.comments = slices.DeleteFunc(c.issue.comments, func(other *Comment) bool { return other == c })
	delete(c.issue.repository.comments, c.id)
	c.issue.repository.announceComment(c, "deleted", by, nil)
}

// React leaves a reaction by a user. GitHub sends no webhook for reactions.
func (c *Comment) React(by *User, content string) {
	c.issue.server().change(func() { c.react(by.account, content) })
}

// react leaves a reaction and reports whether it is new: there is one by user and content.
func (c *Comment) react(by *account, content string) (*reaction, bool) {
	for _, known := range c.reactions {
		if known.user == by && known.content == content {
			return known, false
		}
	}
	s := c.issue.server()
	added := &reaction{id: next(&s.sequence.reaction), user: by, content: content, created: s.now()}
	c.reactions = append(c.reactions, added)
	return added, true
}

// issueByNumber finds an issue or a pull request.
func (r *Repository) issueByNumber(number int) *Issue {
	for _, pull := range r.pulls {
		if pull.number == number {
			return pull.Issue
		}
	}
	for _, issue := range r.issues {
		if issue.number == number {
			return issue
		}
	}
	return nil
}

func (r *Repository) pullByNumber(number int) *PullRequest {
	if issue := r.issueByNumber(number); issue != nil {
		return issue.pull
	}
	return nil
}
