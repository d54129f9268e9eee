package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func openPull(s *story, shop shop) *githubtest.PullRequest {
	s.Helper()
	var pull *githubtest.PullRequest
	s.Quietly(func() {
		shop.Commit("feature", "Sell things", shop.bob, map[string]string{"api/sell.go": "package main\n\nfunc sell() {}\n"})
		pull = shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sell things", Author: shop.bob, Head: "feature"})
	})
	return pull
}

func TestCommentIsAnswered(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	comment := pull.Comment(shop.alice, "/promote production")
	event := last[*github.IssueCommentEvent](s)
	equal(s, "is a pull request's", event.GetIssue().IsPullRequest(), true)
	equal(s, "number", event.GetIssue().GetNumber(), pull.Number())
	equal(s, "sender", event.GetSender().GetID(), shop.alice.ID())
	equal(s, "body", event.GetComment().GetBody(), "/promote production")
	equal(s, "times", event.GetComment().GetCreatedAt(), event.GetComment().GetUpdatedAt())

	client := s.in(shop.Repository)
	for _, status := range []int{201, 200} { // the second is there already
		_, response, err := client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "eyes")
		if err != nil {
			t.Fatal(err)
		}
		equal(s, "reaction", response.StatusCode, status)
	}
	rocket := must(client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "rocket"))(s)
	if diff := cmp.Diff([]string{"eyes", "rocket"}, comment.Reactions(s.AppBot())); diff != "" {
		t.Error(diff)
	}
	if _, err := client.Reactions.DeleteIssueCommentReaction(background(), "acme", "shop", comment.ID(), rocket.GetID()); err != nil {
		t.Error(err)
	}
	left := must(client.Reactions.ListIssueCommentReactions(background(), "acme", "shop", comment.ID(), nil))(s)
	equal(s, "reactions", len(left), 1)

	reply := must(client.Issues.CreateComment(background(), "acme", "shop", pull.Number(), &github.IssueComment{Body: github.String("Working on it")}))(s)
	s.pass(time.Minute)
	edited := must(client.Issues.EditComment(background(), "acme", "shop", reply.GetID(), &github.IssueComment{Body: github.String("Promoted")}))(s)
	equal(s, "updated a minute later", edited.GetUpdatedAt().Sub(edited.GetCreatedAt().Time), time.Minute)
	s.Drain()
	own := last[*github.IssueCommentEvent](s)
	equal(s, "the app hears itself", own.GetAction()+" by "+own.GetSender().GetLogin(), "edited by verbatim[bot]")
	equal(s, "type", own.GetSender().GetType(), "Bot")
	equal(s, "comments", len(pull.Comments()), 2)
	equal(s, "reply", pull.Comments()[1].Body(), "Promoted")
	equal(s, "edits", pull.Comments()[1].Edits(), 1)
	if _, err := client.Issues.DeleteComment(background(), "acme", "shop", reply.GetID()); err != nil {
		t.Error(err)
	}
	_, _, err := client.Issues.GetComment(background(), "acme", "shop", reply.GetID())
	refused(s, 404, err)
	issue := must(client.Issues.Get(background(), "acme", "shop", pull.Number()))(s)
	equal(s, "as an issue", issue.IsPullRequest(), true)
	list := must(client.Issues.ListComments(background(), "acme", "shop", pull.Number(), nil))(s)
	equal(s, "comments listed", len(list), 1)
}

func TestCommentsThatGitHubRefuses(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	comment := pull.Comment(shop.alice, "hello")
	client := s.in(shop.Repository)
	post := func(body string) error {
		_, _, err := client.Issues.CreateComment(background(), "acme", "shop", pull.Number(), &github.IssueComment{Body: &body})
		return err
	}
	if err := post(strings.Repeat("é", 65_536)); err != nil {
		t.Errorf("65,536 characters fit, however many bytes they are: %v", err)
	}
	refused(s, 422, post(strings.Repeat("a", 65_537)))
	refused(s, 422, post(" \n"))
	_, _, err := client.Issues.CreateComment(background(), "acme", "shop", 99, &github.IssueComment{Body: github.String("hi")})
	refused(s, 404, err)
	_, _, err = client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", comment.ID(), "tada")
	refused(s, 422, err)
	_, _, err = client.Reactions.CreateIssueCommentReaction(background(), "acme", "shop", 1, "eyes")
	refused(s, 404, err)
}

func TestEditsDeletionsAndPlainIssuesAreTold(t *testing.T) {
	s := begin(t)
	shop := openShop(s)
	pull := openPull(s, shop)
	comment := pull.Comment(shop.bob, "hello")
	s.pass(time.Second)
	comment.Edit(shop.alice, "/promote production")
	event := last[*github.IssueCommentEvent](s)
	equal(s, "edited by", event.GetSender().GetLogin(), "alice")
	equal(s, "from", event.GetChanges().GetBody().GetFrom(), "hello")
	if event.GetComment().GetCreatedAt() == event.GetComment().GetUpdatedAt() {
		t.Error("an edited comment has another updated_at")
	}
	comment.Delete(shop.alice)
	equal(s, "action", last[*github.IssueCommentEvent](s).GetAction(), "deleted")
	shop.Issue("A question", shop.bob).Comment(shop.alice, "/promote production")
	equal(s, "of a pull request", last[*github.IssueCommentEvent](s).GetIssue().IsPullRequest(), false)
	stranger := s.User("stranger")
	pull.Comment(stranger, "/promote production")
	equal(s, "association", last[*github.IssueCommentEvent](s).GetComment().GetAuthorAssociation(), "NONE")
}

func TestNobodyListensInVain(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	pull := openPull(s, shop)
	shop.Installation().SetPermission("issues", "")
	shop.Installation().SetPermission("pull_requests", "")
	pull.Comment(shop.alice, "hello")
	s.Repository("acme/else", githubtest.NotInstalled).Commit("main", "Begin", shop.alice, map[string]string{"a": "b"})
	if names := s.inbox.names(); len(names) != 0 {
		t.Errorf("events that the installation may not know: %v", names)
	}
}
