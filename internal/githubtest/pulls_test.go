package githubtest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

func TestPullRequestLives(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	shop.Commit("feature", "Sell", shop.bob, map[string]string{"api/sell.go": "package main\n"})
	s.inbox.clear()
	pull := shop.OpenPullRequest(githubtest.PullRequestSpec{Title: "Sell things", Author: shop.bob, Head: "feature"})
	opened := last[*github.PullRequestEvent](s)
	equal(s, "head", opened.GetPullRequest().GetHead().GetSHA(), pull.Head().SHA())
	equal(s, "merged", opened.GetPullRequest().GetMerged(), false)
	before := pull.Head()
	after := pull.Push("More", shop.bob, map[string]string{"api/more.go": "package main\n"})
	changed := last[*github.PullRequestEvent](s)
	equal(s, "synchronize", changed.GetBefore()+changed.GetAfter(), before.SHA()+after.SHA())
	review := pull.Review(shop.alice, "APPROVED", "Fine")
	equal(s, "review", last[*github.PullRequestReviewEvent](s).GetReview().GetState(), "approved")
	review.Dismiss(shop.alice)
	pull.Close(shop.bob)
	equal(s, "closed, not merged", last[*github.PullRequestEvent](s).GetPullRequest().GetMerged(), false)
	pull.Reopen(shop.bob)
	want := []string{
		"pull_request.opened", "push.refs/heads/feature", "pull_request.synchronize", "pull_request_review.submitted",
		"pull_request_review.dismissed", "pull_request.closed", "pull_request.reopened",
	}
	if diff := cmp.Diff(want, s.inbox.names()); diff != "" {
		t.Error(diff)
	}

	client := s.in(shop.Repository)
	got := must(client.PullRequests.Get(background(), "acme", "shop", pull.Number()))(s)
	equal(s, "commits", got.GetCommits(), 2)
	equal(s, "the test merge", got.GetMergeCommitSHA(), pull.TestMerge().SHA())
	files := must(client.PullRequests.ListFiles(background(), "acme", "shop", pull.Number(), nil))(s)
	equal(s, "files", len(files), 2)
	commits := must(client.PullRequests.ListCommits(background(), "acme", "shop", pull.Number(), nil))(s)
	equal(s, "oldest first", commits[0].GetSHA(), before.SHA())
	reviews := must(client.PullRequests.ListReviews(background(), "acme", "shop", pull.Number(), nil))(s)
	equal(s, "review", reviews[0].GetState(), "DISMISSED")
	equal(s, "of the head then", reviews[0].GetCommitID(), after.SHA())
	_, _, err := client.PullRequests.Get(background(), "acme", "shop", 99)
	refused(s, 404, err)
}

func TestMergeMethods(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := begin(t)
			shop := openShop(s)
			pull := openPull(s, shop)
			pull.Push("More", shop.bob, map[string]string{"api/more.go": "package main\n"})
			shop.Commit("main", "Meanwhile", shop.alice, map[string]string{"meanwhile": "m\n"})
			s.pass(time.Minute)
			merged := pull.Merge(method, shop.alice)
			equal(s, "main", shop.Head("main").SHA(), merged.SHA())
			closed := last[*github.PullRequestEvent](s)
			equal(s, "merged", closed.GetPullRequest().GetMerged(), true)
			equal(s, "merge_commit_sha", closed.GetPullRequest().GetMergeCommitSHA(), merged.SHA())
			client := s.in(shop.Repository)
			head := must(client.Repositories.CompareCommits(background(), "acme", "shop", "main", pull.Head().SHA(), nil))(s)
			wantHead := map[string]string{"merge": "behind", "squash": "diverged", "rebase": "diverged"}[method]
			equal(s, "the head, seen from main", head.GetStatus(), wantHead)
			all := must(client.Repositories.GetCommit(background(), "acme", "shop", "main", nil))(s)
			equal(s, "committed by", all.GetCommitter().GetLogin(), map[string]string{"merge": "web-flow", "squash": "web-flow", "rebase": "alice"}[method])
			equal(s, "author", all.GetAuthor().GetLogin(), map[string]string{"merge": "alice", "squash": "bob", "rebase": "bob"}[method])
			wantParents := map[string]int{"merge": 2, "squash": 1, "rebase": 1}[method]
			equal(s, "parents", len(all.Parents), wantParents)
			_, _, _, err := client.Repositories.GetContents(background(), "acme", "shop", "meanwhile", nil)
			if err != nil {
				t.Error("merging lost a file of main")
			}
			for _, commit := range []string{merged.SHA(), shop.Head("main").SHA()} {
				pulls := must(client.PullRequests.ListPullRequestsWithCommit(background(), "acme", "shop", commit, nil))(s)
				equal(s, "pull requests of the commit", len(pulls), 1)
				equal(s, "its number", pulls[0].GetNumber(), pull.Number())
			}
			none := must(client.PullRequests.ListPullRequestsWithCommit(background(), "acme", "shop", shop.first.SHA(), nil))(s)
			equal(s, "pull requests of the first commit", len(none), 0)
		})
	}
}

func TestPullRequestsAreListed(t *testing.T) {
	s := begin(t)
	shop := openShop(s, githubtest.Private)
	for _, name := range []string{"one", "two", "three"} {
		shop.Commit(name, name, shop.bob, map[string]string{name: name})
		shop.OpenPullRequest(githubtest.PullRequestSpec{Title: name, Author: shop.bob, Head: name})
		s.pass(time.Minute)
	}
	client := s.in(shop.Repository)
	titles := func(options github.PullRequestListOptions) (found []string) {
		for _, pull := range must(client.PullRequests.List(background(), "acme", "shop", &options))(s) {
			found = append(found, pull.GetTitle())
		}
		return found
	}
	first := must(client.PullRequests.List(background(), "acme", "shop", &github.PullRequestListOptions{Head: "acme:one"}))(s)
	equal(s, "by head", first[0].GetTitle(), "one")
	if diff := cmp.Diff([]string{"three", "two", "one"}, titles(github.PullRequestListOptions{})); diff != "" {
		t.Error(diff)
	}
	all := github.PullRequestListOptions{State: "closed", Base: "main", Sort: "updated", Direction: "desc"}
	equal(s, "closed", len(titles(all)), 0)
	_, response, err := client.PullRequests.List(background(), "acme", "shop",
		&github.PullRequestListOptions{Direction: "asc", ListOptions: github.ListOptions{PerPage: 2, Page: 2}})
	if err != nil {
		t.Fatal(err)
	}
	equal(s, "previous page", response.PrevPage, 1)
}
