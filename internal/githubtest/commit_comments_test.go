package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestCommitIsCommentedOn(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	var second *githubtest.Commit
	s.Quietly(func() { second = shop.Commit("main", "Second", shop.alice, map[string]string{"a": "b\n"}) })
	comment := shop.CommentOn(shop.first, shop.alice, "/promote production")
	event := last[*github.CommitCommentEvent](s)
	equal(s, "action", event.GetAction(), "created")
	equal(s, "sender", event.GetSender().GetID(), shop.alice.ID())
	equal(s, "repository", event.GetRepo().GetID(), shop.ID())
	equal(s, "installation", event.GetInstallation().GetID(), shop.Installation().ID())
	equal(s, "commit", event.GetComment().GetCommitID(), shop.first.SHA())
	equal(s, "body", event.GetComment().GetBody(), "/promote production")
	equal(s, "id", event.GetComment().GetID(), comment.ID())
	equal(s, "of the whole commit", event.GetComment().Path == nil && event.GetComment().Position == nil, true)
	equal(s, "author", comment.Author().Login(), "alice")

	client := s.in(shop.Repository)
	for _, status := range []int{201, 200} { // the second is there already
		_, response, err := client.Reactions.CreateCommentReaction(background(), "acme", "shop", comment.ID(), "eyes")
		if err != nil {
			t.Fatal(err)
		}
		equal(s, "reaction", response.StatusCode, status)
	}
	must(client.Reactions.CreateCommentReaction(background(), "acme", "shop", comment.ID(), "rocket"))(s)
	if diff := cmp.Diff([]string{"eyes", "rocket"}, comment.Reactions(s.AppBot())); diff != "" {
		t.Error(diff)
	}
	equal(s, "others' reactions", len(comment.Reactions(shop.alice)), 0)

	reply := must(client.Repositories.CreateComment(background(), "acme", "shop", shop.first.SHA(), &github.RepositoryComment{Body: github.String("Working on it")}))(s)
	equal(s, "type", reply.GetUser().GetType(), "Bot")
	s.pass(time.Minute)
	edited := must(client.Repositories.UpdateComment(background(), "acme", "shop", reply.GetID(), &github.RepositoryComment{Body: github.String("Promoted")}))(s)
	equal(s, "updated a minute later", edited.GetUpdatedAt().Sub(edited.GetCreatedAt().Time), time.Minute)
	s.Drain()
	if diff := cmp.Diff([]string{"commit_comment.created", "commit_comment.created"}, s.inbox.names()); diff != "" { // none of edits
		t.Error(diff)
	}
	equal(s, "the app hears itself", last[*github.CommitCommentEvent](s).GetSender().GetLogin(), "verbatim[bot]")

	s.Quietly(func() { shop.CommentOn(second, shop.bob, "of another") })
	list := must(client.Repositories.ListCommitComments(background(), "acme", "shop", shop.first.SHA(), nil))(s)
	equal(s, "comments", len(list), 2)
	equal(s, "oldest first", list[0].GetID() == comment.ID() && list[1].GetBody() == "Promoted", true)
	equal(s, "eyes", list[0].GetReactions().GetEyes(), 1)
	page, response, err := client.Repositories.ListCommitComments(background(), "acme", "shop", shop.first.SHA(), &github.ListOptions{PerPage: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "a page", len(page) == 1 && response.NextPage == 2, true)
	kept := shop.CommitComments(shop.first)
	equal(s, "kept", len(kept) == 2 && kept[1].ID() == reply.GetID() && kept[1].Body() == "Promoted", true)
	equal(s, "of the second", len(shop.CommitComments(second)), 1)
}

func TestCommitCommentsThatGitHubRefuses(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	comment := shop.CommentOn(shop.first, shop.alice, "hello")
	client := s.in(shop.Repository)
	post := func(sha, body string) error {
		_, _, err := client.Repositories.CreateComment(background(), "acme", "shop", sha, &github.RepositoryComment{Body: &body})
		return err
	}
	edit := func(id int64, body string) error {
		_, _, err := client.Repositories.UpdateComment(background(), "acme", "shop", id, &github.RepositoryComment{Body: &body})
		return err
	}
	react := func(id int64, content string) error {
		_, _, err := client.Reactions.CreateCommentReaction(background(), "acme", "shop", id, content)
		return err
	}
	nowhere := strings.Repeat("0", 40)
	if err := post(shop.first.SHA(), strings.Repeat("é", 65_536)); err != nil {
		t.Errorf("65,536 characters fit, however many bytes they are: %v", err)
	}
	refused(s, 422, post(shop.first.SHA(), strings.Repeat("a", 65_537)))
	refused(s, 422, post(shop.first.SHA(), " \n"))
	refused(s, 422, post(nowhere, "hello"))
	refused(s, 404, edit(1, "hello"))
	refused(s, 422, edit(comment.ID(), ""))
	refused(s, 404, react(1, "eyes"))
	refused(s, 422, react(comment.ID(), "tada"))
	_, _, err := client.Repositories.ListCommitComments(background(), "acme", "shop", nowhere, nil)
	refused(s, 404, err)
	for path, body := range map[string]any{
		"repos/acme/shop/commits/" + shop.first.SHA() + "/comments":     map[string]any{"text": "hello"},
		"repos/acme/shop/comments/" + itoa(comment.ID()) + "/reactions": []string{"eyes"},
	} {
		request, err := client.NewRequest("POST", path, body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(background(), request, nil)
		refused(s, 422, err)
	}
	equal(s, "body", comment.Body(), "hello")

	shop.Installation().SetPermission("contents", "read")
	reader := s.in(shop.Repository)
	must(reader.Repositories.CreateComment(background(), "acme", "shop", shop.first.SHA(), &github.RepositoryComment{Body: github.String("hi")}))(s)
	_, _, err = reader.Repositories.UpdateComment(background(), "acme", "shop", comment.ID(), &github.RepositoryComment{Body: github.String("hi")})
	equal(s, "reading is not writing", refused(s, 403, err), "Resource not accessible by integration")
	must(reader.Repositories.ListCommitComments(background(), "acme", "shop", shop.first.SHA(), nil))(s)
}

func TestNobodyHearsOfCommitCommentsInVain(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	shop.Installation().SetPermission("contents", "")
	shop.CommentOn(shop.first, shop.alice, "hello")
	if names := s.inbox.names(); len(names) != 0 {
		t.Errorf("events that the installation may not know: %v", names)
	}
}
