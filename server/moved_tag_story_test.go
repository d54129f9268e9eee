package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/scene"
)

// movesProduction lets other hands set production's tag to a digest that CI pushed.
func (s *story) movesProduction(seed, digest string) {
	s.t.Helper()
	same, err := s.Registry.PushIndex(scene.Image, "production", seed)
	s.must(err)
	if same != digest {
		s.t.Fatalf("production names %s, want %s", same, digest)
	}
}

// Whoever may write to the registry lets production name what has unreviewed work, for a moment: that work is asked about all the same.
func TestUnreviewedWorkBehindATagThatOtherHandsMoved(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string]bool{"the tag is left alone": false, "the tag is moved": true} {
		t.Run(name, func(t *testing.T) {
			s, bob := reviewedTeam(t)
			unseen := s.Repository.Commit("main", "Nobody saw this", s.Walter, map[string]string{"unseen.txt": "unseen"})
			run, digest, err := s.Built(unseen, "unseen")
			s.must(err)
			s.Tested(run, "failure")
			s.settled()
			if moved {
				s.movesProduction("unseen", digest)
			}
			pull := s.opened("Add a basket")
			pull.Review(bob, "APPROVED", "Fine")
			pull.Merge("squash", s.Alice)
			s.staged(pull.MergeCommit(), "basket")
			s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "not_reviewed"), unseen.SHA()[:7])
		})
	}
}

func TestAHeldPullRequestBehindATagThatOtherHandsMoved(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash"} {
		t.Run(method, func(t *testing.T) {
			s := governed(t)
			s.begun()
			held := s.heldPull()
			carries := s.onTop(held.Head(), "carry") // the held one itself is merged by nobody
			carries.Merge(method, s.Alice)
			faulty := s.staged(carries.MergeCommit(), "fault")
			next := s.Merged("Add a voucher")
			digest := s.staged(next.MergeCommit(), "voucher")
			s.movesProduction("fault", faulty)
			s.refuses(next.Issue, s.Alice, "/promote", "held")
			s.informs(held.Issue, s.Alice, "/promote resume --pull-request", "lifted by alice")
			s.expect(s.promotes(next.Issue, s.Alice, "/promote", digest), "other hands moved it", "what ships is counted from")
		})
	}
}

// What was there in fact counts as well: a held pull request that other hands took out of production does not come back unseen.
func TestAHeldPullRequestThatOtherHandsTookOut(t *testing.T) {
	s := governed(t)
	first := s.Merged("Begin")
	before := s.staged(first.MergeCommit(), "begin")
	s.promotes(first.Issue, s.Alice, "/promote", before)
	faulty := s.Merged("Add a fault")
	s.promotes(faulty.Issue, s.Alice, "/promote", s.staged(faulty.MergeCommit(), "fault"))
	s.movesProduction("begin", before)
	s.informs(faulty.Issue, s.Alice, `/promote hold --pull-request --reason "it is faulty"`, "is held by alice")
	next := s.Merged("Add a basket")
	s.staged(next.MergeCommit(), "basket")
	s.refuses(next.Issue, s.Alice, "/promote", "held")
}

func TestReviewedWorkBehindATagThatOtherHandsMovedShips(t *testing.T) {
	s, bob := reviewedTeam(t)
	var digest string
	for _, title := range []string{"Add a basket", "Add a voucher"} {
		pull := s.opened(title)
		pull.Review(bob, "APPROVED", "Fine")
		pull.Merge("squash", s.Alice)
		digest = s.staged(pull.MergeCommit(), title)
		if title == "Add a basket" {
			s.movesProduction(title, digest)
			continue
		}
		s.expect(s.promotes(pull.Issue, s.Alice, "/promote", digest), "other hands moved it")
	}
}
