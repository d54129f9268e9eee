package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// shop is a repository, what is done in it, and what its tag was put to.
type shop struct {
	*scene.Scene
	world *world
	name  string
	image string

	mutex    sync.Mutex
	verified map[string]bool // digests that may go to production
	puts     []string        // digests that the tag production was put to
	changes  []*change
	sequence int
}

// change is a merged pull request on its way.
type change struct {
	pull    *githubtest.PullRequest
	commit  *githubtest.Commit
	digest  string
	passed  bool // all stages passed
	through bool // all stages ended
	asks    []ask
}

// ask is a comment that asks for a promotion.
type ask struct {
	comment *githubtest.Comment
	author  *githubtest.User
	text    string
}

// put notes that the tag production was put to the manifest.
func (s *shop) put(manifest []byte) {
	sum := sha256.Sum256(manifest)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	s.mutex.Lock()
	s.puts = append(s.puts, digest)
	verified := s.verified[digest]
	s.mutex.Unlock()
	if !verified {
		s.world.violation("acme/%s: production was put to %s, which was not verified", s.name, digest)
	}
}

// work merges pull requests and has them built, tested, staged and promoted, until the context ends.
func (s *shop) work(ctx context.Context) error {
	if last := s.newest(); last != nil && last.through {
		s.ask(last, s.Alice, "/promote production")
	}
	for ctx.Err() == nil {
		if err := s.ship(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) newest() *change {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.changes) == 0 {
		return nil
	}
	return s.changes[len(s.changes)-1]
}

// ship takes one pull request through everything.
func (s *shop) ship(ctx context.Context) error {
	s.sequence++
	title := fmt.Sprintf("Change %s %d", s.name, s.sequence)
	change := &change{pull: s.Merged(title)}
	change.commit = change.pull.MergeCommit()
	random := s.world.random
	var err error
	if change.digest, err = s.prove(change, title, random.oneIn(8)); err != nil {
		return err
	}
	s.mutex.Lock()
	s.changes = append(s.changes, change)
	s.mutex.Unlock()
	if random.oneIn(4) {
		s.ask(change, s.Walter, "/promote production") // write is not enough
	}
	if random.oneIn(10) {
		s.ask(change, s.Stranger, "/promote production") // gets no answer
	}
	s.wait(ctx, random.between(0, 2*time.Second), func() bool { return !change.passed || s.ready(change) })
	switch random.below(4) {
	case 0:
		s.repeated(change)
	case 1:
		s.reordered(change)
	default:
		s.ask(change, s.Alice, "/promote production")
	}
	return nil
}

// prove takes the change through the stages. A change in eight fails in staging.
func (s *shop) prove(change *change, seed string, fails bool) (string, error) {
	run, digest, err := s.Built(change.commit, seed)
	if err != nil {
		return "", err
	}
	s.Tested(run, "success")
	conclusion := "success"
	if fails {
		conclusion = "failure"
	} else {
		s.mutex.Lock()
		s.verified[digest] = true
		s.mutex.Unlock()
	}
	if s.world.random.oneIn(3) {
		s.shuffled(func() { s.Staged(change.commit, conclusion) })
	} else {
		s.Staged(change.commit, conclusion)
	}
	change.passed, change.through = !fails, true
	return digest, nil
}

// shuffled sends the deliveries of what happens in another order.
func (s *shop) shuffled(happen func()) {
	deliveries := s.GitHub.Capture(happen)
	for len(deliveries) > 0 {
		i := s.world.random.below(len(deliveries))
		deliveries[i].Send()
		deliveries = append(deliveries[:i:i], deliveries[i+1:]...)
	}
}

func (s *shop) ask(change *change, author *githubtest.User, text string) {
	comment := change.pull.Comment(author, text)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change.asks = append(change.asks, ask{comment, author, text})
}

// repeated asks, and has the comment's delivery come again: at once and on request.
func (s *shop) repeated(change *change) {
	deliveries := s.GitHub.Capture(func() { s.ask(change, s.Alice, "/promote production") })
	for _, delivery := range deliveries {
		if delivery.Send()/100 == 2 {
			delivery.Send() // a network that repeats itself
		}
		delivery.Redeliver()
	}
}

// reordered asks twice, and the second comment comes first.
func (s *shop) reordered(change *change) {
	s.shuffled(func() {
		s.ask(change, s.Walter, "/promote production")
		s.ask(change, s.Alice, "/promote production")
	})
}

// ready reports whether the check run offers the change.
func (s *shop) ready(change *change) bool { return s.CheckTitle(change.commit) == "Ready to promote" }

// wait waits until the condition holds, for so long at most.
func (s *shop) wait(ctx context.Context, most time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}
