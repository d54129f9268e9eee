package server_test

import (
	"strings"
	"testing"
)

// The reply to a waiting command says /promote cancel: it works where the command was given, whatever commit that named.
func TestAWaitForANamedCommitIsCancelledWhereItWasAskedFor(t *testing.T) {
	s := governed(t, "soak: 1h")
	verified := s.Merged("Add a basket")
	s.staged(verified.MergeCommit(), "basket")
	open := s.opened("Add a discount")
	s.settled()
	s.later()
	comment := s.waits(open.Issue, s.Alice, "/promote --sha latest --when-verified", "soaking", "end it with `/promote cancel production`")
	s.informs(open.Issue, s.Alice, "/promote cancel production", "what alice asked for at "+verified.MergeCommit().Short()+" waits no more")
	s.becomes(open.Issue, comment, "cancelled by alice")
	other := s.Merged("Add a voucher")
	comment = s.waits(other.Issue, s.Alice, "/promote --sha "+verified.MergeCommit().SHA()+" --when-verified", "soaking")
	s.refuses(other.Issue, s.Walter, "/promote cancel", "not_authorised")
	s.informs(other.Issue, s.Alice, "/promote cancel", "waits no more")
	s.becomes(other.Issue, comment, "cancelled by alice")
	s.names("production", "")
}

// The second person's override is not asked for once more.
func TestTheSecondOverrideSaysThatItCounts(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { users: [alice, walter], gates: [soak, window], second: true }")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	override := func(gates string) string { return `/promote override --gates ` + gates + ` --reason "hurry"` }
	s.informs(pull.Issue, s.Alice, override("soak"), "a second person of alice or walter has to do the same before it counts")
	s.informs(pull.Issue, s.Alice, override("soak"), "a second person of alice or walter has to do the same before it counts")
	s.informs(pull.Issue, s.Walter, override("soak,window"), "a second person of alice or walter has to do the same before it counts")
	_, reply := s.says(pull.Issue, s.Walter, override("soak"))
	s.expect(reply, "ask again with /promote production")
	if strings.Contains(reply, "has to do the same") {
		t.Errorf("two people have waived it, and the reply asks for another:\n%s", reply)
	}
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// What is held is told in a pull request that stands for no commit yet, too.
func TestStatusOfAnOpenPullRequestTellsHolds(t *testing.T) {
	s := governed(t)
	open := s.opened("Add a basket")
	s.informs(open.Issue, s.Alice, `/promote hold --reason "incident 42"`, "is held by alice")
	s.informs(open.Issue, s.Alice, "/promote status", "**held**: production is held by alice", "incident 42")
}

// After a rollback status says that it was one, and whose.
func TestStatusTellsARollback(t *testing.T) {
	s := governed(t)
	root := s.member("root", "admin")
	first, second := s.Merged("Add a basket"), s.Merged("Add a discount")
	digest := s.staged(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", digest)
	s.promotes(second.Issue, s.Alice, "/promote", s.staged(second.MergeCommit(), "discount"))
	_, reply := s.says(second.Issue, root, "/rollback")
	s.expect(reply, "Rolled back api in production")
	s.informs(second.Issue, s.Alice, "/promote status", digest+"` of `"+first.MergeCommit().Short()+"`, rolled back to ", " by root")
}

// Slack hears that a hold was lifted when one was.
func TestSlackHearsOfNoLiftingWhereNothingWasHeld(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	s.informs(pull.Issue, s.Alice, "/promote resume", "there is nothing to lift")
	s.quietAbout("Hold lifted")
	s.informs(pull.Issue, s.Alice, "/promote hold", "is held by alice")
	s.informs(pull.Issue, s.Alice, "/promote resume", "lifted by alice")
	s.told("Hold lifted")
}

// A dry run says what the command would: there is nothing to do.
func TestADryRunOfWhatIsThereAlready(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	s.promotes(pull.Issue, s.Alice, "/promote", s.staged(pull.MergeCommit(), "basket"))
	_, reply := s.says(pull.Issue, s.Alice, "/promote --dry-run")
	s.expect(reply, "already_promoted", "production has it already")
	if strings.Contains(reply, "could go to") || strings.Contains(reply, "ships") {
		t.Errorf("a dry run that moves nothing:\n%s", reply)
	}
}

// What a refusal advises can be done.
func TestAdviceOfRefusalsThatNobodyCouldFollow(t *testing.T) {
	s := governed(t)
	open := s.opened("Add a basket")
	if reply := s.refuses(open.Issue, s.Alice, "/promote approve", "not_merged"); strings.Contains(reply, "sha") {
		t.Errorf("/promote approve has no --sha:\n%s", reply)
	}
	pull := s.Merged("Add a discount")
	if reply := s.refuses(pull.Issue, s.Alice, "/promote rollback", "image_missing"); strings.Contains(reply, "to,") {
		t.Errorf("nothing was ever live that --to could name:\n%s", reply)
	}
	if reply := s.refuses(pull.Issue, s.Alice, `/promote override --gates soak --reason "hurry"`, "not_authorised"); strings.Contains(reply, "ask somebody who may: nobody") {
		t.Errorf("there is nobody to ask:\n%s", reply)
	}
	digest := s.staged(pull.MergeCommit(), "discount")
	if reply := s.promotes(pull.Issue, s.Alice, "/promote", digest); strings.Contains(reply, "not known as a commit") {
		t.Errorf("production had nothing, which is known:\n%s", reply)
	}
}
