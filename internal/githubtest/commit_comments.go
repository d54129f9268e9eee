package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// CommitComment is a comment on a commit.
type CommitComment struct {
	repository *Repository
	commit     *Commit
	id         int64
	author     *account
	body       string
	created    time.Time
	updated    time.Time
	edits      int
	reactions  []*reaction
}

// CommentOn posts a comment on a commit and announces it (commit_comment.created).
func (r *Repository) CommentOn(commit *Commit, author *User, body string) *CommitComment {
	var comment *CommitComment
	r.server.change(func() { comment = r.commentOn(commit, author.account, body) })
	return comment
}

func (r *Repository) commentOn(commit *Commit, author *account, body string) *CommitComment {
	comment := &CommitComment{
		repository: r, commit: commit, id: next(&r.server.sequence.comment), author: author, body: body, created: r.server.now(), updated: r.server.now(),
	}
	r.commitTalk = append(r.commitTalk, comment)
	r.announce("commit_comment", "created", author, func() object { return object{"comment": comment.document()} })
	return comment
}

// CommitComments gives the comments on a commit, oldest first.
func (r *Repository) CommitComments(commit *Commit) []*CommitComment {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.commentsOn(commit)
}

func (r *Repository) commentsOn(commit *Commit) []*CommitComment {
	return slices.DeleteFunc(slices.Clone(r.commitTalk), func(comment *CommitComment) bool { return comment.commit != commit })
}

// ID gives the comment's numeric id.
func (c *CommitComment) ID() int64 { return c.id }

// Author gives who wrote it.
func (c *CommitComment) Author() *User { return c.author.user }

// Body gives its text as it is now.
func (c *CommitComment) Body() string {
	c.repository.server.mu.Lock()
	defer c.repository.server.mu.Unlock()
	return c.body
}

// Reactions gives the contents of the reactions that a user left, oldest first.
func (c *CommitComment) Reactions(by *User) []string {
	c.repository.server.mu.Lock()
	defer c.repository.server.mu.Unlock()
	var contents []string
	for _, reaction := range c.reactions {
		if reaction.user == by.account {
			contents = append(contents, reaction.content)
		}
	}
	return contents
}

// document gives the comment (https://docs.github.com/rest/commits/comments#get-a-commit-comment).
func (c *CommitComment) document() object {
	r := c.repository
	api := fmt.Sprintf("%s/comments/%d", r.api(), c.id)
	return object{
		"url": api, "html_url": fmt.Sprintf("%s/commit/%s#commitcomment-%d", r.page(), c.commit.sha, c.id), "id": c.id,
		"node_id": nodeID("CommitComment", c.id), "user": c.author.orNull(), "position": nil, "line": nil, "path": nil, "commit_id": c.commit.sha,
		"created_at": stamp(c.created), "updated_at": stamp(c.updated), "author_association": r.association(c.author), "body": c.body,
		"reactions": rollup(api+"/reactions", c.reactions),
	}
}

func (c *call) talkedOf() *Commit { return c.repository.resolve(c.parameters["commit_sha"]) }

func listCommitComments(c *call) answer {
	commit := c.talkedOf()
	if commit == nil {
		return notFound()
	}
	return list(c, c.repository.commentsOn(commit), (*CommitComment).document)
}

func createCommitComment(c *call) answer {
	commit := c.talkedOf()
	if commit == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.parameters["commit_sha"])
	}
	body, refusal := c.commentBody()
	if refusal.status != 0 {
		return refusal
	}
	return created(c.repository.commentOn(commit, c.speaker(), body).document())
}

func (c *call) commitComment() *CommitComment {
	for _, comment := range c.repository.commitTalk {
		if comment.id == c.number("comment_id") {
			return comment
		}
	}
	return nil
}

func updateCommitComment(c *call) answer {
	comment := c.commitComment()
	if comment == nil {
		return notFound()
	}
	body, refusal := c.commentBody()
	if refusal.status != 0 {
		return refusal
	}
	comment.body, comment.updated = body, c.server.now()
	comment.edits++
	return ok(comment.document())
}

func reactToCommitComment(c *call) answer {
	comment := c.commitComment()
	if comment == nil {
		return notFound()
	}
	var wanted struct {
		Content string `json:"content"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return refusal
	}
	if !slices.Contains(reactionContents, wanted.Content) {
		return invalid("Reaction", "content", "invalid", "")
	}
	for _, known := range comment.reactions {
		if known.user == c.speaker() && known.content == wanted.Content {
			return ok(known.document())
		}
	}
	added := &reaction{id: next(&c.server.sequence.reaction), user: c.speaker(), content: wanted.Content, created: c.server.now()}
	comment.reactions = append(comment.reactions, added)
	return created(added.document())
}
