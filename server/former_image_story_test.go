package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// elsewhere is the default policy, whose image is looked for under another tag or in another repository.
func (s *story) elsewhere(from, to string) string {
	return strings.Replace(s.defaultPolicy(), "    repository: "+s.Registry.Host()+"/shop/api\n", "    repository: "+s.Registry.Host()+from+"\n"+to, 1)
}

// imageChanged begins, and merges a pull request of which only the image's source in the policy changes.
func imageChanged(t *testing.T, repository, more string) (*story, *githubtest.PullRequest) {
	s := governed(t)
	s.begun()
	pull := s.opened("Add a basket")
	pull.Push("Look elsewhere", s.Walter, map[string]string{policyFile: s.elsewhere(repository, more)})
	pull.Merge("squash", s.Alice)
	return s, pull
}

// What the stages proved of the digest under a new tag says nothing of the one under the old one.
func TestAnImageThatIsLookedForElsewhereIsJudgedByBoth(t *testing.T) {
	t.Parallel()
	for name, overwritten := range map[string]bool{"the old tag left alone": false, "the old tag overwritten": true} {
		for source, more := range map[string][2]string{"another tag": {"/shop/api", "    tag: \"other-{sha}\"\n"}, "another repository": {"/shop/other", ""}} {
			t.Run(source+", "+name, func(t *testing.T) {
				s, pull := imageChanged(t, more[0], more[1])
				commit := pull.MergeCommit()
				never := func(repository, tag string) {
					_, err := s.Registry.PushIndex(repository, tag, "never tested")
					s.must(err)
				}
				tag := commit.SHA()
				if more[1] != "" {
					tag = "other-" + tag
				}
				never(strings.TrimPrefix(more[0], "/"), tag) // before the stages begin
				s.staged(commit, "tested")
				if overwritten {
					never(scene.Image, commit.SHA())
				}
				before := s.Tag("production")
				_, reply := s.says(pull.Issue, s.Alice, "/promote")
				s.expect(reply, "Refused", "former policy")
				s.names("production", before)
			})
		}
	}
}

// An image moves to another place in one promotion that both policies judge: the old place stays in the policy until then, so that
// somebody sees what it names while the stages run.
func TestAnImageMovesWithThePolicyThatKeepsTheOldPlace(t *testing.T) {
	s, pull := imageChanged(t, "/shop/api", "    tag: \"ci-{sha}\"\n")
	commit := pull.MergeCommit()
	_, err := s.Registry.PushIndex(scene.Image, "ci-"+commit.SHA(), "basket")
	s.must(err)
	s.staged(commit, "basket")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing"), "former policy", "as another image")

	kept := "    tag: \"ci-{sha}\"\n  before:\n    repository: " + s.Registry.Host() + "/shop/api\n"
	next := s.opened("Add a voucher")
	next.Push("Keep the old place", s.Walter, map[string]string{policyFile: s.elsewhere("/shop/api", kept)})
	commit = next.Merge("squash", s.Alice)
	digest, err := s.Registry.PushIndex(scene.Image, "ci-"+commit.SHA(), "voucher")
	s.must(err)
	s.staged(commit, "voucher")
	s.promotes(next.Issue, s.Alice, "/promote production api", digest)

	last := s.opened("Add a coupon")
	last.Push("Leave the old place", s.Walter, map[string]string{policyFile: s.elsewhere("/shop/api", "    tag: \"ci-{sha}\"\n")})
	commit = last.Merge("squash", s.Alice)
	digest, err = s.Registry.PushIndex(scene.Image, "ci-"+commit.SHA(), "coupon")
	s.must(err)
	s.staged(commit, "coupon")
	s.promotes(last.Issue, s.Alice, "/promote", digest)
}
