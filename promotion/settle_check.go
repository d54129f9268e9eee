package promotion

import "context"

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
	if !moved && request.Source != FromButton {
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
		checks, err := c.Checks.For(ctx, request.Repository, c.policy, commit, records, nil)
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
