package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// laxPolicy lets anybody who reads promote whatever was built.
func (s *story) laxPolicy() string {
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "requires: [test, staging]", "requires: [build]", 1)
	return strings.Replace(policy, "permission: maintain", "permission: read", 1)
}

// namesake makes another repository of the name acme/shop, in which that person may do everything, by rules of their own.
func (s *story) namesake(owner *githubtest.User) *githubtest.Repository {
	s.t.Helper()
	taken := s.GitHub.Repository("acme/shop", githubtest.Private)
	if taken.ID() == s.Repository.ID() {
		s.t.Fatal("the name is not free")
	}
	taken.SetRole(owner, "admin")
	s.GitHub.Quietly(func() {
		taken.Commit("main", "Begin", owner, map[string]string{".github/verbatim.yml": s.laxPolicy()})
	})
	return taken
}

// unspoken fails the test when the app said anything in the repository.
func (s *story) unspoken(in *githubtest.Repository) {
	s.t.Helper()
	if checks := in.CheckRuns(""); len(checks) > 0 {
		s.t.Errorf("%d check runs in the namesake", len(checks))
	}
	for _, call := range s.GitHub.Calls() {
		if call.Method != "GET" && strings.HasPrefix(call.Path, "/repos/acme/shop/") {
			s.t.Errorf("the namesake was written to: %s %s", call.Method, call.Path)
		}
	}
}

// Somebody without any role asked, and then made a repository of the old name, in which they are admin.
func TestANamesakesAdminDoesNotRollBack(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*githubtest.Repository){
		"renamed": func(r *githubtest.Repository) { r.Rename("acme/old-shop") },
		"deleted": (*githubtest.Repository).Delete,
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Public: true})
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			s.promotes(first.Issue, s.Alice, "/promote", s.verified(first.MergeCommit(), "basket"))
			newer := s.verified(second.MergeCommit(), "voucher")
			s.promotes(second.Issue, s.Alice, "/promote", newer)
			asked := s.GitHub.Capture(func() { second.Comment(s.Stranger, "/rollback production") })
			s.settled()
			s.GitHub.Quietly(func() { away(s.Repository) })
			taken := s.namesake(s.Stranger)
			s.GitHub.ResetRequests()
			for _, delivery := range asked {
				delivery.Send()
			}
			s.settled()
			s.names("production", newer)
			s.unspoken(taken)
		})
	}
}

// A read-only user asked for a digest whose tests failed; the name then leads to rules that let them. The repository goes on
// under its new name, by its own rules.
func TestANamesakesPolicyPromotesNothing(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.Scope = append(settings.Scope, promotion.ScopeRule{Repositories: "acme/old-shop", Registry: settings.Scope[0].Registry})
	}})
	pull := s.Merged("Add a basket")
	run, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.Tested(run, "failure")
	s.settled()
	asked := s.GitHub.Capture(func() { pull.Comment(s.Rita, "/promote production") })
	s.GitHub.Quietly(func() { s.Repository.Rename("acme/old-shop") })
	taken := s.namesake(s.Rita)
	s.settled()
	s.GitHub.ResetRequests()
	for _, delivery := range asked {
		delivery.Send()
	}
	s.interim(pull.Issue, pull.Comments()[0], "Refused", "`not_authorised`", "`stage_failed`")
	s.names("production", "")
	s.unspoken(taken)
}

// The default branch was renamed, and nobody told: at its old name a writer made rules of his own.
func TestTheOldDefaultBranchHasNoRules(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	_, _, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	asked := s.GitHub.Capture(func() { pull.Comment(s.Walter, "/promote production") })
	s.GitHub.Quietly(func() {
		s.Repository.CreateBranch("trunk", s.Repository.Head("main"), s.Alice)
		s.Repository.SetDefaultBranch("trunk")
		s.Repository.Commit("main", "Rules of my own", s.Walter, map[string]string{".github/verbatim.yml": s.laxPolicy()})
	})
	for _, delivery := range asked {
		delivery.Send()
	}
	s.settled()
	s.names("production", "")
	s.expect(s.Reply(pull.Issue, pull.Comments()[0]), "Refused", "`not_authorised`", "`stage_missing`")
}

// What waits in a repository goes on under its new name, also with a new owner, and ends when the repository is gone.
func TestWhatWaitsGoesWithItsRepository(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.Scope = append(settings.Scope, promotion.ScopeRule{Repositories: "globex/store", Registry: settings.Scope[0].Registry})
	}})
	pull := s.Merged("Add a basket")
	run, digest, err := s.Built(pull.MergeCommit(), "basket")
	s.must(err)
	s.settled()
	comment := s.waits(pull.Issue, s.Alice, "/promote production --when-verified", "stage_missing")
	s.GitHub.Organisation("globex").Install()
	s.Repository.Rename("globex/store")
	s.settled()
	taken := s.namesake(s.Rita)
	s.settled()
	s.GitHub.ResetRequests()
	s.Tested(run, "success")
	s.Staged(pull.MergeCommit(), "success")
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
	s.unspoken(taken)
}

func TestWhatWaitsEndsWithItsRepository(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		away    func(*githubtest.Repository)
		swept   time.Duration
		quietly bool
	}{
		"deleted":                       {(*githubtest.Repository).Delete, 0, false},
		"deleted, and nobody told":      {(*githubtest.Repository).Delete, 200 * time.Millisecond, true},
		"transferred out of our reach":  {func(r *githubtest.Repository) { r.Rename("globex/store") }, 200 * time.Millisecond, true},
		"transferred, and public there": {func(r *githubtest.Repository) { r.SetVisibility(false); r.Rename("globex/store") }, 200 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = test.swept }})
			pull := s.Merged("Add a basket")
			_, _, err := s.Built(pull.MergeCommit(), "basket")
			s.must(err)
			comment := pull.Comment(s.Alice, "/promote production --when-verified")
			s.must(s.Eventually(s.ctx, "a reply that says that it waits", func() bool { return strings.Contains(s.Reply(pull.Issue, comment), "Waiting to promote") }))
			if test.quietly {
				s.GitHub.Quietly(func() { test.away(s.Repository) })
			} else {
				test.away(s.Repository)
			}
			s.must(s.Eventually(s.ctx, "the wait to end", func() bool { return s.count(`SELECT COUNT(*) FROM requests WHERE state = 'waiting'`) == 0 }))
			s.must(s.Eventually(s.ctx, "its rows to stop", func() bool { return s.count(`SELECT COUNT(*) FROM policies WHERE found = 1`) == 0 }))
			s.names("production", "")
		})
	}
}

// Drift is not put back on behalf of a repository that is gone.
func TestNobodyRestoresForARepositoryThatIsGone(t *testing.T) {
	s := watched(t, "drift: { restore: true }")
	pull := s.Merged("Add a basket")
	s.promotes(pull.Issue, s.Alice, "/promote", s.verified(pull.MergeCommit(), "basket"))
	s.GitHub.Quietly(s.Repository.Delete)
	s.namesake(s.Rita)
	stray, err := s.Registry.PushIndex(scene.Image, "production", "of the namesake")
	s.must(err)
	s.must(s.Eventually(s.ctx, "the rows to stop, or a tag to move", func() bool {
		return s.Tag("production") != stray || s.count(`SELECT COUNT(*) FROM policies WHERE found = 1 AND repository = $1`, s.Repository.ID()) == 0
	}))
	s.names("production", stray)
}

// The name changes hands after all was asked, right before the tag is set: what was asked is nothing to go by.
func TestTheNameIsTheSameWhenTheTagIsSet(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.GitHub.Inject(githubtest.Fault{Skip: 1, Times: 1, Before: func(*http.Request) {
		s.GitHub.Quietly(func() { s.Repository.Rename("acme/old-shop") })
		s.namesake(s.Rita)
	}}.On("GET", "/repos/{owner}/{repo}"))
	s.interim(pull.Issue, pull.Comment(s.Alice, "/promote production"), "Paused", "`registry_scope`", "no rule of the server lets acme/old-shop use")
	s.names("production", "")
}

// count gives a number from the ledger's database.
func (s *story) count(query string, arguments ...any) (count int) {
	s.t.Helper()
	database, err := s.openDatabase()
	s.must(err)
	defer func() { s.must(database.Close()) }()
	s.must(database.QueryRowContext(s.ctx, query, arguments...).Scan(&count))
	return count
}
