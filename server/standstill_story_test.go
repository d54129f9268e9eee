package server_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

func TestATagThatOtherHandsMovedIsNotPutBackWhileTheEnvironmentIsHeld(t *testing.T) {
	s := watched(t, "drift: { restore: true }")
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.informs(pull.Issue, s.Alice, `/promote hold --reason "incident 42"`, "is held by alice")
	stray, err := s.Registry.PushIndex(scene.Image, "production", "by hand")
	s.must(err)
	s.told("other hands moved the tag of production", stray, "it is not put back for now: production is held by alice", "incident 42")
	heard := len(s.Slack.Messages())
	s.looks(3)
	s.names("production", stray)
	if now := len(s.Slack.Messages()); now != heard {
		t.Errorf("Slack heard it %d times more", now-heard)
	}
	s.says(pull.Issue, s.Alice, "/promote resume")
	s.must(s.Eventually(s.ctx, "the tag to be put back", func() bool { return s.Tag("production") == digest }))
}

func TestATagThatOtherHandsMovedIsNotPutBackWhileEverythingIsHeld(t *testing.T) {
	s := watched(t, "drift: { restore: true }")
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.settled()
	s.must(s.StopServer())
	s.holdEverything()
	stray, err := s.Registry.PushIndex(scene.Image, "production", "by hand")
	s.must(err)
	s.must(s.StartServer(s.ctx))
	s.told("other hands moved the tag of production", stray, "everything is held")
	s.looks(3)
	s.names("production", stray)
	s.must(s.StopServer())
	upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
	s.must(err)
	_, err = upkeep.ResumeEverything(s.ctx)
	s.must(errors.Join(err, upkeep.Close()))
	s.must(s.StartServer(s.ctx))
	s.must(s.Eventually(s.ctx, "the tag to be put back", func() bool { return s.Tag("production") == digest }))
}

// holdEverything holds everything, as after a restore from a backup.
func (s *story) holdEverything() {
	s.t.Helper()
	opened, err := ledger.Open(s.ctx, s.DatabaseURL(), time.Now)
	s.must(err)
	_, err = opened.HoldEverything(s.ctx, "restored", "restored")
	s.must(errors.Join(err, opened.Close()))
}

// looks waits until the tags were compared with the ledger that many times more.
func (s *story) looks(times int) {
	s.t.Helper()
	before := s.compared()
	s.must(s.Eventually(s.ctx, "the tags to be compared again", func() bool { return s.compared() >= before+times }))
}

func (s *story) compared() (times int) {
	s.t.Helper()
	database, err := s.openDatabase()
	s.must(err)
	err = database.QueryRowContext(s.ctx, `SELECT COUNT(*) FROM work WHERE kind = 'drift' AND state = 'done'`).Scan(&times)
	s.must(errors.Join(err, database.Close()))
	return times
}

// A hold counts from the moment at which it is made, also for what is being decided: the holds are read right before the tag is set.
func TestAHoldThatIsMadeWhileAPromotionIsDecidedStopsIt(t *testing.T) {
	mock, genuine := failing(t)
	s := begin(t, scene.Options{Policy: "-", Registry: mock})
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.SetTag).AnyTimes()
	var hold func()
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest, tags []string) (promotion.Inspection, error) {
			inspection, err := genuine.Inspect(ctx, repository, digest, tags)
			if hold != nil {
				hold()
			}
			return inspection, err
		}).AnyTimes()
	s.govern(s.defaultPolicy())
	pull, other := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	hold = sync.OnceFunc(func() { s.says(other.Issue, s.Alice, `/promote hold --reason "incident 42"`) })
	s.expect(s.refuses(pull.Issue, s.Alice, "/promote", "held"), "incident 42")
	s.names("production", "")
}

func TestAHoldThatIsMadeWhileATagIsPutBackStopsThat(t *testing.T) {
	mock, genuine := failing(t)
	s := begin(t, scene.Options{Policy: "-", Registry: mock, Settings: func(settings *config.Settings) { settings.DriftInterval = 50 * time.Millisecond }})
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.SetTag).AnyTimes()
	var mutex sync.Mutex
	var hold func()
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest, tags []string) (promotion.Inspection, error) {
			inspection, err := genuine.Inspect(ctx, repository, digest, tags)
			mutex.Lock()
			act := hold
			mutex.Unlock()
			if act != nil && !digest.IsZero() {
				act()
			}
			return inspection, err
		}).AnyTimes()
	s.govern(s.defaultPolicy("drift: { restore: true }"))
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	s.settled()
	mutex.Lock()
	hold = sync.OnceFunc(func() { s.says(pull.Issue, s.Alice, `/promote hold --reason "incident 42"`) })
	mutex.Unlock()
	stray, err := s.Registry.PushIndex(scene.Image, "production", "by hand")
	s.must(err)
	s.told("other hands moved the tag of production", stray, "it is not put back for now", "incident 42")
	s.names("production", stray)
}
