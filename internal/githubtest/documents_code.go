package githubtest

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
)

// document gives a commit as "Get a commit" answers it, without statistics and files.
func (r *Repository) commitDocument(c *Commit) object {
	api := r.api() + "/commits/" + c.sha
	parents := make([]object, 0, len(c.parents))
	for _, parent := range c.parents {
		parents = append(parents, object{
			"sha": parent.sha, "url": r.api() + "/commits/" + parent.sha, "html_url": r.page() + "/commit/" + parent.sha,
		})
	}
	return object{
		"sha": c.sha, "node_id": nodeID("Commit", c.sequence), "url": api, "html_url": r.page() + "/commit/" + c.sha,
		"comments_url": api + "/comments", "author": c.author.account.orNull(), "committer": c.committer.account.orNull(),
		"parents": parents,
		"commit": object{
			"author": c.author.gitDocument(), "committer": c.committer.gitDocument(), "message": c.message,
			"tree": object{"sha": c.tree, "url": r.api() + "/git/trees/" + c.tree}, "url": r.api() + "/git/commits/" + c.sha,
			"comment_count": 0, "verification": c.verification(),
		},
	}
}

func (s signature) gitDocument() object {
	return object{"name": s.name, "email": s.email, "date": stamp(s.date)}
}

func (c *Commit) verification() object {
	if c.signed {
		return object{
			"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----", "payload": "tree " + c.tree,
			"verified_at": stamp(c.committer.date),
		}
	}
	return object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
}

// detailedCommitDocument adds statistics and files.
func (r *Repository) detailedCommitDocument(c *Commit) object {
	document := r.commitDocument(c)
	changed := changes(c.first(), c)
	additions, deletions := 0, 0
	for _, change := range changed {
		additions += change.additions
		deletions += change.deletions
	}
	document["stats"] = object{"additions": additions, "deletions": deletions, "total": additions + deletions}
	document["files"] = r.fileDocuments(changed, c)
	return document
}

// fileDocuments gives changed files as the schema diff-entry has them, patches left out but for submodules.
func (r *Repository) fileDocuments(changed []fileChange, at *Commit) []object {
	documents := make([]object, 0, len(changed))
	for _, change := range changed {
		path := (&url.URL{Path: change.path}).EscapedPath()
		document := object{
			"sha": change.blob, "filename": change.path, "status": change.status, "additions": change.additions,
			"deletions": change.deletions, "changes": change.additions + change.deletions,
			"blob_url":     r.page() + "/blob/" + at.sha + "/" + path,
			"raw_url":      r.page() + "/raw/" + at.sha + "/" + path,
			"contents_url": r.api() + "/contents/" + path + "?ref=" + at.sha,
		}
		if change.patch != "" {
			document["patch"] = change.patch
		}
		documents = append(documents, document)
	}
	return documents
}

// headCommitDocument gives a commit as runs and pushes have it.
func (c *Commit) headCommitDocument() object {
	return object{
		"id": c.sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.committer.date),
		"author":    object{"name": c.author.name, "email": c.author.email},
		"committer": object{"name": c.committer.name, "email": c.committer.email},
	}
}

// simpleDocument gives the pull request as lists have it.
func (p *PullRequest) simpleDocument() object {
	r := p.repository
	api := fmt.Sprintf("%s/pulls/%d", r.api(), p.number)
	issue := fmt.Sprintf("%s/issues/%d", r.api(), p.number)
	page := fmt.Sprintf("%s/pull/%d", r.page(), p.number)
	statuses := r.api() + "/statuses/" + p.head.sha
	link := func(address string) object { return object{"href": address} }
	return object{
		"url": api, "id": p.id, "node_id": nodeID("PullRequest", p.id), "html_url": page, "diff_url": page + ".diff",
		"patch_url": page + ".patch", "issue_url": issue, "commits_url": api + "/commits",
		"review_comments_url": api + "/comments", "review_comment_url": r.api() + "/pulls/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": statuses, "number": p.number, "state": p.state, "locked": false,
		"title": p.title, "user": p.author.orNull(), "body": textOrNull(p.body), "labels": []object{}, "milestone": nil,
		"active_lock_reason": nil, "created_at": stamp(p.created), "updated_at": stamp(p.updated),
		"closed_at": stampOrNull(p.closed), "merged_at": stampOrNull(p.merged), "merge_commit_sha": p.mergeSHA(),
		"assignee": nil, "assignees": []object{}, "requested_reviewers": []object{}, "requested_teams": []object{},
		"head": p.headRepository.side(p.headBranch, p.head), "base": r.side(p.base, p.baseCommit),
		"author_association": r.association(p.author), "auto_merge": nil, "draft": p.draft,
		"_links": object{
			"self": link(api), "html": link(page), "issue": link(issue), "comments": link(issue + "/comments"),
			"review_comments": link(api + "/comments"), "review_comment": link(r.api() + "/pulls/comments{/number}"),
			"commits": link(api + "/commits"), "statuses": link(statuses),
		},
	}
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// side gives a pull request's head or base.
func (r *Repository) side(branch string, at *Commit) object {
	return object{
		"label": r.owner.login + ":" + branch, "ref": branch, "sha": at.sha, "user": r.owner.document(), "repo": r.document(),
	}
}

// document gives the pull request as "Get a pull request" answers it.
func (p *PullRequest) document() object {
	document := p.simpleDocument()
	changed := p.changes()
	additions, deletions := 0, 0
	for _, change := range changed {
		additions += change.additions
		deletions += change.deletions
	}
	mergeable, state := any(true), "clean"
	if p.state == "closed" {
		mergeable, state = nil, "unknown"
	}
	maps.Copy(document, object{
		"merged": p.mergeCommit != nil, "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state,
		"merged_by": p.mergedBy.orNull(), "comments": len(p.comments), "review_comments": 0, "maintainer_can_modify": false,
		"commits": len(p.commits()), "additions": additions, "deletions": deletions, "changed_files": len(changed),
	})
	return document
}

// reference gives the pull request as runs and check runs have it in pull_requests.
func (p *PullRequest) reference() object {
	side := func(r *Repository, branch string, at *Commit) object {
		return object{"ref": branch, "sha": at.sha, "repo": object{"id": r.id, "url": r.api(), "name": r.name}}
	}
	return object{
		"id": p.id, "number": p.number, "url": fmt.Sprintf("%s/pulls/%d", p.repository.api(), p.number),
		"head": side(p.headRepository, p.headBranch, p.head), "base": side(p.repository, p.base, p.baseCommit),
	}
}

// document gives the review as the REST API has it.
func (r *Review) document() object {
	pull := r.pull
	page := fmt.Sprintf("%s/pull/%d", pull.repository.page(), pull.number)
	own := fmt.Sprintf("%s#pullrequestreview-%d", page, r.id)
	api := fmt.Sprintf("%s/pulls/%d", pull.repository.api(), pull.number)
	return object{
		"id": r.id, "node_id": nodeID("PullRequestReview", r.id), "user": r.author.orNull(), "body": r.body, "state": r.state,
		"html_url": own, "pull_request_url": api, "author_association": pull.repository.association(r.author),
		"submitted_at": stamp(r.submitted), "commit_id": r.commit.sha,
		"_links": object{"html": object{"href": own}, "pull_request": object{"href": api}},
	}
}

// compareURL gives the page that shows a push.
func (r *Repository) compareURL(before, after string) string {
	if strings.Trim(before, "0") == "" {
		return r.page() + "/commit/" + after
	}
	return r.page() + "/compare/" + before[:12] + "..." + after[:12]
}
