package adversary

import (
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMain has the ledgers in memory where that can be done: this is not about disks, and most of the time goes into them.
func TestMain(m *testing.M) {
	if _, err := os.Stat("/dev/shm"); err == nil && os.Getenv("TMPDIR") == "" {
		if err := os.Setenv("TMPDIR", "/dev/shm"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// TestAdversary plays histories for as long as VERBATIM_ADVERSARY_DURATION says (50 s without it), each in a world of its
// own. With -rapid.seed it plays that one again.
func TestAdversary(t *testing.T) {
	duration := 50 * time.Second
	if text := os.Getenv("VERBATIM_ADVERSARY_DURATION"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("VERBATIM_ADVERSARY_DURATION: %v", err)
		}
	}
	set(t, "rapid.nofailfile", "true")
	set(t, "rapid.shrinktime", "15s")
	var counted tally
	began := time.Now()
	t.Cleanup(func() { t.Log(counted.String(time.Since(began))) })
	if flag.Lookup("rapid.seed").Value.String() != "0" {
		rapid.Check(t, func(rt *rapid.T) { play(t.Context(), rt, &counted) })
		return
	}
	set(t, "rapid.checks", "1")
	for range players {
		t.Run("player", func(t *testing.T) {
			t.Parallel()
			for !t.Failed() && time.Since(began) < duration {
				rapid.Check(t, func(rt *rapid.T) { play(t.Context(), rt, &counted) })
			}
		})
	}
}

// players is how many histories are played at once: each waits for the disk much of the time.
const players = 4

// set changes one of rapid's flags, unless it was given.
func set(t *testing.T, name, value string) {
	t.Helper()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}
