package server_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/server"
)

// A backup is put back: what the ledger then knows is not what is, so nothing moves until somebody has looked.
func TestAfterARestoreFromABackupEverythingIsHeld(t *testing.T) {
	if postgrestest.Available() {
		t.Skip("the backup is a copy of SQLite's file")
	}
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.CatchUpInterval, settings.Retention = time.Hour, 24*time.Hour
	}})
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	older := s.verified(first.MergeCommit(), "basket")
	s.promotes(first.Issue, s.Alice, "/promote", older)
	s.settled()
	file := strings.TrimPrefix(s.DatabaseURL(), "sqlite:")
	s.must(s.StopServer())
	s.aged(time.Hour)
	s.copied(file, file+".backup")
	s.must(s.StartServer(s.ctx))
	s.verified(second.MergeCommit(), "voucher")
	s.informs(second.Issue, s.Alice, "/promote hold", "is held by alice") // the backup does not know of it
	s.settled()
	s.must(s.StopServer())
	s.copied(file+".backup", file)
	s.must(s.StartServer(s.ctx))
	reply := s.refuses(second.Issue, s.Alice, "/promote", "held")
	s.expect(reply, "everything is held since", "restored from a backup", "verbatim ledger resume")
	s.informs(second.Issue, s.Alice, "/promote resume", "everything is held since", "verbatim ledger resume")
	s.names("production", older)

	s.must(s.StopServer())
	upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
	s.must(err)
	hold, err := upkeep.ResumeEverything(s.ctx)
	s.must(err)
	s.expect(hold.String(), "restored from a backup")
	s.must(upkeep.Close())
	s.must(s.StartServer(s.ctx))
	_, reply = s.says(second.Issue, s.Alice, "/promote status")
	if strings.Contains(reply, "everything is held") {
		t.Errorf("held again for what was lifted:\n%s", reply)
	}
}

// aged makes the ledger older: what was delivered right after it was made may have been another one's.
func (s *story) aged(by time.Duration) {
	s.t.Helper()
	database, err := s.openDatabase()
	s.must(err)
	_, err = database.ExecContext(s.ctx, "UPDATE compatibility SET begun = begun - $1", by.Microseconds())
	s.must(err)
	s.must(database.Close())
}

// copied copies a database that nobody has open.
func (s *story) copied(from, to string) {
	s.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		s.must(os.RemoveAll(to + suffix))
		source, err := os.Open(from + suffix)
		if os.IsNotExist(err) {
			continue
		}
		s.must(err)
		target, err := os.Create(to + suffix)
		s.must(err)
		_, err = io.Copy(target, source)
		s.must(err)
		s.must(source.Close())
		s.must(target.Close())
	}
}
