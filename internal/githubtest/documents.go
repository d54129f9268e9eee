package githubtest

import (
	"fmt"
	"maps"
	"net/url"
)

// document gives the account as the schema simple-user has it.
func (a *account) document() object {
	if a == nil {
		return nil
	}
	api := a.server.base + "/users/" + url.PathEscape(a.login)
	page := a.server.web + "/" + a.login
	if a == a.server.app.bot {
		page = a.server.web + "/apps/" + a.server.app.slug
	}
	return object{
		"login": a.login, "id": a.id, "node_id": nodeID(a.kind, a.id), "gravatar_id": "",
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", a.id),
		"url":        api, "html_url": page, "followers_url": api + "/followers",
		"following_url": api + "/following{/other_user}", "gists_url": api + "/gists{/gist_id}",
		"starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": a.kind, "site_admin": false, "user_view_type": "public",
	}
}

// orNull gives the account's document, or JSON's null. A nil map alone would be null too, but not inside an interface
// that schemas look at.
func (a *account) orNull() any {
	if a == nil {
		return nil
	}
	return a.document()
}

// organizationDocument gives what payloads have in "organization".
func (a *account) organizationDocument() object {
	api := a.server.base + "/orgs/" + a.login
	return object{
		"login": a.login, "id": a.id, "node_id": nodeID("Organization", a.id), "url": api, "repos_url": api + "/repos",
		"events_url": api + "/events", "hooks_url": api + "/hooks", "issues_url": api + "/issues",
		"members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}",
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", a.id), "description": "",
	}
}

// repositoryURLs are the addresses that every repository document has, with what follows the repository's own.
var repositoryURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
	"comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
	"contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}",
	"git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks",
	"issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
	"languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}",
	"notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}", "url": "",
}

func (r *Repository) api() string { return r.server.base + "/repos/" + r.fullName() }

func (r *Repository) page() string { return r.server.web + "/" + r.fullName() }

// minimalDocument gives the repository as it is inside of runs: names and addresses. It is kept until one of them changes.
func (r *Repository) minimalDocument() object {
	if r.minimal != nil {
		return r.minimal
	}
	document := object{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.fullName(),
		"private": r.private, "owner": r.owner.document(), "html_url": r.page(), "description": nil, "fork": r.parent != nil,
	}
	for key, path := range repositoryURLs {
		document[key] = r.api() + path
	}
	r.minimal = document
	return document
}

// document gives the repository as pull requests and webhooks have it.
func (r *Repository) document() object {
	document := maps.Clone(r.minimalDocument())
	maps.Copy(document, object{
		"git_url": "git://" + r.page() + ".git", "ssh_url": "git@" + r.fullName() + ".git", "clone_url": r.page() + ".git",
		"svn_url": r.page(), "mirror_url": nil, "homepage": nil, "language": "Go", "forks_count": 0, "forks": 0,
		"stargazers_count": 0, "watchers_count": 0, "watchers": 0, "size": 108, "default_branch": r.defaultBranch,
		"open_issues_count": r.openIssues(), "open_issues": r.openIssues(), "is_template": false, "topics": []string{},
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true,
		"has_discussions": false, "archived": false, "disabled": false, "visibility": r.visibility(), "license": nil,
		"pushed_at": stamp(r.pushed), "created_at": stamp(r.created), "updated_at": stamp(r.pushed),
		"allow_forking": true, "web_commit_signoff_required": false,
	})
	return document
}

// fullDocument gives the repository as "Get a repository" answers it.
func (r *Repository) fullDocument() object {
	document := r.document()
	maps.Copy(document, object{
		"subscribers_count": 0, "network_count": 0, "temp_clone_token": "", "custom_properties": object{},
		"permissions": object{"admin": false, "maintain": false, "push": false, "triage": false, "pull": false},
	})
	if r.owner.organisation != nil {
		document["organization"] = r.owner.document()
	}
	if r.parent != nil {
		document["parent"], document["source"] = r.parent.document(), r.parent.document()
	}
	return document
}

func (r *Repository) visibility() string {
	if r.private {
		return "private"
	}
	return "public"
}

func (r *Repository) openIssues() int {
	count := 0
	for _, issue := range r.issues {
		if issue.state == "open" {
			count++
		}
	}
	for _, pull := range r.pulls {
		if pull.state == "open" {
			count++
		}
	}
	return count
}

// document gives the app as the schema integration has it.
func (a *application) document() object {
	return object{
		"id": a.id, "slug": a.slug, "node_id": nodeID("App", a.id), "client_id": "Iv23lidemodemodemode", "owner": a.owner.document(),
		"name": a.server.appName(), "description": "Ship what you tested.", "external_url": appHomepage,
		"html_url": a.server.web + "/apps/" + a.slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": a.server.options.Permissions, "events": a.server.options.Events,
	}
}

// appHomepage is where check runs point that name no details_url.
const appHomepage = "https://example.com/verbatim"

func (s *Server) appName() string {
	if s.options.AppSlug == "verbatim" {
		return "Verbatim"
	}
	return s.options.AppSlug
}

// document gives the installation.
func (i *Installation) document() object {
	page := fmt.Sprintf("%s/settings/installations/%d", i.server.web, i.id)
	if i.account.organisation != nil {
		page = fmt.Sprintf("%s/organizations/%s/settings/installations/%d", i.server.web, i.account.login, i.id)
	}
	return object{
		"id": i.id, "account": i.account.document(), "repository_selection": i.selection(),
		"access_tokens_url": fmt.Sprintf("%s/app/installations/%d/access_tokens", i.server.base, i.id),
		"repositories_url":  i.server.base + "/installation/repositories", "html_url": page, "app_id": i.server.app.id,
		"app_slug": i.server.app.slug, "client_id": "Iv23lidemodemodemode", "target_id": i.account.id, "target_type": i.account.kind,
		"permissions": maps.Clone(i.permissions), "events": i.events, "created_at": stamp(i.created), "updated_at": stamp(i.updated),
		"single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": i.suspendedBy.orNull(), "suspended_at": stampOrNull(i.suspended),
	}
}

// document gives the team as "Get a team by name" answers it.
func (t *Team) document() object {
	document := t.simpleDocument()
	document["parent"] = nil
	if t.parent != nil {
		document["parent"] = t.parent.simpleDocument()
	}
	count := 0
	for _, account := range t.server().accounts {
		if member := t.membership(account.id); member != nil && member.state == "active" {
			count++
		}
	}
	organisation := t.organisation.organizationDocument()
	maps.Copy(organisation, object{
		"name": t.organisation.login, "html_url": t.server().web + "/" + t.organisation.login, "type": "Organization",
		"is_verified": false, "has_organization_projects": true, "has_repository_projects": true, "public_repos": 0,
		"public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": stamp(t.organisation.created), "updated_at": stamp(t.organisation.created),
	})
	maps.Copy(document, object{
		"members_count": count, "repos_count": len(t.roles), "created_at": stamp(t.created), "updated_at": stamp(t.created),
		"organization": organisation,
	})
	return document
}

func (t *Team) simpleDocument() object {
	api := fmt.Sprintf("%s/organizations/%d/team/%d", t.server().base, t.organisation.id, t.id)
	privacy := "closed"
	if t.secret {
		privacy = "secret"
	}
	return object{
		"id": t.id, "node_id": nodeID("Team", t.id), "url": api, "name": t.name, "slug": t.slug, "description": nil,
		"html_url": t.server().web + "/orgs/" + t.organisation.login + "/teams/" + t.slug, "privacy": privacy,
		"notification_setting": "notifications_enabled", "permission": "pull", "members_url": api + "/members{/member}",
		"repositories_url": api + "/repos", "type": "organization", "organization_id": t.organisation.id,
	}
}
