package chaos_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/chaos"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
)

// The short form of `make chaos`.
func TestNothingIsLostOrDoneTwiceWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			if database == "postgres" && !postgrestest.Available() {
				t.Skip(postgrestest.Variable + " names no PostgreSQL: .ci/postgres starts one")
			}
			summary, err := chaos.Run(t.Context(), chaos.Options{Database: database, Kills: 12, Seed: 1, Redeliver: true, Out: t.Output()})
			if err != nil {
				t.Fatal(err)
			}
			for _, violation := range summary.Violations {
				t.Error(violation)
			}
			if summary.Kills != 12 || summary.Promotions == 0 || summary.Refusals == 0 {
				t.Errorf("expected 12 kills, promotions and refusals, found %s", summary)
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
