package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// Whoever may write can edit other people's comments. GitHub's times have whole seconds: an edit within the second in which the
// comment was made leaves them equal.
func TestASweepDoesNotCarryOutWhatOthersMadeOfAComment(t *testing.T) {
	t.Parallel()
	for name, delivered := range map[string]bool{"delivered before the edit": true, "no delivery told of it": false} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, scene.Options{Settings: func(settings *config.Settings) { settings.CatchUpInterval = time.Hour }})
			insider := s.member("bob", "write")
			pull := s.Merged("Add a basket")
			digest := s.verified(pull.MergeCommit(), "basket")
			s.settled()
			var comment *githubtest.Comment
			speak := func() { comment = pull.Comment(s.Alice, "Well done") }
			if delivered {
				speak()
				s.settled()
			}
			s.must(s.StopServer())
			s.GitHub.Quietly(func() {
				if !delivered {
					speak()
				}
				comment.EditAtOnce(insider, "/promote production")
			})
			before := len(s.GitHub.CallsTo("GET", "/repos/{owner}/{repo}/issues/comments"))
			s.returns()
			own := pull.Comment(s.Alice, "/promote status")
			s.becomes(pull.Issue, own, "Status of acme/shop")
			s.must(s.Eventually(s.ctx, "a sweep of the comments", func() bool {
				return len(s.GitHub.CallsTo("GET", "/repos/{owner}/{repo}/issues/comments")) > before
			}))
			s.settled()
			s.names("production", "")
			s.reacted(comment)
			if count := s.ours(pull.Issue); count != 1 {
				t.Errorf("%d replies, expected that to the comment of her own", count)
			}
			s.promotes(pull.Issue, s.Alice, "/promote production", digest)
		})
	}
}

func TestASweptCommandOfWhichGitHubDoesNotTellWhoseItIsHasToBeWrittenAgain(t *testing.T) {
	s, pull, comment, digest := missed(t)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusOK, Body: `{"data":{"node":null}}`, Times: 100}.On("POST", "/graphql"))
	s.returns()
	s.becomes(pull.Issue, comment, "no delivery told of the comment", "write the command again, in a new comment")
	s.reacted(comment, "confused")
	s.names("production", "")
	s.promotes(pull.Issue, s.Alice, "/promote production", digest)
}

func TestASweptCommandIsCarriedOutWhereThereIsNoGraphQL(t *testing.T) {
	s, pull, comment, digest := missed(t)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusNotFound}.On("POST", "/graphql"))
	s.returns()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}

func TestASweptCommandWaitsForGitHubToTellWhetherItWasEdited(t *testing.T) {
	s, pull, comment, digest := missed(t)
	s.GitHub.Inject(githubtest.Fault{Status: http.StatusBadGateway, Times: 2}.On("POST", "/graphql"))
	s.returns()
	s.becomes(pull.Issue, comment, "Promoted api to production")
	s.names("production", digest)
}
