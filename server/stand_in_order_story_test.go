package server_test

import (
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// A re-run that is cancelled takes what production has off the list of what an unchanged image may stand on: an older build is promoted over it, forwards.
func TestAnUnchangedImageGoesNotBackwards(t *testing.T) {
	t.Parallel()
	for name, cancels := range map[string]bool{"control": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Policy: "-"})
			s.govern(s.monorepo(""))
			pull := s.Merged("Ask")
			s.change("worker/w.go", "worker", "api")
			base, mended := s.change("Dockerfile.base", "worker", "api") // outside of its paths: built anew on a mended base
			_, reply := s.says(pull.Issue, s.Alice, "/promote worker --sha "+base.SHA())
			s.expect(reply, "Promoted")
			s.namesIn("worker", "production", mended["worker"])
			if cancels {
				s.later()
				s.Repository.Run(githubtest.RunSpec{Workflow: scene.DeployStaging, Head: base, Actor: s.Walter}).Request().Start().Complete("cancelled")
				s.settled()
			}
			s.change("api/a.go", "api")
			next := s.Merged("Ask again")
			_, reply = s.says(next.Issue, s.Alice, "/promote worker")
			if cancels {
				s.expect(reply, "Refused", "older_than_production", "let the stages pass for "+base.SHA()[:7]+" again")
			}
			s.namesIn("worker", "production", mended["worker"])
		})
	}
}
