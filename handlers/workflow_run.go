package handlers

import (
	"context"
	"encoding/json"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// RunObserver takes what GitHub announces of workflow runs.
type RunObserver interface {
	RunChanged(ctx context.Context, event promotion.RunEvent) (promotion.Changes, error)
}

// WorkflowRun handles workflow_run deliveries.
type WorkflowRun struct{ Observer RunObserver }

// Handles gives the event's name.
func (WorkflowRun) Handles() []string { return []string{"workflow_run"} }

// Handle takes runs that were requested, began or ended. It returns a promotion.PermanentError for a body that is no such event.
func (h WorkflowRun) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.WorkflowRunEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	switch event.GetAction() {
	case "requested", "in_progress", "completed":
	default:
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	announced := event.GetWorkflowRun()
	commit, err := promotion.ParseCommit(announced.GetHeadSHA())
	if err != nil || announced.GetID() <= 0 {
		return malformed(eventType, "expected a run with id and head_sha, found %d and %.90q", announced.GetID(), announced.GetHeadSHA())
	}
	path := promotion.WorkflowPath(event.GetWorkflow().GetPath())
	if path == "" {
		path = runPath(payload)
	}
	changes, err := h.Observer.RunChanged(ctx, promotion.RunEvent{
		Repository: repository, Action: event.GetAction(),
		Run: promotion.Run{
			ID: announced.GetID(), Attempt: max(announced.GetRunAttempt(), 1), Commit: commit, Path: path, Event: announced.GetEvent(),
			HeadBranch: announced.GetHeadBranch(), HeadRepository: announced.GetHeadRepository().GetID(), Repository: repository.ID,
			Status: announced.GetStatus(), Conclusion: announced.GetConclusion(), Created: announced.GetCreatedAt().Time,
			Started: announced.GetRunStartedAt().Time, Updated: announced.GetUpdatedAt().Time, URL: announced.GetHTMLURL(),
		},
	})
	return leave(ctx, changes, err)
}

// runPath reads the workflow's path from the run itself, which go-github v60 has no field for. The workflow of a run can
// be null.
func runPath(payload []byte) string {
	var event struct {
		Run struct {
			Path string `json:"path"`
		} `json:"workflow_run"`
	}
	if json.Unmarshal(payload, &event) != nil {
		return ""
	}
	return promotion.WorkflowPath(event.Run.Path)
}
