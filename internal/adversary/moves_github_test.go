package adversary

import (
	"fmt"
	"strconv"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

// look is a move: the server looks for what nobody told it: tags that other hands moved, or what no delivery brought.
func (w *world) look() {
	if w.chance("for drift", 60) {
		if w.chance("there is some", 50) {
			w.do("walter pushes an image as production", func() {
				w.number++
				_, err := w.Registry.PushImage(scene.Image, "production", fmt.Sprintf("by hand %d", w.number))
				w.must(err)
			})
		}
		w.due(promotion.WorkDrift, "drift")
		w.heard("the server looks for drift", w.wake)
		return
	}
	w.due(promotion.WorkSweep, "sweep")
	var found []*command
	w.heard("the server looks for what it missed", func() {
		for _, c := range w.truth.commands {
			if c.delivered.IsZero() && !c.foreign {
				w.arrive(c)
				c.swept = true
				found = append(found, c)
			}
		}
		w.wake()
	})
	for _, c := range found {
		if c.verb == "resume" { // that it found a hold is not sure
			w.obey(c)
		}
	}
}

// due adds a row of work, as the server does from time to time.
func (w *world) due(kind promotion.WorkKind, queue string) {
	subject := strconv.FormatInt(w.repo.ID(), 10)
	w.must(w.book.AddWork(w.ctx, []promotion.NewWork{{
		Kind: kind, Subject: subject, Repository: w.repo.ID(), Queue: queue + "/" + subject, Trace: "adversary", At: w.clock.servers(),
	}}))
}

// heard lets something happen that reaches the server, though other deliveries are kept from it.
func (w *world) heard(what string, happen func()) {
	lossy := w.lossy
	w.lossy = false
	w.do(what, happen)
	w.lossy = lossy
}

// wake has the server look for work: another process's rows are not announced to it.
func (w *world) wake() {
	if w.issue == nil {
		w.issue = w.repo.Issue("Talk", w.people["rita"])
	}
	w.issue.Comment(w.people["rita"], "Hello.")
}

// squat is a move: the repository is renamed, and somebody who has no right there makes another one of its name. Whoever
// has made one goes on asking in it. Before the repository's first promotion the registry repository is whose who comes first:
// that is known, and for whoever runs the server to mend.
func (w *world) squat() {
	if len(w.truth.live) == 0 {
		return
	}
	mallory := w.people["mallory"]
	if w.other == nil {
		w.do("the repository is renamed", func() { w.repo.Rename("acme/shop-before") })
		w.do("mallory makes another acme/shop", func() {
			w.other = w.GitHub.Repository("acme/shop", githubtest.Private)
			w.other.SetRole(mallory, "admin")
			w.other.Commit("main", "Begin", mallory, map[string]string{
				ciFile: emptiedCI.render(), stagingFile: emptiedStaging.render(),
				policyFile: rules{Who: people{Users: []string{"mallory"}}, Test: true, Restore: true}.render(w.image),
			})
			w.other.Commit("change", "Change", mallory, map[string]string{"a.go": "package main"})
		})
		w.do("mallory opens a pull request there, and merges it", func() {
			w.foreign = w.other.OpenPullRequest(githubtest.PullRequestSpec{Title: "Change", Author: mallory, Head: "change"})
			w.foreign.Merge("squash", mallory)
		})
		w.look()
	}
	c := command{verb: "promote", text: "/promote --sha " + w.someCommit().SHA(), foreign: true}
	switch w.chosen("what mallory asks for", 4) {
	case 0:
		c.verb, c.text = "rollback", "/rollback"
	case 1:
		c.verb, c.text = "resume", "/promote resume"
	case 2:
		c.text += " --when-verified"
	}
	w.say(mallory, w.foreign, c)
}

// giveBack gives the repository its name back.
func (w *world) giveBack() {
	if w.other == nil {
		return
	}
	w.do("the other acme/shop is deleted, and the repository gets its name back", func() {
		w.other.Delete()
		w.repo.Rename("acme/shop")
	})
}
