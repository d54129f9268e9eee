package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

const shopGroup = "groups: { shop: [api, worker] }\n"

// grouped is a policy that promotes api and worker together.
func (s *story) grouped() string {
	return strings.Replace(s.monorepo(shopGroup), "    paths: [\"worker/**\"]\n", "", 1)
}

// ownersPolicy returns what sets the owner's policy file.
func (s *story) ownersPolicy() func(policy string) {
	owners := s.GitHub.Repository("acme/.github", githubtest.Private)
	return func(policy string) {
		s.t.Helper()
		owners.Commit("main", "Set the policy", s.Alice, map[string]string{"verbatim.yml": policy})
		s.settled()
	}
}

// promotesBoth builds and promotes a commit of api and worker, and returns their digests.
func (s *story) promotesBoth(file string) map[string]string {
	s.t.Helper()
	pull := s.Merged("Promote " + file)
	commit, digests := s.change(file, "api", "worker")
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+commit.SHA())
	s.expect(reply, "Promoted api, worker")
	return digests
}

// A group's promotion keeps the policy that judged it, like that of an image alone: a change of the policy blocks neither the way
// forward nor that back. The owner's file is read as it is now, so that nobody else has it as it was.
func TestAPolicyChangedAfterAGroupsPromotionBlocksNothing(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	governs := s.ownersPolicy()
	governs(s.grouped())
	s.promotesBoth("first.txt")
	s.promotesBoth("second.txt")
	governs(s.grouped() + "# a comment\n")
	third := s.promotesBoth("third.txt")
	s.namesIn("api", "production", third["api"])
	governs(s.grouped() + "# another comment\n")
	_, reply := s.says(s.Merged("Go back").Issue, s.Alice, "/rollback")
	s.expect(reply, "Rolled back")
}

// Ledgers may lack a policy that judged: groups' promotions of before did not keep it.
func TestAPolicyThatTheLedgerLacksIsReadAgain(t *testing.T) {
	s := governed(t)
	s.begun()
	s.damage(`DELETE FROM kept_policies`)
	s.govern(s.lax())
	pull := s.Merged("Add a basket")
	s.judgedByBoth(pull.Issue, pull.MergeCommit(), "/promote")
	s.judgedByTheNew()
}

func TestAPolicyThatNobodyHasAnyMoreCanBePutBack(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	governs := s.ownersPolicy()
	governs(s.defaultPolicy())
	s.begun()
	s.damage(`DELETE FROM kept_policies`)
	governs(s.lax()) // the owner's file is read as it is now
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	for _, command := range []string{"/promote", "/rollback"} {
		_, reply := s.says(pull.Issue, s.Alice, command)
		s.expect(reply, "acme/.github:verbatim.yml", "is not in the ledger", "put its text of then back", "asking again changes nothing until that is mended")
	}
	governs(s.defaultPolicy())
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// ungrouped is the policy of grouped, without its group.
func (s *story) ungrouped() string { return strings.Replace(s.grouped(), shopGroup, "", 1) }

// A group that the policy gave up is promoted together once more: what belonged together when production got it does not come
// there one by one because somebody took the group out.
func TestAGroupThatThePolicyGaveUpIsPromotedTogetherOnceMore(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.grouped())
	first := s.promotesBoth("first.txt")
	s.govern(s.ungrouped())
	pull := s.Merged("Promote api alone")
	alone, _ := s.change("api/main.go", "api")
	_, reply := s.says(pull.Issue, s.Alice, "/promote api --sha "+alone.SHA())
	s.expect(reply, "Refused", "worker does not", "group shop (former policy)", "mend worker", "or take worker out of the policy")
	s.namesIn("api", "production", first["api"])
	both, _ := s.change("both.txt", "api", "worker")
	_, reply = s.says(pull.Issue, s.Alice, "/promote api --sha "+both.SHA())
	s.expect(reply, "Promoted api, worker")
	after, digests := s.change("api/main.go", "api")
	_, reply = s.says(pull.Issue, s.Alice, "/promote api --sha "+after.SHA())
	s.expect(reply, "Promoted api to production")
	s.namesIn("api", "production", digests["api"])
}

// Production has what another pipeline put there: no policy judged that, and the one of its commit does.
func TestAGroupOfThePolicyThatProductionHasIsNotTakenApart(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.grouped())
	pull := s.Merged("Begin")
	first, before := s.change("first.txt", "api", "worker")
	for _, image := range []string{"api", "worker"} {
		_, err := s.Registry.PushIndex("shop/"+image, "production", image+"first.txt")
		s.must(err)
		s.namesIn(image, "production", before[image])
	}
	both, digests := s.change("both.txt", "api", "worker")
	s.govern(s.ungrouped())
	for _, command := range []string{"/promote api --sha ", "/promote --sha "} {
		_, reply := s.says(pull.Issue, s.Alice, command+both.SHA())
		s.expect(reply, "Refused", "group shop (former policy)", "put the group back")
		s.namesIn("api", "production", before["api"])
	}
	s.govern(s.grouped())
	_, reply := s.says(pull.Issue, s.Alice, "/promote --sha "+both.SHA())
	s.expect(reply, "Promoted api, worker", first.Short())
	s.namesIn("worker", "production", digests["worker"])
}
