package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
	"github.com/verbatim-dev/verbatim/server"
)

// releases gives back what the refusal's command names, as whoever runs the server does beside it.
func (s *story) releases(reply, tag string) {
	s.t.Helper()
	registry, err := promotion.ParseRegistryRepository(s.Registry.Host() + "/" + scene.Image)
	s.must(err)
	command := "verbatim ledger release " + registry.String()
	if tag != "" {
		command += ":" + tag
	}
	s.expect(strings.ReplaceAll(reply, "\u200b", ""), command)
	upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
	s.must(err)
	owned, err := upkeep.Owned(s.ctx, registry, tag)
	s.must(err)
	s.t.Log(strings.Join(owned, "\n"))
	s.must(upkeep.Release(s.ctx, registry, tag, "root"))
	if err := upkeep.Release(s.ctx, registry, tag, "root"); !errors.Is(err, promotion.ErrNotFound) {
		s.t.Errorf("given back twice: %v", err)
	}
	s.must(upkeep.Close())
	if entries := s.count(`SELECT COUNT(*) FROM entries WHERE kind = 'release' AND content LIKE '%"root"%'`); entries == 0 {
		s.t.Error("nobody entered who gave it back")
	}
}

// An environment gets another name. Its tag is the old one's, until that is given back.
func TestARenamedEnvironmentGetsItsTagBack(t *testing.T) {
	s := governed(t)
	first, second := s.Merged("Add a basket"), s.Merged("Add a voucher")
	s.promotes(first.Issue, s.Alice, "/promote", s.verified(first.MergeCommit(), "basket"))
	newer := s.verified(second.MergeCommit(), "voucher")
	s.govern(strings.Replace(s.defaultPolicy(), "  production:\n", "  live:\n", 1))
	s.settled()
	reply := s.refuses(second.Issue, s.Alice, "/promote live", "registry_scope")
	s.releases(reply, "production")
	s.promotes(second.Issue, s.Alice, "/promote live", newer)
}

// A repository is made anew: it has another id, and the registry repository is the old one's, until that is given back.
func TestARepositoryMadeAnewGetsItsRegistryBack(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.promotes(pull.Issue, s.Alice, "/promote", s.verified(pull.MergeCommit(), "basket"))
	s.Repository.Delete()
	s.settled()
	s.Repository = s.GitHub.Repository("acme/shop", githubtest.Private)
	s.Repository.SetRole(s.Alice, "maintain")
	s.Repository.SetRole(s.Walter, "write")
	s.govern(s.defaultPolicy())
	pull = s.Merged("Add a voucher")
	s.settled()
	reply := s.refuses(pull.Issue, s.Alice, "/promote", "registry_scope")
	s.releases(reply, "")
	digest := s.verified(pull.MergeCommit(), "voucher")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}

func TestNothingIsGivenBackWhileSomebodyIsAtWork(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	registry, err := promotion.ParseRegistryRepository(s.Registry.Host() + "/" + scene.Image)
	s.must(err)
	upkeep, err := server.OpenUpkeep(s.ctx, config.Settings{DatabaseURL: s.DatabaseURL()})
	s.must(err)
	asked := make(chan error, 2)
	s.GitHub.Inject(githubtest.Fault{Skip: 1, Times: 1, Before: func(*http.Request) {
		asked <- upkeep.Release(s.ctx, registry, "production", "root")
		asked <- upkeep.Release(s.ctx, registry, "", "root")
	}}.On("GET", "/repos/{owner}/{repo}"))
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
	for range 2 {
		if err := <-asked; !errors.Is(err, ledger.ErrUnderWay) {
			t.Errorf("in the middle of a promotion: %v", err)
		}
	}
	s.must(upkeep.Close())
}
