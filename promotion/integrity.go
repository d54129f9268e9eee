package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// changedOf returns a reader that says why the run's workflow is not the default branch's, or "" when it is. Only a run of a
// pull request uses files of its own: those of the merge of its head and its base, so that both have to be the default
// branch's. It costs two folders and the workflow's file, and two calls more for each base other than the default branch.
func (o *Observer) changedOf(repository Repository, policy LoadedPolicy, run Run) func(context.Context) (string, error) {
	asked, changed := false, ""
	return func(ctx context.Context) (string, error) {
		if asked || run.Event != "pull_request" {
			return changed, nil
		}
		difference, err := o.changedIn(ctx, repository, policy.File.Head, run)
		if err != nil {
			return "", fromGitHub(fmt.Errorf("compare %s of %s with the default branch's: %w", run.Path, run.Commit.Short(), err))
		}
		asked, changed = true, difference
		return changed, nil
	}
}

// changedIn compares the workflow in the run's head, and in the bases of its pull requests, with the default branch's.
func (o *Observer) changedIn(ctx context.Context, repository Repository, trusted Commit, run Run) (string, error) {
	sides := []Commit{run.Commit}
	for _, base := range run.Bases {
		if base == repository.DefaultBranch {
			continue
		}
		head, err := o.Branches.BranchHead(ctx, repository, base)
		if errors.Is(err, ErrNotFound) {
			return "the base branch " + base + " is gone: whether its workflow was the default branch's cannot be seen any more", nil
		}
		if err != nil {
			return "", err
		}
		sides = append(sides, head)
	}
	entries, err := o.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead, EntryBase}, Commit: run.Commit})
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if entry.Base != repository.DefaultBranch && !entry.BaseCommit.IsZero() && !slices.Contains(sides, entry.BaseCommit) {
			sides = append(sides, entry.BaseCommit)
		}
	}
	folders := map[string]map[string]TreeEntry{}
	for _, side := range sides {
		compared := comparing{trees: o.Trees, repository: repository, head: side, base: trusted, folders: folders}
		if difference, err := compared.workflow(ctx, run.Path); difference != "" || err != nil {
			return difference, err
		}
	}
	return "", nil
}

// comparing compares what a workflow consists of in two commits, by git's own hashes.
type comparing struct {
	trees      TreeReader
	repository Repository
	head, base Commit
	branch     string                          // what base is the head of; "": the default branch
	folders    map[string]map[string]TreeEntry // by commit and path
}

// maximumReferences is how many local workflows and actions one workflow may use, directly or not.
const maximumReferences = 50

// localOf returns the path of a local reusable workflow or action, which is used as "./path", or ".\path" on Windows
// (https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses); "" for others.
func localOf(used string) string {
	name, isLocal := strings.CutPrefix(strings.ReplaceAll(strings.TrimSpace(used), `\`, "/"), "./")
	if !isLocal {
		return ""
	}
	name, _, _ = strings.Cut(path.Clean(name), "@")
	return name
}

// workflow says which part of the workflow differs, or "" when none does. The file in the base is the one that is trusted:
// what it refers to is what is looked at.
func (c comparing) workflow(ctx context.Context, file string) (string, error) {
	queue, seen := []string{file}, map[string]bool{file: true}
	for len(queue) > 0 {
		if len(seen) > maximumReferences {
			return fmt.Sprintf("%s uses more than %d local workflows and actions: whether they are %s's is not looked at", file, maximumReferences, c.whose()), nil
		}
		one := queue[0]
		queue = queue[1:]
		difference, isFolder, err := c.entry(ctx, one)
		if errors.Is(err, ErrNotFound) && one == file {
			return "", nil // no run is of a file that its commit does not have
		}
		if errors.Is(err, ErrNotFound) {
			if one, difference, err = c.elsewhere(ctx, one); one != "" && err == nil {
				difference, isFolder, err = c.entry(ctx, one)
			}
		}
		if err != nil || difference != "" {
			return difference, err
		}
		uses, err := c.usedBy(ctx, one, isFolder)
		if errors.Is(err, ErrUnreadable) {
			return fmt.Sprintf("what %s of %s uses cannot be told", one, c.whose()), nil
		}
		if err != nil {
			return "", err
		}
		for _, used := range uses {
			if next := localOf(used); next != "" && !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return "", nil
}

// entry compares a file, or a folder with all below it. ErrNotFound: neither commit has it.
func (c comparing) entry(ctx context.Context, name string) (difference string, isFolder bool, err error) {
	if name == "." {
		return "it uses the whole repository as an action, which the commit may have changed", true, nil
	}
	folder, last := path.Split(name)
	folder = strings.Trim(folder, "/")
	theirs, err := c.folder(ctx, c.head, folder)
	if err != nil {
		return "", false, err
	}
	ours, err := c.folder(ctx, c.base, folder)
	if err != nil {
		return "", false, err
	}
	here, inBase := ours[last]
	there, inHead := theirs[last]
	switch {
	case !inBase && !inHead:
		return "", false, fmt.Errorf("neither commit has %.200q: %w", name, ErrNotFound)
	case !inBase:
		return name + " is not on " + c.whose(), false, nil
	case !inHead:
		return name + " is not in " + c.head.Short(), false, nil
	case here.Hash == "" || here.Hash != there.Hash || here.Folder != there.Folder:
		return fmt.Sprintf("%s in %s is not %s's (at %s)", name, c.head.Short(), c.whose(), c.base.Short()), false, nil
	}
	return "", here.Folder, nil
}

func (c comparing) whose() string { return cmp.Or(c.branch, "the default branch") }

// usedBy reads what a workflow's file, or an action's, refers to.
func (c comparing) usedBy(ctx context.Context, name string, isFolder bool) ([]string, error) {
	files := []string{name}
	if isFolder {
		files = definitionsOf(name)
	}
	if !isFolder && !slices.Contains([]string{".yml", ".yaml"}, path.Ext(name)) {
		return nil, nil // a script of an action, or a submodule
	}
	for _, file := range files {
		uses, err := c.trees.Uses(ctx, c.repository, c.base, file)
		if !errors.Is(err, ErrNotFound) {
			return uses, err
		}
	}
	return nil, nil
}

func (c comparing) folder(ctx context.Context, commit Commit, name string) (map[string]TreeEntry, error) {
	key := commit.String() + ":" + name
	if known, found := c.folders[key]; found {
		return known, nil
	}
	entries, err := c.trees.Folder(ctx, c.repository, commit, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	c.folders[key] = map[string]TreeEntry{}
	for _, entry := range entries {
		c.folders[key][entry.Name] = entry
	}
	return c.folders[key], nil
}
