package githubtest

import "fmt"

// document gives the workflow.
func (w *workflow) document(r *Repository) object {
	api := fmt.Sprintf("%s/actions/workflows/%d", r.api(), w.id)
	return object{
		"id": w.id, "node_id": nodeID("Workflow", w.id), "name": w.name, "path": w.path, "state": "active",
		"created_at": stamp(w.created), "updated_at": stamp(w.created), "url": api,
		"html_url": r.page() + "/blob/" + r.defaultBranch + "/" + w.path, "badge_url": r.page() + "/workflows/" + w.name + "/badge.svg",
	}
}

// document gives the run as it is, or was, at an attempt.
func (run *Run) document(number int) object {
	r := run.repository
	at := run.attempts[number-1]
	api := fmt.Sprintf("%s/actions/runs/%d", r.api(), run.id)
	pulls := []object{}
	if run.headRepository == r { // facts: empty for forks
		for _, pull := range run.pulls {
			if pull.state == "open" { // one that is closed is taken out
				pulls = append(pulls, pull.reference())
			}
		}
	}
	previous := any(nil)
	if number > 1 {
		previous = fmt.Sprintf("%s/attempts/%d", api, number-1)
	}
	return object{
		"id": run.id, "name": run.workflow.name, "node_id": nodeID("WorkflowRun", run.id), "head_branch": run.headBranch,
		"head_sha": run.head.sha, "path": run.workflow.path + run.pathSuffix, "display_title": run.title,
		"run_number": run.number, "event": run.event, "status": at.status, "conclusion": textOrNull(at.conclusion),
		"workflow_id": run.workflow.id, "check_suite_id": run.suite, "check_suite_node_id": nodeID("CheckSuite", run.suite),
		"url": api, "html_url": fmt.Sprintf("%s/actions/runs/%d", r.page(), run.id), "pull_requests": pulls,
		"created_at": stamp(run.created), "updated_at": stamp(at.updated), "actor": run.actor.document(),
		"run_attempt": number, "referenced_workflows": []object{}, "run_started_at": stamp(at.started),
		"triggering_actor": at.actor.document(), "jobs_url": api + "/jobs", "logs_url": api + "/logs",
		"check_suite_url": fmt.Sprintf("%s/check-suites/%d", r.api(), run.suite), "artifacts_url": api + "/artifacts",
		"cancel_url": api + "/cancel", "rerun_url": api + "/rerun", "previous_attempt_url": previous,
		"workflow_url": fmt.Sprintf("%s/actions/workflows/%d", r.api(), run.workflow.id),
		"head_commit":  run.head.headCommitDocument(), "repository": r.minimalDocument(),
		"head_repository": run.headRepository.minimalDocument(),
	}
}

// document gives the job. It names neither the workflow's path nor the event nor the head repository.
func (job *Job) document() object {
	r := job.run.repository
	document := object{
		"id": job.id, "run_id": job.run.id, "workflow_name": job.run.workflow.name, "head_branch": job.run.headBranch,
		"run_url":     fmt.Sprintf("%s/actions/runs/%d", r.api(), job.run.id),
		"run_attempt": job.attempt, "node_id": nodeID("CheckRun", job.id), "head_sha": job.run.head.sha,
		"url":      fmt.Sprintf("%s/actions/jobs/%d", r.api(), job.id),
		"html_url": fmt.Sprintf("%s/actions/runs/%d/job/%d", r.page(), job.run.id, job.id), "status": job.status,
		"conclusion": textOrNull(job.conclusion), "created_at": stamp(job.created), "started_at": stamp(job.started),
		"completed_at": stampOrNull(job.completed), "name": job.name, "steps": job.steps(),
		"check_run_url": fmt.Sprintf("%s/check-runs/%d", r.api(), job.id), "labels": []string{"ubuntu-latest"},
		"runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil,
	}
	if job.status != "queued" && job.conclusion != "skipped" {
		document["runner_id"], document["runner_name"] = 21, "GitHub Actions 21"
		document["runner_group_id"], document["runner_group_name"] = 2, "GitHub Actions"
	}
	return document
}

func (job *Job) steps() []object {
	if job.status == "queued" || job.conclusion == "skipped" {
		return []object{}
	}
	return []object{{
		"name": "Set up job", "status": job.status, "conclusion": textOrNull(job.conclusion), "number": 1,
		"started_at": stamp(job.started), "completed_at": stampOrNull(job.completed),
	}}
}

// document gives the artifact.
func (a *Artifact) document() object {
	r := a.run.repository
	api := fmt.Sprintf("%s/actions/artifacts/%d", r.api(), a.id)
	return object{
		"id": a.id, "node_id": nodeID("Artifact", a.id), "name": a.name, "size_in_bytes": len(a.archive), "url": api,
		"archive_download_url": api + "/zip", "expired": a.expired(), "created_at": stamp(a.created),
		"updated_at": stamp(a.created), "expires_at": stamp(a.expires), "digest": "sha256:" + sha256Hex(a.archive),
		"workflow_run": object{
			"id": a.run.id, "repository_id": r.id, "head_repository_id": a.run.headRepository.id,
			"head_branch": a.run.headBranch, "head_sha": a.run.head.sha,
		},
	}
}
