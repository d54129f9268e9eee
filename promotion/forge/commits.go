package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	pullsReadable = "pull requests: read"
	maximumTitle  = 256 // characters
)

// pullRequestAnswer is a pull request as GitHub answers it.
// (https://docs.github.com/rest/pulls/pulls#get-a-pull-request)
type pullRequestAnswer struct {
	Number      int           `json:"number"`
	State       string        `json:"state"`
	Merged      bool          `json:"merged"` // only in the answer for one pull request
	MergedAt    *time.Time    `json:"merged_at"`
	ClosedAt    *time.Time    `json:"closed_at"`
	MergeCommit string        `json:"merge_commit_sha"`
	Title       string        `json:"title"`
	URL         string        `json:"html_url"`
	Author      *personAnswer `json:"user"`
	Commits     int           `json:"commits"` // only in the answer for one pull request
	Head        struct {
		Branch     string            `json:"ref"`
		SHA        string            `json:"sha"`
		Repository *repositoryAnswer `json:"repo"` // null: a fork that was deleted
	} `json:"head"`
	Base struct {
		Branch     string            `json:"ref"`
		SHA        string            `json:"sha"`
		Repository *repositoryAnswer `json:"repo"`
	} `json:"base"`
}

// PullRequest gives one pull request, or promotion.ErrNotFound. The merge commit is only there when it was merged (and
// GitHub names it): before, GitHub gives a test merge in that place. One call.
// (https://docs.github.com/rest/pulls/pulls#get-a-pull-request)
func (f *Forge) PullRequest(ctx context.Context, repository promotion.Repository, pull int) (promotion.PullRequest, error) {
	operation := fmt.Sprintf("read pull request %d of %s", pull, repository.FullName())
	var answer pullRequestAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/pulls/{pull}", number(int64(pull))),
	}, &answer)
	if err != nil {
		return promotion.PullRequest{}, err
	}
	if answer.Number != pull || answer.Base.Branch == "" || (answer.State != "open" && answer.State != "closed") {
		return promotion.PullRequest{}, lacking(operation, "number, base or state")
	}
	head, err := promotion.ParseCommit(answer.Head.SHA)
	if err != nil {
		return promotion.PullRequest{}, fmt.Errorf("%s: head: %w", operation, err)
	}
	var merge promotion.Commit
	if answer.Merged && answer.MergeCommit != "" {
		if merge, err = promotion.ParseCommit(answer.MergeCommit); err != nil {
			return promotion.PullRequest{}, fmt.Errorf("%s: merge commit: %w", operation, err)
		}
	}
	return promotion.PullRequest{
		Number: answer.Number, State: answer.State, Merged: answer.Merged, MergeCommit: merge,
		Head: head, HeadRepository: answer.Head.Repository.id(), HeadBranch: answer.Head.Branch, Base: answer.Base.Branch, BaseCommit: answer.baseCommit(), Commits: answer.Commits,
		Closed: answer.closed(),
		Title:  oneLine(answer.Title, maximumTitle), Author: answer.Author.person(), URL: answer.URL,
	}, nil
}

// baseCommit gives the base's head when the pull request last changed; zero when GitHub names none.
func (p *pullRequestAnswer) baseCommit() promotion.Commit {
	commit, err := promotion.ParseCommit(p.Base.SHA)
	if err != nil {
		return promotion.Commit{}
	}
	return commit
}

var prefixPattern = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// ResolveCommit gives the one commit whose name begins with the hex digits (at least seven), or promotion.ErrNotFound:
// also when several do, and when a branch or tag that has the digits for a name leads to another commit. One call, for
// a page with a single file, because GitHub would answer with the commit's changes.
// (https://docs.github.com/rest/commits/commits#get-a-commit)
func (f *Forge) ResolveCommit(ctx context.Context, repository promotion.Repository, prefix string) (promotion.Commit, error) {
	operation := fmt.Sprintf("find commit %.70q of %s", prefix, repository.FullName())
	prefix = strings.ToLower(prefix)
	if !prefixPattern.MatchString(prefix) {
		return promotion.Commit{}, &promotion.PermanentError{Err: fmt.Errorf("%s: expected 7 to 64 hex digits", operation)}
	}
	var answer struct {
		SHA string `json:"sha"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/commits/{ref}", prefix),
		query:   url.Values{"per_page": {"1"}},
	}, &answer)
	if statusOf(err) == http.StatusUnprocessableEntity || isEmptyRepository(err) {
		return promotion.Commit{}, notFound(operation, "no commit, or several")
	}
	if err != nil {
		return promotion.Commit{}, err
	}
	commit, err := promotion.ParseCommit(answer.SHA)
	if err != nil {
		return promotion.Commit{}, fmt.Errorf("%s: %w", operation, err)
	}
	if !strings.HasPrefix(commit.String(), prefix) {
		return promotion.Commit{}, notFound(operation, "GitHub answered with another commit, "+commit.Short())
	}
	return commit, nil
}

// signatureAnswer is git's own author or committer.
type signatureAnswer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// commitAnswer is a commit in a comparison or a pull request.
type commitAnswer struct {
	SHA       string        `json:"sha"`
	URL       string        `json:"html_url"`
	Author    *personAnswer `json:"author"` // null: no account has the e-mail address
	Committer *personAnswer `json:"committer"`
	Parents   []struct {
		SHA string `json:"sha"`
	} `json:"parents"`
	Git struct {
		Message      string           `json:"message"`
		Author       *signatureAnswer `json:"author"`
		Committer    *signatureAnswer `json:"committer"`
		Verification *struct {
			Verified bool `json:"verified"`
		} `json:"verification"`
	} `json:"commit"`
}

func (c commitAnswer) shipped() (promotion.ShippedCommit, error) {
	commit, err := promotion.ParseCommit(c.SHA)
	if err != nil {
		return promotion.ShippedCommit{}, err
	}
	author := c.Author.person().Login
	if author == "" && c.Git.Author != nil {
		author = c.Git.Author.Name
	}
	title, _, _ := strings.Cut(strings.TrimSpace(c.Git.Message), "\n")
	people, ask := c.authors()
	var parents []promotion.Commit
	for _, listed := range c.Parents {
		parent, err := promotion.ParseCommit(listed.SHA)
		if err != nil {
			return promotion.ShippedCommit{}, fmt.Errorf("parent of %s: %w", commit.Short(), err)
		}
		parents = append(parents, parent)
	}
	return promotion.ShippedCommit{
		People: people, AskAuthors: ask, Parents: parents, ByGitHub: c.byGitHub(),
		Commit: commit, Title: oneLine(title, maximumTitle), Author: oneLine(author, maximumTitle), URL: c.URL,
	}, nil
}

// maximumComparePages is how many pages of a comparison's commits are read.
const maximumComparePages = 10

// compareAnswer is a page of a comparison. Its files are on the first page only.
type compareAnswer struct {
	Status   string          `json:"status"`
	AheadBy  *int            `json:"ahead_by"`
	BehindBy *int            `json:"behind_by"`
	Total    *int            `json:"total_commits"`
	Commits  *[]commitAnswer `json:"commits"`
	Files    *[]fileAnswer   `json:"files"`
	URL      string          `json:"html_url"`
}

// Compare gives how head stands to base, with the first thousand commits that head has and base has not (Total counts
// all) and the first 300 files. One call between commits, one more for each further hundred commits, and one more for each
// argument that is a branch: it is resolved to its head first, by a call that no tag of the same name can answer.
// (https://docs.github.com/rest/commits/commits#compare-two-commits)
func (f *Forge) Compare(ctx context.Context, repository promotion.Repository, base, head string) (promotion.Comparison, error) {
	operation := fmt.Sprintf("compare %.100q with %.100q in %s", head, base, repository.FullName())
	from, err := f.commitOf(ctx, repository, base)
	if err != nil {
		return promotion.Comparison{}, fmt.Errorf("%s: %w", operation, err)
	}
	to, err := f.commitOf(ctx, repository, head)
	if err != nil {
		return promotion.Comparison{}, fmt.Errorf("%s: %w", operation, err)
	}
	var comparison promotion.Comparison
	for page := 1; page <= maximumComparePages; page++ {
		var answer compareAnswer
		query := url.Values{"per_page": {pageSize}}
		if page > 1 {
			query.Set("page", strconv.Itoa(page))
		}
		err = f.ask(ctx, repository, request{
			operation: operation, method: http.MethodGet, permission: contentsReadable,
			address: inRepository(repository, "/compare/{basehead}", from.String()+"..."+to.String()), query: query,
		}, &answer)
		if err != nil {
			return promotion.Comparison{}, err
		}
		if err := answer.into(&comparison, operation, page); err != nil {
			return promotion.Comparison{}, err
		}
		if len(comparison.Commits) >= comparison.Total || len(*answer.Commits) < 100 {
			break
		}
	}
	return comparison, nil
}

// into adds a page to what is known of the comparison.
func (c compareAnswer) into(comparison *promotion.Comparison, operation string, page int) error {
	if c.AheadBy == nil || c.BehindBy == nil || !fits(c.Status, *c.AheadBy, *c.BehindBy) {
		return lacking(operation, "status")
	}
	if c.Total == nil || *c.Total < 0 || c.Commits == nil {
		return lacking(operation, "commits")
	}
	if page == 1 {
		*comparison = promotion.Comparison{Status: c.Status, AheadBy: *c.AheadBy, BehindBy: *c.BehindBy, Total: *c.Total, URL: c.URL}
		var err error
		if comparison.Files, comparison.AllFiles, err = changed(c.Files, operation); err != nil {
			return err
		}
		comparison.Contents = contents(c.Files)
	}
	for _, listed := range *c.Commits {
		shipped, err := listed.shipped()
		if err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
		comparison.Commits = append(comparison.Commits, shipped)
	}
	return nil
}

// fits reports whether GitHub's word for a comparison is one that we know, and agrees with its numbers.
func fits(status string, ahead, behind int) bool {
	switch status {
	case "identical":
		return ahead == 0 && behind == 0
	case "ahead":
		return ahead > 0 && behind == 0
	case "behind":
		return ahead == 0 && behind > 0
	case "diverged":
		return ahead > 0 && behind > 0
	default:
		return false
	}
}

// commitOf gives the commit that a full commit name or a branch stands for. GitHub lets no branch have a commit's full name.
// (https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-branches-in-your-repository/renaming-a-branch)
func (f *Forge) commitOf(ctx context.Context, repository promotion.Repository, reference string) (promotion.Commit, error) {
	if commit, err := promotion.ParseCommit(reference); err == nil {
		return commit, nil
	}
	return f.branchHead(ctx, repository, reference)
}

// MergedPullRequests gives the pull requests most recently merged into the branch, newest first: those among the hundred
// closed ones that changed last. One call.
// (https://docs.github.com/rest/pulls/pulls#list-pull-requests)
func (f *Forge) MergedPullRequests(ctx context.Context, repository promotion.Repository, branch string) ([]promotion.ShippedPullRequest, error) {
	operation := fmt.Sprintf("list the pull requests merged into %.100q of %s", branch, repository.FullName())
	if branch == "" {
		return nil, &promotion.PermanentError{Err: errors.New(operation + ": no branch given")}
	}
	var answer []pullRequestAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: pullsReadable,
		address: inRepository(repository, "/pulls"),
		query:   url.Values{"state": {"closed"}, "base": {branch}, "sort": {"updated"}, "direction": {"desc"}, "per_page": {pageSize}},
	}, &answer)
	if err != nil {
		return nil, err
	}
	answer = slices.DeleteFunc(answer, func(pull pullRequestAnswer) bool {
		return pull.MergedAt == nil || pull.Base.Branch != branch
	})
	slices.SortStableFunc(answer, func(a, b pullRequestAnswer) int { return b.MergedAt.Compare(*a.MergedAt) })
	var merged []promotion.ShippedPullRequest
	for _, pull := range answer {
		commit, err := promotion.ParseCommit(pull.MergeCommit)
		if err != nil {
			return nil, fmt.Errorf("%s: pull request %d: %w", operation, pull.Number, err)
		}
		merged = append(merged, promotion.ShippedPullRequest{
			Number: pull.Number, Title: oneLine(pull.Title, maximumTitle), Author: pull.Author.person().Login, Commit: commit, URL: pull.URL,
		})
	}
	return merged, nil
}
