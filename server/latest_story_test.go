package server_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

func TestTheLatestIsWhatItWasWhenTheCommentWasMade(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"/promote --sha latest", "/promote --sha latest --when-verified", "/promote --sha latest --dry-run"} {
		t.Run(text, func(t *testing.T) {
			s := governed(t)
			first := s.Merged("Add a basket")
			s.verified(first.MergeCommit(), "basket")
			s.settled()
			s.later()
			comments := s.GitHub.Capture(func() { first.Comment(s.Alice, text) })
			comment := first.Comments()[0]
			s.later()
			second := s.Merged("Add a voucher")
			newer := s.staged(second.MergeCommit(), "voucher")
			for _, delivery := range comments {
				delivery.Send()
			}
			s.becomes(first.Issue, comment, "Refused", "`head_moved`", "was pushed at", "look at "+second.MergeCommit().Short()+", and name it")
			s.names("production", "")
			s.later()
			s.promotes(first.Issue, s.Alice, "/promote --sha latest", newer)
		})
	}
}

func TestTheLatestThatIsAnOlderCommitAgain(t *testing.T) {
	s := governed(t)
	first := s.Merged("Add a basket")
	s.staged(first.MergeCommit(), "basket")
	second := s.Merged("Add a voucher")
	s.staged(second.MergeCommit(), "voucher")
	s.later()
	comments := s.GitHub.Capture(func() { second.Comment(s.Alice, "/promote --sha latest") })
	comment := second.Comments()[0]
	s.later()
	s.Repository.ForcePush("main", first.MergeCommit(), s.Walter)
	s.settled()
	for _, delivery := range comments {
		delivery.Send()
	}
	s.becomes(second.Issue, comment, "Refused", "`head_moved`")
	s.names("production", "")
}

func TestTheLatestWhosePushNobodyToldOf(t *testing.T) {
	s := governed(t)
	first := s.Merged("Add a basket")
	var commit *githubtest.Commit
	s.GitHub.Quietly(func() {
		commit = s.Repository.Commit("main", "Pushed without a word", s.Walter, map[string]string{"a.txt": "1"})
	})
	digest := s.staged(commit, "pushed")
	s.later()
	comments := s.GitHub.Capture(func() { first.Comment(s.Alice, "/promote --sha latest") })
	comment := first.Comments()[0]
	s.later()
	s.Repository.CreateBranch("elsewhere", commit, s.Walter)
	s.Repository.Commit("elsewhere", "Pushed elsewhere", s.Walter, map[string]string{"b.txt": "1"})
	s.settled()
	for _, delivery := range comments {
		delivery.Send()
	}
	s.becomes(first.Issue, comment, "Refused", "`head_moved`", "cannot be told since when", "look at "+commit.Short()+", and name it")
	s.names("production", "")
	s.later()
	s.promotes(first.Issue, s.Alice, "/promote --sha latest", digest) // nothing was pushed since
}

func TestTheLatestOfTheSecondOfTheComment(t *testing.T) {
	s := governed(t)
	first := s.Merged("Add a basket")
	s.staged(first.MergeCommit(), "basket")
	comment := s.cameAt(first.Issue, s.Alice, "/promote --sha latest", s.lastPush())
	s.becomes(first.Issue, comment, "Refused", "`head_moved`", "look at "+first.MergeCommit().Short()+", and name it")
	s.names("production", "")
}

func TestTheLatestCostsNoFurtherCall(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	s.later()
	s.atMost("a promotion of the latest", 11, func() { s.says(pull.Issue, s.Alice, "/promote --sha latest") })
}

// lastPush returns when GitHub says that the repository was last pushed to.
func (s *story) lastPush() time.Time {
	s.t.Helper()
	pushes := s.GitHub.DeliveriesOf("push", "")
	var event struct {
		Repository struct {
			Pushed int64 `json:"pushed_at"`
		} `json:"repository"`
	}
	s.must(json.Unmarshal(pushes[len(pushes)-1].Body(), &event))
	return time.Unix(event.Repository.Pushed, 0)
}

// cameAt comments, and delivers the comment as one that was made then.
func (s *story) cameAt(issue *githubtest.Issue, author *githubtest.User, text string, at time.Time) *githubtest.Comment {
	s.t.Helper()
	return s.cameAs(issue, author, text, func(time.Time) time.Time { return at })
}
