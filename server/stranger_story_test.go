package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// What a run says to have deployed was in the stage, whether or not a commit has it: what was there before soaks anew.
func TestADigestThatNoCommitHasInterruptsSoak(t *testing.T) {
	t.Parallel()
	unknown := "sha256:" + strings.Repeat("1", 64)
	for name, test := range map[string]struct {
		line       func(other, sidecar string) string
		interrupts bool
	}{
		"by the image's name":                   {func(other, _ string) string { return "api@" + other }, true},
		"by the image's name, and it is gone":   {func(string, string) string { return "api@" + unknown }, true},
		"a digest of the image's repository":    {func(other, _ string) string { return other }, true},
		"a digest of another repository":        {func(_, sidecar string) string { return sidecar }, false},
		"another image, which has a repository": {func(_, sidecar string) string { return "sidecar@" + sidecar }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.govern(s.deployed() + "    soak: 1s\n")
			pull := s.Merged("Add a basket")
			run, digest, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.Tested(run, "success")
			s.settled()
			s.deploys(digest, "success")
			s.later()
			other, err := s.Registry.PushIndex(scene.Image, "side", "of a side branch")
			s.must(err)
			sidecar, err := s.Registry.PushIndex("shop/sidecar", "1", "of something else")
			s.must(err)
			s.deploysSaying(test.line(other, sidecar), "success")
			s.later()
			if test.interrupts {
				s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "entered staging", "run staging again")
				s.deploys(digest, "success")
				s.later()
				s.later()
			}
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}

// What a run says to have deployed was in the stage, whatever the tag of the commit that has it names by now.
func TestADigestWhoseTagWasMovedInterruptsSoak(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string]bool{"the tag is left alone": false, "the tag names what soaks": true} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.govern(s.deployed() + "    soak: 1s\n")
			other, pull := s.Merged("Add a voucher"), s.Merged("Add a basket")
			built := func(commit *githubtest.Commit, seed string) string {
				run, digest, err := s.Built(commit, seed)
				s.must(err)
				s.Tested(run, "success")
				s.settled()
				return digest
			}
			voucher, basket := built(other.MergeCommit(), "voucher"), built(pull.MergeCommit(), "basket")
			s.deploys(basket, "success")
			s.later()
			if moved {
				_, err := s.Registry.PushIndex(scene.Image, other.MergeCommit().SHA(), "basket")
				s.must(err)
			}
			s.deploys(voucher, "success")
			s.later()
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "soaking"), "entered staging", "run staging again")
			s.deploys(basket, "success")
			s.later()
			s.later()
			s.promotes(pull.Issue, s.Alice, "/promote", basket)
		})
	}
}
