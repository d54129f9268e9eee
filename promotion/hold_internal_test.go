package promotion

import (
	"strings"
	"testing"
	"time"
)

func TestAGateNamesAllHoldsThatStop(t *testing.T) {
	t.Parallel()
	alice, bob := Person{ID: 1, Login: "alice"}, Person{ID: 2, Login: "bob"}
	at := time.Unix(1_700_000_000, 0)
	holds := HoldsOf([]Entry{
		{Kind: EntryHold, Environment: "production", Person: alice, Reason: "incident 42", At: at},
		{Kind: EntryHold, Environment: "production", PullRequest: 7, Person: bob, Reason: "wait for legal", At: at},
		{Kind: EntryHold, Environment: "production", PullRequest: 8, Person: bob, Reason: "another one", At: at},
	})
	gate := holdGate(holds, Environment{Name: "production", Promoters: People{Permission: "maintain"}}, []int{7}, Commit{})
	for text, words := range map[string][]string{
		gate.Actual: {"production is held by alice", "incident 42", "pull request #7 for production is held by bob", "wait for legal"},
		gate.Next:   {"permission maintain", "/promote resume production, and /promote resume production --pull-request"},
	} {
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("expected %q in %s", word, text)
			}
		}
	}
	if gate.Met || strings.Contains(gate.Actual, "another one") {
		t.Errorf("%+v", gate)
	}
}

func TestWhatToCouldName(t *testing.T) {
	t.Parallel()
	live := []Promotion{
		{Digest: mustDigest("1")}, {Digest: mustDigest("2"), Commit: mustCommit("a")}, {Digest: mustDigest("3"), Commit: mustCommit("b")}, {Digest: mustDigest("4"), Commit: mustCommit("b")}, {Digest: mustDigest("5"), Commit: mustCommit("c")},
	}
	if named, expected := choices(live, mustDigest("5")), "sha256:444444444444, sha256:333333333333, aaaaaaa, sha256:111111111111"; named != expected {
		t.Errorf("got %s, expected %s", named, expected)
	}
	if named := choices(live[4:], mustDigest("5")); named != "" {
		t.Errorf("got %s of nothing", named)
	}
}
