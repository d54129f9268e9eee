package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestAnOverrideOfSomebodyWhoHasLeftDoesNotCount(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { teams: [sre], gates: [soak] }")
	sre := s.GitHub.Organisation("acme").Team("SRE")
	olga := s.member("olga", "write")
	sre.Add(olga, "active")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, olga, `/promote override production --gates soak --reason "hurry"`, "olga waives soaking")
	sre.Remove(olga)
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "the override by olga does not count: not one of team sre any more")
	sre.Add(olga, "active")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "**WAIVED** `soaking`", "waived by olga: hurry")
}

func TestAnOverrideWhoseAuthorCannotBeLookedUpDoesNotCount(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { teams: [sre], gates: [soak] }")
	olga := s.member("olga", "write")
	s.GitHub.Organisation("acme").Team("SRE").Add(olga, "active")
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, olga, `/promote override production --gates soak --reason "hurry"`, "olga waives soaking")
	s.settled()
	s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusOK, Body: `{"state":""}`}.On("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}"))
	before := s.Tag("production")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "`github_error`", "could not tell")
	s.names("production", before)
}

// A pull request that names its own author in override.users does not thereby waive the gates of the policy before it.
func TestAnOverriderWhomOnlyTheCommitItselfNamesWaivesNothingOfTheFormerPolicy(t *testing.T) {
	s := governed(t, "soak: 1h", "override: { users: [olga], gates: [soak] }")
	olga := s.member("olga", "write")
	pull := s.opened("Add a basket")
	wider := strings.Replace(s.defaultPolicy("soak: 1h", "override: { users: [olga], gates: [soak] }"), "users: [olga]", "users: [olga, walter]", 1)
	pull.Push("Let me waive it", s.Walter, map[string]string{".github/verbatim.yml": wider})
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, s.Walter, `/promote override production --gates soak --reason "mine"`, "walter waives soaking")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "soak (former policy)")
	s.informs(pull.Issue, olga, `/promote override production --gates soak --reason "hurry"`, "olga waives soaking")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "waived by walter: mine; olga: hurry")
}
