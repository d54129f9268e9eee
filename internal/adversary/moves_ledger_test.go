package adversary

import (
	"database/sql"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

// known is what a ledger knows that nothing else tells.
type known struct {
	live     []release
	baseline string
	holds    []hold
	commands map[*command]command
	of       []*hold // those of holds, in their order
}

// remembers returns what the ledger knows now.
func (w *world) remembers() *known {
	k := &known{live: slices.Clone(w.truth.live), baseline: w.truth.baseline, of: slices.Clone(w.truth.holds), commands: map[*command]command{}}
	for _, h := range w.truth.holds {
		k.holds = append(k.holds, *h)
	}
	for _, c := range w.truth.commands {
		k.commands[c] = *c
	}
	return k
}

// lacks reports whether a ledger that knows only so much has lost something that matters.
func (w *world) lacks(k *known) bool {
	if len(k.live) != len(w.truth.live) || len(k.of) != len(w.truth.holds) {
		return true
	}
	for i, h := range k.of {
		if h.lifted != k.holds[i].lifted {
			return true
		}
	}
	return slices.ContainsFunc(w.truth.commands, func(c *command) bool {
		before, was := k.commands[c]
		return was && (before.consumed != c.consumed || before.ended != c.ended) || !was && (c.consumed || c.ended != "")
	})
}

// misplace is a move: the ledger is saved, or the saved one is put back, or it is lost. From then on everything has to be held,
// until an operator has compared what the ledger knows with what is.
func (w *world) misplace() {
	file, isFile := strings.CutPrefix(w.DatabaseURL(), "sqlite:")
	switch {
	case w.exchanged != nil:
		w.lookedAt()
	case !isFile, w.other != nil, w.lossy, len(w.kept) > 0, w.clock.servers().Sub(w.begun) < 2*mostWrong:
		// A ledger that was lost when it had hardly begun is told from a first one by nothing; nor is one whose clock is wrong by more.
	case w.chance("it is lost", 40):
		w.tell("the ledger is lost")
		w.exchange(&known{}, func() { w.must(away(file)) })
	case w.saved != nil && w.chance("the saved one is put back", 60):
		w.tell("the saved ledger is put back")
		w.exchange(w.saved, func() { w.must(copied(file+".saved", file)) })
	default:
		w.tell("the ledger is saved")
		k := w.remembers()
		w.exchange(nil, func() { w.must(copied(file, file+".saved")) })
		w.saved = k
	}
}

// exchange does something to the ledger's file while nobody has it open.
func (w *world) exchange(k *known, how func()) {
	w.misplaced = w.misplaced || k != nil
	w.must(errors.Join(w.StopServer(), w.book.Close(), w.database.Close()))
	how()
	if w.exchanged = k; k != nil && w.lacks(k) {
		w.tell("  from now on everything has to be held")
		w.suspended = true
	}
	w.must(w.StartServer(w.ctx))
	w.openBook()
	w.settle()
	w.judgeWrites()
}

// resumeEverything has an operator lift the hold that lies on everything.
func (w *world) resumeEverything() {
	w.tell("an operator lifts the hold on everything")
	upkeep, err := server.OpenUpkeep(w.ctx, config.Settings{DatabaseURL: w.DatabaseURL()})
	w.must(err)
	lift := func() bool {
		_, err = upkeep.ResumeEverything(w.ctx)
		return err == nil || !w.suspended && errors.Is(err, promotion.ErrNotFound)
	}
	// A server that has nothing to work on looks for what its ledger lacks only while it begins.
	if waited := w.Eventually(w.ctx, "everything to be held", lift); waited != nil {
		w.fail("a ledger was lost, and not everything is held", "%v: %v", waited, err)
	}
	w.must(upkeep.Close())
}

// lookedAt has an operator look at what is live, and lift the hold: from now on what the ledger knows is what is.
func (w *world) lookedAt() {
	k := w.exchanged
	if k == nil {
		return
	}
	w.resumeEverything()
	w.exchanged, w.suspended = nil, false
	w.truth.live, w.truth.baseline = slices.Clone(k.live), k.baseline
	for _, h := range w.truth.holds {
		h.lifted = true
	}
	for i, h := range k.of {
		h.lifted = k.holds[i].lifted
	}
	for _, c := range w.truth.commands {
		before, was := k.commands[c]
		switch {
		case c.waits && was && !before.delivered.IsZero():
			c.consumed, c.ended = before.consumed, before.ended // it waits again, if it did
		case !c.delivered.IsZero() && (!was || before.delivered.IsZero()):
			c.consumed = true // it is answered: it had its effect, or none
		}
	}
}

// openBook opens the ledger, to see whether the server has something to do and to add work.
func (w *world) openBook() {
	var err error
	w.book, err = ledger.Open(w.ctx, w.DatabaseURL(), w.clock.servers)
	w.must(err)
	if file, isFile := strings.CutPrefix(w.DatabaseURL(), "sqlite:"); isFile {
		w.database, err = sql.Open("sqlite", file)
	} else {
		w.database, err = sql.Open("pgx", w.DatabaseURL())
	}
	w.must(err)
	w.database.SetMaxOpenConns(1)
}

var suffixes = []string{"", "-wal", "-shm"}

func away(file string) error {
	var all []error
	for _, suffix := range suffixes {
		all = append(all, os.RemoveAll(file+suffix))
	}
	return errors.Join(all...)
}

func copied(from, to string) error {
	if err := away(to); err != nil {
		return err
	}
	for _, suffix := range suffixes {
		source, err := os.Open(from + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(source)
		if err = errors.Join(err, source.Close()); err == nil {
			err = os.WriteFile(to+suffix, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
