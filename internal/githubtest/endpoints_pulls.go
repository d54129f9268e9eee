package githubtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// listPulls lists pull requests: open ones by default, newest first.
func listPulls(c *call) answer {
	state, base, head := c.query.Get("state"), c.query.Get("base"), c.query.Get("head")
	if state == "" {
		state = "open"
	}
	var found []*PullRequest
	for _, pull := range c.repository.pulls {
		label := pull.headRepository.owner.login + ":" + pull.headBranch
		if (state == "all" || pull.state == state) && (base == "" || pull.base == base) && (head == "" || strings.EqualFold(head, label)) {
			found = append(found, pull)
		}
	}
	sort, direction := c.query.Get("sort"), c.query.Get("direction")
	if direction == "" && (sort == "" || sort == "created") {
		direction = "desc"
	}
	slices.SortStableFunc(found, func(a, b *PullRequest) int {
		order := a.number - b.number
		if sort == "updated" {
			if byTime := a.updated.Compare(b.updated); byTime != 0 {
				order = byTime
			}
		}
		if direction == "desc" {
			return -order
		}
		return order
	})
	return list(c, found, (*PullRequest).simpleDocument)
}

func (c *call) pull() *PullRequest { return c.repository.pullByNumber(int(c.number("pull_number"))) }

func getPull(c *call) answer {
	pull := c.pull()
	if pull == nil {
		return notFound()
	}
	return ok(pull.document())
}

func listPullFiles(c *call) answer {
	pull := c.pull()
	if pull == nil {
		return notFound()
	}
	return list(c, pull.changes(), func(change fileChange) object {
		return c.repository.fileDocuments([]fileChange{change}, pull.head)[0]
	})
}

func listPullCommits(c *call) answer {
	pull := c.pull()
	if pull == nil {
		return notFound()
	}
	return list(c, pull.commits(), c.repository.commitDocument)
}

func listReviews(c *call) answer {
	pull := c.pull()
	if pull == nil {
		return notFound()
	}
	return list(c, pull.reviews, (*Review).document)
}

// listCommitPulls lists the merged pull request that brought the commit to the default branch, else the open ones that have
// it ("List pull requests associated with a commit").
func listCommitPulls(c *call) answer {
	commit := c.repository.resolve(c.parameters["commit_sha"])
	if commit == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.parameters["commit_sha"])
	}
	var merged, open []*PullRequest
	for _, pull := range c.repository.pulls {
		switch {
		case pull.mergeCommit != nil && pull.brought(commit):
			merged = append(merged, pull)
		case pull.state == "open" && slices.Contains(pull.commits(), commit):
			open = append(open, pull)
		}
	}
	if len(merged) > 0 {
		return list(c, merged, (*PullRequest).simpleDocument)
	}
	return list(c, open, (*PullRequest).simpleDocument)
}

// brought reports whether merging the pull request put the commit on the base branch.
func (p *PullRequest) brought(commit *Commit) bool {
	return slices.Contains(between(p.baseCommit, p.mergeCommit), commit) && !p.elsewhere(commit)
}

// elsewhere reports whether the commit came to the base branch between opening and merging, by other ways.
func (p *PullRequest) elsewhere(commit *Commit) bool {
	for _, other := range p.repository.pulls {
		if other != p && other.mergeCommit != nil && other.merged.Before(p.merged) && other.mergeCommit.ancestors()[commit] {
			return true
		}
	}
	return false
}

func (c *call) issue() *Issue { return c.repository.issueByNumber(int(c.number("issue_number"))) }

func getIssue(c *call) answer {
	issue := c.issue()
	if issue == nil {
		return notFound()
	}
	return ok(issue.document())
}

// speaker gives the account that the token acts as.
func (c *call) speaker() *account { return c.server.app.bot }

func listComments(c *call) answer {
	issue := c.issue()
	if issue == nil {
		return notFound()
	}
	return list(c, issue.comments, (*Comment).document)
}

// listRecentComments lists the comments of all issues: by id, or by the time named in sort. since is about updated_at.
func listRecentComments(c *call) answer {
	since, err := time.Parse(time.RFC3339, c.query.Get("since"))
	if c.query.Has("since") && err != nil {
		return invalidRequest("since is not a time: %s", c.query.Get("since"))
	}
	var found []*Comment
	for _, comment := range c.repository.comments {
		if !comment.updated.Before(since) {
			found = append(found, comment)
		}
	}
	when := map[string]func(*Comment) time.Time{
		"": func(*Comment) time.Time { return time.Time{} }, "created": func(comment *Comment) time.Time { return comment.created },
		"updated": func(comment *Comment) time.Time { return comment.updated },
	}[c.query.Get("sort")]
	if when == nil {
		return invalidRequest("sort is not created or updated: %s", c.query.Get("sort"))
	}
	descending := c.query.Get("sort") != "" && c.query.Get("direction") != "asc"
	slices.SortFunc(found, func(a, b *Comment) int {
		order := cmp.Or(when(a).Compare(when(b)), cmp.Compare(a.id, b.id))
		if descending {
			return -order
		}
		return order
	})
	return list(c, found, (*Comment).document)
}

// commentLimit is the length of a comment's body in characters.
const commentLimit = 65536

func (c *call) commentBody() (string, answer) {
	var wanted struct {
		Body *string `json:"body"`
	}
	if refusal, fine := c.decode(&wanted); !fine {
		return "", refusal
	}
	switch {
	case wanted.Body == nil:
		return "", invalidRequest("\"body\" wasn't supplied.")
	case strings.TrimSpace(*wanted.Body) == "":
		return "", invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
	case utf8.RuneCountInString(*wanted.Body) > commentLimit:
		return "", invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
	}
	return *wanted.Body, answer{}
}

func createComment(c *call) answer {
	issue := c.issue()
	if issue == nil {
		return notFound()
	}
	body, refusal := c.commentBody()
	if refusal.status != 0 {
		return refusal
	}
	if !c.mayTalkIn(issue) {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return created(issue.comment(c.speaker(), body).document())
}

// mayTalkIn: on a plain issue "Pull requests" does not do, and the other way around only "Issues" or "Pull requests".
func (c *call) mayTalkIn(issue *Issue) bool {
	return issue.pull != nil || c.identity.token.allows(write("issues"))
}

func (c *call) comment() *Comment { return c.repository.comments[c.number("comment_id")] }

func getComment(c *call) answer {
	comment := c.comment()
	if comment == nil {
		return notFound()
	}
	return ok(comment.document())
}

func updateComment(c *call) answer {
	comment := c.comment()
	if comment == nil {
		return notFound()
	}
	body, refusal := c.commentBody()
	if refusal.status != 0 {
		return refusal
	}
	if !c.mayTalkIn(comment.issue) {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	comment.edit(c.speaker(), body)
	return ok(comment.document())
}

func deleteComment(c *call) answer {
	comment := c.comment()
	if comment == nil {
		return notFound()
	}
	comment.remove(c.speaker())
	return noContent()
}

func listReactions(c *call) answer {
	comment := c.comment()
	if comment == nil {
		return notFound()
	}
	content := c.query.Get("content")
	found := slices.DeleteFunc(slices.Clone(comment.reactions), func(r *reaction) bool { return content != "" && r.content != content })
	return list(c, found, (*reaction).document)
}

// createReaction answers 200 when the same user has left the same reaction already, 201 otherwise.
func createReaction(c *call) answer {
	comment := c.comment()
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
	left, isNew := comment.react(c.speaker(), wanted.Content)
	if isNew {
		return created(left.document())
	}
	return ok(left.document())
}

func deleteReaction(c *call) answer {
	comment := c.comment()
	if comment == nil {
		return notFound()
	}
	for position, left := range comment.reactions {
		if left.id != c.number("reaction_id") {
			continue
		}
		if left.user != c.speaker() {
			return refuse(http.StatusForbidden, "Resource not accessible by integration")
		}
		comment.reactions = slices.Delete(slices.Clone(comment.reactions), position, position+1)
		return noContent()
	}
	return notFound()
}
