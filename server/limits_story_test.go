package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// sum adds up the values of a metric whose labels have all of the words.
func (s *story) sum(metric string, words ...string) (total float64) {
	s.t.Helper()
	for name, value := range s.metrics() {
		fits := strings.HasPrefix(name, metric+"{")
		for _, word := range words {
			fits = fits && strings.Contains(name, word)
		}
		if fits {
			total += value
		}
	}
	return total
}

func TestWhenGitHubAsksToBeLeftAloneNothingMoreIsAsked(t *testing.T) {
	s, pull, digest := ready(t)
	fault := githubtest.SecondaryLimit(3 * time.Second)
	fault.Times = 1
	limit := s.GitHub.Inject(fault.On("GET", permissionRoute))
	comment := pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "GitHub to ask for it", func() bool { return limit.Hits() == 1 }))
	calls := len(s.GitHub.Calls())
	s.Merged("Add a voucher").Comment(s.Alice, "/promote status")
	s.must(s.Eventually(s.ctx, "the second to be put back, too", func() bool { return s.sum("verbatim_work_total", `kind="request"`, `outcome="again"`) >= 2 }))
	if made := len(s.GitHub.Calls()) - calls; made > 1 { // one may have been under way
		t.Errorf("%d calls were made although GitHub asked to be left alone", made)
	}
	s.becomes(pull.Issue, comment, "Promoted")
	s.names("production", digest)
}

func TestARegistryThatIsDownIsLeftAloneAndTriedAgain(t *testing.T) {
	s, pull, digest := ready(t)
	s.Registry.Inject(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	for range 3 {
		pull.Comment(s.Alice, "/promote")
	}
	s.isDegraded(selfcheck.RegistryName(s.Registry.Host()), "has answered no call since", "by itself")
	s.must(s.Eventually(s.ctx, "the registry to be left alone", func() bool { return s.sum("verbatim_breaker_open", s.Registry.Host()) == 1 }))
	s.Registry.Inject(nil)
	s.must(s.Eventually(s.ctx, "the registry to be asked again", func() bool { return s.sum("verbatim_breaker_open", s.Registry.Host()) == 0 }))
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "romoted") // by this comment or one of those before
	s.names("production", digest)
}

func TestGitHubThatDoesNotAnswerIsNamedAtOnce(t *testing.T) {
	s, pull, digest := ready(t)
	down := s.GitHub.Inject(githubtest.Fault{Status: http.StatusBadGateway})
	comment := pull.Comment(s.Alice, "/promote")
	s.isDegraded(selfcheck.GitHub, "has answered no call since", "by itself")
	down.Remove()
	s.becomes(pull.Issue, comment, "Promoted")
	s.names("production", digest)
	s.isWell()
}
