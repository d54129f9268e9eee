package promotion

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// definitionsOf returns the files that make an action of a folder.
func definitionsOf(folder string) []string {
	return []string{path.Join(folder, "action.yml"), path.Join(folder, "action.yaml")}
}

// elsewhere looks for what a used path stands for that neither commit has. It is below a submodule or a link, which has to be the
// same in both; or it is in a folder into which a workflow checked this very repository out, as ./src/.github/actions/check is:
// then own is where it is in the repository. What is neither is another repository's. It costs two folders, and two for each
// beginning of the path that the repository has.
func (c comparing) elsewhere(ctx context.Context, name string) (own, difference string, err error) {
	parts := strings.Split(name, "/")
	for from := range parts {
		difference, found, err := c.below(ctx, parts[from:], from > 0)
		if difference != "" || err != nil {
			return "", difference, err
		}
		if found && from > 0 {
			return path.Join(parts[from:]...), "", nil
		}
		if found {
			return "", "", nil
		}
	}
	return "", "", nil
}

// below goes down to a path. It has found it at the first entry that is no folder and stands for all below, or at an action, if
// those are looked for.
func (c comparing) below(ctx context.Context, parts []string, actions bool) (difference string, found bool, err error) {
	for depth, part := range parts {
		last := depth == len(parts)-1
		if last && !actions {
			return "", false, nil
		}
		folder, name := path.Join(parts[:depth]...), path.Join(parts[:depth+1]...)
		ours, err := c.folder(ctx, c.base, folder)
		if err != nil {
			return "", false, err
		}
		here, inBase := ours[part]
		switch {
		case !inBase && actions, last && !here.Folder:
			return "", false, nil
		case last:
			isAction, err := c.isAction(ctx, name)
			return "", isAction, err
		}
		theirs, err := c.folder(ctx, c.head, folder)
		if err != nil {
			return "", false, err
		}
		there, inHead := theirs[part]
		switch {
		case !inBase && !inHead:
			return "", false, nil
		case inBase && here.Folder && (there.Folder || !inHead), !inBase && there.Folder:
			continue
		case here.Hash != there.Hash:
			return fmt.Sprintf("%s in %s, below which it uses something, is not %s's (at %s)", name, c.head.Short(), c.whose(), c.base.Short()), false, nil
		}
		return "", !actions, nil
	}
	return "", false, nil
}

func (c comparing) isAction(ctx context.Context, folder string) (bool, error) {
	entries, err := c.folder(ctx, c.base, folder)
	if err != nil {
		return false, err
	}
	for _, file := range definitionsOf(folder) {
		if _, found := entries[path.Base(file)]; found {
			return true, nil
		}
	}
	return false, nil
}
