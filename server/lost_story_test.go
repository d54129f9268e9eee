package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/server"
)

// inAFile begins a story whose ledger is in a file, and gives its path.
func inAFile(t *testing.T, catchUp time.Duration) (*story, string) {
	t.Helper()
	if postgrestest.Available() {
		t.Skip("the ledger is no file")
	}
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = catchUp }})
	return s, strings.TrimPrefix(s.DatabaseURL(), "sqlite:")
}

// ready gives what /readyz says.
func (s *story) ready() (status int, held string) {
	s.t.Helper()
	response, err := http.Get("http://" + s.Server.Addr() + "/readyz")
	s.must(err)
	defer response.Body.Close()
	var said struct{ Held string }
	s.must(json.NewDecoder(response.Body).Decode(&said))
	return response.StatusCode, said.Held
}

// A ledger is lost, and a new one begins in its place: it knows of no hold, and so nothing moves until somebody has looked.
func TestAfterALostLedgerEverythingIsHeld(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*story, string){
		"deleted": func(s *story, file string) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				s.must(os.RemoveAll(file + suffix))
			}
		},
		"copied without what was written ahead": func(s *story, file string) {
			s.must(os.RemoveAll(file + "-wal"))
			s.must(os.WriteFile(file, nil, 0o600)) // what the file alone held
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, file := inAFile(t, 0)
			first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
			older := s.verified(first.MergeCommit(), "basket")
			s.promotes(first.Issue, s.Alice, "/promote", older)
			s.informs(second.Issue, s.Alice, "/promote hold", "is held by alice")
			s.settled()
			s.must(s.StopServer())
			lose(s, file)
			s.must(s.StartServer(s.ctx))
			s.staged(second.MergeCommit(), "voucher")
			reply := s.refuses(second.Issue, s.Alice, "/promote", "held")
			s.expect(reply, "everything is held since", "as if it had been lost", "verbatim ledger resume")
			s.names("production", older)
			status, held := s.ready()
			if status != http.StatusOK || !strings.Contains(held, "verbatim ledger resume") {
				t.Errorf("/readyz: %d, held %q", status, held)
			}
			if value := s.metrics()["verbatim_held_everywhere"]; value != 1 {
				t.Errorf("verbatim_held_everywhere is %g", value)
			}

			upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
			s.must(err)
			_, err = upkeep.ResumeEverything(s.ctx)
			s.must(err)
			s.must(upkeep.Close())
			s.must(s.StopServer())
			s.must(s.StartServer(s.ctx)) // it looks back again
			if _, held := s.ready(); held != "" {
				t.Errorf("held again for what was looked at: %s", held)
			}
			if value := s.metrics()["verbatim_held_everywhere"]; value != 0 {
				t.Errorf("verbatim_held_everywhere is %g", value)
			}
		})
	}
}

// The webhook was there before the server first was: what nobody answered is no sign of another ledger, nor is what somebody else did.
func TestAFirstInstallationIsNotHeld(t *testing.T) {
	s, file := inAFile(t, time.Hour)
	s.must(s.StopServer())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		s.must(os.RemoveAll(file + suffix))
	}
	pull := s.Merged("Add a basket") // nobody answers
	s.GitHub.Drain()
	if len(s.GitHub.Deliveries()) == 0 {
		t.Fatal("nothing was delivered")
	}
	s.must(s.StartServer(s.ctx))
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	if _, held := s.ready(); held != "" {
		t.Errorf("held: %s", held)
	}
}

// GitHub says later whether there was another ledger: until then a new one promotes nothing.
func TestANewLedgerWaitsForGitHubsList(t *testing.T) {
	s, file := inAFile(t, 0)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	s.verified(second.MergeCommit(), "voucher")
	s.settled()
	s.must(s.StopServer())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		s.must(os.RemoveAll(file + suffix))
	}
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusBadGateway, Times: 4}.On("GET", "/app/hook/deliveries"))
	s.must(s.StartServer(s.ctx))
	s.refuses(second.Issue, s.Alice, "/promote", "held")
	s.names("production", older)
}

// The file is deleted, or another one put in its place, under the running server: what would be written is lost.
func TestAFileThatIsReplacedUnderTheServer(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(*story, string){
		"deleted":  func(*story, string) {},
		"replaced": func(s *story, file string) { s.must(os.WriteFile(file, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, file := inAFile(t, 0)
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			s.must(os.Rename(file, file+".away"))
			replace(s, file)
			s.must(s.Eventually(s.ctx, "deliveries to be refused", func() bool { return s.comes(pull.Issue).Status() == http.StatusServiceUnavailable }))
			s.unready()
			_, reason := s.readiness()
			s.expect(reason, "was deleted or replaced while the server had it open", file)
			deliveries := s.GitHub.DeliveriesOf("issue_comment", "created")
			s.expect(string(deliveries[len(deliveries)-1].Answer()), "was deleted or replaced")
			s.must(os.Rename(file+".away", file))
			s.recovers(pull.Issue)
			s.promotes(pull.Issue, s.Alice, "/promote", digest)
		})
	}
}
