package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestAWaitForTheLatestIsBoundToItsCommit(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	s.later()
	comment := s.waits(pull.Issue, s.Alice, "/promote --sha latest --when-verified", "for this commit and digest only")
	later := s.Merged("Add a voucher")
	s.verified(later.MergeCommit(), "voucher")
	s.settled()
	s.names("production", "")
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production", pull.MergeCommit().SHA())
	s.names("production", digest)
}

func TestAnOutageBindsACommandToItsCommitToo(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"one that waits": "/promote --sha latest --when-verified", "one that does not": "/promote --sha latest"} {
		t.Run(name, func(t *testing.T) {
			s := governed(t)
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			s.later()
			s.GitHub.Hold(nil, nil)
			down := s.GitHub.Inject(githubtest.Fault{Status: 502}.On("GET", runsRoute))
			comment := pull.Comment(s.Alice, text)
			s.must(s.Eventually(s.ctx, "the first try", func() bool { return s.sum("verbatim_work_total", `kind="request"`, `outcome="again"`) > 0 }))
			s.Merged("Add a voucher")
			down.Remove()
			s.becomes(pull.Issue, comment, "Promoted api to production", pull.MergeCommit().SHA())
			s.names("production", digest)
		})
	}
}

func TestAWaitOnAnOpenHeadEndsWithItsMerge(t *testing.T) {
	s, bob := unmerged(t, 0)
	pull := s.opened("Add a basket")
	s.settled()
	s.later()
	pull.Review(bob, "APPROVED", "fine")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.later()
	s.GitHub.Quietly(func() { pull.Push("One more", s.Walter, map[string]string{"more.txt": "more"}) }) // nobody tells of it
	pull.Merge("squash", s.Alice)
	s.staged(pull.MergeCommit(), "basket and more")
	s.becomes(pull.Issue, comment, "Refused", "`head_moved`")
	s.reacted(comment, "eyes", "-1")
	s.names("production", "")
}

func TestACommandOnAnOpenHeadIsNotOfItsMerge(t *testing.T) {
	s, bob := unmerged(t, 0)
	s.mergedAfterTheComment(func(pull *githubtest.PullRequest) { pull.Review(bob, "APPROVED", "fine") })
}

func TestACommandOnAnOpenPullRequestIsNotOfItsMerge(t *testing.T) {
	governed(t).mergedAfterTheComment(func(*githubtest.PullRequest) {})
}

// A comment, the merge and another comment come within a second, which GitHub's times do not tell apart.
func TestACommandOnAnOpenPullRequestIsNotOfItsMergeWithinTheSecond(t *testing.T) {
	var stopped atomic.Pointer[time.Time]
	s := begin(t, scene.Options{Policy: "-", GitHubClock: func() time.Time {
		if at := stopped.Load(); at != nil {
			return *at
		}
		return time.Now()
	}})
	s.govern(s.defaultPolicy())
	pull := s.opened("Add a basket")
	s.settled()
	now := time.Now()
	stopped.Store(&now)
	before := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
	pull.Push("One more", s.Walter, map[string]string{"more.txt": "more"})
	pull.Merge("squash", s.Alice)
	after := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
	stopped.Store(nil)
	digest := s.staged(pull.MergeCommit(), "basket and more")
	for _, delivery := range before {
		delivery.Send()
	}
	s.becomes(pull.Issue, pull.Comments()[0], "Refused", "`head_moved`", "it was merged after that")
	s.names("production", "")
	for _, delivery := range after {
		delivery.Send()
	}
	s.becomes(pull.Issue, pull.Comments()[1], "Promoted")
	s.names("production", digest)
}

// mergedAfterTheComment has a pull request merged, with one more push, between a command and its delivery.
func (s *story) mergedAfterTheComment(before func(*githubtest.PullRequest)) {
	s.t.Helper()
	pull := s.opened("Add a basket")
	s.settled()
	s.later()
	before(pull)
	comments := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
	comment := pull.Comments()[0]
	s.later()
	pull.Push("One more", s.Walter, map[string]string{"more.txt": "more"})
	pull.Merge("squash", s.Alice)
	digest := s.staged(pull.MergeCommit(), "basket and more")
	for _, delivery := range comments {
		delivery.Send()
	}
	s.becomes(pull.Issue, comment, "Refused", "`head_moved`", "it was merged after that")
	s.names("production", "")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestAWaitIsBoundToItsEnvironment(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	policy := func(name string) string {
		return s.defaultPolicy("wait: 24h") + "  preview:\n    requires: [test, staging]\n    tags: [preview]\n    promoters: { permission: maintain }\ndefault_environment: " + name + "\n"
	}
	s.govern(policy("preview"))
	pull := s.Merged("Add a basket")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.govern(policy("production"))
	s.settled()
	digest := s.staged(pull.MergeCommit(), "basket")
	s.becomes(pull.Issue, comment, "Promoted api to preview")
	s.names("production", "")
	s.names("preview", digest)
}

func TestAWaitIsBoundToItsImages(t *testing.T) {
	s := begin(t, scene.Options{Policy: "-"})
	s.govern(s.defaultPolicy())
	pull := s.Merged("Add a basket")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.govern(strings.Replace(s.monorepo(""), "    paths: [\"worker/**\"]\n", "", 1))
	s.settled()
	run := s.Repository.Run(githubtest.RunSpec{Workflow: scene.CI, Head: pull.MergeCommit(), Actor: s.Walter}).Request().Start()
	build := run.Job("build").Start()
	for _, image := range []string{"api", "worker"} {
		_, err := s.Registry.PushIndex("shop/"+image, pull.MergeCommit().SHA(), image)
		s.must(err)
	}
	build.Complete("success")
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.namesIn("worker", "production", "")
}

func TestAWaitIsBoundToTheFirstDigestThatItSees(t *testing.T) {
	s := governed(t)
	pull := s.Merged("Add a basket")
	comment := s.waits(pull.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	s.Tested(run, "success")
	s.settled()
	s.staged(pull.MergeCommit(), "built again")
	s.becomes(pull.Issue, comment, "Refused", "`digest_moved`")
	s.names("production", "")
}

// backdated delivers a push to an open pull request whose event has older times than the push.
func (s *story) backdated(deliveries []*githubtest.Delivery, names ...string) {
	s.t.Helper()
	for _, delivery := range deliveries {
		body := delivery.Body()
		if delivery.Event() == "pull_request" {
			body = older(s.t, body, names)
		}
		if status := s.forged(delivery, body); status != 202 {
			s.t.Fatalf("answered %d", status)
		}
	}
}

// older returns an event in which members of these names are an hour older.
func older(t *testing.T, body []byte, names []string) []byte {
	t.Helper()
	var event any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&event); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, member := range value {
				text, isText := member.(string)
				at, err := time.Parse(time.RFC3339, text)
				if isText && err == nil && strings.Contains(fmt.Sprint(names), name) {
					value[name] = stamped(at.Add(-time.Hour))
				}
				walk(member)
			}
		case []any:
			for _, member := range value {
				walk(member)
			}
		}
	}
	walk(event)
	changed, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestAPushIsDatedByTheLatestOfWhatTells(t *testing.T) {
	t.Parallel()
	for name, names := range map[string][]string{
		"the head's repository tells": {"updated_at"},
		"our receipt tells":           {"updated_at", "pushed_at"},
	} {
		t.Run(name, func(t *testing.T) {
			s, bob := unmerged(t, 0)
			pull := s.opened("Add a basket")
			s.onPull(pull, "basket")
			verified := pull.Head()
			pull.Push("More", s.Walter, map[string]string{"more.txt": "more"})
			s.settled()
			s.later()
			comments := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
			s.later()
			s.backdated(s.GitHub.Capture(func() { s.Repository.ForcePush("add-a-basket", verified, s.Walter) }), names...)
			pull.Review(bob, "APPROVED", "fine")
			s.settled()
			for _, delivery := range comments {
				delivery.Send()
			}
			s.becomes(pull.Issue, pull.Comments()[0], "Refused", "head_moved", "was pushed at")
			s.names("production", "")
		})
	}
}

func TestARollbackEndsWhatWaits(t *testing.T) {
	s := governed(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.staged(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	newer := s.staged(second.MergeCommit(), "voucher")
	s.promotes(second.Issue, s.Alice, "/promote", newer)
	third := s.Merged("Add a discount")
	run, newest, err := s.Built(third.MergeCommit(), "discount")
	s.must(err)
	s.settled()
	waiting := s.waits(third.Issue, s.Alice, "/promote --when-verified", "stage_missing")
	s.later()
	_, reply := s.says(second.Issue, s.Alice, "/rollback --reason broken")
	s.expect(reply, "Rolled back api", "what alice asked for at "+third.MergeCommit().Short()+" waits no more",
		"nothing but a new command of a person moves it on", "`/promote production api --sha "+second.MergeCommit().Short()+"`")
	s.names("production", older)
	s.becomes(third.Issue, waiting, "Refused", "alice rolled it back to")
	s.reacted(waiting, "eyes", "-1")
	s.Tested(run, "success")
	s.Staged(third.MergeCommit(), "success")
	s.settled()
	s.names("production", older)
	s.later()
	s.promotes(third.Issue, s.Alice, "/promote", newest)
	_, reply = s.says(third.Issue, s.Alice, "/rollback")
	s.expect(reply, "Rolled back api")
}

func TestACommandFromBeforeARollbackMovesNothingAfterIt(t *testing.T) {
	s, first, older := ready(t)
	s.promotes(first.Issue, s.Alice, "/promote", older)
	second := s.Merged("Add a voucher")
	newer := s.verified(second.MergeCommit(), "voucher")
	s.promotes(second.Issue, s.Alice, "/promote", newer)
	before := s.GitHub.Capture(func() { second.Comment(s.Alice, "/promote") })
	comments := second.Comments()
	s.later()
	s.says(second.Issue, s.Alice, "/rollback")
	s.names("production", older)
	for _, delivery := range before {
		delivery.Send()
	}
	s.becomes(second.Issue, comments[len(comments)-1], "Refused", "after this was asked")
	s.names("production", older)
	s.later()
	s.promotes(second.Issue, s.Alice, "/promote", newer)
}
