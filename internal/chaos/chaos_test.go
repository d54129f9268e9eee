package chaos_test

import (
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/chaos"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
)

// The short form of `make chaos`.
func TestNothingIsLostOrDoneTwiceWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	summary, err := chaos.Run(t.Context(), chaos.Options{Database: database(), Kills: 12, Seed: 1, Redeliver: true, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range summary.Violations {
		t.Error(violation)
	}
	if summary.Kills != 12 || summary.Promotions == 0 || summary.Refusals == 0 {
		t.Errorf("expected 12 kills, promotions and refusals, found %s", summary)
	}
}

// database returns the one at hand: .ci/test runs these tests on both.
func database() string {
	if postgrestest.Available() {
		return "postgres"
	}
	return "sqlite"
}

// A harness that never fails proves nothing: with a promise taken away, it has to.
func TestWithoutItsPromisesTheProgramIsFoundOut(t *testing.T) {
	t.Parallel()
	for sabotage, options := range map[string]chaos.Options{
		chaos.AcknowledgeBeforeCommit: {Database: "sqlite"},
		chaos.NoDeduplication:         {Database: "sqlite"},
		chaos.NoFencing:               {Database: "postgres", Replicas: 3},
	} {
		if options.Database != database() {
			continue // where it shows
		}
		t.Run(sabotage, func(t *testing.T) {
			t.Parallel()
			options.Sabotage, options.Kills, options.PerRound, options.Seed, options.Settle, options.Out = sabotage, 200, 20, 1, 30*time.Second, t.Output()
			summary, err := chaos.Run(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			if len(summary.Violations) == 0 {
				t.Errorf("%s showed nowhere: %s", sabotage, summary)
			}
		})
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]chaos.Options{
		"database":           {Database: "mysql"},
		"replicas on SQLite": {Replicas: 2},
		"kills":              {Kills: -1},
		"sabotage":           {Sabotage: "no_such_thing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := chaos.Run(t.Context(), options); err == nil {
				t.Error("expected an error")
			}
		})
	}
}
