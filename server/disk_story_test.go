package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	disk := smallDisk(t)
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) {
		settings.DatabaseURL = "sqlite:" + filepath.Join(disk, "verbatim.db")
	}})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	// What is in the write-ahead log already is written over: it takes some deliveries until the disk is needed.
	s.must(s.Eventually(s.ctx, "a delivery to be refused", func() bool {
		return s.comes(pull.Issue).Status() == http.StatusServiceUnavailable
	}))
	s.unready()
	s.must(os.Remove(ballast))
	s.recovers(pull.Issue)
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestADiskThatTakesNoWritesRefusesAndRecovers(t *testing.T) {
	if postgrestest.Available() {
		t.Skip("the disk is SQLite's")
	}
	path := filepath.Join(t.TempDir(), "verbatim.db")
	s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.DatabaseURL = "sqlite:" + path }})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	writable := frozen(t, path+"-wal")
	if status := s.comes(pull.Issue).Status(); status != http.StatusServiceUnavailable {
		t.Errorf("a delivery that cannot be written was answered %d, expected 503", status)
	}
	s.unready()
	writable()
	s.recovers(pull.Issue)
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

// frozen has writes to the file fail, as those to a disk that has become read-only do: also of who has it open. It gives
// what ends that.
func frozen(t *testing.T, path string) (writable func()) {
	t.Helper()
	change := func(flag string) ([]byte, error) {
		return exec.Command("chattr", flag, path).CombinedOutput()
	}
	if output, err := change("+i"); err != nil {
		// Other file systems have no such mark, and containers without the right cannot set it.
		what := fmt.Sprintf("a disk that takes no writes: marking a file immutable takes root, and ext4: %v: %s", err, output)
		if os.Getenv("CI") == "true" {
			t.Fatal("not tested: " + what)
		}
		t.Skip("*** NOT TESTED: " + what)
	}
	writable = func() {
		if output, err := change("-i"); err != nil {
			t.Errorf("make %s writable: %v: %s", path, err, output)
		}
	}
	t.Cleanup(writable)
	return writable
}

// smallDisk mounts a file system of a few megabytes, and gives its folder.
func smallDisk(t *testing.T) string {
	t.Helper()
	if postgrestest.Available() {
		t.Skip("the disk is SQLite's")
	}
	folder := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder).CombinedOutput(); err != nil {
		// Containers without the right to mount cannot show it, also where CI runs in one.
		if os.Getenv("CI") != "" && os.Geteuid() == 0 && !bytes.Contains(output, []byte("permi")) {
			t.Fatalf("mount a small disk: %v: %s", err, output)
		}
		t.Skipf("*** NOT TESTED: a full disk. Mounting one takes root: %v: %s", err, output)
	}
	t.Cleanup(func() {
		if output, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("unmount the small disk: %v: %s", err, output)
		}
	})
	return folder
}

// fill writes to the file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
