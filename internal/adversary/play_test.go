package adversary

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"
)

// tally counts what was played, so that a run says whether it was worth anything.
type tally struct{ histories, judged, live, unlive atomic.Int64 }

func (t *tally) String(in time.Duration) string {
	return fmt.Sprintf("%d histories in %s (%.0f a minute), %d writes of the production tag judged; in the end %d promoted, %d could not be put in order",
		t.histories.Load(), in.Round(time.Second), float64(t.histories.Load())/in.Minutes(), t.judged.Load(), t.live.Load(), t.unlive.Load())
}

// play is one history.
func play(ctx context.Context, rt *rapid.T, counted *tally) {
	w := enter(ctx, rt, someRules(rt))
	defer func() {
		if err := w.leave(); err != nil {
			rt.Errorf("close the scene: %v", err)
		}
	}()
	for range 4 + uniform(14).Draw(rt, "moves") {
		w.move()
	}
	if w.settleDown() {
		w.promoteHonestly()
		counted.live.Add(1)
	} else {
		counted.unlive.Add(1)
	}
	counted.histories.Add(1)
	counted.judged.Add(int64(w.judged))
}

// someRules draws the policy that a history begins with.
func someRules(rt *rapid.T) rules {
	chance := func(what string, percent int) bool { return uniform(100).Draw(rt, what) < percent }
	r := rules{Glob: chance("glob", 70), Test: true, Staging: chance("staging", 65), Reported: chance("staging reports", 40), Restore: chance("restore", 20), Unmerged: chance("unmerged", 20)}
	switch uniform(3).Draw(rt, "promoters") {
	case 0:
		r.Who = people{Permission: "maintain"}
	case 1:
		r.Who = people{Teams: []string{"release"}, Users: []string{"alice"}}
	default:
		r.Who = people{Permission: "write"}
	}
	if chance("release branches may", 40) {
		r.From = []string{"main", "release/*"}
	}
	if chance("tests of pull requests count", 30) {
		r.Events = []string{"push", "pull_request"}
	}
	if chance("approvals", 25) {
		r.Approvals = 1
		if chance("approvers are named", 60) {
			r.Approvers = people{Teams: []string{"release"}, Users: []string{"alice"}}
		}
	}
	return r
}
