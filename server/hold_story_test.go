package server_test

import (
	"errors"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestAHoldStopsPromotionsUntilSomebodyLiftsIt(t *testing.T) {
	s := governed(t, "holds: { lift: admin }")
	root := s.member("root", "admin")
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, s.Alice, `/promote hold production --reason "incident 42"`, "production is held by alice since", "incident 42", "/promote resume production")
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "held")
	s.expect(reply, "production is held by alice since", "incident 42", "permission admin")
	s.informs(pull.Issue, s.Alice, "/promote help", "**held**: production is held by alice", "who may lift a hold: permission admin")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "gates met"))
	s.refuses(pull.Issue, s.Walter, "/promote hold", "not_authorised")
	s.refuses(pull.Issue, s.Alice, "/promote resume", "not_authorised")
	s.expect(s.refuses(pull.Issue, s.Walter, "/promote", "not_authorised"), "held", "incident 42") // shown in every refusal
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote apy", "unknown_environment"), "Refused")
	s.informs(pull.Issue, root, "/promote resume production", "lifted by root")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.informs(pull.Issue, root, "/promote resume production", "there is nothing to lift")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.settled()
	s.expect(s.Slack.Messages()[0].Body, "Held: acme/shop", "incident 42")
}

func TestAHoldStopsRollbacksToo(t *testing.T) {
	s := governed(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	newer := s.verified(second.MergeCommit(), "voucher")
	s.promotes(second.Issue, s.Alice, "/promote", newer)
	s.informs(second.Issue, s.Alice, "/promote hold", "is held by alice")
	s.refuses(second.Issue, s.Alice, "/rollback", "held")
	s.informs(second.Issue, s.Alice, "/promote resume", "lifted by alice")
	_, reply := s.says(second.Issue, s.Alice, "/rollback")
	s.expect(reply, "Rolled back")
	s.names("production", older)
}

func TestAHoldOfOnePullRequest(t *testing.T) {
	s := governed(t)
	free, held := s.Merged("Add a voucher"), s.Merged("Add a basket") // what is below the first promotion is held too
	s.verified(held.MergeCommit(), "basket")
	digest := s.verified(free.MergeCommit(), "voucher")
	s.informs(held.Issue, s.Alice, `/promote hold --pull-request --reason "not this one"`, "pull request", "is held by alice")
	s.refuses(held.Issue, s.Alice, "/promote", "held")
	s.refuses(free.Issue, s.Alice, "/promote --sha "+held.MergeCommit().SHA(), "held") // by another way
	s.informs(held.Issue, s.Alice, "/promote resume", "there is nothing to lift")
	s.promotes(free.Issue, s.Alice, "/promote", digest)
	s.informs(held.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
}

func TestAHoldThatCannotBeReadIsAHold(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, s.Alice, "/promote hold", "is held by alice")
	s.settled()
	s.damage(`UPDATE entries SET content = '{"Key":' WHERE kind = 'hold'`)
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "held"), "an entry of the ledger that cannot be read")
}

// damage changes the ledger behind the server's back.
func (s *story) damage(statement string) {
	s.t.Helper()
	database, err := s.openDatabase()
	s.must(err)
	_, err = database.ExecContext(s.ctx, statement)
	s.must(errors.Join(err, database.Close()))
}

// The hold was set under the loosened policy already, by which nothing was promoted yet.
func TestAHoldIsLiftedByWhomThePolicyOfProductionLets(t *testing.T) {
	s := governed(t, "holds: { lift: maintain }")
	s.begun()
	s.govern(s.defaultPolicy("holds: { lift: write }"))
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, s.Alice, "/promote hold production", "is held by alice")
	s.expect(s.refuses(pull.Issue, s.Walter, "/promote resume production", "not_authorised"), "policy that judged what production has")
	s.informs(pull.Issue, s.Alice, "/promote resume production", "lifted by alice")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.informs(pull.Issue, s.Alice, "/promote hold production", "is held by alice") // both are the policy of now
	s.informs(pull.Issue, s.Walter, "/promote resume production", "lifted by walter")
}

func TestAnOverrideWaivesWhatThePolicyLetsBeWaived(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { users: [olga], gates: [soak] }")
	olga := s.member("olga", "write")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "possible from 20")
	s.refuses(pull.Issue, s.Alice, `/promote override production --gates soak --reason "hurry"`, "not_authorised")
	s.refuses(pull.Issue, olga, `/promote override production --gates digest_moved --reason "hurry"`, "not_authorised")
	s.refuses(pull.Issue, olga, `/promote override production --gates stage_failed --reason "hurry"`, "not_authorised")
	s.informs(pull.Issue, olga, `/promote override production --gates soak --reason "the site is down"`, "olga waives soaking for production", "the site is down")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "WAIVED by olga: the site is down")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "**WAIVED** `soaking`", "waived by olga: the site is down")
	s.settled()
	messages := ""
	for _, message := range s.Slack.Messages() {
		messages += message.Body
	}
	s.expect(messages, "Gates waived: acme/shop", "*WAIVED* `soaking`", "olga: the site is down")
}

func TestAnOverrideIsOfADigestAndAPolicy(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { users: [olga], gates: [soak] }")
	olga := s.member("olga", "write")
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, olga, `/promote override --gates soak --reason "hurry"`, "olga waives")
	s.staged(pull.MergeCommit(), "built again")
	s.refuses(pull.Issue, s.Alice, "/promote", "soaking")
	s.informs(pull.Issue, olga, `/promote override --gates soak --reason "hurry"`, "olga waives")
	s.govern(s.defaultPolicy("soak: 2h", "override: { users: [olga], gates: [soak] }"))
	s.refuses(pull.Issue, s.Alice, "/promote", "soaking")
}

func TestAnOverrideByTwo(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { teams: [sre], gates: [soak], second: true }")
	sre := s.GitHub.Organisation("acme").Team("SRE")
	olga, otto := s.member("olga", "write"), s.member("otto", "write")
	sre.Add(olga, "active").Add(otto, "active")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, olga, `/promote override --gates soaking --reason "hurry"`, "a second person of team sre")
	s.informs(pull.Issue, olga, `/promote override --gates soaking --reason "hurry, I say"`, "olga waives")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "a second person of team sre")
	s.informs(pull.Issue, otto, `/promote override --gates soaking --reason "yes"`, "otto waives")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "olga: hurry", "otto: yes")
}

func TestNobodyOverridesWithoutThePolicy(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.expect(s.refuses(pull.Issue, s.Alice, `/promote override --gates soaking --reason "hurry"`, "not_authorised"), "nobody: the policy names nobody")
}

// A policy that is loosened after the hold lets nobody lift it who could not before.
func TestAHoldIsLiftedByWhomBothPoliciesLet(t *testing.T) {
	s := governed(t, "holds: { lift: maintain }")
	pull := s.Merged("Add a basket")
	s.informs(pull.Issue, s.Alice, "/promote hold", "is held by alice")
	s.govern(s.defaultPolicy("holds: { lift: write }"))
	s.expect(s.refuses(pull.Issue, s.Walter, "/promote resume", "not_authorised"), "policy under which it was set")
	s.informs(pull.Issue, s.Alice, "/promote resume", "lifted by alice")
	s.informs(pull.Issue, s.Alice, "/promote hold", "is held by alice") // under the policy of now
	s.informs(pull.Issue, s.Walter, "/promote resume", "lifted by walter")
}
