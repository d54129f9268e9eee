package server_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/server"
)

// failsOver starts the server again over an empty database, in PostgreSQL where there is one, after that time.
func (s *story) failsOver(world *shifted, after time.Duration) {
	s.t.Helper()
	s.settled()
	s.must(s.StopServer())
	database := "sqlite:" + filepath.Join(s.t.TempDir(), "other.db")
	if postgrestest.Available() {
		address, remove, err := postgrestest.New(s.ctx)
		s.must(err)
		s.t.Cleanup(func() {
			if err := s.StopServer(); err != nil {
				s.t.Error(err)
			}
			if err := remove(); err != nil {
				s.t.Error(err)
			}
		})
		database = address
	}
	s.MoveTo(database)
	world.move(after)
	s.must(s.StartServer(s.ctx))
}

// inTime begins a story in which time can pass.
func inTime(t *testing.T) (*story, *shifted) {
	t.Helper()
	world := &shifted{}
	return begin(t, scene.Options{Clock: world.now, Settings: func(settings *config.Settings) { settings.CatchUpInterval = 0 }}), world
}

// heldAll fails the test unless everything is held, and everybody is told.
func (s *story) heldAll(reason string) {
	s.t.Helper()
	status, held := s.ready()
	if status != http.StatusOK {
		s.t.Errorf("/readyz: %d", status)
	}
	s.expect(held, reason, "as if it had been lost", "verbatim ledger resume")
	if value := s.metrics()["verbatim_held_everywhere"]; value != 1 {
		s.t.Errorf("verbatim_held_everywhere is %g", value)
	}
}

// lifted lifts what holds everything, as whoever runs the server does.
func (s *story) lifted() {
	s.t.Helper()
	upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
	s.must(err)
	_, err = upkeep.ResumeEverything(s.ctx)
	s.must(err)
	s.must(upkeep.Close())
}

// The server is pointed at an empty database: GitHub lists what the one before accepted.
func TestAfterAFailoverToAnEmptyDatabaseEverythingIsHeld(t *testing.T) {
	s, world := inTime(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	s.informs(second.Issue, s.Alice, "/promote hold", "is held by alice")
	s.failsOver(world, 2*time.Hour)
	newer := s.staged(second.MergeCommit(), "voucher")
	s.expect(s.refuses(second.Issue, s.Alice, "/promote", "held"), "everything is held since", "verbatim ledger resume")
	s.names("production", older)
	s.heldAll("deliveries that were accepted before")
	s.lifted()
	s.promotes(second.Issue, s.Alice, "/promote", newer)
}

// GitHub lists deliveries of three days. After longer a production tag that we set tells: our own words on GitHub say that it was us.
func TestATagThatAnotherLedgerSetHoldsEverything(t *testing.T) {
	t.Parallel()
	for name, promote := range map[string]func(s *story, pull *githubtest.PullRequest, digest string){
		"by a command": func(s *story, pull *githubtest.PullRequest, digest string) {
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		},
		"by the button": func(s *story, pull *githubtest.PullRequest, digest string) {
			check := s.CheckRun(pull.MergeCommit())
			s.GitHub.Click(check, check.State().Actions[0].Identifier, s.Alice)
			s.must(s.Check(s.ctx, pull.MergeCommit(), "Promoted"))
			s.names("production", digest)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, world := inTime(t)
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			older := s.verified(first.MergeCommit(), "basket")
			promote(s, first, older)
			s.informs(second.Issue, s.Alice, "/promote hold", "is held by alice")
			s.failsOver(world, 96*time.Hour)
			if name == "by a command" { // the reply alone tells
				s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}.On("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs"))
			}
			newer := s.staged(second.MergeCommit(), "voucher")
			reply := s.refuses(second.Issue, s.Alice, "/promote", "held")
			s.expect(reply, "everything is held since", "promotions to production of acme/shop that", "tells of", "verbatim ledger resume")
			s.names("production", older)
			s.heldAll("promotions to production")
			s.lifted()
			s.promotes(second.Issue, s.Alice, "/promote", newer) // somebody has looked
		})
	}
}

// A server on trial promoted nothing: the tag is what was there before, and the first promotion moves it.
func TestATagBesideWhichWeOnlyAnsweredIsABaseline(t *testing.T) {
	s, world := inTime(t)
	baseline, err := s.Registry.PushIndex(scene.Image, "production", "from before")
	s.must(err)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.verified(first.MergeCommit(), "basket")
	_, reply := s.says(first.Issue, s.Alice, "/promote --dry-run")
	s.expect(reply, "Dry run", baseline)
	first.Comment(s.Walter, "**api** → production: promoted") // not ours
	s.failsOver(world, 96*time.Hour)
	digest := s.staged(second.MergeCommit(), "voucher")
	_, reply = s.says(second.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", baseline, digest, "was there before Verbatim")
	if _, held := s.ready(); held != "" {
		t.Errorf("held: %s", held)
	}
}

// Whoever may write can edit our replies: what others made of one is not our word.
func TestAReplyThatOthersEditedHoldsNothing(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*githubtest.Comment, *githubtest.User, string){
		"later": (*githubtest.Comment).Edit, "at once": (*githubtest.Comment).EditAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			s, world := inTime(t)
			baseline, err := s.Registry.PushIndex(scene.Image, "production", "from before")
			s.must(err)
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			s.verified(first.MergeCommit(), "basket")
			_, reply := s.says(first.Issue, s.Alice, "/promote --dry-run")
			for _, comment := range first.Comments() {
				if comment.Author() == s.GitHub.AppBot() {
					edit(comment, s.Walter, reply+"\n**api** → production: promoted")
				}
			}
			s.failsOver(world, 96*time.Hour)
			digest := s.staged(second.MergeCommit(), "voucher")
			_, reply = s.says(second.Issue, s.Alice, "/promote")
			s.expect(reply, "Promoted", baseline, digest, "was there before Verbatim")
		})
	}
}

// A reply that we edited ourselves, from an interim one, tells as one that we did not, whatever others make of later ones.
func TestAReplyThatWeEditedTellsOfAnotherLedger(t *testing.T) {
	s, world := inTime(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	_, reply := s.says(first.Issue, s.Alice, "/promote status")
	for at, comment := range first.Comments() {
		switch {
		case comment.Author() != s.GitHub.AppBot():
		case at < 2:
			comment.Edit(s.GitHub.AppBot(), comment.Body())
		default:
			comment.Edit(s.Walter, reply+"\n**api** → production: promoted")
		}
	}
	s.failsOver(world, 96*time.Hour)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}.On("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs"))
	s.staged(second.MergeCommit(), "voucher")
	s.expect(s.refuses(second.Issue, s.Alice, "/promote", "held"), "everything is held since", "tells of")
	s.names("production", older)
}

// Where GitHub does not tell of our words for now, nothing is decided.
func TestATagOfUnknownOriginWaitsForGitHub(t *testing.T) {
	s, world := inTime(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	s.failsOver(world, 96*time.Hour)
	s.staged(second.MergeCommit(), "voucher")
	s.settled()
	fault := s.GitHub.Inject(githubtest.Fault{Status: http.StatusBadGateway}.On("GET", "/repos/{owner}/{repo}/issues/comments"))
	comment := second.Comment(s.Alice, "/promote")
	s.interim(second.Issue, comment, "Cannot tell yet", "before this ledger was made")
	s.names("production", older)
	fault.Remove()
	s.must(s.Eventually(s.ctx, "the reply", func() bool { return strings.Contains(s.Reply(second.Issue, comment), "everything is held since") }))
	s.names("production", older)
}

// Without GitHub's list of deliveries nobody can tell whether the ledger is the newest one: health says so.
func TestAListOfDeliveriesThatIsNotThereIsNamed(t *testing.T) {
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = time.Second }})
	s.GitHub.Hold(nil, nil)
	fault := s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}.On("GET", "/app/hook/deliveries"))
	s.isDegraded(selfcheck.GitHubDeliveries, "404", "lost")
	fault.Remove()
	s.isWell()
	s.must(s.StopServer())
	fault = s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}.On("GET", "/app/hook/deliveries"))
	s.must(s.StartServer(s.ctx))
	s.isDegraded(selfcheck.GitHubDeliveries, "404")
	fault.Remove()
	s.isWell()
}
