package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Agreement is one person's agreement to a promotion, by command or by an approving review.
type Agreement struct {
	Person  Person
	By      string // "command" or "review"
	Counts  bool
	Because string // why it does not count
}

// ApprovalsFact is what is known of who agreed. Err means that it could not be told.
type ApprovalsFact struct {
	Agreements []Agreement
	Unknown    string // why it cannot be told whose approval would be their own; "" when it can
	Presumed   bool   // nobody was asked whether these people may approve: it is looked up when it counts
	Note       string // what was not looked at
	Err        error
}

// gate asks for enough people who agreed.
func (f ApprovalsFact) gate(approvals Approvals) Gate {
	gate := Gate{Name: "approvals", Reason: ApprovalsMissing, Expected: fmt.Sprintf("%d of %s", approvals.Required, WhoApproves(approvals))}
	if f.Err != nil {
		gate.Reason, gate.Actual, gate.Next = GitHubError, "could not tell: "+f.Err.Error(), remedy(f.Err)
		return gate
	}
	if f.Unknown != "" {
		gate.Actual = f.Unknown
		gate.Next = "have its author add the commit's address to their GitHub account and ask again, or bring such changes by a pull request; or promote with whoever may waive approvals_missing"
		return gate
	}
	var counted, others []string
	seen := map[int64]bool{}
	for _, agreement := range f.Agreements {
		switch {
		case !agreement.Counts:
			others = append(others, agreement.Person.Login+" does not count: "+agreement.Because)
		case !seen[agreement.Person.ID]:
			seen[agreement.Person.ID] = true
			counted = append(counted, agreement.Person.Login)
		}
	}
	gate.Met = len(counted) >= approvals.Required
	gate.Actual = fmt.Sprintf("%d", len(counted))
	if len(counted) > 0 {
		gate.Actual += " (" + strings.Join(counted, ", ") + ")"
	}
	if len(others) > 0 && !gate.Met {
		gate.Actual += "; " + strings.Join(others, "; ")
	}
	if !gate.Met {
		gate.Next = fmt.Sprintf("%d more of %s: /promote approve, or an approving review at the head; never the requester, nor who wrote or pushed what ships",
			approvals.Required-len(counted), WhoApproves(approvals))
	}
	return gate
}

// WhoApproves says for people whose approval counts.
func WhoApproves(approvals Approvals) string { return WhoMay(approvals.People()) }

// People gives those whose approval counts: those that the policy names, else whoever may write.
func (a Approvals) People() People {
	if len(a.Teams)+len(a.Users) == 0 {
		return People{Permission: "write", Least: a.Least}
	}
	return People{Teams: a.Teams, Users: a.Users, Least: a.Least}
}

// agreements gives what the commit's approvals and reviews say of an image's digest: each person once. Whether the people
// may approve is not in it. An approval binds environment, digest and policy; what failed after it makes it stale.
func agreements(facts Facts, digest Digest, entries []Entry) []Agreement {
	var agreed []Agreement
	for _, entry := range newestOf(entries) {
		agreement := Agreement{Person: entry.Person, By: "command", Counts: true}
		refuse := func(why string) {
			if agreement.Counts {
				agreement.Counts, agreement.Because = false, why
			}
		}
		if entry.Kind == EntryReview {
			agreement.By = "review"
			if entry.Reason != "APPROVED" {
				refuse("their newest review says " + strings.ToLower(strings.ReplaceAll(entry.Reason, "_", " ")))
			}
		} else {
			switch {
			case entry.Unreadable:
				refuse("the ledger cannot read it")
			case entry.Policy != facts.PolicyHash:
				refuse("the policy has changed since")
			case digest.IsZero() || entry.Digests[facts.Image.Name] != digest:
				refuse("it was for " + orNone(entry.Digests[facts.Image.Name]))
			}
		}
		if failed := failedSince(facts, entry); failed != "" {
			refuse(failed)
		}
		agreed = append(agreed, agreement)
	}
	return agreed
}

// compareSaid orders what people said. GitHub's times have whole seconds: within one, a review that does not approve comes last.
func compareSaid(a, b Entry) int {
	at := func(entry Entry) time.Time {
		if entry.Kind == EntryReview && entry.Reason != "APPROVED" {
			return entry.At.Truncate(time.Second).Add(time.Second - 1)
		}
		return entry.At
	}
	return at(a).Compare(at(b))
}

// failedSince names a required stage that failed after the entry was made: by the ledger's numbers, and after a review by GitHub's
// times, which are all that it has.
func failedSince(facts Facts, entry Entry) string {
	required := facts.Policy.Policy.closure(facts.Environment.Requires)
	for _, verification := range facts.Records.Verifications {
		needed := slices.ContainsFunc(required, func(stage Stage) bool { return stage.Name == verification.Stage })
		if needed && !verification.Passed() && failedAfter(verification, entry) {
			return fmt.Sprintf("%s failed at %s, after it", verification.Stage, clockText(verification.Ended))
		}
	}
	return ""
}

func failedAfter(verification Verification, entry Entry) bool {
	if entry.Kind == EntryReview {
		return verification.Ended.After(entry.At)
	}
	return verification.Number.After(entry.Number)
}

// ReviewedFact says which of the commits that would ship did not come through a pull request that somebody else approved.
type ReviewedFact struct {
	Commits int
	Missing []string // "abc1234 title: why"
	Note    string
	Err     error
}

func (f ReviewedFact) gate() Gate {
	gate := Gate{Name: "reviewed", Reason: NotReviewed, Expected: "every commit that would ship came through a pull request approved by somebody else", Met: len(f.Missing) == 0 && f.Err == nil}
	switch {
	case f.Err != nil:
		gate.Reason, gate.Actual, gate.Next = GitHubError, "could not tell: "+f.Err.Error(), remedy(f.Err)
	case !gate.Met:
		shown := f.Missing
		if len(shown) > 10 {
			shown = append(slices.Clone(shown[:10]), fmt.Sprintf("and %d more", len(f.Missing)-10))
		}
		gate.Actual = fmt.Sprintf("%d of %d did not: %s", len(f.Missing), f.Commits, strings.Join(shown, "; "))
		gate.Next = "have the pull request approved by somebody other than its author (what was pushed or merged by hand cannot be: merge with GitHub's button); or promote with whoever may waive not_reviewed"
	default:
		gate.Actual = howMany(f.Commits, "commit") + " did"
		if f.Note != "" {
			gate.Actual += " (" + f.Note + ")"
		}
	}
	return gate
}
