package promotion

import (
	"context"
	"slices"
)

// checks gives the check runs that the request changes: of the commit it was about, and after a rollback of the
// commits that the environment left and went to.
func (c *carrying) checks(ctx context.Context, request Request) ([]Announcement, error) {
	if !c.policy.Valid() || request.Answer.Environment == "" {
		return nil, nil
	}
	commits := []Commit{request.Answer.Commit}
	moved := false
	for _, outcome := range request.Answer.Outcomes {
		moved = moved || outcome.Result == ResultPromoted || outcome.Result == ResultRolledBack
		if outcome.Result == ResultRolledBack {
			commits = append(commits, outcome.Promotion.Commit, outcome.Promotion.FromCommit)
		}
	}
	if overwritten := c.overwritten(request); len(overwritten) > 0 {
		return overwritten, nil
	}
	pauses := len(request.Answer.pauses()) > 0
	acted := request.Answer.Result == ResultInformed && slices.Contains([]Verb{VerbApprove, VerbOverride, VerbHold, VerbResume}, request.Command.Verb)
	if !moved && !acted && !pauses && request.Source != FromButton {
		return nil, nil
	}
	var announcements []Announcement
	seen := map[Commit]bool{{}: true}
	for _, commit := range commits {
		if seen[commit] {
			continue
		}
		seen[commit] = true
		records, err := c.Records.Records(ctx, request.Repository.ID, commit)
		if err != nil {
			return nil, err
		}
		known := c.Checks
		known.places = c.places()
		checks, err := known.For(ctx, request.Repository, c.policy, commit, records, nil)
		if err != nil {
			return nil, err
		}
		for _, announcement := range checks {
			if announcement.Check.Environment != request.Answer.Environment {
				continue
			}
			if request.Source == FromButton {
				announcement.Check.Pressed = &request.Answer
			}
			announcements = append(announcements, announcement)
		}
	}
	return announcements, nil
}

// overwritten gives the failing check run of a commit whose tag was found to name another digest, and the notice of it. The
// records do not tell: no stage has seen it.
func (c *carrying) overwritten(request Request) []Announcement {
	check := Check{
		Repository: request.Repository, Environment: request.Answer.Environment, Commit: request.Answer.Commit, State: CheckFailed, PolicySource: c.policy.File.Source,
	}
	var notices []Announcement
	for _, outcome := range request.Answer.Outcomes {
		decision := outcome.Decision
		decision.Gates = slices.DeleteFunc(slices.Clone(decision.Gates), func(gate Gate) bool { return gate.Reason == NotAuthorised })
		check.Decisions = append(check.Decisions, decision)
		for _, gate := range decision.Unmet() {
			if gate.Reason == DigestMoved {
				notices = append(notices, c.Observer.moved(request.Repository, c.policy.Policy, Verification{
					Image: decision.Image, Commit: decision.Commit, Detail: gate.Name + " " + gate.Actual + ", expected that it " + gate.Expected, Failure: DigestMoved,
				})...)
			}
		}
	}
	if len(notices) == 0 && !check.overwritten() {
		return nil
	}
	if request.Source == FromButton {
		check.Pressed = &request.Answer
	}
	return append(notices, announceCheck(check))
}
