package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumCommitPages = 3   // GitHub lists at most 250 commits of a pull request
	maximumCommits     = 250 // https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request
	maximumAuthors     = 100 // of one commit, and commits in one question
)

// PullRequestCommits returns the commits of a pull request, oldest first, and whether they are all of them. One call for each
// hundred.
// (https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request)
func (f *Forge) PullRequestCommits(ctx context.Context, repository promotion.Repository, pull int) ([]promotion.ShippedCommit, bool, error) {
	operation := fmt.Sprintf("list the commits of pull request %d of %s", pull, repository.FullName())
	var commits []promotion.ShippedCommit
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/pulls/{pull}/commits", number(int64(pull))),
		query:   url.Values{"per_page": {pageSize}},
	}, maximumCommitPages, func(page []commitAnswer) error {
		for _, listed := range page {
			commit, err := listed.shipped()
			if err != nil {
				return fmt.Errorf("%s: %w", operation, err)
			}
			commits = append(commits, commit)
		}
		return nil
	})
	return commits, err == nil && len(commits) < maximumCommits, err
}

var (
	coAuthorPattern = regexp.MustCompile(`(?im)^[ \t]*co-authored-by:[ \t]*(.*?)[ \t]*<([^<>\n]+)>[ \t]*\r?$`)
	noReplyPattern  = regexp.MustCompile(`(?i)^(?:(\d+)\+)?([a-z0-9_\[\]-]+)@users\.noreply\.`)
)

// byNoReply returns the account whose private address this is: GitHub writes its id, and for old accounts the login alone.
// (https://docs.github.com/account-and-profile/reference/email-addresses-reference)
func byNoReply(address string) (promotion.Person, bool) {
	parts := noReplyPattern.FindStringSubmatch(strings.TrimSpace(address))
	if parts == nil {
		return promotion.Person{}, false
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	if parts[1] != "" && err != nil {
		return promotion.Person{}, false
	}
	return promotion.Person{ID: id, Login: parts[2]}, true
}

// authors returns the accounts of the commit's author and co-authors, as far as the answer tells, and whether more has to be
// asked: a co-author's address tells of no account by itself.
func (c commitAnswer) authors() (people []promotion.Person, ask bool) {
	if c.Author != nil && c.Author.ID > 0 {
		people = append(people, c.Author.person())
	} else if c.Git.Author != nil {
		if person, known := byNoReply(c.Git.Author.Email); known {
			people = append(people, person)
		}
	}
	for _, trailer := range coAuthorPattern.FindAllStringSubmatch(c.Git.Message, -1) {
		if person, known := byNoReply(trailer[2]); known {
			people = append(people, person)
			continue
		}
		if c.Git.Author == nil || !strings.EqualFold(c.Git.Author.Email, trailer[2]) {
			ask = true
		}
	}
	return people, ask
}

// byGitHub reports whether GitHub itself made the commit: by a button, signed with its own key.
// (https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification)
func (c commitAnswer) byGitHub() bool {
	verified := c.Git.Verification != nil && c.Git.Verification.Verified
	webFlow := c.Committer != nil && strings.EqualFold(c.Committer.Login, "web-flow")
	return verified && (webFlow || c.Git.Committer != nil && strings.EqualFold(c.Git.Committer.Email, "noreply@github.com"))
}

// Authors returns, for each of the commits, the accounts that GitHub has for its author and its co-authors: by any address of
// theirs, which no other answer tells. One call for each hundred.
// (https://docs.github.com/graphql/reference/objects#commit)
func (f *Forge) Authors(ctx context.Context, repository promotion.Repository, commits []promotion.Commit) (map[promotion.Commit][]promotion.Person, error) {
	authors := map[promotion.Commit][]promotion.Person{}
	for len(commits) > 0 {
		some := commits[:min(len(commits), maximumAuthors)]
		commits = commits[len(some):]
		if err := f.authorsOf(ctx, repository, some, authors); err != nil {
			return nil, err
		}
	}
	return authors, nil
}

// authorsAnswer is one commit in GitHub's answer.
type authorsAnswer struct {
	Authors *struct {
		Page struct {
			More bool `json:"hasNextPage"`
		} `json:"pageInfo"`
		Nodes []struct {
			User *struct {
				ID    int64  `json:"databaseId"`
				Login string `json:"login"`
			} `json:"user"` // null: no account has the address
		} `json:"nodes"`
	} `json:"authors"`
}

func (f *Forge) authorsOf(ctx context.Context, repository promotion.Repository, commits []promotion.Commit, authors map[promotion.Commit][]promotion.Person) error {
	operation := fmt.Sprintf("read the authors of %d commits of %s", len(commits), repository.FullName())
	var query strings.Builder
	query.WriteString("query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {")
	for i, commit := range commits {
		fmt.Fprintf(&query, ` c%d: object(oid: "%s") { ... on Commit { authors(first: %d) { pageInfo { hasNextPage } nodes { user { databaseId login } } } } }`, i, commit, maximumAuthors)
	}
	query.WriteString(" } }")
	answer, err := askGraph[struct {
		Repository map[string]*authorsAnswer `json:"repository"`
	}](ctx, f, repository, operation, contentsReadable, query.String(), map[string]string{"owner": repository.Owner, "name": repository.Name})
	if err != nil {
		return err
	}
	for i, commit := range commits {
		of := answer.Repository[fmt.Sprintf("c%d", i)]
		if of == nil || of.Authors == nil || of.Authors.Page.More {
			return lacking(operation, "authors")
		}
		authors[commit] = []promotion.Person{}
		for _, node := range of.Authors.Nodes {
			if node.User != nil && node.User.ID > 0 {
				authors[commit] = append(authors[commit], promotion.Person{ID: node.User.ID, Login: node.User.Login})
			}
		}
	}
	return nil
}
