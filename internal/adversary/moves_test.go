package adversary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// moves are what can happen, with how often it does.
var moves = []struct {
	weight int
	act    func(*world)
}{
	{10, (*world).feature},
	{12, (*world).sneak},
	{8, (*world).tag},
	{22, (*world).talk},
	{6, (*world).goOn},
	{5, (*world).again},
	{3, (*world).push},
	{5, (*world).change},
	{3, (*world).wait},
	{6, (*world).request},
	{6, (*world).dispatch},
	{4, (*world).lose},
	{1, (*world).restart},
	{5, (*world).look},
	{2, (*world).squat},
	{4, (*world).misdate},
	{4, (*world).misplace},
	{3, (*world).bury},
	{2, (*world).renameBranch},
	{4, (*world).retouch},
	{3, (*world).dismiss},
}

// move draws a move and makes it.
func (w *world) move() {
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	at := w.chosen("move", total)
	for _, m := range moves {
		if at -= m.weight; at < 0 {
			m.act(w)
			return
		}
	}
}

// goOn is a move: a run that is under way does its next job, or all.
func (w *world) goOn() {
	if len(w.open) == 0 {
		return
	}
	open := w.open[w.chosen("run", len(w.open))]
	if w.chance("to its end", 50) {
		w.finish(open)
	} else {
		w.step(open)
	}
}

// again is a move: a run is run again.
func (w *world) again() {
	if len(w.done) == 0 {
		return
	}
	open := w.done[w.chosen("run", len(w.done))]
	failed := open.attempt.conclude != "success" && w.chance("failed jobs only", 60)
	w.rerun(open, failed, w.people[w.one("who", "walter", "wanda")])
	if newest := w.open[len(w.open)-1]; w.chance("to its end", 70) {
		w.finish(newest)
	}
}

// push is a move: somebody pushes an image under a commit's tag, or under production's. It happens while the server hears
// everything: what a registry's writers do between two looks, nobody can know.
func (w *world) push() {
	if w.unheard() {
		return
	}
	w.number++
	tag := w.someCommit().SHA()
	if w.chance("production", 20) {
		tag = "production"
	}
	w.do(fmt.Sprintf("walter pushes an image as %s", tag[:min(7, len(tag))]), func() {
		_, err := w.Registry.PushImage(scene.Image, tag, fmt.Sprintf("by hand %d", w.number))
		w.must(err)
	})
}

// unheard reports whether something happened of which the server has not heard.
func (w *world) unheard() bool { return w.lossy || len(w.kept) > 0 }

// change is a move: somebody gets or loses a right.
func (w *world) change() {
	user := w.people[w.one("whose right", "alice", "bob", "walter", "wanda")]
	switch w.chosen("change", 3) {
	case 0:
		role := w.one("role", "read", "write", "maintain")
		w.do(fmt.Sprintf("%s has %s from now on", user.Login(), role), func() { w.repo.SetRole(user, role) })
	case 1:
		w.do(user.Login()+" joins the team release", func() { w.team.Add(user, "active") })
	default:
		w.do(user.Login()+" leaves the team release", func() { w.team.Remove(user) })
	}
}

// wait is a move: time passes.
func (w *world) wait() {
	by := []time.Duration{time.Minute, 30 * time.Minute, 61 * time.Minute, 3 * time.Hour, 25 * time.Hour}[w.chosen("how long", 5)]
	w.clock.pass(by)
	w.do(fmt.Sprintf("%s pass", by), func() { w.GitHub.Ping() })
}

// restart is a move: the server is stopped and started.
func (w *world) restart() {
	w.tell("the server is restarted")
	w.must(w.StopServer())
	w.must(w.StartServer(w.ctx))
	w.settle()
	w.judgeWrites()
}

// outcome draws how a job ends. What tests finds something now and then.
func (w *world) outcome(j job) string {
	if w.certain || j.Does == "nothing" || j.Does == "report" {
		return "success"
	}
	switch w.chosen("how "+j.Name+" ends", 12) {
	case 10:
		return "failure"
	case 11:
		if j.Does == "test" {
			return "cancelled"
		}
	}
	return "success"
}

// chosen draws a number below another, each as likely as the others: rapid's own ranges prefer small ones.
func (w *world) chosen(what string, below int) int { return uniform(below).Draw(w.rt, what) }

func uniform(below int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		const bits = 12
		number := 0
		for range bits {
			number *= 2
			if rapid.Bool().Draw(t, "bit") {
				number++
			}
		}
		return number * below >> bits
	})
}

func (w *world) chance(what string, percent int) bool { return w.chosen(what, 100) < percent }

func (w *world) one(what string, of ...string) string { return of[w.chosen(what, len(of))] }

// someCommit draws a commit: one of the newest, most often.
func (w *world) someCommit() *githubtest.Commit {
	return w.fresh[len(w.fresh)-1-w.chosen("commit, newest first", min(len(w.fresh), 4))]
}

func (w *world) somePull() *githubtest.PullRequest {
	if len(w.pulls) == 0 {
		w.feature()
	}
	return w.pulls[len(w.pulls)-1-w.chosen("pull request, newest first", min(len(w.pulls), 3))]
}

func (w *world) someBranch(what string) string {
	all := slices.Sorted(maps.Keys(w.repo.Branches()))
	return all[w.chosen(what, len(all))]
}

// someone draws who acts: mostly somebody who may.
func (w *world) someone() *githubtest.User {
	return w.people[w.one("who", "alice", "alice", "alice", "bob", "bob", "walter", "walter", "wanda", "rita", "mallory")]
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "<!--") {
			return line
		}
	}
	return ""
}
