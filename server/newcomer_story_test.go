package server_test

import (
	"testing"
)

// The reply to a waiting command says /promote cancel: it works where the command was given, whatever commit that named.
func TestAWaitForANamedCommitIsCancelledWhereItWasAskedFor(t *testing.T) {
	s := governed(t, "soak: 1h")
	verified := s.Merged("Add a basket")
	s.staged(verified.MergeCommit(), "basket")
	open := s.opened("Add a discount")
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
