package server_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/attestationtest"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// labelled takes a commit through all stages with an index whose images have the labels.
func (s *story) labelled(commit *githubtest.Commit, labels ...map[string]string) string {
	s.t.Helper()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: commit, Actor: s.Walter})
	run.Request()
	run.Start()
	build := run.Job("build").Start()
	var images []registrytest.Image
	for i, one := range labels {
		images = append(images, registrytest.Image{Platform: "linux/arm" + strconv.Itoa(i), Labels: one})
	}
	digest, err := s.Registry.PushLabelledIndex(scene.Image, commit.SHA(), images...)
	s.must(err)
	build.Complete("success")
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	return digest
}

func TestLabelsSayWhereAnImageIsFrom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		second func(revision, source string) map[string]string // of the second platform
		reason string
		words  string
	}{
		"both name the commit": {func(revision, source string) map[string]string {
			return map[string]string{"org.opencontainers.image.revision": revision, "org.opencontainers.image.source": source + ".git"}
		}, "", ""},
		"one platform has none": {func(string, string) map[string]string { return nil }, "provenance_missing", "the image of linux/arm1 has no label org.opencontainers.image.revision"},
		"one platform has no source": {func(revision, _ string) map[string]string {
			return map[string]string{"org.opencontainers.image.revision": revision}
		}, "provenance_missing", "no label org.opencontainers.image.source"},
		"one platform is of another commit": {func(_, source string) map[string]string {
			return map[string]string{"org.opencontainers.image.revision": strings.Repeat("a", 40), "org.opencontainers.image.source": source}
		}, "provenance_invalid", "says that it is from commit"},
		"one platform is of another repository": {func(revision, source string) map[string]string {
			return map[string]string{"org.opencontainers.image.revision": revision, "org.opencontainers.image.source": source + "-evil"}
		}, "provenance_invalid", "-evil"},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "provenance: labels")
			pull := s.Merged("Add a basket")
			revision, source := pull.MergeCommit().SHA(), s.GitHub.URL()+"/acme/shop"
			digest := s.labelled(pull.MergeCommit(), map[string]string{"org.opencontainers.image.revision": revision, "org.opencontainers.image.source": source}, test.second(revision, source))
			if test.reason == "" {
				s.promotes(pull.Issue, s.Alice, "/promote", digest)
				return
			}
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", test.reason), test.words)
		})
	}
}

func TestAttestations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claim  func(*attestationtest.Claim)
		other  bool // signed by another authority
		none   bool
		reason string
		words  string
	}{
		"genuine": {},
		"none":    {none: true, reason: "provenance_missing", words: "GitHub has no attestation of sha256:"},
		"another digest": {claim: func(c *attestationtest.Claim) {
			c.Digest, _ = promotion.ParseDigest("sha256:" + strings.Repeat("1", 64))
		}, reason: "provenance_invalid"},
		"another repository": {claim: func(c *attestationtest.Claim) { c.RepositoryURL += "-evil" }, reason: "provenance_invalid"},
		"another id":         {claim: func(c *attestationtest.Claim) { c.RepositoryID++ }, reason: "provenance_invalid"},
		"another commit":     {claim: func(c *attestationtest.Claim) { c.Commit, _ = promotion.ParseCommit(strings.Repeat("a", 40)) }, reason: "provenance_invalid"},
		"another workflow": {claim: func(c *attestationtest.Claim) {
			c.Signer = strings.Replace(c.Signer, "ci.yml", "evil.yml", 1)
		}, reason: "provenance_invalid", words: "evil.yml"},
		"a workflow that begins alike": {claim: func(c *attestationtest.Claim) {
			c.Signer = strings.Replace(c.Signer, "ci.yml", "ci.yml.evil.yml", 1)
		}, reason: "provenance_invalid"},
		"signed at a tag": {claim: func(c *attestationtest.Claim) {
			c.Signer = strings.Replace(c.Signer, "refs/heads/main", "refs/tags/main", 1)
		}, reason: "provenance_invalid", words: "refs/tags/main"},
		"signed at another branch": {claim: func(c *attestationtest.Claim) {
			c.Signer = strings.Replace(c.Signer, "refs/heads/main", "refs/heads/release/evil", 1)
		}, reason: "provenance_invalid", words: "refs/heads/release/evil"},
		"run for a tag":                       {claim: func(c *attestationtest.Claim) { c.Ref = "refs/tags/main" }, reason: "provenance_invalid", words: "refs/tags/main"},
		"run for a pull request":              {claim: func(c *attestationtest.Claim) { c.Ref = "refs/pull/7/merge" }, reason: "provenance_invalid", words: "refs/pull/7/merge"},
		"called by a workflow at that branch": {claim: func(c *attestationtest.Claim) { c.Ref = "refs/heads/evil" }, reason: "provenance_invalid", words: "refs/heads/evil"},
		"a merge group": {claim: func(c *attestationtest.Claim) {
			c.Trigger = "merge_group"
			c.Signer = strings.Replace(c.Signer, "refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-7-0123abc", 1)
		}},
		"a branch called like a merge group": {claim: func(c *attestationtest.Claim) {
			c.Signer = strings.Replace(c.Signer, "refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-7-0123abc", 1)
		}, reason: "provenance_invalid"},
		"another issuer": {claim: func(c *attestationtest.Claim) { c.Issuer = "https://evil.example.com" }, reason: "provenance_invalid"},
		"another root":   {other: true, reason: "provenance_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			authority := attestationtest.New()
			roots := filepath.Join(t.TempDir(), "trusted_root.json")
			if err := os.WriteFile(roots, authority.TrustedRootJSON(), 0o600); err != nil {
				t.Fatal(err)
			}
			s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.TrustedRootFile = roots }})
			s.govern(s.defaultPolicy("provenance: attestation"))
			pull := s.Merged("Add a basket")
			digest := s.staged(pull.MergeCommit(), "basket")
			claim := s.claims(pull.MergeCommit(), digest)
			if test.claim != nil {
				test.claim(&claim)
			}
			if test.other {
				authority = attestationtest.New()
			}
			if !test.none {
				s.Repository.Attest(digest, authority.Attest(claim))
			}
			if test.reason == "" {
				s.promotes(pull.Issue, s.Alice, "/promote", digest)
				return
			}
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", test.reason), test.words)
		})
	}
}

// claims is what a genuine attestation says.
func (s *story) claims(commit *githubtest.Commit, digest string) attestationtest.Claim {
	s.t.Helper()
	parsed, err := promotion.ParseDigest(digest)
	s.must(err)
	of, err := promotion.ParseCommit(commit.SHA())
	s.must(err)
	return attestationtest.Claim{
		Digest: parsed, RepositoryURL: s.GitHub.URL() + "/acme/shop", RepositoryID: s.Repository.ID(), Commit: of,
		Signer: s.GitHub.URL() + "/acme/shop/" + scene.CI + "@refs/heads/main", Signed: time.Now().Add(-time.Minute),
	}
}

func TestAnAttestationThatCannotBeToldPromotesNothing(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.TrustedRootFile = "/nowhere/trusted_root.json" }})
	s.govern(s.defaultPolicy("provenance: attestation"))
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.Repository.Attest(digest, attestationtest.New().Attest(s.claims(pull.MergeCommit(), digest)))
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Could not tell", "`internal_error`", "trusted_root.json")
	s.names("production", "")
}

func TestTheRightAttestationBehindManyOthers(t *testing.T) {
	authority := attestationtest.New()
	roots := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(roots, authority.TrustedRootJSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := begin(t, scene.Options{Policy: "-", Settings: func(settings *config.Settings) { settings.TrustedRootFile = roots }})
	s.govern(s.defaultPolicy("provenance: attestation"))
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	wrong := s.claims(pull.MergeCommit(), digest)
	wrong.Signer = strings.Replace(wrong.Signer, "refs/heads/main", "refs/heads/feature", 1)
	other := authority.Attest(wrong)
	for range 130 {
		s.Repository.Attest(digest, other)
	}
	s.refuses(pull.Issue, s.Alice, "/promote", "provenance_invalid")
	s.Repository.Attest(digest, authority.Attest(s.claims(pull.MergeCommit(), digest)))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
