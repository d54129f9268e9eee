package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

const tryingAgain = "it is tried again until"

func TestAnOutageOfGitHubEndsNoCommand(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"the role cannot be read":    githubtest.Fault{Status: 500}.On("GET", permissionRoute),
		"the runs cannot be listed":  githubtest.Fault{Status: 502}.On("GET", runsRoute),
		"the branch cannot be asked": githubtest.Fault{Status: 500}.On("GET", "/repos/{owner}/{repo}/compare/{basehead}"),
		"the head cannot be read":    githubtest.Fault{Reset: true}.On("GET", "/repos/{owner}/{repo}/git/ref/{ref}"),
		"an answer is cut short":     githubtest.Fault{Truncate: true}.On("GET", "/repos/{owner}/{repo}/pulls/{pull_number}"),
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, digest := ready(t)
			s.Merged("Add a voucher") // the branch goes on: whether the commit is on it has to be asked
			s.settled()
			s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
			down := s.GitHub.Inject(fault)
			comment := pull.Comment(s.Alice, "/promote")
			s.interim(pull.Issue, comment, "Cannot tell yet", "`github_error`", tryingAgain)
			s.names("production", "")
			if reactions := strings.Join(comment.Reactions(s.GitHub.AppBot()), " "); reactions != "eyes" && (reactions != "" || fault.Path != permissionRoute) {
				t.Errorf("reactions %q", reactions)
			}
			down.Remove()
			s.becomes(pull.Issue, comment, "Promoted api to production")
			s.reacted(comment, "eyes", "rocket")
			s.names("production", digest)
			if count := s.ours(pull.Issue); count != 1 {
				t.Errorf("%d replies, expected one that was edited", count)
			}
		})
	}
}

// interim waits for words in the reply while work is left.
func (s *story) interim(issue *githubtest.Issue, comment *githubtest.Comment, words ...string) {
	s.t.Helper()
	s.must(s.Eventually(s.ctx, "the reply to say "+strings.Join(words, ", "), func() bool {
		reply := s.Reply(issue, comment)
		for _, word := range words {
			if !strings.Contains(reply, word) {
				return false
			}
		}
		return true
	}))
}

// closed lets the registry answer 503 to all reads.
func (s *story) closed() {
	s.Registry.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
}

func TestAnOutageOfTheRegistryEndsNoCommand(t *testing.T) {
	s, first, older := ready(t)
	s.promotes(first.Issue, s.Alice, "/promote", older)
	second := s.Merged("Add a voucher")
	newer := s.verified(second.MergeCommit(), "voucher")
	s.settled()
	s.closed()
	comment := second.Comment(s.Alice, "/promote production\n/promote status")
	s.interim(second.Issue, comment, "Cannot tell yet", "`registry_error`", tryingAgain, "Status of")
	s.reacted(comment, "eyes")
	s.Registry.Inject(nil)
	s.becomes(second.Issue, comment, "Promoted api to production")
	s.names("production", newer)
	s.closed()
	comment = second.Comment(s.Alice, "/rollback")
	s.interim(second.Issue, comment, "Cannot tell yet", "`registry_error`")
	s.Registry.Inject(nil)
	s.becomes(second.Issue, comment, "Rolled back api in production")
	s.names("production", older)
}

func TestAnOutageEndsACommandAfterItsHour(t *testing.T) {
	clock := &shifted{}
	s := begin(t, clock.options())
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.closed()
	comment := pull.Comment(s.Alice, "/promote")
	s.interim(pull.Issue, comment, "Cannot tell yet", "`registry_error`")
	again := func() float64 { return s.sum("verbatim_work_total", `kind="request"`, `outcome="again"`) }
	tries := again()
	clock.move(55 * time.Minute)
	s.must(s.Eventually(s.ctx, "another try", func() bool { return again() > tries }))
	s.expect(s.Reply(pull.Issue, comment), "Cannot tell yet")
	clock.move(6 * time.Minute)
	s.becomes(pull.Issue, comment, "Could not tell", "`registry_error`")
	s.reacted(comment, "eyes", "confused")
	s.names("production", "")
	s.Registry.Inject(nil)
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestACommandThatGitHubAnswersAfterTheHourIsToldSo(t *testing.T) {
	clock := &shifted{}
	options := clock.options()
	options.Public = true
	s := begin(t, options)
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.GitHub.Hold(nil, nil)
	down := s.GitHub.Inject(githubtest.Fault{Status: 500}.On("GET", permissionRoute))
	stranger, comment := pull.Comment(s.Stranger, "/promote"), pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "some tries", func() bool { return down.Hits() > 12 }))
	clock.move(2 * time.Hour)
	s.must(s.Eventually(s.ctx, "the next tries", func() bool { return down.Hits() > 18 }))
	down.Remove()
	clock.move(2 * time.Minute)
	s.must(s.Eventually(s.ctx, "an answer", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "ask again") }))
	s.settled()
	if reply := s.Reply(pull.Issue, stranger); reply != "" {
		t.Errorf("a stranger got a reply:\n%s", reply)
	}
	s.names("production", "")
}
