package server_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// story is one scene with the test that plays in it. Each helper ends the test when the world does not do as it should.
type story struct {
	*scene.Scene
	t   *testing.T
	ctx context.Context
}

// begin sets a scene for the test. All traffic with GitHub's stand-in is held against GitHub's own OpenAPI description.
func begin(t *testing.T, options scene.Options) *story {
	t.Helper()
	t.Parallel()
	options.Version = "test"
	if os.Getenv("VERBATIM_TEST_LOG") != "" {
		options.Logger = zerolog.New(zerolog.NewTestWriter(t))
	}
	set, err := scene.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{Scene: set, t: t, ctx: t.Context()}
	s.hold()
	t.Cleanup(func() {
		if unknown := set.GitHub.UnknownRoutes(); len(unknown) > 0 {
			t.Errorf("calls that GitHub does not know: %v", unknown)
		}
		if err := set.Close(); err != nil {
			t.Errorf("close the scene: %v", err)
		}
	})
	return s
}

func (s *story) hold() {
	if underRace {
		return
	}
	description, err := githubtest.Description()
	if errors.Is(err, githubtest.ErrNoDescription) && os.Getenv("CI") == "" {
		return // internal/githubtest skips loudly for it
	}
	s.must(err)
	s.GitHub.Hold(description, func(err error) { s.t.Errorf("against GitHub's description: %v", err) })
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// verified takes a commit through all stages.
func (s *story) verified(commit *githubtest.Commit, seed string) string {
	s.t.Helper()
	digest, err := s.Verified(s.ctx, commit, seed)
	s.must(err)
	return digest
}

// says comments and gives the reply.
func (s *story) says(issue *githubtest.Issue, author *githubtest.User, text string) (*githubtest.Comment, string) {
	s.t.Helper()
	comment, reply, err := s.Ask(s.ctx, issue, author, text)
	if err != nil {
		s.t.Fatalf("%v\nset aside: %s", err, s.setAside())
	}
	return comment, reply
}

// silence comments and waits until the comment is worked off: there must be neither reply nor reaction.
func (s *story) silence(issue *githubtest.Issue, author *githubtest.User, text string) {
	s.t.Helper()
	comment := issue.Comment(author, text)
	s.settled()
	if reply := s.Reply(issue, comment); reply != "" {
		s.t.Errorf("%q by %s got a reply:\n%s", text, author.Login(), reply)
	}
	if reactions := comment.Reactions(s.GitHub.AppBot()); len(reactions) > 0 {
		s.t.Errorf("%q by %s got reactions %v", text, author.Login(), reactions)
	}
}

// settled waits until no work is left that is due.
func (s *story) settled() {
	s.t.Helper()
	s.GitHub.Drain()
	s.must(s.EventuallyEvery(s.ctx, 25*time.Millisecond, "all work to be done", func() bool { return s.unfinished() == 0 }))
}

// expect fails the test unless the text has all of the words.
func (s *story) expect(text string, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			s.t.Errorf("expected %q in:\n%s", word, text)
		}
	}
}

// reacted fails the test unless the app's reactions are these.
func (s *story) reacted(comment *githubtest.Comment, want ...string) {
	s.t.Helper()
	if got := comment.Reactions(s.GitHub.AppBot()); !slices.Equal(got, want) {
		s.t.Errorf("reactions: got %v, want %v", got, want)
	}
}

// names fails the test unless the tag names the digest.
func (s *story) names(tag, digest string) {
	s.t.Helper()
	if got := s.Tag(tag); got != digest {
		s.t.Errorf("tag %s: got %q, want %q", tag, got, digest)
	}
}

// refuses asks and expects a refusal with the reason and nothing moved.
func (s *story) refuses(issue *githubtest.Issue, author *githubtest.User, text, reason string) string {
	s.t.Helper()
	before := s.Tag("production")
	comment, reply := s.says(issue, author, text)
	s.expect(reply, "Refused", "`"+reason+"`")
	s.reacted(comment, "eyes", "-1")
	s.names("production", before)
	return reply
}
