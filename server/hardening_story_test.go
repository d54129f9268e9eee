package server_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
)

func TestATagOverwrittenBetweenBuildAndTestIsNotTheBuilds(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.settled()
	_, err = s.Registry.PushIndex(scene.Image, commit.SHA(), "not what build made")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.settled()
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
}

func TestJobsThatCannotBeReadPromoteNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	run, _, err := s.Built(commit, "basket")
	s.must(err)
	s.Tested(run, "success")
	s.Staged(commit, "success")
	s.must(s.Check(s.ctx, commit, "Ready to promote"))
	s.settled()
	s.GitHub.Quietly(func() {
		run.Rerun(s.Walter).Start()
		run.Job("build").Start().Complete("success")
		run.Job("test").Start().Complete("failure")
		run.Complete("failure")
	})
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusInternalServerError}.On("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"))
	s.interim(pull.Issue, pull.Comment(s.Alice, "/promote"), "Cannot tell yet", "github_error")
	s.names("production", "")
}

// setting has the story decide what becomes of each SetTag and Resolve of the environment's tag.
func setting(t *testing.T, set func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string, genuine promotion.Registry) error,
	resolve func(tag string) error,
) promotion.Registry {
	t.Helper()
	mock, genuine := failing(t)
	mock.EXPECT().Inspect(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(genuine.Inspect).AnyTimes()
	mock.EXPECT().Resolve(gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
			if err := resolve(tag); err != nil {
				return promotion.TaggedManifest{}, err
			}
			return genuine.Resolve(ctx, repository, tag)
		}).AnyTimes()
	mock.EXPECT().SetTag(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).
		DoAndReturn(func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
			return set(ctx, repository, manifest, tag, genuine)
		}).AnyTimes()
	return mock
}

// interrupted begins a story in which a promotion has set one of its two tags, and waits for the registry to let it go on.
func interrupted(t *testing.T) (s *story, first, second *githubtest.PullRequest, one *githubtest.Comment, newer string) {
	t.Helper()
	var fail atomic.Bool
	fail.Store(true)
	stuck := make(chan struct{}, 1)
	adapter := setting(t, func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string, genuine promotion.Registry) error {
		if tag == "production" && fail.CompareAndSwap(true, false) {
			stuck <- struct{}{}
			return &promotion.DelayedError{Err: errors.New("429"), After: 3 * time.Second}
		}
		return genuine.SetTag(ctx, repository, manifest, tag)
	}, func(string) error { return nil })
	s = begin(t, scene.Options{Policy: "-", Registry: adapter})
	policy := strings.Replace(scene.DefaultPolicy(s.Registry.Host()), "tags: [production]", `tags: ["production-{short_sha}", production]`, 1)
	s.Repository.Commit("main", "Add the policy", s.Alice, map[string]string{".github/verbatim.yml": policy})
	first, second = s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.verified(first.MergeCommit(), "basket")
	newer = s.verified(second.MergeCommit(), "voucher")
	one = first.Comment(s.Alice, "/promote")
	<-stuck
	return s, first, second, one, newer
}

func TestANewerPromotionWaitsForOneThatWasInterrupted(t *testing.T) {
	s, first, second, one, newer := interrupted(t)
	_, reply := s.says(second.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted", newer)
	s.expect(s.Reply(first.Issue, one), "Promoted") // before it
	s.names("production", newer)
}

func TestAnInterruptedPromotionDoesNotOverwriteWhatOthersDid(t *testing.T) {
	s, first, _, one, newer := interrupted(t)
	_, err := s.Registry.PushIndex(scene.Image, "production", "voucher") // by other hands
	s.must(err)
	s.becomes(first.Issue, one, "Could not tell", "the tag was moved meanwhile", "production-"+first.MergeCommit().Short())
	s.names("production", newer)
}

// What was moved is finished and told, whatever else has changed since.
func TestAMovedTagIsNeverLeftInSilence(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*story){
		"the policy broke": func(s *story) {
			s.Repository.Commit("main", "Break the policy", s.Alice, map[string]string{".github/verbatim.yml": "version: 2\n"})
		},
		"the requester left": func(s *story) { s.Repository.SetRole(s.Alice, "read") },
	} {
		t.Run(name, func(t *testing.T) {
			var s *story
			var written atomic.Bool
			adapter := setting(t, func(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string, genuine promotion.Registry) error {
				written.Store(true)
				return genuine.SetTag(ctx, repository, manifest, tag)
			}, func(tag string) error {
				if tag == "production" && written.CompareAndSwap(true, false) {
					change(s)
					return errors.New("connection refused")
				}
				return nil
			})
			s = begin(t, scene.Options{Registry: adapter, Public: true})
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			_, reply := s.says(pull.Issue, s.Alice, "/promote")
			s.expect(reply, digest, "moved, read back")
			s.names("production", digest)
			if states := s.states(); !slices.Equal(states, []string{"succeeded"}) {
				t.Errorf("promotions %v", states)
			}
		})
	}
}

func TestAStrangerIsNotAnsweredWhileRolesCannotBeRead(t *testing.T) {
	s := begin(t, scene.Options{Public: true})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusForbidden, Body: `{"message":"Resource not accessible by integration"}`}.On("GET", permissionRoute))
	s.silence(pull.Issue, s.Stranger, "/promote")
}

func TestAnOverwrittenTagTakesTheButtonAwayAndIsToldOnce(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	commit := pull.MergeCommit()
	s.verified(commit, "basket")
	_, err := s.Registry.PushIndex(scene.Image, commit.SHA(), "never tested")
	s.must(err)
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
	s.refuses(pull.Issue, s.Alice, "/promote", "digest_moved")
	s.settled()
	if title := s.CheckTitle(commit); !strings.Contains(title, "digest_moved") {
		t.Errorf("the check run says %q", title)
	}
	if actions := s.CheckRun(commit).State().Actions; len(actions) > 0 {
		t.Errorf("the check run still has a button: %v", actions)
	}
	told := 0
	for _, message := range s.Slack.Messages() {
		if strings.Contains(message.Text, "was overwritten") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("Slack was told %d times that the tag was overwritten", told)
	}
}
