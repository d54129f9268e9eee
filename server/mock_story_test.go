package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/internal/promotionmock"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)

// failing gives a registry that does what the real one does, but for what the story makes of it.
func failing(t *testing.T) (*promotionmock.MockRegistry, *registry.Registry) {
	t.Helper()
	genuine := registry.New(registry.Options{})
	mock := promotionmock.NewMockRegistry(gomock.NewController(t))
	return mock, genuine
}

func TestTheLedgerKnowsBeforeTheRegistryDoes(t *testing.T) {
	mock, genuine := failing(t)
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	s := begin(t, scene.Options{Registry: mock})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), "production").
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			if states := s.states(); !slices.Equal(states, []string{"running"}) {
				t.Errorf("when the tag is set, the ledger has %v, expected a running promotion", states)
			}
			return genuine.SetTag(ctx, repository, manifest, tag)
		}).Times(1)
	s.says(pull.Issue, s.Alice, "/promote")
	s.names("production", digest)
	if states := s.states(); !slices.Equal(states, []string{"succeeded"}) {
		t.Errorf("in the end the ledger has %v", states)
	}
}

func TestARegistryThatIsDownAfterTheWrite(t *testing.T) {
	mock, genuine := failing(t)
	var written atomic.Bool
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
			if written.CompareAndSwap(true, false) {
				return promotion.TaggedManifest{}, errors.New("connection refused")
			}
			return genuine.Resolve(ctx, repository, tag)
		}).AnyTimes()
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), "production").
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			written.Store(true)
			return genuine.SetTag(ctx, repository, manifest, tag)
		}).Times(1) // the second try finds the tag moved, and finishes
	s := begin(t, scene.Options{Registry: mock})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted")
	s.names("production", digest)
}

func TestAThrottledRegistry(t *testing.T) {
	mock, genuine := failing(t)
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Resolve).AnyTimes()
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	throttled := mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), "production").Return(fmt.Errorf("ThrottlingException: rate exceeded")).Times(2)
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), "production").DoAndReturn(genuine.SetTag).Times(1).After(throttled)
	s := begin(t, scene.Options{Registry: mock})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted")
	s.names("production", digest)
}
