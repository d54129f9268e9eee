package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
)

// forged sends a delivery with another body, signed as GitHub would: whoever has the secret of one webhook can do so.
func (s *story) forged(delivery *githubtest.Delivery, body []byte) int {
	s.t.Helper()
	mac := hmac.New(sha256.New, []byte(s.GitHub.WebhookSecret()))
	mac.Write(body)
	header := delivery.Header()
	header.Set("X-GitHub-Delivery", fmt.Sprintf("forged-%x", sha256.Sum256(body)))
	header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	header.Del("X-Hub-Signature")
	status, _ := s.GitHub.PostHook(header, body)
	return status
}

func TestAButtonOfAnotherRepositoryPromotesNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	check := s.CheckRun(pull.MergeCommit())
	clicks := s.GitHub.Capture(func() { s.GitHub.Click(check, check.State().Actions[0].Identifier, s.Alice) })
	if len(clicks) != 1 {
		t.Fatalf("%d deliveries of a click", len(clicks))
	}
	// The same external id, said of a repository of somebody else's installation.
	body := bytes.ReplaceAll(clicks[0].Body(), fmt.Appendf(nil, `"id":%d`, s.Repository.ID()), []byte(`"id":424242`))
	body = bytes.ReplaceAll(body, []byte("acme/shop"), []byte("evil/shop"))
	if status := s.forged(clicks[0], body); status != http.StatusAccepted {
		t.Fatalf("answered %d", status)
	}
	s.settled()
	s.names("production", "")
	if states := s.states(); len(states) > 0 {
		t.Errorf("promotions %v", states)
	}
}

func TestStatusesAndCheckRunsOfOthersProveNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	calls := s.calls(func() { s.says(pull.Issue, s.Alice, "/promote") })
	for _, call := range calls {
		if strings.HasPrefix(call, "GET") && (strings.Contains(call, "status") || strings.Contains(call, "check-")) {
			t.Errorf("what anybody can write was asked for: %s", call)
		}
	}
}

func TestACommenterWhoLostAccessMeanwhile(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	s.verified(pull.MergeCommit(), "basket")
	s.settled()
	deliveries := s.GitHub.Capture(func() { pull.Comment(s.Alice, "/promote") })
	s.Repository.SetRole(s.Alice, "read")
	for _, delivery := range deliveries {
		delivery.Send()
	}
	s.settled()
	s.names("production", "")
	s.expect(s.Reply(pull.Issue, pull.Comments()[0]), "Refused", "`not_authorised`", "alice has read")
}

func TestADeletedCommentIsCarriedOutOnceAndHarmsNothing(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.settled()
	deliveries := s.GitHub.Capture(func() {
		comment := pull.Comment(s.Alice, "/promote")
		comment.Delete(s.Alice)
	})
	for _, delivery := range deliveries {
		delivery.Send()
		delivery.Redeliver()
	}
	s.settled()
	s.names("production", digest)
	if states := s.states(); !slices.Equal(states, []string{"succeeded"}) {
		t.Errorf("promotions %v", states)
	}
	if told := s.setAside(); strings.Contains(told, " 1") {
		t.Errorf("set aside: %s", told)
	}
}

func TestTheWrongShaIsNotPromoted(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.opened("Add a basket")
	head, test := pull.Head(), pull.TestMerge()
	for _, sha := range []string{head.SHA(), test.SHA()} {
		_, err := s.Registry.PushIndex(scene.Image, sha, "built for the pull request")
		s.must(err)
	}
	pull.Merge("squash", s.Alice)
	for _, commit := range []*githubtest.Commit{head, test} {
		s.staged(commit, "built for the pull request")
		s.refuses(pull.Issue, s.Alice, "/promote --sha "+commit.SHA(), "not_on_branch")
	}
	s.refuses(pull.Issue, s.Alice, "/promote", "stage_missing") // the squashed commit is a third one
}

func TestMaintainIsMoreThanWrite(t *testing.T) {
	s := begin(t, scene.Options{})
	pull := s.Merged("Add a basket")
	digest := s.verified(pull.MergeCommit(), "basket")
	s.expect(s.refuses(pull.Issue, s.Walter, "/promote", "not_authorised"), "walter has write", "permission maintain")
	s.promotes(pull.Issue, s.Alice, "/promote", digest)
}
