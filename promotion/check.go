package promotion

import (
	"context"
	"strconv"
	"strings"
)

// CheckKey is the meaning of a commit's check run for an environment: its announcement's key, and what GitHub keeps as
// its external id.
func CheckKey(repository int64, environment string, commit Commit) string {
	return "check/" + strconv.FormatInt(repository, 10) + "/" + environment + "/" + commit.String()
}

// ButtonIdentifier is what a press of the check run's button sends: the environment's sequence at the time it was
// shown, so that a press from before a later change of the environment can be told. At most 20 characters.
func ButtonIdentifier(sequence int64) string { return "promote-" + strconv.FormatInt(sequence, 36) }

// ButtonSequence reads what ButtonIdentifier wrote.
func ButtonSequence(identifier string) (int64, bool) {
	text, found := strings.CutPrefix(identifier, "promote-")
	sequence, err := strconv.ParseInt(text, 36, 64)
	return sequence, found && err == nil && sequence >= 0
}

// Checks computes what the check runs of a commit show.
type Checks struct {
	History History
}

// For gives the announcements of the commit's check runs, one for each environment of the policy, from its records.
func (c Checks) For(ctx context.Context, repository Repository, policy LoadedPolicy, commit Commit, records map[string]Records, listed []Attempt) ([]Announcement, error) {
	var announcements []Announcement
	for _, environment := range policy.Policy.Environments {
		check, err := c.of(ctx, repository, policy, environment, commit, records, listed)
		if err != nil {
			return nil, err
		}
		announcements = append(announcements, announceCheck(check))
	}
	return announcements, nil
}

// ForInvalid gives the announcements that say that the policy is invalid: one for each environment that the file
// names, or one of the policy itself when it names none.
func (c Checks) ForInvalid(repository Repository, policy LoadedPolicy, commit Commit) []Announcement {
	names := policy.Environments
	if len(names) == 0 {
		names = []string{PolicyCheck}
	}
	var announcements []Announcement
	for _, name := range names {
		announcements = append(announcements, announceCheck(Check{
			Repository: repository, Environment: name, Commit: commit, State: CheckFailed,
			PolicyProblems: policy.Problems, PolicySource: policy.File.Source,
		}))
	}
	return announcements
}

// PolicyCheck is the name in place of an environment's under which a commit's check run says whether the policy file of
// that commit is valid. No environment can have it.
const PolicyCheck = "policy"

// ForPolicy gives the announcement of the check run that says whether a commit's own policy file is valid.
func (c Checks) ForPolicy(repository Repository, policy LoadedPolicy, commit Commit) Announcement {
	check := Check{
		Repository: repository, Environment: PolicyCheck, Commit: commit, State: CheckReady,
		PolicyProblems: policy.Problems, PolicySource: policy.File.Source,
	}
	if len(policy.Problems) > 0 {
		check.State = CheckFailed
	}
	return announceCheck(check)
}

func announceCheck(check Check) Announcement {
	return Announcement{
		Key: CheckKey(check.Repository.ID, check.Environment, check.Commit), Kind: AnnounceCheck,
		Repository: check.Repository, Check: &check,
	}
}

func (c Checks) of(ctx context.Context, repository Repository, policy LoadedPolicy, environment Environment, commit Commit, records map[string]Records, listed []Attempt) (Check, error) {
	check := Check{Repository: repository, Environment: environment.Name, Commit: commit, PolicySource: policy.File.Source}
	for _, image := range policy.Policy.Images {
		decision := Decide(Facts{
			Repository: repository, Policy: policy, Environment: environment, Image: image, Commit: commit,
			Records: records[image.Name], Listed: listed,
		})
		// An image that no run of this commit pushed is not waited for, as long as there is another.
		if decision.Digest.IsZero() && len(policy.Policy.Images) > 1 && !sighted(records[image.Name]) && anySighted(records) {
			continue
		}
		live, err := c.History.Live(ctx, repository.ID, environment.Name, image.Name)
		if err != nil {
			return Check{}, err
		}
		check.Decisions = append(check.Decisions, decision)
		if current, found := StandingOf(live).Current(); found && current.Commit == commit && current.Digest == decision.Digest && current.Kind != KindBaseline {
			check.Promotions = append(check.Promotions, current)
		}
	}
	check.State = checkState(check)
	if check.State == CheckReady && policy.Policy.Mode != Observe {
		sequence, err := c.History.Sequence(ctx, repository.ID, environment.Name)
		if err != nil {
			return Check{}, err
		}
		check.Button = ButtonIdentifier(sequence)
	}
	return check, nil
}

func checkState(check Check) CheckState {
	waiting := false
	for _, decision := range check.Decisions {
		for _, gate := range decision.Unmet() {
			switch gate.Reason {
			case ObserveOnly:
			case StageMissing, StageRunning, ImageMissing:
				waiting = true
			default:
				return CheckFailed
			}
		}
	}
	switch {
	case waiting || len(check.Decisions) == 0:
		return CheckWaiting
	case len(check.Promotions) == len(check.Decisions):
		return CheckPromoted
	}
	return CheckReady
}

func sighted(records Records) bool {
	for _, start := range records.Starts {
		if !start.Digest.IsZero() {
			return true
		}
	}
	for _, verification := range records.Verifications {
		if !verification.Digest.IsZero() {
			return true
		}
	}
	return false
}

func anySighted(records map[string]Records) bool {
	for _, of := range records {
		if sighted(of) {
			return true
		}
	}
	return false
}
