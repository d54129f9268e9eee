package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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
	Book    Book
	Stages  StageReader
	// Branches tells whether runs count for the branches that they name; asked only when everything else is met.
	Branches BranchReader
	// Trees tells whether their workflow is the branch's; asked where nobody saw the commit as the branch's head.
	Trees TreeReader
	// Reviews tells whether a pull request brought a commit among others; asked where nobody saw it as the branch's head.
	Reviews ReviewReader

	Scope Scope
	Lanes LaneKeeper
	Clock func() time.Time

	places *whereabouts // what is known already of where commits are; nil: nothing
	unread error        // some run of the commit could not be read just now
}

// For gives the announcements of the commit's check runs, one for each environment of the policy, from its records.
func (c Checks) For(ctx context.Context, repository Repository, policy LoadedPolicy, commit Commit, records map[string]Records, listed []Attempt) ([]Announcement, error) {
	said, err := c.saidOf(ctx, repository, commit)
	if err != nil {
		return nil, err
	}
	if c.places == nil {
		c.places = c.placesOf(repository, policy)
	}
	var announcements []Announcement
	for _, environment := range policy.Policy.Environments {
		check, err := c.of(ctx, repository, policy, environment, commit, records, listed, said)
		if err != nil {
			return nil, err
		}
		announcements = append(announcements, announceCheck(check))
	}
	return announcements, nil
}

func (c Checks) placesOf(repository Repository, policy LoadedPolicy) *whereabouts {
	return &whereabouts{reader: c.Branches, trees: c.Trees, reviews: c.Reviews, repository: repository, tip: policy.File.Head, old: true}
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

// said is what people said of a commit, as far as the ledger knows.
type said struct {
	bases     []Entry // of pull requests with the commit as head
	holds     []Hold
	overrides []Entry
	approvals []Entry
	drifts    []Entry
	pull      int
}

// saidOf reads it, without a call outside: reviews are those that GitHub told of.
func (c Checks) saidOf(ctx context.Context, repository Repository, commit Commit) (said, error) {
	of := said{}
	everywhere, err := c.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryHold, EntryResume, EntryDrift, EntryRestore}})
	if err != nil {
		return of, err
	}
	of.holds = HoldsOf(everywhere)
	for _, entry := range everywhere {
		if entry.Kind == EntryDrift || entry.Kind == EntryRestore {
			of.drifts = append(of.drifts, entry)
		}
	}
	own, err := c.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryApproval, EntryOverride, EntryMerge, EntryHead, EntryBase}, Commit: commit})
	if err != nil {
		return of, err
	}
	head := commit
	for _, entry := range own {
		switch entry.Kind {
		case EntryApproval:
			of.approvals = append(of.approvals, entry)
		case EntryOverride:
			of.overrides = append(of.overrides, entry)
		case EntryBase:
			of.bases = append(of.bases, entry)
		case EntryMerge, EntryHead:
			of.pull = entry.PullRequest
			if merged, err := ParseCommit(entry.Tag); err == nil {
				head = merged
			}
		default:
		}
	}
	if of.pull == 0 {
		return of, nil
	}
	reviews, err := c.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryReview, EntryRetarget}, PullRequest: of.pull})
	for _, review := range withoutRetargets(reviews) {
		if review.Reason == "APPROVED" && review.Commit != head {
			review.Reason = "approval of an earlier head"
		}
		of.approvals = append(of.approvals, review)
	}
	slices.SortStableFunc(of.approvals, compareSaid)
	return of, err
}

// Again computes the check run of an announcement anew: time has passed.
func (c Checks) Again(ctx context.Context, policies *PolicySource, reader RecordReader, announcements AnnouncementReader, key string) (Changes, error) {
	announcement, err := announcements.Announcement(ctx, key)
	if errors.Is(err, ErrNotFound) || err == nil && announcement.Check == nil {
		return Changes{}, nil
	}
	if err != nil {
		return Changes{}, err
	}
	check := announcement.Check
	if check.overwritten() {
		return Changes{}, nil // the records do not tell what was seen when a promotion was asked for
	}
	policy, err := policies.Tolerant(ctx, check.Repository)
	if err != nil || !policy.Valid() {
		return Changes{}, err
	}
	records, err := reader.Records(ctx, check.Repository.ID, check.Commit)
	if err != nil {
		return Changes{}, err
	}
	checks, err := c.For(ctx, policy.Repository, policy, check.Commit, records, nil)
	var changes Changes
	for _, other := range checks {
		if other.Key == key {
			other.Check.Pressed = check.Pressed
			changes.Announcements = append(changes.Announcements, other)
		}
	}
	changes.Work = laterChecks(changes.Announcements)
	return changes, err
}

// overwritten reports whether the check says that the commit's tag names another digest than was tested.
func (c *Check) overwritten() bool {
	return slices.ContainsFunc(c.Decisions, func(decision Decision) bool {
		return slices.ContainsFunc(decision.Unmet(), func(gate Gate) bool { return gate.Reason == DigestMoved })
	})
}

// checksAgain gives the rows that compute check runs anew in their commits' queues. Whatever computes them elsewhere needs
// them: an event of the commit that is worked on at the same time may have read the records before, and tell its older view
// afterwards.
func checksAgain(announcements []Announcement) []NewWork {
	var work []NewWork
	for _, announcement := range announcements {
		if announcement.Check != nil {
			work = append(work, checkAgain(*announcement.Check, time.Time{}))
		}
	}
	return work
}

func checkAgain(check Check, at time.Time) NewWork {
	return NewWork{
		Kind: WorkCheck, Subject: CheckKey(check.Repository.ID, check.Environment, check.Commit), Repository: check.Repository.ID,
		Queue: fmt.Sprintf("commit/%d/%s", check.Repository.ID, check.Commit), At: at,
	}
}

// laterChecks gives the rows that compute check runs anew at the moments at which their gates fall by the mere passing of time.
func laterChecks(announcements []Announcement) []NewWork {
	var work []NewWork
	for _, announcement := range announcements {
		if announcement.Check == nil {
			continue
		}
		next := announcement.Check.Again
		for _, decision := range announcement.Check.Decisions {
			for _, gate := range decision.Unmet() {
				if !gate.Until.IsZero() && (next.IsZero() || gate.Until.Before(next)) {
					next = gate.Until
				}
			}
		}
		if !next.IsZero() {
			work = append(work, checkAgain(*announcement.Check, next))
		}
	}
	return work
}

func (c Checks) of(ctx context.Context, repository Repository, policy LoadedPolicy, environment Environment, commit Commit, records map[string]Records, listed []Attempt, said said) (Check, error) {
	check := Check{Repository: repository, Environment: environment.Name, Commit: commit, PolicySource: policy.File.Source}
	for _, image := range policy.Policy.Images {
		facts := Facts{
			Now: c.Clock(), Repository: repository, Policy: policy, PolicyHash: policy.Hash(), Environment: environment, Image: image, Commit: commit,
			Records: records[image.Name], Listed: listed, Unread: c.unread, Holds: said.holds, Overrides: said.overrides, PullRequest: said.pull, ForCheck: true,
		}
		scope := scopeOf(ctx, c.Scope, c.Lanes, repository, image)
		if scope.Err != nil {
			return Check{}, scope.Err
		}
		if !scope.Allowed {
			facts.Scope = &scope // nothing that is in order is shown of it
		}
		candidate := Candidate(policy.Policy, facts.Records).Digest
		facts.Approvals = &ApprovalsFact{Presumed: true, Agreements: agreements(facts, candidate, said.approvals)}
		if environment.Soak > 0 {
			var err error
			if facts.Soak, err = soakFact(ctx, c.Stages, facts, candidate); err != nil {
				return Check{}, err
			}
		}
		decision, err := c.decide(ctx, facts, records, said.bases)
		if err != nil {
			return Check{}, err
		}
		// An image that no run of this commit pushed is not waited for, as long as there is another.
		if !scope.Missing && decision.Digest.IsZero() && len(policy.Policy.Images) > 1 && !sighted(records[image.Name]) && anySighted(records) {
			continue
		}
		live, err := c.History.Live(ctx, repository.ID, environment.Name, image.Name)
		if err != nil {
			return Check{}, err
		}
		check.Decisions = append(check.Decisions, decision)
		current, found := StandingOf(live).Current()
		if found && current.Commit == commit && current.Digest == decision.Digest && current.Kind != KindBaseline {
			check.Promotions = append(check.Promotions, current)
		}
		if found && current.Commit == commit {
			check.Drifts = append(check.Drifts, driftsOf(inEnvironment(said.drifts, environment), image, current)...)
		}
		check.Notes = append(check.Notes, artifactNotes(repository, policy.Policy, records[image.Name])...)
		if scope.Missing {
			check.Again = c.scopeAgain(records)
		}
	}
	slices.Sort(check.Notes)
	check.Notes = slices.Compact(check.Notes)
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
	waiting, pauses := false, false
	for _, decision := range check.Decisions {
		for _, gate := range decision.Unmet() {
			pauses = pauses || gate.Pauses
			if gate.Pauses {
				continue
			}
			switch gate.Reason {
			case ObserveOnly:
			case StageMissing, StageRunning, ImageMissing, ApprovalsMissing, NotReviewed, Soaking, Held, GitHubError:
				waiting = true
			default:
				return CheckFailed
			}
		}
	}
	switch {
	case len(check.Drifts) > 0:
		return CheckFailed
	case pauses: // what was promoted cannot be looked at either
		return CheckWaiting
	case len(check.Promotions) > 0 && len(check.Promotions) == len(check.Decisions):
		return CheckPromoted
	case waiting || len(check.Decisions) == 0:
		return CheckWaiting
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

func inEnvironment(entries []Entry, environment Environment) []Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(entry Entry) bool { return !strings.EqualFold(entry.Environment, environment.Name) })
}

// artifactNotes points out artifacts that are there for longer than the policy wants, or for everybody.
func artifactNotes(repository Repository, policy Policy, records Records) []string {
	var notes []string
	for _, verification := range records.Verifications {
		evidence := verification.Evidence
		if evidence == nil || policy.MaxRetentionDays == 0 {
			continue
		}
		for _, kept := range evidence.Kept {
			length := "for ever"
			if kept.Days > 0 {
				length = fmt.Sprintf("for %d days", kept.Days)
			}
			notes = append(notes, fmt.Sprintf("artifact %q of run %d is kept %s, longer than artifacts.max_retention_days: %d (set retention-days where it is uploaded)", kept.Name, verification.Run, length, policy.MaxRetentionDays))
		}
		if !repository.Private {
			notes = append(notes, "this repository is public: anybody who is signed in to GitHub can download its artifacts")
		}
	}
	return notes
}
