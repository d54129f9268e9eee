package githubtest

import (
	"maps"
	"slices"
	"strings"
)

const noCommit = "0000000000000000000000000000000000000000"

// announcePush announces that a branch or tag moved; nil is nothing there.
func (r *Repository) announcePush(ref string, before, after *Commit, pusher *account) {
	if pusher == nil {
		pusher = r.owner
	}
	if before == after {
		return
	}
	commits, first := r.newCommits(ref, before, after), map[*Commit]bool{}
	for _, commit := range commits {
		first[commit] = !r.known[commit]
		r.known[commit] = true
	}
	r.announce("push", "", pusher, func() object {
		from, to := noCommit, noCommit
		if before != nil {
			from = before.sha
		}
		if after != nil {
			to = after.sha
		}
		documents := make([]object, 0, len(commits))
		for _, commit := range commits {
			document := r.pushedDocument(commit)
			document["distinct"] = first[commit]
			documents = append(documents, document)
		}
		head := any(nil)
		if after != nil {
			head = r.pushedDocument(after)
		}
		return object{
			"ref": ref, "before": from, "after": to, "created": before == nil, "deleted": after == nil,
			"forced": before != nil && after != nil && !after.ancestors()[before], "base_ref": nil,
			"compare": r.compareURL(from, to), "commits": documents, "head_commit": head,
			"pusher":     object{"name": pusher.login, "email": pusher.login + "@users.noreply.github.com"},
			"repository": r.pushDocument(),
		}
	})
}

// newCommits gives the commits that a push brought, at most 2,048 as in GitHub's payloads. A tag brings none.
func (r *Repository) newCommits(ref string, before, after *Commit) []*Commit {
	if after == nil || strings.HasPrefix(ref, "refs/tags/") {
		return nil
	}
	commits := between(before, after)
	if before == nil {
		for name, head := range r.branches {
			if "refs/heads/"+name != ref {
				known := head.ancestors()
				commits = slices.DeleteFunc(commits, func(commit *Commit) bool { return known[commit] })
			}
		}
	}
	return commits[max(0, len(commits)-2048):]
}

func (r *Repository) pushedDocument(commit *Commit) object {
	document := commit.headCommitDocument()
	added, removed, modified := []string{}, []string{}, []string{}
	for _, change := range changes(commit.first(), commit) {
		switch change.status {
		case "added":
			added = append(added, change.path)
		case "removed":
			removed = append(removed, change.path)
		default:
			modified = append(modified, change.path)
		}
	}
	named := func(s signature) object {
		person := object{"name": s.name, "email": s.email}
		if s.account != nil {
			person["username"] = s.account.login
		}
		return person
	}
	maps.Copy(document, object{
		"distinct": true, "url": r.page() + "/commit/" + commit.sha, "author": named(commit.author),
		"committer": named(commit.committer), "added": added, "removed": removed, "modified": modified,
	})
	return document
}

// pushDocument gives the repository as push has it: two times are numbers, and the owner has a name.
func (r *Repository) pushDocument() object {
	document := r.document()
	owner := r.owner.document()
	owner["name"], owner["email"] = r.owner.login, nil
	maps.Copy(document, object{
		"owner": owner, "created_at": r.created.Unix(), "pushed_at": r.pushed.Unix(), "stargazers": 0, "master_branch": r.defaultBranch,
		"url": r.page(),
	})
	if r.owner.organisation != nil {
		document["organization"] = r.owner.login
	}
	return document
}
