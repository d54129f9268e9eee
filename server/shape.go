package server

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// shape is as much of a delivery as the door looks at: whether it can be the event that its header names, and what it
// is about, so that what is about the same thing is worked off in turn.
type shape struct {
	Repository struct {
		ID int64 `json:"id"`
	} `json:"repository"`
	WorkflowRun *headed        `json:"workflow_run"`
	WorkflowJob *headed        `json:"workflow_job"`
	CheckRun    *headed        `json:"check_run"`
	Comment     *commented     `json:"comment"`
	Issue       *numbered      `json:"issue"`
	PullRequest *numbered      `json:"pull_request"`
	Review      *struct{}      `json:"review"`
	Ref         jsontext.Value `json:"ref"`
	After       jsontext.Value `json:"after"`
}

type headed struct {
	HeadSHA string `json:"head_sha"`
}

type commented struct {
	CommitID string `json:"commit_id"`
}

type numbered struct {
	Number int64 `json:"number"`
}

// readShape reads the essentials of a delivery. It returns an error for one that lacks what every delivery of the event
// has: the signature covers the body only, so that the event's name can be anybody's.
func readShape(event string, essentials []byte) (shape, error) {
	var read shape
	if err := json.Unmarshal(essentials, &read, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return shape{}, fmt.Errorf("the body is not the JSON of a %s event", event)
	}
	fits := map[string]bool{
		"workflow_run": read.WorkflowRun != nil && read.WorkflowJob == nil && read.CheckRun == nil,
		"workflow_job": read.WorkflowJob != nil && read.WorkflowRun == nil && read.CheckRun == nil,
		"check_run":    read.CheckRun != nil && read.WorkflowRun == nil && read.WorkflowJob == nil,

		"issue_comment": read.Comment != nil && read.Issue != nil && read.Review == nil,
		"pull_request":  read.PullRequest != nil && read.Comment == nil && read.Review == nil,

		"commit_comment":      read.Comment != nil && read.Issue == nil && read.PullRequest == nil && read.Comment.CommitID != "",
		"pull_request_review": read.PullRequest != nil && read.Comment == nil && read.Review != nil,

		"push":       read.Ref != nil && read.After != nil,
		"repository": read.bare(),
	}
	if known, isKnown := fits[event]; isKnown && (!known || read.Repository.ID <= 0) {
		return shape{}, fmt.Errorf("the body is not that of a %s event", event)
	}
	return read, nil
}

// bare reports whether the delivery is about nothing but a repository.
func (s shape) bare() bool {
	return s.Ref == nil && s.Comment == nil && s.Issue == nil && s.PullRequest == nil && s.Review == nil && s.WorkflowRun == nil && s.WorkflowJob == nil && s.CheckRun == nil
}

// queue names what the delivery is about.
func (s shape) queue(event string) string {
	repository := strconv.FormatInt(s.Repository.ID, 10)
	switch {
	case s.WorkflowRun != nil:
		return "commit/" + repository + "/" + s.WorkflowRun.HeadSHA
	case s.WorkflowJob != nil:
		return "commit/" + repository + "/" + s.WorkflowJob.HeadSHA
	case s.CheckRun != nil:
		return "commit/" + repository + "/" + s.CheckRun.HeadSHA
	case s.Comment != nil && s.Issue == nil && s.PullRequest == nil:
		return "commit/" + repository + "/" + s.Comment.CommitID
	case s.Issue != nil:
		return "issue/" + repository + "/" + strconv.FormatInt(s.Issue.Number, 10)
	case s.PullRequest != nil:
		return "issue/" + repository + "/" + strconv.FormatInt(s.PullRequest.Number, 10)
	}
	return event + "/" + repository
}
