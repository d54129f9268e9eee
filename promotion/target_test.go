package promotion

import (
	"testing"
	"time"
)

// A run that GitHub deleted never ends: it does not keep its stage running, but what it saw is not forgotten.
func TestTheStartOfADeletedRun(t *testing.T) {
	t.Parallel()
	policy := threeStages(false)
	of := happy(policy)
	of.Starts = append(of.Starts, started("staging", 77, 1, digestTwo, 60))
	records := map[string]Records{"api": of}
	for _, test := range []struct {
		name   string
		now    time.Time
		listed []Run
		runs   bool
	}{
		{"listed", at(600), []Run{{ID: 77}}, true},
		{"a moment ago", at(61), nil, true},
		{"deleted", at(600), nil, false},
	} {
		kept := withoutLost(records, test.listed, test.now)["api"]
		gates, _ := stageGates(policy, policy.Stages[2], kept, nil, digestOne)
		if runs := gates[0].Reason == StageRunning && !gates[0].Met; runs != test.runs {
			t.Errorf("%s: %+v", test.name, gates[0])
		}
		if candidate := Candidate(policy, kept); candidate.Moved != digestTwo {
			t.Errorf("%s: what the tag named is forgotten: %+v", test.name, candidate)
		}
	}
	if of.Starts[len(of.Starts)-1].Stage != "staging" {
		t.Error("the records themselves were changed")
	}
}
