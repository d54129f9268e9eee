package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
)

// unscoped begins with a server none of whose rules lets the repository use its registry repository; mend has the next start do so.
func unscoped(t *testing.T, options scene.Options) (s *story, mend func()) {
	missing := true
	options.Settings = func(settings *config.Settings) {
		settings.CatchUpInterval = time.Second
		if missing {
			settings.Scope = promotion.Scope{{Repositories: "acme/tools", Registry: settings.Scope[0].Registry}}
		}
	}
	s = begin(t, options)
	return s, func() {
		t.Helper()
		s.must(s.StopServer())
		missing = false
		s.must(s.StartServer(s.ctx))
	}
}

func TestAMissingScopePausesACommandUntilItIsMended(t *testing.T) {
	log := &lines{}
	s, mend := unscoped(t, scene.Options{Logger: zerolog.New(log)})
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	comment := pull.Comment(s.Alice, "/promote")
	s.interim(pull.Issue, comment, "Paused", "`registry_scope`", "no rule of the server lets acme/shop use", "whoever runs Verbatim", "VERBATIM_REGISTRY_SCOPE")
	s.reacted(comment, "eyes")
	s.isDegraded(selfcheck.RegistryScope, "acme/shop", s.Registry.Host()+"/shop/api", "VERBATIM_REGISTRY_SCOPE")
	s.Merged("Add a voucher") // more events change nothing
	s.GitHub.Drain()
	warning := "no rule of the server lets acme/shop use " + s.Registry.Host() + "/shop/api: nothing of it is read or promoted until that is mended"
	if told := log.with(warning); len(told) != 1 {
		t.Errorf("the log says it %d times, expected once", len(told))
	}
	if requests := s.Registry.Requests(); len(requests) > 0 {
		t.Errorf("a registry out of scope was asked: %v", requests)
	}
	mend()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.reacted(comment, "eyes", "rocket")
	s.names("production", digest)
	if count := s.ours(pull.Issue); count != 1 {
		t.Errorf("%d replies, expected one that was edited", count)
	}
	s.isWell()
	s.nothingSetAside()
}

func TestStagesThatRanWithoutAScopeAreRecordedOnceItIsMended(t *testing.T) {
	s, mend := unscoped(t, scene.Options{})
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	comment := pull.Comment(s.Alice, "/promote --when-verified")
	s.interim(pull.Issue, comment, "Waiting to promote", "`registry_scope`")
	s.isDegraded(selfcheck.RegistryScope, "acme/shop")
	mend()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	other := s.Merged("Add a voucher")
	s.verified(other.MergeCommit(), "voucher")
	s.must(s.Check(s.ctx, other.MergeCommit(), "Ready to promote"))
}

func TestAPolicyThatNamesItsOwnRegistryAgainGoesOnByItself(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = time.Second }})
	right := scene.DefaultPolicy(s.Registry.Host())
	s.govern(strings.ReplaceAll(right, "/shop/api", "/globex/store"))
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	comment := pull.Comment(s.Alice, "/promote --sha "+pull.MergeCommit().SHA())
	s.interim(pull.Issue, comment, "Paused", "`registry_scope`", "the policy")
	s.isDegraded(selfcheck.RegistryScope, "globex/store")
	s.govern(right)
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	s.isWell()
}

func TestAScopeThatStaysMissingEndsACommandAfterItsHour(t *testing.T) {
	clock := &shifted{}
	options := clock.options()
	options.Settings = func(settings *config.Settings) { settings.Scope = nil }
	s := begin(t, options)
	pull := s.Merged("Add a basket")
	comment := pull.Comment(s.Alice, "/promote")
	s.interim(pull.Issue, comment, "Paused", "`registry_scope`")
	s.GitHub.ResetRequests()
	tries := s.sum("verbatim_work_total", `kind="request"`, `outcome="again"`)
	s.must(s.Eventually(s.ctx, "another try", func() bool { return s.sum("verbatim_work_total", `kind="request"`, `outcome="again"`) > tries }))
	if calls := s.GitHub.CallsTo("GET", permissionRoute); len(calls) > 0 {
		t.Errorf("a command that pauses was looked at as a whole: %v", s.GitHub.Calls())
	}
	clock.move(61 * time.Minute)
	s.becomes(pull.Issue, comment, "Refused", "`registry_scope`", "ask whoever runs Verbatim")
	s.reacted(comment, "eyes", "-1")
}

func TestAMissingScopeDoesNotLookWellOnACheckRun(t *testing.T) {
	missing := false
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.CatchUpInterval = time.Second
		if missing {
			settings.Scope = nil
		}
	}})
	ready, promoted := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.verified(ready.MergeCommit(), "basket")
	digest := s.verified(promoted.MergeCommit(), "voucher")
	s.promotes(promoted.Issue, s.Alice, "/promote", digest)
	s.settled()
	s.must(s.StopServer())
	missing = true
	s.must(s.StartServer(s.ctx))
	for _, pull := range []*githubtest.PullRequest{ready, promoted} {
		s.Staged(pull.MergeCommit(), "success")
		s.must(s.Check(s.ctx, pull.MergeCommit(), "Paused: registry_scope"))
	}
	missing = false
	s.must(s.StopServer())
	s.must(s.StartServer(s.ctx))
	s.must(s.Check(s.ctx, ready.MergeCommit(), "Ready to promote"))
	s.must(s.Check(s.ctx, promoted.MergeCommit(), "Promoted"))
}
