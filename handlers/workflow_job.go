package handlers

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// JobObserver takes what GitHub announces of workflow jobs.
type JobObserver interface {
	JobChanged(ctx context.Context, event promotion.JobEvent) (promotion.Changes, error)
}

// WorkflowJob handles workflow_job deliveries.
type WorkflowJob struct{ Observer JobObserver }

// Handles gives the event's name.
func (WorkflowJob) Handles() []string { return []string{"workflow_job"} }

// Handle takes jobs that began or ended. It returns a promotion.PermanentError for a body that is no such event.
func (h WorkflowJob) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.WorkflowJobEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	switch event.GetAction() {
	case "in_progress", "completed":
	default:
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	announced := event.GetWorkflowJob()
	commit, err := promotion.ParseCommit(announced.GetHeadSHA())
	if err != nil || announced.GetID() <= 0 || announced.GetRunID() <= 0 {
		return malformed(eventType, "expected a job with id, run_id and head_sha, found %d, %d and %.90q", announced.GetID(), announced.GetRunID(), announced.GetHeadSHA())
	}
	changes, err := h.Observer.JobChanged(ctx, promotion.JobEvent{
		Repository: repository, Action: event.GetAction(), Run: announced.GetRunID(), Commit: commit,
		Job: promotion.Job{
			ID: announced.GetID(), Run: announced.GetRunID(), Attempt: int(max(announced.GetRunAttempt(), 1)), Name: announced.GetName(),
			Status: announced.GetStatus(), Conclusion: announced.GetConclusion(),
			Started: announced.GetStartedAt().Time, Completed: announced.GetCompletedAt().Time, URL: announced.GetHTMLURL(),
		},
	})
	return leave(ctx, changes, err)
}
