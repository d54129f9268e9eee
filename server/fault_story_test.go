package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

const (
	permissionRoute = "/repos/{owner}/{repo}/collaborators/{username}/permission"
	reactionRoute   = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
	commentRoute    = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
	runsRoute       = "/repos/{owner}/{repo}/actions/runs"
)

// ready sets a scene in which one comment would promote.
func ready(t *testing.T) (*story, *githubtest.PullRequest, string) {
	t.Helper()
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	return s, pull, digest
}

func TestAnErrorWhileCheckingNeverPromotes(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"the head has no name": githubtest.Fault{Status: 200, Body: `{"object":{}}`}.On("GET", "/repos/{owner}/{repo}/git/ref/{ref}"),
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, _ := ready(t)
			s.Merged("Add a voucher") // the branch goes on: whether the commit is on it has to be asked
			s.settled()
			s.GitHub.Hold(nil, nil) // broken answers are not GitHub's
			s.GitHub.Inject(fault)
			comment, reply := s.says(pull.Issue, s.Alice, "/promote")
			s.expect(reply, "Could not tell", "`github_error`")
			if reactions := comment.Reactions(s.GitHub.AppBot()); !slices.Contains(reactions, "confused") {
				t.Errorf("reactions %v", reactions)
			}
			s.names("production", "")
		})
	}
}

func TestAPassingFaultOfGitHubIsWaitedOut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"5xx":   {Status: 502, Times: 4},
		"reset": {Reset: true, Times: 4},
		"limit": func() githubtest.Fault {
			fault := githubtest.SecondaryLimit(time.Second)
			fault.Times = 1
			return fault
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, digest := ready(t)
			s.GitHub.Hold(nil, nil)
			s.GitHub.Inject(fault.On("GET", runsRoute))
			_, reply := s.says(pull.Issue, s.Alice, "/promote")
			s.expect(reply, "Promoted")
			s.names("production", digest)
		})
	}
}

func TestWhatCannotBeToldDoesNotBlockThePromotion(t *testing.T) {
	s, pull, digest := ready(t)
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{Status: 404, Body: `{"message":"Not Found"}`}.On("POST", reactionRoute))
	s.Slack.Fail(func(w http.ResponseWriter) bool {
		http.Error(w, "rollup_error", http.StatusInternalServerError)
		return true
	})
	comment := pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "the reply", func() bool { return s.Reply(pull.Issue, comment) != "" }))
	s.names("production", digest)
	s.Slack.Fail(nil)
	s.must(s.Eventually(s.ctx, "Slack to hear of it in the end", func() bool { return len(s.Slack.Messages()) == 1 }))
	writes := 0
	for _, request := range s.Registry.Requests() {
		if strings.HasPrefix(request, "PUT") {
			writes++
		}
	}
	if writes != 1 {
		t.Errorf("%d writes to the registry, expected one", writes)
	}
}

func TestAReplyWhoseAnswerWasLostIsNotPostedTwice(t *testing.T) {
	s, pull, _ := ready(t)
	s.GitHub.Hold(nil, nil)
	s.GitHub.Inject(githubtest.Fault{AfterEffect: true, Reset: true, Times: 1}.On("POST", commentRoute))
	comment := pull.Comment(s.Alice, "/promote")
	s.must(s.Eventually(s.ctx, "the reply", func() bool { return s.Reply(pull.Issue, comment) != "" }))
	s.settled()
	if count := len(pull.Comments()); count != 2 {
		t.Errorf("%d comments, expected the person's and one reply", count)
	}
}

func TestARegistryThatFails(t *testing.T) {
	t.Parallel()
	manifests := func(method string, answer func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == method && strings.Contains(r.URL.Path, "/manifests/") {
				answer(w)
				return true
			}
			return false
		}
	}
	for name, test := range map[string]struct {
		fault func(http.ResponseWriter, *http.Request) bool
		want  []string
	}{
		"it answers other bytes": {manifests("GET", func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"schemaVersion":2}`)) }), []string{"Could not tell", "registry_error"}},
		"it asks to wait long":   {manifests("HEAD", func(w http.ResponseWriter) { w.Header().Set("Retry-After", "3600"); w.WriteHeader(429) }), []string{"Could not tell", "registry_error"}},
		"the tag cannot be moved": {manifests("PUT", func(w http.ResponseWriter) {
			http.Error(w, `{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}`, 400)
		}), []string{"Refused", "tag_immutable"}},
		"a write is swallowed": {manifests("PUT", func(w http.ResponseWriter) { w.WriteHeader(201) }), []string{"Could not tell", "registry_error"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, pull, _ := ready(t)
			s.Registry.Inject(test.fault)
			_, reply := s.says(pull.Issue, s.Alice, "/promote")
			s.expect(reply, test.want...)
			s.Registry.Inject(nil)
			s.names("production", "")
		})
	}
}

func TestATagThatIsNotReadBackAsSet(t *testing.T) {
	s, pull, digest := ready(t)
	before, err := s.Registry.PushIndex(scene.Image, "production", "from before")
	s.must(err)
	s.Registry.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		swallowed := r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/production")
		if swallowed {
			w.WriteHeader(http.StatusCreated) // it says that it did, and did not
		}
		return swallowed
	})
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "digest_mismatch", digest, before)
	s.names("production", before)
	if states := s.states(); !slices.Equal(states, []string{"errored"}) {
		t.Errorf("promotions %v, expected one that errored", states)
	}
}

func TestAWriteWhoseAnswerWasLostIsFinished(t *testing.T) {
	s, pull, digest := ready(t)
	lost := false
	s.Registry.InjectAfter(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && !lost {
			lost = true
			panic(http.ErrAbortHandler) // the write took effect, the answer is lost
		}
		return false
	})
	_, reply := s.says(pull.Issue, s.Alice, "/promote")
	s.expect(reply, "Promoted")
	s.names("production", digest)
}

func TestHostileNamesAreShownAsText(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	_, reply := s.says(pull.Issue, s.Alice, "/promote @everyone <!channel> **bold** [x](javascript:1) \u202e --reason x")
	for _, raw := range []string{"@everyone", "<!channel>", "\u202e", "](javascript"} {
		if strings.Contains(strings.ReplaceAll(reply, "`/promote", ""), raw) {
			t.Errorf("%q is raw in:\n%s", raw, reply)
		}
	}
}
