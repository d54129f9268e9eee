package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestObserveModeSaysThatNothingIsPromoted(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern("mode: observe\n" + s.defaultPolicy())
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote, but the policy's mode is observe: nothing is promoted"))
	s.refuses(pull.Issue, s.Alice, "/promote", "observe_only")
}

// Whoever breaks the policy still gets help, and hears what is live.
func TestHelpAndStatusUnderAnInvalidPolicy(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.informs(pull.Issue, s.Alice, "/promote hold --reason incident", "is held by alice")
	s.govern(strings.Replace(s.defaultPolicy(), "promoters:", "promotors:", 1))
	s.informs(pull.Issue, s.Alice, "/promote help", "the policy is invalid", "policy_invalid", "/promote rollback", "did you mean promoters")
	s.informs(pull.Issue, s.Alice, "/promote status", "the policy is invalid", "policy_invalid", digest, "promoted", "by alice", "incident", "did you mean promoters")
	if reply := s.refuses(pull.Issue, s.Alice, "/promote", "policy_invalid"); strings.Count(reply, "did you mean promoters") != 1 {
		t.Errorf("it says its one problem twice:\n%s", reply)
	}
}

func TestHelpWithoutAPolicy(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	pull := s.Merged("Add a basket")
	s.informs(pull.Issue, s.Alice, "/promote help", "there is no policy", "policy_missing", "/promote rollback")
	s.refuses(pull.Issue, s.Alice, "/promote status", "policy_missing")
}

// What --to can name is said.
func TestARollbackNamesWhatThereIs(t *testing.T) {
	s := governed(t)
	first := s.Merged("Add a basket")
	s.promotes(first.Issue, s.Alice, "/promote", s.verified(first.MergeCommit(), "basket"))
	second := s.Merged("Add a discount")
	s.promotes(second.Issue, s.Alice, "/promote", s.verified(second.MergeCommit(), "discount"))
	_, reply := s.says(second.Issue, s.Alice, "/promote rollback")
	s.expect(reply, "Rolled back api")
	s.expect(s.refuses(second.Issue, s.Alice, "/promote rollback", "image_missing"), "to what was rolled back from ("+second.MergeCommit().SHA()[:7]+")")
	s.expect(s.refuses(second.Issue, s.Alice, "/promote rollback --to 0123456789ab", "image_missing"), "0 such digests", "name one that was: "+second.MergeCommit().SHA()[:7])
}

func TestASecondHoldIsTold(t *testing.T) {
	s := governed(t)
	bob := s.member("bob", "maintain")
	pull := s.Merged("Add a basket")
	if reply := s.informs(pull.Issue, s.Alice, `/promote hold --reason "incident 42"`, "is held by alice", "incident 42"); strings.Contains(reply, "already") {
		t.Errorf("nobody held it before:\n%s", reply)
	}
	s.informs(pull.Issue, bob, `/promote hold --reason "the audit"`, "is held by alice", "held already", "by bob", "the audit")
}

// That production had nothing before its first promotion is no news.
func TestTheFirstApprovedPromotionSaysNothingOfBefore(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }", "reviewed: true")
	bob := s.member("bob", "write")
	pull := s.opened("Add a basket")
	pull.Review(bob, "APPROVED", "Fine")
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	if reply := s.promotes(pull.Issue, s.Alice, "/promote", digest); strings.Contains(reply, "not known as a commit") || strings.Contains(reply, "1 commits") {
		t.Errorf("production had nothing, which is known:\n%s", reply)
	}
}
