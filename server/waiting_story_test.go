package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// waits asks for a promotion that has to wait, and gives the comment once the reply says so.
func (s *story) waits(issue *githubtest.Issue, author *githubtest.User, text string, words ...string) *githubtest.Comment {
	s.t.Helper()
	comment := issue.Comment(author, text)
	s.must(s.Eventually(s.ctx, "a reply that says that it waits", func() bool { return strings.Contains(s.Reply(issue, comment), "Waiting to promote") }))
	s.settled()
	s.expect(s.Reply(issue, comment), words...)
	s.reacted(comment, "eyes")
	return comment
}

// becomes waits until the one reply to a comment says so.
func (s *story) becomes(issue *githubtest.Issue, comment *githubtest.Comment, words ...string) {
	s.t.Helper()
	err := s.Eventually(s.ctx, fmt.Sprintf("the reply to say %q", words), func() bool {
		reply := s.Reply(issue, comment)
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(reply, word) })
	})
	if err != nil {
		s.t.Fatalf("%v; it says:\n%s", err, s.Reply(issue, comment))
	}
	s.settled()
}

func TestWhenVerifiedPromotesByItself(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote production --when-verified", "stage_missing", "for this commit and digest only", "/promote cancel production")
	s.Tested(run, "success")
	s.settled()
	s.names("production", "")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.reacted(comment, "eyes", "rocket")
	s.names("production", digest)
}

func TestWhenVerifiedWaitsForASoak(t *testing.T) {
	s := governed(t, "soak: 8s")
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "soaking")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}

func TestTheCheckRunShowsTheEndOfASoak(t *testing.T) {
	s := governed(t, "soak: 8s")
	pull := s.Merged("Add a basket")
	s.staged(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "5 of 6 gates met"))
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote")) // nobody has done anything since
}

func TestWhatEndsAWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		act  func(*story, *githubtest.PullRequest, *githubtest.Run)
		want string
	}{
		"cancel": {func(s *story, pull *githubtest.PullRequest, _ *githubtest.Run) {
			s.informs(pull.Issue, s.Alice, "/promote cancel production", "waits no more")
		}, "cancelled by alice"},
		"a hold": {func(s *story, pull *githubtest.PullRequest, run *githubtest.Run) {
			s.informs(pull.Issue, s.Alice, "/promote hold", "is held")
		}, "`held`"},
		"a stage that fails": {func(s *story, pull *githubtest.PullRequest, run *githubtest.Run) {
			s.Tested(run, "failure")
		}, "`stage_failed`"},
		"another digest": {func(s *story, pull *githubtest.PullRequest, run *githubtest.Run) {
			s.Tested(run, "success")
			s.staged(pull.MergeCommit(), "built again")
		}, "`digest_moved`"},
		"the requester's leaving": {func(s *story, pull *githubtest.PullRequest, run *githubtest.Run) {
			s.Repository.SetRole(s.Alice, "read")
			s.Tested(run, "success")
			s.Staged(pull.MergeCommit(), "success")
		}, "`not_authorised`"},
		"the end of its time": {func(*story, *githubtest.PullRequest, *githubtest.Run) {}, "`stage_missing`"},
	} {
		t.Run(name, func(t *testing.T) {
			wait := "24h"
			if name == "the end of its time" {
				wait = "2s"
			}
			s := governed(t, "wait: "+wait)
			pull := s.Merged("Add a basket")
			run, _, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			s.settled()
			comment := pull.Comment(s.Alice, "/promote --when-verified")
			s.must(s.Eventually(s.ctx, "a reply", func() bool { return s.Reply(pull.Issue, comment) != "" }))
			test.act(s, pull, run)
			s.becomes(pull.Issue, comment, "Refused", test.want)
			s.reacted(comment, "eyes", "-1")
			s.names("production", "")
		})
	}
}

func TestAWaitSurvivesARestart(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.must(s.StopServer())
	s.must(s.StartServer(s.ctx))
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}

func TestSoakStartsAnewWhenAnotherDigestEnters(t *testing.T) {
	s := governed(t, "soak: 2s")
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.staged(first.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, first.MergeCommit(), "Ready to promote"))
	s.staged(second.MergeCommit(), "voucher")
	s.expect(s.refuses(first.Issue, s.Alice, "/promote", "soaking"), "entered staging at", "run staging again")
}

func TestWindowsAndAges(t *testing.T) {
	now := time.Now().UTC()
	closed := strings.ToLower(now.Add(3 * 24 * time.Hour).Weekday().String()[:3])
	open := "sun-sat"
	s := governed(t, fmt.Sprintf(`windows: [{ days: %s, from: "09:00", to: "16:00", zone: Europe/Berlin }]`, closed))
	pull := s.Merged("Add a basket")
	digest := s.staged(pull.MergeCommit(), "basket")
	s.must(s.Check(s.ctx, pull.MergeCommit(), "Ready to promote"))
	s.expect(s.CheckRun(pull.MergeCommit()).State().Summary, "outside of the window", "possible from")
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "outside_window")
	s.expect(reply, "09:00–16:00 Europe/Berlin", "possible from 20")
	s.govern(s.defaultPolicy(fmt.Sprintf(`windows: [{ days: %s, from: "00:00", to: "24:00" }]`, open), "max_age: 1s"))
	s.later()
	s.later() // GitHub's times have whole seconds
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "too_old"), "verified within the last 1s")
	s.govern(s.defaultPolicy("max_age: 1h"))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestNothingWaitsThatCannotCome(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "failure")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote --when-verified", "stage_failed")
	s.informs(pull.Issue, s.Alice, "/promote cancel", "nothing waits")
}

func TestAPushEndsAWait(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.settled()
	s.later()
	pull.Review(bob, "APPROVED", "fine")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.later()
	pull.Push("More", s.Walter, map[string]string{"more.txt": "more"})
	s.becomes(pull.Issue, comment, "Refused", "`head_moved`")
	s.names("production", "")
}

func TestAnOutageOfGitHubDoesNotEndAWait(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.Tested(run, "success")
	s.settled()
	s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
	fault := s.GitHub.Inject(githubtest.Fault{Status: 502}.On("GET", permissionRoute))
	s.Staged(pull.MergeCommit(), "success")                                                            // the last gate falls, and nobody can say who alice is
	s.must(s.Eventually(s.ctx, "GitHub to be asked in vain", func() bool { return fault.Hits() > 2 })) // and asked again at once
	fault.Remove()
	s.expect(s.Reply(pull.Issue, comment), "Waiting to promote")
	s.Staged(pull.MergeCommit(), "success") // whatever wakes it next
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}
