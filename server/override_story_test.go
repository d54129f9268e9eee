package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
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

// An override is of a digest: of a commit whose image no stage saw there is none, and "none" is no digest that can be promoted.
func TestNobodyWaivesGatesOfADigestThatNobodyKnows(t *testing.T) {
	t.Parallel()
	for name, has := range map[string]bool{"production has nothing": false, "production has a digest": true} {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "override: { teams: [sre], gates: [stage_missing] }")
			olga := s.member("olga", "write")
			s.GitHub.Organisation("acme").Team("SRE").Add(olga, "active")
			if has {
				s.begun()
			}
			pull := s.Merged("Add a basket")
			_, err := s.Registry.PushIndex(scene.Image, pull.MergeCommit().SHA(), "never tested")
			s.must(err)
			reply := s.refuses(pull.Issue, olga, `/promote override production --gates stage_missing --reason "hurry"`, "stage_missing")
			s.expect(reply, "no stage has recorded one", "override once the image is built")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "let the stages run for this commit")
		})
	}
}

// An image whose digest is recorded can be waived gates for beside one that has none.
func TestAnOverrideIsOfTheDigestsThatAreRecorded(t *testing.T) {
	s := governed(t, "override: { users: [olga], gates: [stage_missing] }")
	olga := s.member("olga", "write")
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing")
	s.informs(pull.Issue, olga, `/promote override production --gates stage_missing --reason "staging is away"`, "olga waives stage_missing")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "**WAIVED** `stage_missing`")
}
