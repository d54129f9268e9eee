package promotion

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// changedOf gives a reader that says why the run's workflow is not the default branch's, or "" when it is. Only a run of a
// pull request uses a copy of its own, so that only such a run costs calls: two folders, and the workflow's file.
func (o *Observer) changedOf(repository Repository, policy LoadedPolicy, run Run) func(context.Context) (string, error) {
	asked, changed := false, ""
	return func(ctx context.Context) (string, error) {
		if asked || run.Event != "pull_request" {
			return changed, nil
		}
		compared := comparing{trees: o.Trees, repository: repository, head: run.Commit, base: policy.File.Head, folders: map[string]map[string]TreeEntry{}}
		difference, err := compared.workflow(ctx, run.Path)
		if err != nil {
			return "", fromGitHub(fmt.Errorf("compare %s of %s with the default branch's: %w", run.Path, run.Commit.Short(), err))
		}
		asked, changed = true, difference
		return changed, nil
	}
}

// comparing compares what a workflow consists of in two commits, by git's own hashes.
type comparing struct {
	trees      TreeReader
	repository Repository
	head, base Commit
	folders    map[string]map[string]TreeEntry // by commit and path
}

// maximumReferences is how many local workflows and actions one workflow may use, directly or not.
const maximumReferences = 50

// Local reusable workflows and actions, as "uses: ./path"
// (https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses).
var usesPattern = regexp.MustCompile(`(?m)uses["']?\s*:\s*(?:[>|][+-]?\s*)?["']?\./([^"'\s,}#]*)`)

// workflow says which part of the workflow differs, or "" when none does. The file in the base is the one that is trusted:
// what it refers to is what is looked at.
func (c comparing) workflow(ctx context.Context, file string) (string, error) {
	queue, seen := []string{file}, map[string]bool{file: true}
	for len(queue) > 0 {
		if len(seen) > maximumReferences {
			return fmt.Sprintf("%s uses more than %d local workflows and actions: whether they are the default branch's is not looked at", file, maximumReferences), nil
		}
		one := queue[0]
		queue = queue[1:]
		difference, isFolder, err := c.entry(ctx, one)
		if err != nil || difference != "" {
			return difference, err
		}
		content, err := c.definition(ctx, one, isFolder)
		if err != nil {
			return "", err
		}
		for _, used := range usesPattern.FindAllStringSubmatch(string(content), -1) {
			next, _, _ := strings.Cut(path.Clean(used[1]), "@")
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return "", nil
}

// entry compares a file, or a folder with all below it.
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
	case !inBase:
		return name + " is not on the default branch", false, nil
	case !inHead:
		return name + " is not in " + c.head.Short(), false, nil
	case here.Hash == "" || here.Hash != there.Hash || here.Folder != there.Folder:
		return fmt.Sprintf("%s in %s is not the default branch's (at %s)", name, c.head.Short(), c.base.Short()), false, nil
	}
	return "", here.Folder, nil
}

// definition reads what refers to other parts: a workflow's file, or an action's.
func (c comparing) definition(ctx context.Context, name string, isFolder bool) ([]byte, error) {
	if !isFolder {
		return c.trees.File(ctx, c.repository, c.base, name)
	}
	for _, file := range []string{"action.yml", "action.yaml"} {
		content, err := c.trees.File(ctx, c.repository, c.base, path.Join(name, file))
		if !errors.Is(err, ErrNotFound) {
			return content, err
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
