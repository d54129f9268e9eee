package githubtest

import "fmt"

// reactionContents are the reactions there are.
var reactionContents = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

// document gives the issue as payloads of issue_comment have it.
func (i *Issue) document() object {
	api := fmt.Sprintf("%s/issues/%d", i.repository.api(), i.number)
	document := object{
		"url": api, "repository_url": i.repository.api(), "labels_url": api + "/labels{/name}", "comments_url": api + "/comments",
		"events_url": api + "/events", "html_url": i.page(), "id": i.id, "node_id": nodeID("Issue", i.id), "number": i.number,
		"title": i.title, "user": i.author.orNull(), "labels": []object{}, "state": i.state, "locked": false, "assignee": nil,
		"assignees": []object{}, "milestone": nil, "comments": len(i.comments), "created_at": stamp(i.created),
		"updated_at": stamp(i.updated), "closed_at": stampOrNull(i.closed), "state_reason": nil,
		"author_association": i.repository.association(i.author), "active_lock_reason": nil, "body": textOrNull(i.body),
		"reactions": rollup(api+"/reactions", nil), "timeline_url": api + "/timeline", "performed_via_github_app": nil,
	}
	if i.pull == nil {
		return document
	}
	document["draft"] = i.pull.draft
	document["pull_request"] = object{
		"url":      fmt.Sprintf("%s/pulls/%d", i.repository.api(), i.number),
		"html_url": i.page(), "diff_url": i.page() + ".diff", "patch_url": i.page() + ".patch",
		"merged_at": stampOrNull(i.pull.merged),
	}
	return document
}

func (i *Issue) page() string {
	if i.pull != nil {
		return fmt.Sprintf("%s/pull/%d", i.repository.page(), i.number)
	}
	return fmt.Sprintf("%s/issues/%d", i.repository.page(), i.number)
}

// document gives the comment.
func (c *Comment) document() object {
	r := c.issue.repository
	api := fmt.Sprintf("%s/issues/comments/%d", r.api(), c.id)
	document := object{
		"url": api, "html_url": fmt.Sprintf("%s#issuecomment-%d", c.issue.page(), c.id),
		"issue_url": fmt.Sprintf("%s/issues/%d", r.api(), c.issue.number), "id": c.id, "node_id": nodeID("IssueComment", c.id),
		"user": c.author.orNull(), "created_at": stamp(c.created), "updated_at": stamp(c.updated),
		"author_association": r.association(c.author), "body": c.body, "reactions": rollup(api+"/reactions", c.reactions),
		"performed_via_github_app": nil,
	}
	if c.byApp {
		document["performed_via_github_app"] = r.server.app.document()
	}
	return document
}

func rollup(address string, reactions []*reaction) object {
	counts := map[string]int{}
	for _, reaction := range reactions {
		counts[reaction.content]++
	}
	document := object{"url": address, "total_count": len(reactions)}
	for _, content := range reactionContents {
		document[content] = counts[content]
	}
	return document
}

func (r *reaction) document() object {
	return object{
		"id": r.id, "node_id": nodeID("Reaction", r.id), "user": r.user.orNull(), "content": r.content, "created_at": stamp(r.created),
	}
}

// document gives the check run.
func (c *CheckRun) document() object {
	r := c.repository
	api := fmt.Sprintf("%s/check-runs/%d", r.api(), c.id)
	page := fmt.Sprintf("%s/runs/%d", r.page(), c.id)
	details := c.state.DetailsURL
	if details == "" {
		details = appHomepage
	}
	output := object{
		"title": nil, "summary": nil, "text": nil, "annotations_count": 0, "annotations_url": api + "/annotations",
	}
	if c.state.HasOutput {
		output["title"], output["summary"], output["text"] = textOrNull(c.state.Title), c.state.Summary, textOrNull(c.state.Text)
	}
	pulls := []object{}
	for _, pull := range r.pulls {
		if pull.state == "open" && pull.head == c.head && pull.headRepository == r {
			pulls = append(pulls, pull.reference())
		}
	}
	return object{
		"id": c.id, "name": c.state.Name, "node_id": nodeID("CheckRun", c.id), "head_sha": c.head.sha,
		"external_id": c.state.ExternalID, "url": api, "html_url": page, "details_url": details, "status": c.state.Status,
		"conclusion": textOrNull(c.state.Conclusion), "started_at": stampOrNull(c.state.Started),
		"completed_at": stampOrNull(c.state.Ended), "output": output, "check_suite": object{"id": c.suite},
		"app": r.server.app.document(), "pull_requests": pulls,
	}
}

func (status *CommitStatus) document(r *Repository) object {
	return object{
		"url": r.api() + "/statuses/" + status.SHA, "id": status.ID, "node_id": nodeID("StatusContext", status.ID),
		"avatar_url": status.creator.document()["avatar_url"], "state": status.State, "description": textOrNull(status.Description),
		"target_url": textOrNull(status.TargetURL), "context": status.Context, "created_at": stamp(status.created),
		"updated_at": stamp(status.created), "creator": status.creator.document(),
	}
}

// document gives the deployment.
func (d *Deployment) document() object {
	api := fmt.Sprintf("%s/deployments/%d", d.repository.api(), d.id)
	return object{
		"url": api, "id": d.id, "node_id": nodeID("Deployment", d.id), "sha": d.commit.sha, "ref": d.ref, "task": d.task,
		"payload": d.payload, "original_environment": d.environment, "environment": d.environment,
		"description": d.description, "creator": d.creator.document(), "created_at": stamp(d.created),
		"updated_at": stamp(d.updated), "statuses_url": api + "/statuses", "repository_url": d.repository.api(),
		"transient_environment": d.transient, "production_environment": d.production,
		"performed_via_github_app": d.repository.server.app.document(),
	}
}

func (d *Deployment) statusDocument(status DeploymentStatus) object {
	api := fmt.Sprintf("%s/deployments/%d", d.repository.api(), d.id)
	return object{
		"url": fmt.Sprintf("%s/statuses/%d", api, status.ID), "id": status.ID, "node_id": nodeID("DeploymentStatus", status.ID),
		"state": status.State, "creator": status.creator.document(), "description": status.Description,
		"environment": status.Environment, "target_url": status.LogURL, "created_at": stamp(status.created),
		"updated_at": stamp(status.created), "deployment_url": api, "repository_url": d.repository.api(),
		"environment_url": status.EnvironmentURL, "log_url": status.LogURL,
		"performed_via_github_app": d.repository.server.app.document(),
	}
}
