package handlers

import (
	"context"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/promotion"
)

// PullRequestReview handles pull_request_review deliveries.
type PullRequestReview struct{ Requests PullRequestWatch }

// Handles gives the event's name.
func (PullRequestReview) Handles() []string { return []string{"pull_request_review"} }

// Handle takes reviews that say yes or no, and those that were dismissed. It returns a promotion.PermanentError for a body
// that is no such event.
func (h PullRequestReview) Handle(ctx context.Context, eventType, _ string, payload []byte) error {
	var event github.PullRequestReviewEvent
	if err := decode(eventType, payload, &event); err != nil {
		return err
	}
	review, pull := event.GetReview(), event.GetPullRequest()
	state := strings.ToUpper(review.GetState())
	dismissed := event.GetAction() == "dismissed"
	switch {
	case event.GetAction() != "submitted" && !dismissed, personOf(review.GetUser()).Bot:
		return nil
	case state != "APPROVED" && state != "CHANGES_REQUESTED" && state != "DISMISSED":
		return nil
	}
	repository, err := repositoryOf(eventType, event.GetRepo(), event.GetInstallation())
	if err != nil {
		return err
	}
	head, err := promotion.ParseCommit(pull.GetHead().GetSHA())
	if err != nil || review.GetID() <= 0 || review.GetUser().GetID() <= 0 || pull.GetNumber() <= 0 {
		return malformed(eventType, "expected a review with id and author of a pull request with number and head, found %d, %d, %d and %.90q",
			review.GetID(), review.GetUser().GetID(), pull.GetNumber(), pull.GetHead().GetSHA())
	}
	told := promotion.ReviewEvent{
		Repository: repository, Number: pull.GetNumber(), ID: review.GetID(), Dismissed: dismissed, Head: head,
		Review: promotion.Review{Person: personOf(review.GetUser()), State: state, Submitted: review.GetSubmittedAt().Time},
	}
	told.Review.Commit, _ = promotion.ParseCommit(review.GetCommitID()) // none: of a head that is gone
	if pull.MergedAt != nil {
		told.Merged, _ = promotion.ParseCommit(pull.GetMergeCommitSHA())
	}
	changes, err := h.Requests.Reviewed(ctx, told)
	return leave(ctx, changes, err)
}
