package server_test

import (
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// governed sets a scene whose policy is the default one with further lines for its environment.
func governed(t *testing.T, lines ...string) *story {
	t.Helper()
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.defaultPolicy(lines...))
	return s
}

func (s *story) defaultPolicy(lines ...string) string {
	policy := scene.DefaultPolicy(s.Registry.Host())
	for _, line := range lines {
		policy += "    " + line + "\n"
	}
	return policy
}

// govern commits a policy.
func (s *story) govern(policy string) *githubtest.Commit {
	return s.Repository.Commit("main", "Change the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
}

// staged takes a commit through all stages, whatever its check run says then.
func (s *story) staged(commit *githubtest.Commit, seed string) string {
	s.t.Helper()
	run, digest, err := s.Built(commit, seed)
	s.must(err)
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	return digest
}

// promotes asks, and expects that production names the digest.
func (s *story) promotes(issue *githubtest.Issue, author *githubtest.User, text, digest string) string {
	s.t.Helper()
	comment, reply := s.says(issue, author, text)
	s.expect(reply, "Promoted")
	s.reacted(comment, "eyes", "rocket")
	s.names("production", digest)
	return reply
}

// informs asks for something that moves nothing.
func (s *story) informs(issue *githubtest.Issue, author *githubtest.User, text string, words ...string) string {
	s.t.Helper()
	before := s.Tag("production")
	comment, reply := s.says(issue, author, text)
	s.expect(reply, words...)
	s.reacted(comment, "eyes", "+1")
	s.names("production", before)
	return reply
}

// member makes a person of the organisation with a role in the repository.
func (s *story) member(login, role string) *githubtest.User {
	user := s.GitHub.User(login)
	s.GitHub.Organisation("acme").Member(user)
	s.Repository.SetRole(user, role)
	return user
}

func TestAnApprovalByCommandCounts(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob := s.member("bob", "write")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "gates met"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "`approvals_missing`", "1 more of permission write")
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing")
	s.expect(reply, "1 of permission write", "/promote approve")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves api", digest)
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "1 (bob)")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "approved by bob")
}

func TestAnApprovingReviewCounts(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob := s.member("bob", "write")
	pull := s.opened("Add a basket")
	pull.Review(bob, "APPROVED", "Fine")
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote")) // GitHub told of the review
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "approved by bob")
}

// opened opens a pull request of one commit by walter.
func (s *story) opened(title string) *githubtest.PullRequest {
	branch := strings.ReplaceAll(strings.ToLower(title), " ", "-")
	s.Repository.CreateBranch(branch, s.Repository.Head("main"), s.Walter)
	s.Repository.Commit(branch, title, s.Walter, map[string]string{branch + ".txt": title})
	return s.Repository.OpenPullRequest(githubtest.PullRequestSpec{Title: title, Author: s.Walter, Head: branch})
}

func TestApprovalsThatDoNotCount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		act  func(*story, *githubtest.PullRequest, *githubtest.User)
		want string
	}{
		"the requester's own": {func(s *story, pull *githubtest.PullRequest, _ *githubtest.User) {
			s.informs(pull.Issue, s.Alice, "/promote approve", "alice approves")
		}, "asked for the promotion"},
		"a review of an earlier head": {func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {}, "approval of an earlier head"},
		"of somebody who has left since": {func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			s.Repository.SetRole(bob, "read")
		}, "is not one of permission write"},
		"before the policy changed": {func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			s.govern(s.defaultPolicy("approvals: { required: 1 }", "max_age: 14d"))
		}, "the policy has changed since"},
		"before a stage failed": {func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			run := s.Staged(pull.MergeCommit(), "failure")
			s.settled()
			run.Rerun(s.Walter).Start().Complete("success")
			s.settled()
		}, "staging failed at"},
		"of somebody who may not": {func(s *story, pull *githubtest.PullRequest, _ *githubtest.User) {
			s.refuses(pull.Issue, s.Rita, "/promote approve", "not_authorised")
		}, "0"},
		"of the pull request's author": {func(s *story, pull *githubtest.PullRequest, _ *githubtest.User) {
			s.refuses(pull.Issue, s.Walter, "/promote approve", "not_authorised")
		}, "0"},
		"taken back by a review": {func(s *story, pull *githubtest.PullRequest, bob *githubtest.User) {
			s.informs(pull.Issue, bob, "/promote approve", "bob approves")
			pull.Review(bob, "CHANGES_REQUESTED", "No, wait")
		}, "changes requested"},
	} {
		t.Run(name, func(t *testing.T) {
			s := governed(t, "approvals: { required: 1 }")
			bob := s.member("bob", "write")
			pull := s.opened("Add a basket")
			if name == "a review of an earlier head" {
				pull.Review(bob, "APPROVED", "Fine")
				pull.Push("One more thing", s.Walter, map[string]string{"more.txt": "more"})
			}
			pull.Merge("squash", s.Alice)
			s.staged(pull.MergeCommit(), "basket")
			test.act(s, pull, bob)
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), test.want)
		})
	}
}

func TestAnAuthorOfWhatShipsApprovesNothing(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob := s.member("bob", "write")
	first := s.Merged("Begin")
	s.staged(first.MergeCommit(), "begin")
	s.informs(first.Issue, bob, "/promote approve", "bob approves")
	s.says(first.Issue, s.Alice, "/promote")
	s.Repository.Commit("main", "A change without a pull request", bob, map[string]string{"bob.txt": "bob"})
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "is an author of what would ship")
}

func TestApprovalsOfTeams(t *testing.T) {
	s := governed(t, "approvals: { required: 2, teams: [release] }")
	release := s.GitHub.Organisation("acme").Team("Release")
	bob, carol, dave := s.member("bob", "write"), s.member("carol", "read"), s.member("dave", "write")
	release.Add(bob, "active").Add(carol, "active").Add(dave, "pending")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves") // each person once
	s.refuses(pull.Issue, dave, "/promote approve", "not_authorised")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "1 more of team release")
	s.informs(pull.Issue, carol, "/promote approve", "carol approves")
	release.Remove(bob) // looked up when it counts
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "bob does not count: is not one of team release")
	release.Add(bob, "active")
	s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "approved by bob, carol")
}

func TestAnApprovalIsOfADigest(t *testing.T) {
	s := governed(t, "approvals: { required: 1 }")
	bob := s.member("bob", "write")
	pull := s.Merged("Add a basket")
	s.refuses(pull.Issue, bob, "/promote approve", "stage_missing")
	s.staged(pull.MergeCommit(), "basket")
	s.informs(pull.Issue, bob, "/promote approve", "bob approves")
	s.staged(pull.MergeCommit(), "built again")
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "approvals_missing"), "it was for sha256:")
}

func TestReviewedAsksForEveryCommit(t *testing.T) {
	s := governed(t, "reviewed: true")
	bob := s.member("bob", "write")
	first := s.opened("Begin")
	first.Review(bob, "APPROVED", "")
	first.Merge("squash", s.Alice)
	digest := s.staged(first.MergeCommit(), "begin")
	s.promotes(first.Issue, s.Alice, "/promote", digest)

	stray := s.Repository.Commit("main", "Pushed past everybody", s.Walter, map[string]string{"stray.txt": "stray"})
	unapproved := s.Merged("Nobody looked")
	pull := s.opened("Add a basket")
	pull.Review(bob, "APPROVED", "")
	pull.Merge("squash", s.Alice)
	s.staged(pull.MergeCommit(), "basket")
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed")
	s.expect(reply, "2 of 3 did not", stray.Short(), "no merged pull request brought it", unapproved.MergeCommit().Short(), "has no approval")

	unapproved.Review(s.Walter, "APPROVED", "My own work is fine") // its author's own does not count
	unapproved.Review(s.Rita, "APPROVED", "I may only read")       // nor does that of somebody who may not write
	s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed")
}
