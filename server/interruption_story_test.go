package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestAServerThatStopsInTheMiddleFinishesAfterwards(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{"before the tag is set": "before", "after the tag was set": "after"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.ShutdownGrace = 50 * time.Millisecond }})
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			reached := make(chan struct{}, 8)
			stuck := func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/production") {
					return false
				}
				reached <- struct{}{}
				<-r.Context().Done()
				return true
			}
			if fault == "before" {
				s.Registry.Inject(stuck)
			} else {
				s.Registry.InjectAfter(stuck)
			}
			comment := pull.Comment(s.Alice, "/promote")
			<-reached
			s.must(s.StopServer())
			s.Registry.Inject(nil)
			s.Registry.InjectAfter(nil)
			s.must(s.StartServer(s.ctx))
			s.must(s.Eventually(s.ctx, "the reply", func() bool { return s.Reply(pull.Issue, comment) != "" }))
			s.settled()
			s.expect(s.Reply(pull.Issue, comment), "Promoted", digest)
			s.names("production", digest)
			s.reacted(comment, "eyes", "rocket")
			if count := len(pull.Comments()); count != 2 {
				t.Errorf("%d comments, expected the person's and one reply", count)
			}
			if states := s.states(); len(states) != 1 || states[0] != "succeeded" {
				t.Errorf("promotions %v, expected one that succeeded", states)
			}
		})
	}
}

func TestTwoPromotionsOfOneTagRunOneAfterAnother(t *testing.T) {
	s := begin(t, scene.Options{})
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.verified(first.MergeCommit(), "basket")
	newer := s.verified(second.MergeCommit(), "voucher")
	s.settled()
	held, release := make(chan struct{}), make(chan struct{})
	waiting := true
	s.Registry.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && waiting {
			waiting = false
			close(held)
			<-release
		}
		return false
	})
	one := second.Comment(s.Alice, "/promote")
	<-held
	two := first.Comment(s.Alice, "/promote") // the older one, asked while the newer one is under way
	s.must(s.Eventually(s.ctx, "the older one to be under way", func() bool { return len(two.Reactions(s.GitHub.AppBot())) == 1 }))
	close(release)
	s.must(s.Eventually(s.ctx, "both replies", func() bool {
		return s.Reply(second.Issue, one) != "" && s.Reply(first.Issue, two) != ""
	}))
	s.expect(s.Reply(second.Issue, one), "Promoted")
	s.expect(s.Reply(first.Issue, two), "Refused", "older_than_production")
	s.names("production", newer)
}
