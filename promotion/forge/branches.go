package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// BranchHead gives the head of a branch, or promotion.ErrNotFound. No tag of the same name can answer. One call.
// (https://docs.github.com/rest/git/refs#get-a-reference)
func (f *Forge) BranchHead(ctx context.Context, repository promotion.Repository, branch string) (promotion.Commit, error) {
	return f.branchHead(ctx, repository, branch)
}

// Branches returns all branches whose names begin with the prefix, by name. One call, as long as GitHub lists all that match
// at once, as it does whatever page is asked for.
// (https://docs.github.com/rest/git/refs#list-matching-references)
func (f *Forge) Branches(ctx context.Context, repository promotion.Repository, prefix string) ([]promotion.Branch, error) {
	operation := fmt.Sprintf("list the branches %.100q… of %s", prefix, repository.FullName())
	type referenceAnswer struct {
		Reference string `json:"ref"`
		Object    struct {
			Type string `json:"type"`
			SHA  string `json:"sha"`
		} `json:"object"`
	}
	// A prefix may end with a slash, which no name does: the address is asked for by what stands before it.
	folder := strings.TrimSuffix(prefix, "/")
	reference := "heads"
	if folder != "" {
		reference += "/" + folder
	}
	var branches []promotion.Branch
	err := eachPage(ctx, f, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/git/matching-refs/{ref}", reference),
		query:   url.Values{"per_page": {pageSize}},
	}, unboundedPages, func(page []referenceAnswer) error {
		for _, listed := range page {
			if listed.Reference == "" || listed.Object.Type == "" {
				return lacking(operation, "ref or object")
			}
			name, isBranch := strings.CutPrefix(listed.Reference, "refs/heads/")
			if !isBranch || !strings.HasPrefix(name, prefix) || listed.Object.Type != "commit" {
				continue
			}
			head, err := promotion.ParseCommit(listed.Object.SHA)
			if err != nil {
				return fmt.Errorf("%s: %w", operation, err)
			}
			branches = append(branches, promotion.Branch{Name: name, Head: head})
		}
		return nil
	})
	if isEmptyRepository(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(branches, func(a, b promotion.Branch) int { return strings.Compare(a.Name, b.Name) })
	return branches, nil
}

// Contains reports whether the commit is the head or an ancestor of it; promotion.ErrNotFound when GitHub knows no commit that
// both have. One call, whatever lies between them.
// (https://docs.github.com/rest/commits/commits#compare-two-commits)
func (f *Forge) Contains(ctx context.Context, repository promotion.Repository, head, commit promotion.Commit) (bool, error) {
	operation := fmt.Sprintf("ask whether %s has %s in %s", head.Short(), commit.Short(), repository.FullName())
	var answer compareAnswer
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/compare/{basehead}", commit.String()+"..."+head.String()),
		query:   url.Values{"per_page": {"1"}},
	}, &answer)
	if err != nil {
		return false, err
	}
	if answer.AheadBy == nil || answer.BehindBy == nil || !fits(answer.Status, *answer.AheadBy, *answer.BehindBy) {
		return false, lacking(operation, "status")
	}
	return answer.Status == "ahead" || answer.Status == "identical", nil
}

// maximumFiles is how many files GitHub lists of a comparison or a commit at once.
const maximumFiles = 300

// fileAnswer is a changed file.
type fileAnswer struct {
	SHA      string `json:"sha"`
	Name     string `json:"filename"`
	Status   string `json:"status"`
	Previous string `json:"previous_filename"` // of a renamed one
	Changes  int    `json:"changes"`           // lines
	Patch    string `json:"patch"`             // left out where it would be long
}

// holds reports whether the entry is a submodule, or may be a symbolic link: a text of one line without an end. GitHub's answer
// has no mode, only the patch. Where it left this one out for length, an entry of one line may be either.
func (f fileAnswer) holds(patches bool) bool {
	if f.Patch == "" {
		return patches && f.Changes > 0 && f.Changes <= 2
	}
	for line := range strings.Lines(f.Patch) {
		if text := strings.TrimLeft(line, "+- "); strings.HasPrefix(text, "Subproject commit ") {
			return true
		}
	}
	return f.Changes <= 2 && strings.Contains(f.Patch, "\\ No newline at end of file") && strings.Count(f.Patch, "\n") <= 4
}

// changed gives the paths of changed files, and whether they are all.
func changed(files *[]fileAnswer, operation string) (paths []string, whole bool, err error) {
	if files == nil {
		return nil, false, nil
	}
	patches := slices.ContainsFunc(*files, func(file fileAnswer) bool { return file.Patch != "" })
	for _, file := range *files {
		if file.Name == "" || file.Status == "renamed" && file.Previous == "" {
			return nil, false, lacking(operation, "file name")
		}
		paths = append(paths, promotion.ChangedEntries(file.Name, file.holds(patches))...)
		if file.Previous != "" {
			paths = append(paths, promotion.ChangedEntries(file.Previous, file.holds(patches))...)
		}
	}
	return paths, len(*files) < maximumFiles, nil
}

// contents gives what changed files are now: nil when GitHub does not tell it of one.
func contents(files *[]fileAnswer) promotion.FileContents {
	if files == nil {
		return nil
	}
	contents := promotion.FileContents{}
	for _, file := range *files {
		switch {
		case file.Status == "removed":
			contents[file.Name] = ""
			continue
		case file.SHA == "":
			return nil
		case file.Status == "renamed":
			contents[file.Previous] = ""
		}
		contents[file.Name] = file.SHA
	}
	return contents
}

// Detail gives one commit, or promotion.ErrNotFound. Of more than 300 files the first are given. One call.
// (https://docs.github.com/rest/commits/commits#get-a-commit)
func (f *Forge) Detail(ctx context.Context, repository promotion.Repository, commit promotion.Commit) (promotion.CommitDetail, error) {
	operation := fmt.Sprintf("read commit %s of %s", commit.Short(), repository.FullName())
	var answer struct {
		SHA string `json:"sha"`
		Git struct {
			Tree struct {
				SHA string `json:"sha"`
			} `json:"tree"`
		} `json:"commit"`
		Parents *[]struct {
			SHA string `json:"sha"`
		} `json:"parents"`
		Files *[]fileAnswer `json:"files"`
	}
	err := f.ask(ctx, repository, request{
		operation: operation, method: http.MethodGet, permission: contentsReadable,
		address: inRepository(repository, "/commits/{ref}", commit.String()),
	}, &answer)
	if statusOf(err) == http.StatusUnprocessableEntity || isEmptyRepository(err) {
		return promotion.CommitDetail{}, notFound(operation, "no such commit")
	}
	if err != nil {
		return promotion.CommitDetail{}, err
	}
	if answer.SHA != commit.String() || answer.Git.Tree.SHA == "" || answer.Parents == nil {
		return promotion.CommitDetail{}, lacking(operation, "sha, tree or parents")
	}
	detail := promotion.CommitDetail{Commit: commit, Tree: answer.Git.Tree.SHA}
	if detail.Files, detail.AllFiles, err = changed(answer.Files, operation); err != nil {
		return promotion.CommitDetail{}, err
	}
	detail.Contents = contents(answer.Files)
	for _, listed := range *answer.Parents {
		parent, err := promotion.ParseCommit(listed.SHA)
		if err != nil {
			return promotion.CommitDetail{}, fmt.Errorf("%s: parent: %w", operation, err)
		}
		detail.Parents = append(detail.Parents, parent)
	}
	return detail, nil
}
