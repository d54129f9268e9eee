package githubtest

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The examples are GitHub's published webhook payloads, from the npm package @octokit/webhooks-examples 7.6.1 (MIT). See
// examples/NOTICE.
//
//go:embed examples/*.json
var exampleFiles embed.FS

// They are read when the first webhook is made: a program that has this package in it pays nothing until then.
var examples = sync.OnceValue(readExamples)

func readExamples() map[string]object {
	entries, err := exampleFiles.ReadDir("examples")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	read := map[string]object{}
	for _, entry := range entries {
		content, err := exampleFiles.ReadFile("examples/" + entry.Name())
		if err != nil {
			panic(err)
		}
		var example object
		if err := json.Unmarshal(content, &example); err != nil {
			panic(fmt.Sprintf("githubtest: example %s: %v", entry.Name(), err))
		}
		read[strings.TrimSuffix(entry.Name(), ".json")] = example
	}
	return read
}

// overlay puts a document of the world over an example: what the world knows wins, objects are merged. Neither is changed.
func overlay(under, over object) object {
	merged := maps.Clone(under)
	for key, value := range over {
		below, isObject := merged[key].(object)
		above, alsoObject := value.(object)
		if isObject && alsoObject && above != nil {
			merged[key] = overlay(below, above)
			continue
		}
		merged[key] = value
	}
	return merged
}

// eventPermissions are the permissions without which an installation is not told of an event ("Webhook events and payloads",
// under each event's "Availability" and requirements). Any one suffices.
var eventPermissions = map[string][]permission{
	"commit_comment": {read("contents")}, "repository": {read("metadata")},
	"check_run": {read("checks")}, "issue_comment": {read("issues"), read("pull_requests")},
	"pull_request": {read("pull_requests")}, "pull_request_review": {read("pull_requests")}, "push": {read("contents")},
	"workflow_job": {read("actions")}, "workflow_run": {read("actions")},
}

// listens reports whether the installation is told of the event.
func (i *Installation) listens(event string) bool {
	if i == nil || !i.suspended.IsZero() || !slices.Contains(i.events, event) {
		return false
	}
	return slices.ContainsFunc(eventPermissions[event], func(p permission) bool { return covers(i.permissions[p.name], p.level) })
}

// announce sends an event of a repository to the app, if it is installed there, may know and listens.
func (r *Repository) announce(event, action string, sender *account, payload func() object) {
	s, installation := r.server, r.installation()
	if s.hook.url == "" || s.muted > 0 || !installation.listens(event) {
		return
	}
	if sender == nil {
		sender = r.owner
	}
	over := payload()
	if action != "" {
		over["action"] = action
	}
	if over["repository"] == nil {
		over["repository"] = r.document()
	}
	over["sender"] = sender.document()
	over["installation"] = object{"id": installation.id, "node_id": nodeID("IntegrationInstallation", installation.id)}
	if r.owner.organisation != nil {
		over["organization"] = r.owner.organizationDocument()
	}
	body := over
	if example, found := examples()[event]; found {
		body = overlay(example, over)
	}
	if r.owner.organisation == nil {
		delete(body, "organization")
	}
	s.enqueue(event, action, installation.id, r.id, body)
}

// announceRepository announces what became of the repository itself. There is no example of it: all that it has is the world's.
func (r *Repository) announceRepository(action string, changes object) {
	r.announce("repository", action, nil, func() object {
		if changes == nil {
			return object{}
		}
		return object{"changes": changes}
	})
}

func (r *Repository) announceRun(run *Run, action string) {
	r.announce("workflow_run", action, run.latest().actor, func() object {
		document := run.document(run.latest().number)
		if action == "in_progress" || action == "requested" {
			document["conclusion"] = nil
		}
		return object{"workflow_run": document, "workflow": run.workflow.document(r)}
	})
}

func (r *Repository) announceJob(job *Job, action string) {
	r.announce("workflow_job", action, job.run.latest().actor, func() object {
		return object{"workflow_job": job.document()}
	})
}

func (r *Repository) announceComment(comment *Comment, action string, sender *account, more object) {
	r.announce("issue_comment", action, sender, func() object {
		payload := object{"issue": comment.issue.document(), "comment": comment.document()}
		maps.Copy(payload, more)
		return payload
	})
}

func (r *Repository) announcePull(pull *PullRequest, action string, sender *account, more object) {
	r.announce("pull_request", action, sender, func() object {
		payload := object{"number": pull.number, "pull_request": pull.document()}
		maps.Copy(payload, more)
		return payload
	})
}

// announceReview: the payload has the state in lower case, and of the pull request no more than lists have.
func (r *Repository) announceReview(review *Review, action string, sender *account) {
	r.announce("pull_request_review", action, sender, func() object {
		document := review.document()
		document["state"] = strings.ToLower(review.state)
		document["body"] = textOrNull(review.body)
		return object{"review": document, "pull_request": review.pull.simpleDocument()}
	})
}

func (s *Server) announceCheckRun(check *CheckRun, action string, sender *account, more object) {
	r := check.repository
	r.announce("check_run", action, sender, func() object {
		document := check.document()
		document["check_suite"] = object{
			"id": check.suite, "node_id": nodeID("CheckSuite", check.suite), "head_branch": r.branchOf(check.head),
			"head_sha": check.head.sha, "status": check.state.Status, "conclusion": textOrNull(check.state.Conclusion),
			"url": fmt.Sprintf("%s/check-suites/%d", r.api(), check.suite), "before": nil, "after": check.head.sha,
			"pull_requests": document["pull_requests"], "app": document["app"], "created_at": stamp(check.created),
			"updated_at": stamp(s.now()),
		}
		payload := object{"check_run": document, "requested_action": nil}
		maps.Copy(payload, more)
		return payload
	})
}

// branchOf gives a branch whose head the commit is, or null.
func (r *Repository) branchOf(commit *Commit) any {
	for _, name := range slices.Sorted(maps.Keys(r.branches)) {
		if r.branches[name] == commit {
			return name
		}
	}
	return nil
}
