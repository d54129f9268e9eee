package adversary

import (
	"fmt"
	"slices"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// bury is a move: a pull request whose first commit empties a workflow, and whose last one puts it back. Merged with its
// commits, that first one is on the default branch, though it never was its head.
func (w *world) bury() {
	author := w.people[w.one("who writes", "walter", "wanda")]
	w.number++
	branch := fmt.Sprintf("buried-%d", w.number)
	files := map[string]string{fmt.Sprintf("code-%d.go", w.number): "package main", ciFile: emptiedCI.render(), stagingFile: emptiedStaging.render()}
	w.do("a branch from the default one", func() { w.repo.CreateBranch(branch, w.main(), author) })
	evil := w.commit(branch, author.Login(), "Empty it", files)
	w.commit(branch, author.Login(), "Put it back", map[string]string{ciFile: honestCI.render(), stagingFile: honestStaging.render()})
	pull := w.openPull(author, branch, w.repo.MainBranch())
	method := w.one("merged by", "merge", "merge", "merge", "rebase")
	w.do(fmt.Sprintf("alice merges #%d by %s", pull.Number(), method), func() { pull.Merge(method, w.people["alice"]) })
	w.fresh = append(w.fresh, pull.MergeCommit(), evil)
	w.tell("  that makes %s", pull.MergeCommit().Short())
	w.do(fmt.Sprintf("%s tags %s as %s", author.Login(), evil.Short(), w.repo.MainBranch()), func() { w.repo.Tag(w.repo.MainBranch(), evil, author) })
	w.pushed(w.repo.MainBranch(), evil, author)
	if w.chance("somebody asks for what was buried", 60) { // before something newer is in production
		c := command{verb: "promote", sha: evil.SHA(), text: "/promote --sha " + evil.SHA()}
		w.say(w.someone(), pull, c)
	}
}

// renameBranch is a move: the default branch gets another name, as on GitHub's page: pull requests go along. Anybody may then
// push a branch of the old name.
func (w *world) renameBranch() {
	from, to := w.repo.MainBranch(), "trunk"
	if from != "main" || w.repo.Head(to) != nil || w.other != nil {
		return
	}
	alice := w.people["alice"]
	w.do("the default branch is called trunk from now on", func() {
		w.repo.CreateBranch(to, w.main(), alice)
		for _, pull := range w.pulls {
			if pull.Open() && pull.Base() == from {
				pull.ChangeBase(to, alice)
			}
		}
		w.repo.SetDefaultBranch(to)
		w.repo.DeleteBranch(from, alice)
	})
	if !w.chance("walter pushes one of the old name", 60) {
		return
	}
	files := w.someFiles(false)
	files[policyFile] = w.policy(w.loosened())
	commit := w.commit(from, "walter", "Be the main one", files)
	w.pushed(from, commit, w.people["walter"])
}

// mainAgain gives the default branch its name back.
func (w *world) mainAgain() {
	if w.repo.MainBranch() == "main" {
		return
	}
	w.do("the default branch is called main again", func() {
		head, alice := w.main(), w.people["alice"]
		if w.repo.Head("main") == nil {
			w.repo.CreateBranch("main", head, alice)
		} else {
			w.repo.ForcePush("main", head, alice)
		}
		w.repo.SetDefaultBranch("main")
	})
}

// retouch is a move: somebody edits a comment into a command, perhaps in the second in which it was written. It never is one:
// GitHub lets whoever may write to the repository edit everybody's.
func (w *world) retouch() {
	author, editor := w.people[w.one("whose comment", "alice", "alice", "bob", "walter")], w.people[w.one("who edits", "walter", "wanda")]
	pull := w.somePull()
	text := w.one("into", "/promote", "/rollback", "/promote --when-verified", "/promote resume", "/promote --sha "+w.someCommit().SHA())
	at := fmt.Sprintf("%s writes on #%d, and %s edits it: %s", author.Login(), pull.Number(), editor.Login(), text)
	if w.chance("later", 50) {
		var comment *githubtest.Comment
		w.do(author.Login()+" writes something", func() { comment = pull.Comment(author, "Looks good.") })
		w.do(at, func() { comment.Edit(editor, text) })
	} else {
		w.do(at+" (within its second)", func() { pull.Comment(author, "Looks good.").Edit(editor, text) })
	}
}

// dismiss is a move: a review that approves is dismissed.
func (w *world) dismiss() {
	at := slices.IndexFunc(w.truth.reviews, func(r *review) bool { return !r.dismissed })
	if at < 0 {
		return
	}
	r := w.truth.reviews[at]
	w.do(fmt.Sprintf("the approval of #%d by %s is dismissed", r.pull.Number(), r.author.Login()), func() {
		r.dismissed = true
		r.given.Dismiss(w.people["bob"])
	})
}
